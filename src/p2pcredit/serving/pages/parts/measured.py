"""What is measured of the whole book, kept while the home stays as it is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from p2pcredit.contracts.tables import TABLES
from p2pcredit.jobs.context import JobContext
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.tables.lake import Lake

T = TypeVar("T")
_KEPT = 24
_LONGEST_WAIT_SECONDS = 120.0


class Measured:
    """Measures one thing at a time, and each once for a state of the home.

    A page over the whole book reads all of it, as its command does. Many who look at once make one measurement, and the
    threads that answer other pages and scores stay free.

    Args:
        site: The home and its settings.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._found: OrderedDict[Hashable, object] = OrderedDict()
        self._one = threading.Lock()

    def get(self, about: Hashable, measure: Callable[[JobContext], T]) -> T:
        """Give what `measure` gives, measured anew only where the tables or the ledger have changed since.

        Args:
            about: Tells it from all others: its name and its options.
            measure: Is called with a context of now.

        Raises:
            Refusal: 503, where others measure for too long.
        """
        ctx = self._site.context()
        key = (about, self._state(ctx))
        if not self._one.acquire(timeout=_LONGEST_WAIT_SECONDS):
            raise Refusal(503, "busy", "others are being answered; try again soon", headers={"Retry-After": "60"})
        try:
            if key not in self._found:
                self._found[key] = measure(ctx)
                while len(self._found) > _KEPT:
                    self._found.popitem(last=False)
            self._found.move_to_end(key)
            found: T = self._found[key]  # type: ignore[assignment]
            return found
        finally:
            self._one.release()

    def _state(self, ctx: JobContext) -> Hashable:
        lake = Lake(ctx.layout)
        return (tuple(lake.state(table) for table in TABLES.values()), len(ctx.ledger.events()))


__all__ = ["Measured"]
