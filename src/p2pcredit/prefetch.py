"""Prefetch some steps ahead: make the next items in other threads while the present one is used.

For work that only reads and calculates. Writes to a disk stay in the caller's thread, so that their order stays what
it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
_AT_ONCE = 2
_END: Any = object()


def prefetch(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the same items in the same order, each made while the one before it is used.

    An error comes where it would have come: after all items before it were used. At most one item waits.

    Examples:
        >>> list(prefetch(iter("abc")))
        ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, "prefetch") as pool:
        coming = pool.submit(copy_context().run, partial(next, items, _END))
        while (item := coming.result()) is not _END:
            coming = pool.submit(copy_context().run, partial(next, items, _END))
            yield item


def prefetch_map(make: Callable[[Item], Made], items: Collection[Item]) -> Generator[Made, None, None]:
    """Yield what is made of each item, in order; two are made at once, while one before them is used.

    For items of which each can be made without the others. An error comes where it would have come. At most two wait or
    are being made.

    Examples:
        >>> list(prefetch_map(str.upper, "abc"))
        ['A', 'B', 'C']
    """
    if len(items) < _AT_ONCE:
        yield from map(make, items)
        return
    with ThreadPoolExecutor(_AT_ONCE, "prefetch") as pool:
        coming: deque[Future[Made]] = deque()
        for item in items:
            coming.append(pool.submit(copy_context().run, make, item))
            if len(coming) > _AT_ONCE:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


__all__ = ["prefetch", "prefetch_map"]
