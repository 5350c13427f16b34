"""A platform's next file lands beside those before it: no loan is lost, none stands twice, the newest file is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing import land as landing
from p2pcredit.jobs.landing.land import land
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.landing.files import write_months
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.layout import Layout

MAPPING = """
name: lender
loan_id: id
origination_date: day
feeds: {loan_terms: {loan_amount: amount, term: months}}
events:
  status: state
  "on": since
  rules:
    open: []
    paid: [{status: FULLY_PAID}]
    lost: [{status: LATE, days_past_due: 30, after_days: -30}, {status: DEFAULT, days_past_due: 90}]
"""
HEADER = "id,day,amount,months,state,since"
JANUARY = ["A,2024-01-03,1000,12,open,", "B,2024-01-20,1000,24,paid,2024-04-02"]
FEBRUARY = ["A,2024-01-03,1000,12,lost,2024-03-10", "C,2024-02-05,500,12,open,"]
ALL = DateRange(date(2024, 1, 1), date(2024, 12, 31))
Rows = dict[str, list[Any]]


def home(path: Path) -> JobContext:
    return JobContext(Layout(path), Settings(), "cli", datetime(2025, 1, 1, tzinfo=UTC))


def put(directory: Path, name: str, rows: list[str]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "lender.yaml").write_text(MAPPING)
    path = directory / name
    path.write_text("\n".join([HEADER, *rows]))
    return path


def landed(ctx: JobContext, *paths: Path, together: bool = False) -> Rows:
    profile = str(paths[0].with_name("lender.yaml"))
    for some in [list(paths)] if together else [[path] for path in paths]:
        land(ctx, profile, some, None, None)
    return rows_of(ctx)


def rows_of(ctx: JobContext) -> Rows:
    return {
        name: read_landing(ctx.layout, feed, ALL).frame.select("snapshot_date", *feed.sources).rows()
        for name, feed in FEEDS.items()
    }


def short(rows: Rows) -> tuple[list[str], list[tuple[str, str]]]:
    return [row[1] for row in rows["loan_terms"]], [(row[1], row[3]) for row in rows["loan_performance"]]


def test_the_next_months_file_lands_with_new_loans_and_what_became_of_old_ones(tmp_path: Path) -> None:
    ctx = home(tmp_path / "home")
    rows = landed(ctx, put(tmp_path, "jan.csv", JANUARY), put(tmp_path, "feb.csv", FEBRUARY))
    assert short(rows) == (["A", "B", "C"], [("A", "LATE"), ("A", "DEFAULT"), ("B", "FULLY_PAID")])
    manifest = json.loads((ctx.layout.landing / "landing.json").read_text())
    assert [entry["files"][0]["name"] for entry in manifest["landings"]] == ["feb.csv", "jan.csv"]


def test_how_many_loans_were_replaced_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    january, february = put(tmp_path, "jan.csv", JANUARY), put(tmp_path, "feb.csv", FEBRUARY)
    ctx = home(tmp_path / "home")
    landed(ctx, january)
    receipt = land(ctx, str(tmp_path / "lender.yaml"), [february], None, None)
    assert receipt["replaced"] == 1
    assert "1 loans had landed from an earlier file; they are now as the new one says" in caplog.messages[-1]
    assert "preprocess 2024-01-03 to 2024-04-02 again" in caplog.messages[-1]


def test_ids_that_lost_their_leading_zeros_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A spreadsheet writes 0017 as 17, and each loan of the file would stand twice without a word."""
    ctx = home(tmp_path / "home")
    loans = ["0017,2024-01-03,1000,12,open,", "0018,2024-01-05,1000,24,open,", "A9,2024-01-05,1000,24,open,"]
    landed(ctx, put(tmp_path, "jan.csv", loans))
    landed(ctx, put(tmp_path, "same.csv", loans[1:]))
    assert not [message for message in caplog.messages if "leading zeros" in message]
    landed(ctx, put(tmp_path, "sheet.csv", ["17,2024-01-03,1000,12,open,", "18,2024-01-05,1000,24,open,"]))
    (said,) = [message for message in caplog.messages if "leading zeros" in message]
    assert said.startswith(
        "2 loans have the id of a loan of an earlier file but for its leading zeros, such as 17 where "
    )
    assert "17 where 0017 had landed" in said


