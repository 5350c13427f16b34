"""One run of a DAG: its day and home, how its tasks call jobs, wait and are measured."""
