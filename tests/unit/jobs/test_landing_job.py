from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.contracts.feeds import FEEDS, LOAN_TERMS
from p2pcredit.errors import HeaderError, MissingFeedError, SourceError, StorageError, UnreadableFileError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import load_bronze
from p2pcredit.periods import DateRange
from p2pcredit.settings import LandingSettings, Settings
from p2pcredit.storage.landing.manifest import require_whole_landing
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.layout import Layout

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "lendingclub"
HEADER = "id,loan_amnt,term,issue_d,loan_status,last_pymnt_d\n"
FIRST = "1,500, 36 months,Jan-2010,Fully Paid,Mar-2010\n2,600, 36 months,Feb-2010,Fully Paid,Feb-2010\n,7,,,,\n"
KEYS = {"platform", "rows_in", "rows_landed", "rows_rejected", "first_date", "last_date", "feeds"}
KEYS |= {"reasons", "unreadable", "never_given", "implausible", "early_statuses", "replaced"}


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    settings = Settings(landing=LandingSettings(max_rejected_share=0.5))  # files of three records, one of them rejected
    return JobContext(Layout(tmp_path / "home"), settings, "cli", datetime(2020, 1, 1, tzinfo=UTC))


def raw(tmp_path: Path, name: str = "a.csv", body: str = FIRST) -> Path:
    path = tmp_path / name
    path.write_text(HEADER + body)
    return path


