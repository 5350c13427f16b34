"""A day's increment: the same day preprocessed and scored after one month of history, and after ten years of it."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

from bench.measuring import Measured
from bench.running import OUR_PYTHON, Run
from bench.works.homes import NEXT_DAYS, one_month, with_champion

PART, WORK = "day", "a day's preprocess and infer"
_BY_COMMAND, _IN_PROCESS = NEXT_DAYS[:7], NEXT_DAYS[7:]


def run(run: Run) -> None:
    """Run seven days by command, then nine in one process, in both homes in turn."""
    homes = {"ours, after one month": one_month(run), "ours, after ten years": with_champion(run)}
    taken: dict[str, list[Measured]] = {who: [] for who in homes}
    for day in _BY_COMMAND:
        for who, home in homes.items():
            taken[who].append(_by_command(run, home, day))
    for who, home in homes.items():
        inside = run.measure(OUR_PYTHON, "-m", "bench.works.days", home, *(str(day) for day in _IN_PROCESS))
        first, *rest = taken[who]
        repeats = iter([Measured(first.seconds, first.peak_mb, inside.facts), *rest])
        run.contend(
            (PART, WORK, who, "ours"),
            run.history_rows,
            partial(next, repeats),
            repeats=len(taken[who]),
            note="two commands a day; work alone is a day inside a running process",
        )


def _by_command(run: Run, home: Path, day: date) -> Measured:
    bare = run.product("preprocess", "--date", str(day), home=home)
    scored = run.product("infer", "--date", str(day), home=home)
    both = bare.then(scored)
    return Measured(both.seconds, both.peak_mb)
