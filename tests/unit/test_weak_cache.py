"""What is remembered of an object is gone with it, and never told of another that takes its place in memory."""

from __future__ import annotations

import gc
from functools import partial

import polars as pl

from p2pcredit.weak_cache import WeakCache


def test_equal_frames_are_two_objects() -> None:
    known: WeakCache[pl.DataFrame, str] = WeakCache()
    first, second = pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})
    assert known.get(first, 1, lambda: "first") == "first"
    assert known.get(first, 1, lambda: "made twice") == "first"
    assert known.get(second, 1, lambda: "second") == "second"
    assert known.get(first, 2, lambda: "again") == known.get(first, 2, lambda: "made twice") == "again"


def test_what_lived_for_a_moment_leaves_nothing() -> None:
    known: WeakCache[pl.DataFrame, int] = WeakCache()
    for number in range(1_000):
        frame = pl.DataFrame({"a": [number]})
        assert known.get(frame, None, partial(int, number)) == number
    del frame
    gc.collect()
    assert not known._values
