"""Watch the steps that make gold, or the returns, of a home: processor seconds, and the most memory held in each.

    python -m bench.works.money_steps HOME [FIRST LAST]

With days it preprocesses them, one part of days after the other and nothing read ahead; without, it calculates returns.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.portfolio.returns import measure_returns
from p2pcredit.jobs.preprocessing import cash_flows, stages
from p2pcredit.periods import DateRange
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout

STEPS: dict[str, dict[str, float]] = defaultdict(lambda: {"cpu": 0.0, "peak_mb": 0.0})

WATCHED = (
    (stages, "_build_features", "features"),
    (stages, "write_labels", "labels"),
    (cash_flows, "build_cash_flows", "cash flows"),
)


@contextmanager
def watched(name: str) -> Iterator[None]:
    """Add processor seconds of all threads to a step, and keep its highest resident memory."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the high-water mark starts again
    start = time.process_time()
    yield
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024 / 1e6
    step = STEPS[name]
    step["cpu"] += time.process_time() - start
    step["peak_mb"] = max(step["peak_mb"], peak)


def watching(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a step."""

    def inside(*given: Any, **named: Any) -> Any:
        with watched(name):
            return work(*given, **named)

    return inside


def _nothing_ahead(read: Callable[..., Any], ctx: JobContext, parts: object) -> Any:
    return read(ctx, [])


def main() -> None:
    """Do the work, and print what each step took as one line of JSON."""
    home, *days = sys.argv[1:]
    ctx = JobContext(Layout(Path(home)), load_settings(Path(home)), "bench", datetime.now(UTC))
    if days:
        for module, function, name in WATCHED:
            setattr(module, function, watching(name, getattr(module, function)))
        vars(stages)["prefetch_feeds"] = partial(_nothing_ahead, vars(stages)["prefetch_feeds"])
        stages.preprocess(ctx, DateRange(*(date.fromisoformat(day) for day in days)))
    else:
        with watched("returns"):
            measure_returns(ctx)
    print(json.dumps({"steps": STEPS}))


if __name__ == "__main__":
    main()
