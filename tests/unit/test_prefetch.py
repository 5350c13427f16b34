"""Some steps ahead: the same items, the same errors at the same place, and never more than a few items waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from p2pcredit.prefetch import prefetch, prefetch_map


def test_never_more_than_one_item_waits() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    for used in prefetch(items()):
        assert len(made) <= used + 2
    assert made == [0, 1, 2, 3, 4]


def test_an_error_comes_after_all_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third")

    made = prefetch(items())
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
    for ident in prefetch(items()):
        assert second_made.wait(timeout=30)
        threads.append(ident)
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_who_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    items = prefetch(iter(range(1_000)))
    assert next(items) == 0
    items.close()
    assert threading.active_count() == before


def test_what_is_made_side_by_side_comes_in_order() -> None:
    first_may_end = threading.Event()

    def make(number: int) -> int:
        if number == 0:
            assert first_may_end.wait(timeout=30)
        elif number == 1:
            first_may_end.set()  # the second is made while the first is not yet done
        return number * 10

    assert list(prefetch_map(make, range(4))) == [0, 10, 20, 30]


def test_never_more_than_two_are_made_before_they_are_asked_for() -> None:
    begun: list[int] = []
    for used in prefetch_map(lambda number: begun.append(number) or number, range(6)):
        assert max(begun) <= used + 2
    assert sorted(begun) == [0, 1, 2, 3, 4, 5]


def test_an_error_in_making_comes_at_its_place_and_ends_it() -> None:
    made = prefetch_map(lambda number: 6 // number, [3, 2, 0, 1])
    assert [next(made), next(made)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_a_single_thing_is_made_in_the_thread_that_asks() -> None:
    assert list(prefetch_map(lambda _: threading.get_ident(), ["one"])) == [threading.get_ident()]


def test_who_stops_early_leaves_no_maker_behind() -> None:
    before = threading.active_count()
    made = prefetch_map(str, range(1_000))
    assert next(made) == "0"
    made.close()
    assert threading.active_count() == before
