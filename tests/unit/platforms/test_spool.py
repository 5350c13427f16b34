from __future__ import annotations

import polars as pl
import pytest

from p2pcredit.readers.spool import Spool


def rows(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"text": texts}, schema={"text": pl.String})


def test_rows_come_back_under_their_key_in_the_order_in_which_they_came() -> None:
    with Spool[str]("a.csv") as spool:
        for key, text in (("b", "1"), ("a", "2"), ("b", None), ("a", "4")):
            spool.put(key, rows(text))
        assert list(spool) == ["b", "a"]
        assert spool.get("b")["text"].to_list() == ["1", None]
        assert spool.get("a")["text"].to_list() == ["2", "4"]


def test_rows_wait_on_the_disk_once_they_are_many_and_are_the_same() -> None:
    with Spool[str]("a.csv", in_memory_bytes=40) as spool:
        spool.put("a", rows("x" * 20))
        assert not spool.is_on_disk
        spool.put("b", rows("y" * 30))
        assert spool.is_on_disk
        spool.put("a", rows("z"))
        assert spool.get("a")["text"].to_list() == ["x" * 20, "z"]
        assert spool.get("b")["text"].to_list() == ["y" * 30]
        spool.clear()
        assert not spool.is_on_disk
        with pytest.raises(KeyError):
            spool.get("a")
