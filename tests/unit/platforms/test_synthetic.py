from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS, PERFORMANCE_STATUSES
from p2pcredit.errors import UsageError
from p2pcredit.periods import add_months
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.synthetic.events import due_dates
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import Synthetic, generate, write_raw

SETTINGS = SyntheticSettings(last=date(2021, 12, 31))


@pytest.fixture(scope="module")
def year() -> RawBook:
    return generate(SETTINGS)


@pytest.fixture(scope="module")
def portfolio() -> RawBook:
    return generate(SyntheticSettings())


def test_equal_settings_give_equal_books_and_another_seed_another(year: RawBook) -> None:
    again, other = generate(SETTINGS), generate(replace(SETTINGS, seed=21))
    assert all(year.feeds[name].equals(again.feeds[name]) for name in FEEDS)
    assert not year.feeds["loan_terms"].equals(other.feeds["loan_terms"])


def test_a_later_last_day_only_adds_rows(year: RawBook, portfolio: RawBook) -> None:
    for name in FEEDS:
        assert portfolio.feeds[name].filter(pl.col("snapshot_date") <= SETTINGS.last).equals(year.feeds[name])


def test_every_loan_is_in_every_application_feed_once_on_its_day(year: RawBook) -> None:
    ids = year.feeds["loan_terms"].select("snapshot_date", "loan_id")
    assert ids["loan_id"].is_unique().all()
    for feed in APPLICATION_FEEDS:
        frame = year.feeds[feed.name]
        assert frame.select("snapshot_date", "loan_id").equals(ids)
        assert (frame["origination_date"] == frame["snapshot_date"].cast(pl.String)).all()
        assert all(frame[name].null_count() == 0 for name in feed.required_sources)


def test_events_are_visible_only_from_origination_to_the_last_day(year: RawBook) -> None:
    performance = year.feeds["loan_performance"]
    joined = performance.join(
        year.feeds["loan_terms"].select("loan_id", born="snapshot_date"), on="loan_id", how="left"
    )
    assert joined.filter((pl.col("snapshot_date") <= pl.col("born")) | pl.col("born").is_null()).height == 0
    assert joined["snapshot_date"].max() <= SETTINGS.last  # type: ignore[operator]
    assert set(performance["status"]) == PERFORMANCE_STATUSES


def test_nothing_happens_after_a_loan_is_closed(portfolio: RawBook) -> None:
    performance = portfolio.feeds["loan_performance"]
    closed = performance.filter(pl.col("status").is_in(["FULLY_PAID", "CHARGED_OFF"]))
    assert closed["loan_id"].is_unique().all()
    after = performance.join(closed.select("loan_id", end="snapshot_date"), on="loan_id")
    assert after.filter(pl.col("snapshot_date") > pl.col("end")).height == 0
    defaulted = performance.filter(pl.col("status") == "DEFAULT").select("loan_id", end="snapshot_date")
    later = performance.join(defaulted, on="loan_id").filter(pl.col("snapshot_date") > pl.col("end"))
    assert set(later["status"]) == {"CHARGED_OFF"}


def test_due_dates_are_those_of_month_arithmetic() -> None:
    days = [date(2021, 1, 31), date(2024, 2, 29), date(2021, 6, 15)]
    due = due_dates(np.array(days, dtype="datetime64[D]"), np.array([1, 12, 60]))
    assert due.tolist() == [add_months(day, months) for day, months in zip(days, [1, 12, 60], strict=True)]


def one_year_default(book: RawBook) -> pl.DataFrame:
    """Loans of at least a year of history with `bad` and FICO."""
    default = (
        book.feeds["loan_performance"].filter(pl.col("status") == "DEFAULT").select("loan_id", bad_on="snapshot_date")
    )
    loans = book.feeds["credit_history"].join(default, on="loan_id", how="left", maintain_order="left")
    return loans.filter(pl.col("snapshot_date") <= date(2022, 12, 31)).select(
        "snapshot_date",
        pl.col("fico_low").cast(pl.Float64).alias("fico"),
        (pl.col("bad_on") <= pl.col("snapshot_date").dt.offset_by("12mo")).fill_null(value=False).alias("bad"),
    )


