"""Money: cash flows and returns of a whole book beside features and labels of the same, in one run."""

from __future__ import annotations

from functools import partial

from bench.measuring import ContenderError, Measured
from bench.running import OUR_PYTHON, Run, receipt_of

PART, WORK = "money", "a book's cash flows and returns"
MOST_TIMES = 1.5
"""So many times the processor seconds of features and labels may cash flows and returns take."""


def run(run: Run) -> None:
    """Land all loans, build gold with each step watched, and calculate returns in a process of their own."""
    file, home = run.raw_file(run.rows), run.fresh(f"home-money-{run.rows}")
    landed = run.product("land", "lendingclub", file, home=home)
    days = (receipt_of(landed, "first_date"), receipt_of(landed, "last_date"))
    limit = 6 * 3600.0
    gold = run.measure(OUR_PYTHON, "-m", "bench.works.money_steps", home, *days, limit_seconds=limit)
    back = run.measure(OUR_PYTHON, "-m", "bench.works.money_steps", home, limit_seconds=limit)
    steps = {**gold.facts["steps"], **back.facts["steps"]}
    for who, names in {
        "features and labels": ("features", "labels"),
        "cash flows and returns": ("cash flows", "returns"),
    }.items():
        seconds, peak = sum(steps[name]["cpu"] for name in names), max(steps[name]["peak_mb"] for name in names)
        parts = ", ".join(f"{name} {steps[name]['cpu']:,.1f} s and {steps[name]['peak_mb']:,.0f} MB" for name in names)
        found = Measured(seconds, peak, {"work_seconds": seconds})
        note = f"processor seconds: {parts}"
        run.contend((PART, WORK, who, "ours"), run.rows, partial(_kept, found), repeats=1, note=note)
    run.check(compared(steps))


def compared(steps: dict[str, dict[str, float]]) -> str:
    """Say how cash flows and returns stand to features and labels.

    Examples:
        >>> one = {"cpu": 2.0, "peak_mb": 100.0}
        >>> compared({"features": one, "labels": one, "cash flows": one, "returns": {"cpu": 3.0, "peak_mb": 90.0}})
        'cash flows and returns: 1.25 times the processor seconds of features and labels, 1.00 times the peak: kept'
    """
    if not all(steps.get(name) for name in ("features", "labels", "cash flows", "returns")):
        raise ContenderError(f"steps are missing: {', '.join(sorted(steps))}")
    ours, base = ([steps[name] for name in names] for names in (("cash flows", "returns"), ("features", "labels")))
    times = sum(one["cpu"] for one in ours) / sum(one["cpu"] for one in base)
    high = max(one["peak_mb"] for one in ours) / max(one["peak_mb"] for one in base)
    kept = "kept" if times <= MOST_TIMES and round(high, 2) <= 1.0 else f"NOT KEPT, {MOST_TIMES} and 1 are the target"
    return (
        f"cash flows and returns: {times:.2f} times the processor seconds of features and labels, {high:.2f} times the "
        f"peak: {kept}"
    )


def _kept(found: Measured) -> Measured:
    return found
