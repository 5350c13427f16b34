"""How much a visitor may ask at once and on average, and how large a body may be."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from p2pcredit.serving.refusals import Refusal

_MOST_KNOWN = 10_000


class Rates:
    """A token bucket per visitor, the least recent of which are forgotten.

    Args:
        per_second: Requests that a visitor may make on average.
        burst: Requests that one may make at once.
        clock: The present instant.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], datetime]) -> None:
        self._per_second, self._burst, self._clock = per_second, float(burst), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, visitor: str) -> None:
        """Take one request of a visitor's.

        Raises:
            Refusal: 429, with the seconds to wait, where none is left.
        """
        now = self._clock().timestamp()
        left, since = self._left.get(visitor, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - since) * self._per_second)
        self._left[visitor] = (max(0.0, left - 1.0), now)
        self._left.move_to_end(visitor)
        if len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        if left < 1.0:
            wait = str(max(1, math.ceil((1.0 - left) / self._per_second)))
            raise Refusal(429, "too_many_requests", f"ask again in {wait} s", headers={"Retry-After": wait})


__all__ = ["Rates"]
