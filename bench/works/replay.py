"""Ten years' replay: the loans of the download, each once, stretched over ten years and lived day by day."""

from __future__ import annotations

from bench.measuring import Measured
from bench.running import Run

PART, WORK = "replay", "ten years day by day"
SPAN = ("--from", "2007-06-01", "--to", "2017-05-31")


def run(run: Run) -> None:
    """Run once: it takes long, and is the same each time."""
    file, loans = run.stretched_file(), run.loans.height

    def work() -> Measured:
        home = run.fresh("home-replay")
        run.product("land", "lendingclub", file, home=home)
        return run.product("replay", *SPAN, home=home)

    run.contend((PART, WORK, "ours", "ours"), loans, work, repeats=1, note="landing apart")
