"""Work one step ahead: the next item is made in a second thread while somebody uses the present one.

For what only reads and calculates. Whoever writes to a disk does so in its own thread, so that the order of what
changes there stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

Item = TypeVar("Item")
_END: Any = object()


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items in the same order; each is made while the one before it is used.

    An error comes where it would have come: after all items before it were used. At most one item waits.

    Examples:
        >>> list(ahead(iter("abc")))
        ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(copy_context().run, partial(next, items, _END))
        while (item := coming.result()) is not _END:
            coming = pool.submit(copy_context().run, partial(next, items, _END))
            yield item


__all__ = ["ahead"]
