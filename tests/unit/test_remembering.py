"""What is remembered of an object is gone with it, and never told of another that takes its place in memory."""

from __future__ import annotations

import gc

import polars as pl

from p2pcredit.remembering import OfObjects


def test_equal_frames_are_two_objects() -> None:
    known: OfObjects[pl.DataFrame, str] = OfObjects()
    first, second = pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})
    known.put(first, "first")
    assert known.get(first) == "first"
    assert known.get(second) is None
    assert known.put(first, "again") == known.get(first) == "again"


def test_what_lived_for_a_moment_leaves_nothing() -> None:
    known: OfObjects[pl.DataFrame, int] = OfObjects()
    for number in range(1_000):
        frame = pl.DataFrame({"a": [number]})
        assert known.get(frame) is None
        known.put(frame, number)
    del frame
    gc.collect()
    assert not known._values
