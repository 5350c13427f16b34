"""Some fits at once on the processor threads there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Lock
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadBudget:
    """The threads there are, dealt among the fits at work: towards the end, fewer fits have more each.

    Args:
        threads: As many there are.
        at_once: As many fits may be at work, 1 or more.
        fits: As many are to be made.

    Examples:
        >>> budget = ThreadBudget(threads=2, at_once=2, fits=6)
        >>> budget.each()
        1
        >>> for _ in range(5):
        ...     budget.one_less()
        >>> budget.each()
        2
    """

    def __init__(self, threads: int, at_once: int, fits: int) -> None:
        self.threads, self.at_once = threads, at_once
        self._unfinished, self._counting = fits, Lock()

    def each(self) -> int:
        """Divide the threads by the fits still running: as many as one fit may use now."""
        return max(1, self.threads // max(1, min(self.at_once, self._unfinished)))

    def one_less(self) -> None:
        """Count a fit as finished."""
        with self._counting:
            self._unfinished -= 1


def side_by_side(
    fit: Callable[[Item], Result], items: Sequence[Item], started_in: Sequence[Item], budget: ThreadBudget
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result, in the order of `items`; as many fits run at once as the budget allows.

    Args:
        fit: What is done with each.
        items: In the order in which they come back.
        started_in: The same in the order in which they are started where several are at work: the longest first.
        budget: Counts how many are left.
    """
    if budget.at_once == 1:
        yield from ((item, fit(item)) for item in items)
        return

    def one(item: Item) -> Result:
        try:
            return fit(item)
        finally:
            budget.one_less()

    with ThreadPoolExecutor(budget.at_once, "fit") as pool:
        fits = {item: pool.submit(copy_context().run, partial(one, item)) for item in started_in}
        yield from ((item, fits[item].result()) for item in items)
