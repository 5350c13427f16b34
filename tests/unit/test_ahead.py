"""One step ahead: the same items, the same errors at the same place, and never more than one item waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from p2pcredit.ahead import ahead


def test_never_more_than_one_item_waits() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    for used in ahead(items()):
        assert len(made) <= used + 2
    assert made == [0, 1, 2, 3, 4]


def test_an_error_comes_after_all_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third")

    made = ahead(items())
    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(made)


def test_the_next_is_made_in_another_thread_while_the_present_is_used() -> None:
    second_made = threading.Event()

    def items() -> Iterator[int]:
        yield threading.get_ident()
        second_made.set()
        yield threading.get_ident()

    threads = []
    for ident in ahead(items()):
        assert second_made.wait(timeout=30)
        threads.append(ident)
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_who_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    items = ahead(iter(range(1_000)))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
