"""The people behind the loans: who applied, whom a person decided otherwise about, and how groups of them fare."""