def test_events_that_the_newer_file_takes_back_go_also_from_days_that_it_does_not_reach(tmp_path: Path) -> None:
    late = put(tmp_path, "late.csv", ["A,2024-01-03,1000,12,lost,2024-03-10", "B,2024-01-20,1000,24,open,"])
    mended = put(tmp_path, "mended.csv", ["A,2024-01-03,1000,12,open,"])
    assert short(landed(home(tmp_path / "home"), late, mended)) == (["A", "B"], [])


def test_a_loan_that_another_file_dates_otherwise_stands_once_and_days_between_stay_missing(tmp_path: Path) -> None:
    ctx = home(tmp_path / "home")
    old = put(tmp_path, "old.csv", ["A,2024-01-03,1000,12,open,", "B,2024-01-05,1000,24,open,"])
    rows = landed(ctx, old, put(tmp_path, "new.csv", ["A,2024-06-03,1000,12,open,"]))
    assert [(row[0], row[1]) for row in rows["loan_terms"]] == [(date(2024, 1, 5), "B"), (date(2024, 6, 3), "A")]
    assert date(2024, 3, 1) in read_landing(ctx.layout, FEEDS["loan_terms"], ALL).missing


def test_landing_any_file_again_writes_the_same_bytes(tmp_path: Path) -> None:
    ctx = home(tmp_path / "home")
    february = put(tmp_path, "feb.csv", FEBRUARY)
    landed(ctx, put(tmp_path, "jan.csv", JANUARY), february)
    before = {path: path.read_bytes() for path in ctx.layout.landing.rglob("*") if path.is_file()}
    landed(ctx, february)
    assert {path: path.read_bytes() for path in ctx.layout.landing.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("cut_after", range(1, 6))
def test_a_landing_that_was_cut_short_is_whole_once_it_was_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_after: int
) -> None:
    ctx, whole = home(tmp_path / "home"), home(tmp_path / "whole")
    paths = [put(tmp_path, "jan.csv", JANUARY), put(tmp_path, "feb.csv", FEBRUARY)]
    expected = landed(whole, *paths)
    landed(ctx, paths[0])
    write, calls = write_months, 0

    def cut(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == cut_after:
            raise StorageError("cannot write: No space left on device")
        write(*args)

    with monkeypatch.context() as patch:
        patch.setattr(landing, "write_months", cut)
        with pytest.raises(StorageError):
            landed(ctx, paths[1])
    manifest = json.loads((ctx.layout.landing / "landing.json").read_text())
    assert manifest["complete"] is False
    assert landed(ctx, paths[1]) == expected
    assert json.loads((ctx.layout.landing / "landing.json").read_text()) == json.loads(
        (whole.layout.landing / "landing.json").read_text()
    )


LOANS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(["open", "paid", "lost"]), st.integers(0, 90)), min_size=2, max_size=8
)


def record(number: int, day: int, state: str, after: int) -> str:
    start = date.fromordinal(date(2024, 1, 1).toordinal() + day)
    since = "" if state == "open" else str(date.fromordinal(start.toordinal() + after))
    return f"L{number},{start},1000,12,{state},{since}"


@settings(deadline=None, max_examples=6)
@given(loans=LOANS, files=st.lists(st.integers(0, 2), min_size=8, max_size=8), order=st.permutations([0, 1, 2]))
def test_files_of_different_loans_land_as_if_they_were_landed_together(
    tmp_path_factory: pytest.TempPathFactory, loans: list[tuple[int, str, int]], files: list[int], order: list[int]
) -> None:
    tmp = tmp_path_factory.mktemp("files")
    rows: dict[int, list[str]] = {}
    for number, loan in enumerate(loans):
        rows.setdefault(files[number], []).append(record(number, *loan))
    paths = [put(tmp, f"{name}.csv", rows[name]) for name in order if name in rows]
    ordered: Callable[[Rows], Rows] = lambda found: {name: sorted(of, key=repr) for name, of in found.items()}  # noqa: E731
    assert ordered(landed(home(tmp / "one by one"), *paths)) == ordered(
        landed(home(tmp / "together"), *paths, together=True)
    )
