from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.fuzz.landing_days import land_clean
from tests.robustness.fuzz.laws import context

import p2pcredit.storage.landing.read as landing
from p2pcredit.errors import MissingFeedError, P2PCreditError, SourceError, UnreadableFileError
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.platforms import headers
from p2pcredit.readers.csv.reader import open_delimited, read_delimited

DAY = date(2010, 1, 5)
TEXT = b"loan_id,origination_date,loan_amount,term\n1,2010-01-05,5,36\n"


def _directory(path: Path) -> None:
    path.mkdir()


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere.csv")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.torture
@pytest.mark.parametrize("put", [_directory, _link_to_nothing, _link_to_itself, _pipe])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_what_is_no_file_is_refused_and_neither_waited_for_nor_passed_over(
    torture: Any, tmp_path: Path, put: Callable[[Path], None], ending: str
) -> None:
    ctx = context(tmp_path)
    land_clean(ctx.layout, DateRange(DAY, DAY))
    path = ctx.layout.landing / "financial" / f"financial_2010_01_05{ending}"
    put(path)
    for job in (
        lambda: check_source(ctx, "financial", DateRange(DAY, DAY)),
        lambda: preprocess(ctx, DateRange(DAY, DAY)),
    ):
        with pytest.raises(UnreadableFileError, match=path.name) as caught:
            job()
        assert not caught.value.retryable
    assert not ctx.layout.datamart.exists()
    torture.record("a directory, dead link or pipe in a landing file's place", 1)


def test_a_link_to_a_whole_file_is_read(tmp_path: Path) -> None:
    ctx = context(tmp_path / "home")
    path = ctx.layout.landing / "loan_terms" / "loan_terms_2010_01_05.csv"
    path.parent.mkdir(parents=True)
    (ctx.layout.landing / "elsewhere.csv").write_bytes(TEXT)
    path.symlink_to(ctx.layout.landing / "elsewhere.csv")
    assert check_source(ctx, "loan_terms", DateRange(DAY, DAY))["rows"] == 1


def _grow(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"2,2010-01-05,5,36\n")


def _shrink(path: Path) -> None:
    os.truncate(path, 50)


def _vanish(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes().replace(b"36", b"60"))
    other.rename(path)


CHANGES = [_grow, _shrink, _vanish, _replace]


@pytest.mark.torture
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("after", [True, False])
def test_a_landing_file_that_changes_while_it_is_read_has_not_landed_yet(
    torture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], after: bool
) -> None:
    ctx = context(tmp_path)
    path = ctx.layout.landing / "loan_terms" / "loan_terms_2010_01_05.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    monkeypatch.setattr(landing, "read_delimited", _meddling(read_delimited, change, after))
    with pytest.raises(MissingFeedError, match=r"loan_terms_2010_01_05\.csv changed while it was read") as caught:
        check_source(ctx, "loan_terms", DateRange(DAY, DAY))
    assert caught.value.retryable
    torture.record("a file that changes while it is read", 1)


@pytest.mark.torture
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("after", [True, False])
def test_a_download_that_changes_while_it_is_read_is_not_landed(
    torture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], after: bool
) -> None:
    ctx = context(tmp_path / "home")
    path = tmp_path / "download.csv"
    path.write_bytes(b"id,loan_amnt,term,issue_d,loan_status,last_pymnt_d\n1,5,36,Dec-2010,Current,Jan-2011\n")
    monkeypatch.setattr(headers, "open_delimited", _meddling(open_delimited, change, after))
    with pytest.raises(SourceError, match=r"download\.csv changed while it was read"):
        land(ctx, "lendingclub", [path], None, None)
    assert not ctx.layout.landing.exists()
    torture.record("a file that changes while it is read", 1)


def _meddling(read: Callable[..., Any], change: Callable[[Path], None], after: bool) -> Callable[..., Any]:
    def meddle(path: Path, *args: Any, **kwargs: Any) -> Any:
        if not after:
            change(path)
        try:
            return read(path, *args, **kwargs)
        except P2PCreditError:
            raise
        finally:
            if after:
                change(path)

    return meddle
