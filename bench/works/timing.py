"""How a measured script says how long its work alone took, imports and reading apart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Time work: return its result, and its wall seconds."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def report(seconds: float | list[float]) -> None:
    """Print the seconds as the line that `bench.measuring` reads."""
    print(json.dumps({"work_seconds": seconds}))
