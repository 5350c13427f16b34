"""Weekly monitoring: our whole week by command, our drift alone, and Evidently's drift preset on the same columns."""

from __future__ import annotations

from functools import partial

import polars as pl

from bench.running import EVIDENTLY_PYTHON, LOCAL, OUR_PYTHON, Run
from bench.works.homes import WEEK_END, with_champion

PART, WORK = "monitoring", "drift of the same columns"
CHILD = (OUR_PYTHON, "-m", "bench.works.drifting")


def run(run: Run) -> None:
    """Run the week first, since it is the product; then drift alone, ours and theirs."""
    home, out = with_champion(run), run.fresh("drift")
    run.prepare(*CHILD, "columns", home, str(WEEK_END), out)
    then, now = (pl.read_parquet(out / f"{name}.parquet") for name in ("then", "now"))
    columns = f"{then.width} columns, {then.height:,} loans then and {now.height:,} now"
    rows = then.height + now.height
    run.contend(
        (PART, WORK, "ours, the whole week by command", "ours"),
        rows,
        lambda: run.product("monitor", "--week-end", str(WEEK_END), home=home),
        note=f"all metrics, report and decision; {columns}",
    )
    run.contend((PART, WORK, "ours", "ours"), rows, partial(run.measure, *CHILD, "drift", out), note=columns)
    script = LOCAL / "peers" / "drift_by_evidently.py"
    files = [out / "then.parquet", out / "now.parquet", out / "evidently.html"]
    run.contend(
        (PART, WORK, "Evidently", "peer"),
        rows,
        partial(run.measure, EVIDENTLY_PYTHON, script, *files),
        note=f"drift preset by PSI with its HTML report; {columns}",
    )