def tree(home: Path) -> dict[str, str]:
    files = (path for path in sorted(home.rglob("*")) if path.is_file())
    return {path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rejected(ctx: JobContext) -> list[dict[str, Any]]:
    (path,) = (ctx.layout.landing / "rejected").iterdir()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_loan_dated_in_the_future_is_rejected_and_lands_on_no_day(ctx: JobContext, tmp_path: Path) -> None:
    body = "1,500, 36 months,Jan-2017,Fully Paid,Dec-2019\n2,600, 36 months,Feb-2020,Fully Paid,Mar-2020\n"
    receipt = land(ctx, "lendingclub", [raw(tmp_path, body=body)], None, None)
    assert (receipt["rows_landed"], receipt["rows_rejected"], receipt["last_date"]) == (1, 1, "2020-01-01")
    assert rejected(ctx)[0]["reason"] == "originated after 2020-01-01, in the future"


def landed_ids(ctx: JobContext, first: date, last: date) -> list[str]:
    return read_landing(ctx.layout, LOAN_TERMS, DateRange(first, last)).frame["loan_id"].to_list()


def test_the_receipt_has_exactly_its_keys_and_adds_up(ctx: JobContext, tmp_path: Path) -> None:
    receipt = land(ctx, "lendingclub", [raw(tmp_path)], None, None)
    assert set(receipt) == KEYS
    assert (receipt["rows_in"], receipt["rows_landed"], receipt["rows_rejected"]) == (3, 2, 1)
    assert receipt["first_date"].startswith("2010-01-")
    assert receipt["last_date"].startswith("2010-03-")
    assert receipt["feeds"] == dict.fromkeys(FEEDS, 2)
    assert json.loads(json.dumps(receipt)) == receipt


def rows_of(ctx: JobContext) -> dict[str, list[Any]]:
    """What lies in the home: the rows of each feed, by day and loan."""
    days = DateRange(date(2009, 1, 1), date(2013, 12, 31))
    return {
        name: read_landing(ctx.layout, feed, days).frame.select("snapshot_date", *feed.sources).rows()
        for name, feed in FEEDS.items()
    }


def test_every_day_of_every_feed_is_covered(ctx: JobContext, tmp_path: Path) -> None:
    receipt = land(ctx, "lendingclub", [raw(tmp_path)], None, None)
    days = DateRange(date.fromisoformat(receipt["first_date"]), date.fromisoformat(receipt["last_date"]))
    for feed in FEEDS.values():
        read = read_landing(ctx.layout, feed, days)
        assert read.missing == []
        assert read.frame.height == receipt["feeds"][feed.name]


def test_rejected_records_are_kept_with_their_reason(ctx: JobContext, tmp_path: Path) -> None:
    path = raw(tmp_path)
    land(ctx, "lendingclub", [path], None, None)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (ctx.layout.landing / "rejected" / f"lendingclub_{digest[:8]}.jsonl").is_file()
    (line,) = rejected(ctx)
    assert (line["file"], line["row_number"], line["reason"]) == ("a.csv", 3, "no id")


def test_landing_twice_writes_the_same_bytes(ctx: JobContext, tmp_path: Path) -> None:
    first = land(ctx, "lendingclub", [raw(tmp_path)], None, None)
    before = tree(ctx.layout.home)
    assert land(ctx, "lendingclub", [raw(tmp_path)], None, None) == first
    assert tree(ctx.layout.home) == before


def test_the_manifest_knows_the_raw_files_by_digest(ctx: JobContext, tmp_path: Path) -> None:
    path = raw(tmp_path)
    receipt = land(ctx, "lendingclub", [path], None, None)
    assert json.loads((ctx.layout.landing / "landing.json").read_text()) == {
        "platform": "lendingclub",
        "complete": True,
        "landings": [
            {
                "files": [{"name": "a.csv", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}],
                "first_date": receipt["first_date"],
                "last_date": receipt["last_date"],
            }
        ],
    }


def test_a_range_counts_other_loans_as_rejected_and_covers_every_day_of_it(ctx: JobContext, tmp_path: Path) -> None:
    receipt = land(ctx, "lendingclub", [raw(tmp_path)], date(2010, 2, 1), date(2010, 4, 2))
    assert (receipt["rows_in"], receipt["rows_landed"], receipt["rows_rejected"]) == (3, 1, 2)
    assert (receipt["first_date"], receipt["last_date"]) == ("2010-02-01", "2010-04-02")
    assert receipt["feeds"]["loan_performance"] == 2
    assert landed_ids(ctx, date(2010, 2, 1), date(2010, 4, 2)) == ["2"]
    assert [line["row_number"] for line in rejected(ctx)] == [1, 3]


def test_one_file_in_two_ranges_equals_one_landing(ctx: JobContext, tmp_path: Path) -> None:
    path = raw(tmp_path)
    once = JobContext(Layout(tmp_path / "once"), ctx.settings, ctx.run_id, ctx.at)
    whole = land(once, "lendingclub", [path], None, None)
    parts = [
        land(ctx, "lendingclub", [path], None, date(2010, 1, 31)),
        land(ctx, "lendingclub", [path], date(2010, 2, 1), None),
    ]
    assert [part["rows_landed"] for part in parts] == [1, 1]
    days = DateRange(date.fromisoformat(whole["first_date"]), date.fromisoformat(whole["last_date"]))
    for feed in FEEDS.values():
        assert read_landing(ctx.layout, feed, days).frame.equals(read_landing(once.layout, feed, days).frame)


@pytest.mark.parametrize(
    ("first", "last"), [(date(2011, 1, 2), date(2011, 1, 1)), (date(2030, 1, 1), None), (None, date(1990, 1, 1))]
)
def test_a_range_that_makes_no_sense_is_refused(
    ctx: JobContext, tmp_path: Path, first: date | None, last: date | None
) -> None:
    with pytest.raises(UsageError):
        land(ctx, "lendingclub", [raw(tmp_path)], first, last)
    assert tree(ctx.layout.home) == {}


def test_two_files_are_one_book(ctx: JobContext, tmp_path: Path) -> None:
    second = raw(tmp_path, "b.csv", "3,600, 36 months,Mar-2010,Fully Paid,May-2010\n")
    receipt = land(ctx, "lendingclub", [raw(tmp_path), second], None, None)
    assert (receipt["rows_in"], receipt["rows_landed"]) == (4, 3)
    assert receipt["last_date"].startswith("2010-05-")


def test_another_platform_does_not_land_in_the_same_home(ctx: JobContext, tmp_path: Path) -> None:
    land(ctx, "lendingclub", [raw(tmp_path)], None, None)
    before = tree(ctx.layout.home)
    with pytest.raises(UsageError, match="this home holds loans of lendingclub; land synthetic in another home"):
        land(ctx, "synthetic", [], date(2021, 1, 1), date(2021, 1, 31))
    assert tree(ctx.layout.home) == before


def test_another_file_whose_days_overlap_lands_beside_an_earlier_one(ctx: JobContext, tmp_path: Path) -> None:
    other = raw(tmp_path, "b.csv", "3,600, 36 months,Feb-2010,Fully Paid,Dec-2010\n")
    land(ctx, "lendingclub", [raw(tmp_path)], None, None)
    assert land(ctx, "lendingclub", [other], None, None)["replaced"] == 0
    at_once = JobContext(Layout(tmp_path / "at once"), ctx.settings, ctx.run_id, ctx.at)
    land(at_once, "lendingclub", [raw(tmp_path), other], None, None)
    assert rows_of(ctx) == rows_of(at_once)
    before = tree(ctx.layout.home)
    for path in (other, raw(tmp_path)):
        land(ctx, "lendingclub", [path], None, None)
        assert tree(ctx.layout.home) == before


def test_no_loan_of_an_earlier_file_is_lost_to_a_later_one_that_spans_its_days(ctx: JobContext, tmp_path: Path) -> None:
    land(ctx, "lendingclub", [raw(tmp_path)], None, None)
    beside = raw(tmp_path, "b.csv", "3,600, 36 months,Feb-2012,Fully Paid,Dec-2012\n")
    land(ctx, "lendingclub", [beside], None, None)
    assert len(json.loads((ctx.layout.landing / "landing.json").read_text())["landings"]) == 2
    whole = raw(tmp_path, "c.csv", "4,600, 36 months,Jan-2009,Fully Paid,Dec-2013\n")
    land(ctx, "lendingclub", [whole], None, None)
    assert len(json.loads((ctx.layout.landing / "landing.json").read_text())["landings"]) == 3
    assert sorted(landed_ids(ctx, date(2009, 1, 1), date(2013, 12, 31))) == ["1", "2", "3", "4"]


def bad_files(tmp_path: Path) -> list[tuple[Sequence[Path], type[Exception]]]:
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("a,b\n1,2\n")
    good = raw(tmp_path)
    copy = raw(tmp_path, "copy.csv")
    return [
        ([good, cut], UnreadableFileError),
        ([empty], UnreadableFileError),
        ([good, foreign], HeaderError),
        ([tmp_path / "absent.csv"], SourceError),
        ([good, copy], UsageError),
        ([], UsageError),
    ]


def test_nothing_is_written_where_a_raw_file_cannot_be_used(ctx: JobContext, tmp_path: Path) -> None:
    for files, error in bad_files(tmp_path):
        with pytest.raises(error) as caught:
            land(ctx, "lendingclub", files, None, None)
        assert "\n" not in str(caught.value)
        assert tree(ctx.layout.home) == {}


def test_a_file_without_loans_is_refused(ctx: JobContext, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv: the file has a header and no loan"):
        land(ctx, "lendingclub", [raw(tmp_path, body="")], None, None)
    assert tree(ctx.layout.home) == {}


def test_a_manifest_that_cannot_be_read_stops_the_landing(ctx: JobContext, tmp_path: Path) -> None:
    ctx.layout.landing.mkdir(parents=True)
    for text in ("{", "[]", '{"platform": "lendingclub", "landings": [{"first_date": "x"}]}'):
        (ctx.layout.landing / "landing.json").write_text(text)
        with pytest.raises(StorageError, match="cannot be read as a landing manifest"):
            land(ctx, "lendingclub", [raw(tmp_path)], None, None)


def test_a_synthetic_portfolio_needs_no_file_and_grows_by_landing_more_days(ctx: JobContext) -> None:
    short = land(ctx, "synthetic", [], date(2021, 1, 1), date(2021, 2, 10))
    assert short["rows_in"] == short["rows_landed"] > 300
    before = landed_ids(ctx, date(2021, 1, 1), date(2021, 2, 10))
    longer = land(ctx, "synthetic", [], date(2021, 1, 1), date(2021, 4, 30))
    assert longer["rows_landed"] > short["rows_landed"]
    assert landed_ids(ctx, date(2021, 1, 1), date(2021, 2, 10)) == before
    with pytest.raises(UsageError, match="overlaps"):
        land(ctx, "synthetic", [], date(2021, 2, 1), date(2021, 6, 30))


def test_real_loans_land_whole(ctx: JobContext) -> None:
    path = SHARED / "accepted_2007_to_2018_sample.csv.gz"
    if not path.is_file():
        pytest.skip("the real loan file is not on this machine")
    receipt = land(ctx, "lendingclub", [path], date(2015, 1, 1), date(2015, 12, 31))
    assert receipt["rows_in"] == 2002
    assert receipt["rows_landed"] == 372
    assert receipt["rows_rejected"] == 1630
    assert len(landed_ids(ctx, date(2015, 1, 1), date(2015, 12, 31))) == 372


def test_a_landing_that_was_cut_short_is_not_preprocessed_before_it_was_landed_again(
    ctx: JobContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    january, later = DateRange(date(2010, 1, 15), date(2010, 1, 15)), DateRange(date(2010, 3, 2), date(2010, 3, 2))
    path = raw(tmp_path)

    def cut(*_: object) -> None:
        raise StorageError("cannot write x: No space left on device; free some space and run it again")

    with monkeypatch.context() as patch:
        patch.setattr("p2pcredit.jobs.landing.land.write_months", cut)
        with pytest.raises(StorageError):
            land(ctx, "lendingclub", [path], date(2010, 1, 1), date(2010, 1, 31))
    land(ctx, "lendingclub", [path], date(2010, 2, 1), date(2010, 3, 3))
    manifest = json.loads((ctx.layout.landing / "landing.json").read_text())
    assert (manifest["complete"], [entry.get("complete", True) for entry in manifest["landings"]]) == (
        False,
        [False, True],
    )
    require_whole_landing(ctx.layout, later)
    with pytest.raises(MissingFeedError, match="landing of 2010-01-01 to 2010-01-31 is not whole; land it again"):
        load_bronze(ctx, "loan_terms", january)
    land(ctx, "lendingclub", [path], date(2010, 1, 1), date(2010, 1, 31))
    assert json.loads((ctx.layout.landing / "landing.json").read_text())["complete"] is True
    require_whole_landing(ctx.layout, january)


LENDER = """
name: lender
loan_id: id
origination_date: began
feeds: {loan_terms: {loan_amount: amount, term: term}}
events: {status: status, "on": since, rules: {good: [{status: FULLY_PAID}], lost: [{status: DEFAULT}], open: []}}
"""


def test_a_loss_dated_in_the_future_stays_a_row_without_a_date(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lender.yaml").write_text(LENDER)
    file = tmp_path / "loans.csv"
    file.write_text("id,began,amount,term,status,since\n1,2018-01-01,5,12,lost,2062-01-01\n2,2018-01-02,5,12,open,\n")
    receipt = land(ctx, str(tmp_path / "lender.yaml"), [file], None, None)
    assert (receipt["last_date"], receipt["feeds"]["loan_performance"]) == ("2018-01-02", 1)
    example = "2062-01-01, in the future"
    assert receipt["unreadable"] == {"loan_performance.event_date": {"count": 1, "example": example}}
    assert "later --to" not in caplog.text


def test_events_that_a_rule_puts_into_the_future_are_said_without_a_later_end_to_ask_for(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lender.yaml").write_text(LENDER.replace("{status: DEFAULT}", "{status: DEFAULT, after_days: 90}"))
    file = tmp_path / "loans.csv"
    file.write_text("id,began,amount,term,status,since\n1,2018-01-01,5,12,lost,2019-12-01\n2,2018-01-02,5,12,open,\n")
    land(ctx, str(tmp_path / "lender.yaml"), [file], None, None)
    assert "1 servicing events become visible after 2020-01-01" in caplog.text
    assert "later --to" not in caplog.text


def test_a_payment_in_the_future_moves_no_other_loan_and_has_no_date(ctx: JobContext, tmp_path: Path) -> None:
    body = "1,500, 36 months,Jan-2015,Late (31-120 days),Mar-2016\n2,600, 36 months,Feb-2015,Charged Off,Feb-2062\n"
    file = raw(tmp_path, body=body + "3,600, 36 months,Feb-2015,Fully Paid,Jun-2016\n")
    receipt = land(ctx, "lendingclub", [file], None, None)
    assert receipt["last_date"] == "2016-06-30"
    assert receipt["unreadable"]["loan_performance.event_date"]["example"] == "last_pymnt_d Feb-2062"
