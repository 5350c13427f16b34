"""Mappings that come with the package: a few invented loans of each, all the way to features and events."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.platforms.registry import PLATFORMS, SOURCES, profile_named
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

BONDORA = """\
LoanId,LoanDate,Amount,LoanDuration,Interest,MonthlyPayment,Rating,UseOfLoan,EmploymentDurationCurrentEmployer,\
HomeOwnershipType,County,Country,IncomeTotal,VerificationType,LiabilitiesTotal,ExistingLiabilities,\
NoOfPreviousLoansBeforeLoan,CreditScoreEeMini,DefaultDate,Status,ContractEndDate,CurrentDebtDaysPrimary,Gender,Age
B1,2017-03-01,2125,60,20.97,62.05,C,2,UpTo5Years,1,HARJU,EE,900,4,301,3,1,1000,,Current,,,1,44
B2,2017-03-02,500,36,34.1,22,E,0,MoreThan5Years,3,,FI,2100,3,650.5,9,0,,2017-08-30,Late,,402,0,30
B3,2017-03-03,1000,24,17,50,A,102,Retiree,8,TARTU,EE,1200,1,0,0,2,800,,Repaid,2018-01-15,,1,60
B4,2017-03-04,1000,24,17,50,HR,7.0,Other,0,TARTU,EE,1200,2,0,0,2,0,2017-10-01,Repaid,2018-06-15,,1,60
B5,2017-03-05,1000,24,17,50,,-1,,,,ES,1200,,0,0,2,0,,Late,,45,1,60
"""
MINTOS = """\
Id,Issue Date,Closing Date,Country,Loan Originator,Mintos Rating,Loan Type,Loan Rate Percent,Term,Collateral,\
Initial LTV,LTV,Loan Status,Buyback reason,Initial Loan Amount,Remaining Loan Amount,Currency,Buyback
1-01,2018-01-02,2018-03-15,Latvia,One,A,Car Loan,11.5,12 m. 5 d.,Yes,75.5,70,Finished prematurely,,3000,0,EUR,Yes
2-01,2018-01-03,2018-04-15,Spain,Two,B,Short-Term Loan,12,25 d.,No,,,Finished prematurely,\
Borrower is more than 60 days late,300,0,EUR,Yes
3-01,2018-01-04,2018-04-15,Spain,Two,B,Short-Term Loan,12,25 d.,No,,,Finished prematurely,Prolongation,300,0,EUR,Yes
4-01,2018-01-05,,Spain,Two,B,Personal Loan,12,36 m.,No,,,60+ Days Late,,300,100,EUR,No
5-01,2018-01-06,,Spain,Two,B,Personal Loan,12,36 m.,No,,,Current,,300,100,EUR,No
"""
LOANS = """\
loan_id,origination_date,loan_amount,term,interest_rate,annual_income,fico_low,fico_high
T1,2020-01-05,1000,12,10.5,30000,700,704
T2,2020-01-05,2000,12,12,25000,650,654
T3,2020-01-06,2000,12,12,25000,650,654
"""
TAPE = """\
loan_id,day,days_past_due,balance,status
T1,2020-02-29,0,900,current
T2,2020-02-29,35,2000,late
T3,2020-02-29,0,1900,current
T1,2020-03-31,0,0,paid off
T2,2020-03-31,66,2000,late
T3,2020-03-31,0,1800,current
T2,2020-04-30,96,2000,default
T3,2020-04-30,0,1700,current
"""
Rows = list[tuple[object, ...]]


def landed(platform: str, directory: Path, days: DateRange, **files: str) -> tuple[pl.DataFrame, Rows]:
    """Land these files, preprocess the days, and give features and events."""
    raw = directory / "raw"
    raw.mkdir()
    for name, text in files.items():
        (raw / f"{name}.csv").write_text(text)
    ctx = JobContext(Layout(directory / "home"), Settings(), "test", datetime(2024, 1, 1, tzinfo=UTC))
    land(ctx, platform, [raw] if platform == "loan_tape" else list(raw.iterdir()), first=None, last=None)
    preprocess(ctx, days)
    lake = Lake(ctx.layout)
    events = lake.read(silver(FEEDS["loan_performance"]), days).sort("loan_id", "event_date")
    return (
        lake.read(FEATURE_STORE, days).sort("loan_id"),
        events.select("loan_id", pl.col("event_date").cast(pl.String), "status", "days_past_due").rows(),
    )


def test_a_loan_of_bondora_is_in_default_from_60_days_past_due_whatever_became_of_it_later(tmp_path: Path) -> None:
    features, events = landed("bondora", tmp_path, DateRange(date(2017, 3, 1), date(2018, 1, 15)), loans=BONDORA)
    assert events == [
        ("B2", "2017-07-31", "LATE", 30),
        ("B2", "2017-08-30", "DEFAULT", 60),
        ("B3", "2018-01-15", "FULLY_PAID", 0),
        ("B4", "2017-09-01", "LATE", 30),
        ("B4", "2017-10-01", "DEFAULT", 60),
        ("B5", "2017-12-31", "LATE", 30),
        ("B5", "2018-01-15", "LATE", 45),
    ]
    assert features.select("term_months", "annual_income", "purpose", "home_ownership", "platform_grade").rows() == [
        (60, 10800, "HOME_IMPROVEMENT", "OWN", "C"),
        (36, 25200, "DEBT_CONSOLIDATION", "RENT", "E"),
        (24, 14400, "SMALL_BUSINESS", "MORTGAGE", "A"),
        (24, 14400, "OTHER", "OTHER", "HR"),
        (24, 14400, None, None, None),
    ]
    assert features["employment_length_years"].to_list() == [5, 6, None, None, None]
    assert features["interest_rate_share"].to_list() == [0.2097, 0.341, 0.17, 0.17, 0.17]
    assert features["own_payment_record"].to_list() == [1000, None, 800, None, None]
    assert features["own_liabilities"].to_list() == [301, 650.5, 0, 0, 0]


def test_a_buyback_for_lateness_is_a_default_and_any_other_says_nothing(tmp_path: Path) -> None:
    features, events = landed("mintos", tmp_path, DateRange(date(2018, 1, 2), date(2018, 4, 15)), loans=MINTOS)
    assert events == [
        ("1-01", "2018-03-15", "FULLY_PAID", 0),
        ("2-01", "2018-04-15", "DEFAULT", 60),
        ("4-01", "2018-03-16", "LATE", 30),
        ("4-01", "2018-04-15", "LATE", 60),
    ]
    assert features["term_months"].to_list() == [13, 1, 1, 36, 36]
    assert features["own_originator"].to_list() == ["ONE", "TWO", "TWO", "TWO", "TWO"]


def test_a_tape_of_named_columns_needs_no_mapping(tmp_path: Path) -> None:
    days = DateRange(date(2020, 1, 5), date(2020, 4, 30))
    features, events = landed("loan_tape", tmp_path, days, loans=LOANS, tape_1=TAPE)
    assert events == [
        ("T1", "2020-03-31", "FULLY_PAID", 0),
        ("T2", "2020-02-29", "LATE", 35),
        ("T2", "2020-03-31", "LATE", 66),
        ("T2", "2020-04-30", "DEFAULT", 96),
    ]
    assert features.select("loan_id", "fico", "annual_income").rows()[0] == ("T1", 702, 30000)


def test_no_shipped_mapping_reads_what_no_credit_decision_may_rest_on() -> None:
    named = {name for _, source in profile_named("bondora").mapping.sources for name in source.names}  # type: ignore[attr-defined]
    assert not named & {"Gender", "Age", "MaritalStatus", "LanguageCode", "DateOfBirth", "NrOfDependants"}


@pytest.mark.parametrize("name", PLATFORMS.built_in)
def test_every_platform_of_the_package_says_of_what_it_is(name: str) -> None:
    told = json.loads(CliRunner().invoke(app, ["platforms", "--json"]).output)
    (one,) = [row for row in told if row["name"] == name]
    assert one["of"] == SOURCES[name]
    assert not one["file"] or Path(one["file"]).is_file()
    assert bool(one["file"]) == (name not in {"lendingclub", "synthetic"})
