"""Raw file to gold: our `land` and `preprocess` against pandas, PySpark and the bare Polars conversion."""

from __future__ import annotations

from pathlib import Path

from bench.agreement import Summary, compare_summaries, summarise_gold
from bench.measuring import Measured
from bench.running import LOCAL, OUR_PYTHON, THEIR_PYTHON, Run, receipt_of

PART, WORK = "raw-to-gold", "raw file to gold"
LIKE_PUBLIC = f"{WORK}, file like the public one"
_PEERS = {"pandas": "gold_by_pandas.py", "PySpark": "gold_by_pyspark.py"}


def run(run: Run) -> None:
    """Run floor and ours on all rows; floor, ours and peers on the rows that peers are given.

    Where asked, floor and ours also on as many loans with the descriptions and columns of the public file.
    """
    fewer = min(run.rows, run.peer_rows)
    for rows in sorted({fewer, run.rows}):
        measure_floor(run, rows)
        measure_ours(run, rows, PART)
    if run.like_public:
        for rows in sorted({fewer, run.rows}):
            measure_floor(run, rows, public_shape=True)
            measure_ours(run, rows, PART, public_shape=True)
    summary, first, last = _summary(run, fewer)
    for who, script in _PEERS.items():
        out = run.scratch / f"gold-{who}"
        command = (THEIR_PYTHON, LOCAL / "peers" / script, run.raw_file(fewer))

        def work(command: tuple[Path, ...] = command, out: Path = out) -> Measured:
            return run.measure(*command, run.fresh(out.name), first, last)

        note = "no days, no reruns, no quarantine per rule" + (
            f"; given {fewer:,} of {run.rows:,} loans" if fewer < run.rows else ""
        )
        if run.contend((PART, WORK, who, "peer"), fewer, work, repeats=_repeats(run, fewer), note=note):
            suffix = ".parquet" if who == "pandas" else ""
            stores = [out / "gold" / f"{name}{suffix}" for name in ("feature_store", "label_store")]
            run.check(compare_summaries(who, summary, summarise_gold(stores[0], stores[1])))


def measure_floor(run: Run, rows: int, *, public_shape: bool = False) -> None:
    """Measure Polars alone, which types and writes forty columns."""
    file, out = run.raw_file(rows, public_shape=public_shape), run.scratch / "floor.parquet"
    script = LOCAL / "peers" / "typed_by_polars.py"
    run.contend(
        (PART, LIKE_PUBLIC if public_shape else WORK, "bare Polars", "floor"),
        rows,
        lambda: run.measure(OUR_PYTHON, script, file, out),
        note="types 40 columns, and does nothing else",
    )


def measure_ours(run: Run, rows: int, part: str, *, public_shape: bool = False) -> None:
    """Measure `p2pcredit land` and `p2pcredit preprocess` of all days, one after the other, as a user would."""
    file = run.raw_file(rows, public_shape=public_shape)
    name = f"home-{rows}-like-public" if public_shape else f"home-{rows}"  # the other is compared with the peers' gold

    def work() -> Measured:
        home = run.fresh(name)
        landed = run.product("land", "lendingclub", file, home=home)
        span = ("--from", receipt_of(landed, "first_date"), "--to", receipt_of(landed, "last_date"))
        made = landed.then(run.product("preprocess", *span, home=home))
        print(f"    land {landed.seconds:.1f} s and {landed.peak_mb:,.0f} MB, both {made.seconds:.1f} s", flush=True)
        return made

    work_name = LIKE_PUBLIC if public_shape else WORK
    run.contend((part, work_name, "ours", "ours"), rows, work, repeats=_repeats(run, rows), note="land and preprocess")


def _repeats(run: Run, rows: int) -> int:
    return run.repeats if rows <= 100_000 else 1


def _summary(run: Run, rows: int) -> tuple[Summary, str, str]:
    """Summarise our gold tables; return also the first and the last day of the book."""
    home = run.scratch / f"home-{rows}"
    out = [run.scratch / f"{name}.parquet" for name in ("feature_store", "label_store")]
    for path in out:
        run.product("export", f"gold/{path.stem}", "--out", path, home=home)
    days = run.product("status", home=home)
    return summarise_gold(out[0], out[1]), "2007-06-01", receipt_of(days, "last_preprocessed")