def concordance(loans: pl.DataFrame) -> float:
    """Share of pairs of a bad and a good loan in which the bad one has the lower FICO, ties half."""
    bad = loans.filter("bad")["fico"].to_numpy()[:, None]
    good = loans.filter(~pl.col("bad"))["fico"].to_numpy()[None, :]
    return float(((bad < good) + 0.5 * (bad == good)).mean())


def test_defaults_within_a_year_are_few_and_the_bureau_score_tells_less_after_the_drift(portfolio: RawBook) -> None:
    loans = one_year_default(portfolio)
    drift = date(2022, 7, 1)
    before, after = (loans.filter(pl.col("snapshot_date") < drift), loans.filter(pl.col("snapshot_date") >= drift))
    assert 0.05 < before["bad"].mean() < 0.12  # type: ignore[operator]
    assert 0.05 < after["bad"].mean() < 0.12  # type: ignore[operator]
    assert concordance(before) > concordance(after) + 0.05


def test_a_longer_term_is_launched_and_the_shock_raises_defaults(portfolio: RawBook) -> None:
    terms = portfolio.feeds["loan_terms"]
    assert terms.filter(pl.col("term") == "60 months")["snapshot_date"].min() == date(2021, 7, 1)
    calm = generate(SyntheticSettings(last=date(2022, 12, 31), shock_factor=1.0))
    shocked = portfolio.feeds["loan_performance"].filter(pl.col("snapshot_date") <= date(2022, 12, 31))
    count = {"status": "DEFAULT"}
    assert shocked.filter(**count).height > 1.15 * calm.feeds["loan_performance"].filter(**count).height


def test_weekends_and_winters_are_quieter(portfolio: RawBook) -> None:
    day = pl.col("snapshot_date")
    loans = portfolio.feeds["loan_terms"]
    weekend = loans.filter(day.dt.weekday() > 5).height / 2
    assert weekend < 0.7 * loans.filter(day.dt.weekday() <= 5).height / 5
    assert loans.filter(day.dt.month().is_in([12, 1])).height < loans.filter(day.dt.month().is_in([6, 7])).height


@pytest.mark.parametrize("name", ["raw.csv", "raw.csv.gz"])
def test_a_written_portfolio_lands_as_it_was(tmp_path: Path, name: str) -> None:
    settings = SyntheticSettings(last=date(2021, 6, 30), loans_per_day=3)
    book = generate(settings)
    assert write_raw(tmp_path / name, settings) == book.rows_in
    read = Synthetic().read([tmp_path / name], None, None)
    assert (read.rows_in, read.rows_landed) == (book.rows_in, book.rows_in)
    assert all(read.feeds[feed].equals(book.feeds[feed]) for feed in FEEDS)


def test_broken_events_of_a_written_portfolio_are_landed_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    path.write_text(
        "loan_id,origination_date,loan_amount,term,events\n"
        "1,2021-01-04,100,36,2021-03-01:LATE:30:90:0;nonsense\n"
        "2,someday,100,36,\n"
    )
    read = Synthetic().read([path], None, None)
    assert read.rejected["reason"].to_list() == ["unreadable origination_date"]
    assert read.feeds["loan_performance"].select("event_date", "status", "days_past_due").rows() == [
        ("2021-01-04", "nonsense", None),
        ("2021-03-01", "LATE", "30"),
    ]


def test_dates_asked_for_are_the_dates_drawn_and_nonsense_is_refused() -> None:
    read = Synthetic().read([], date(2022, 1, 1), date(2022, 2, 28))
    days = read.days()
    assert days is not None
    assert (days.first, days.last) == (date(2022, 1, 1), date(2022, 2, 28))
    for wrong in ({"last": date(2020, 1, 1)}, {"seed": -1}, {"loans_per_day": 0.0}):
        with pytest.raises(UsageError):
            SyntheticSettings(**wrong)
