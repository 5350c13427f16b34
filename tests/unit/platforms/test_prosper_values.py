"""A Prosper loan all the way from the file to its features, in the units of the contract."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.platforms.mapped.shipped import prosper
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

DAY = date(2013, 2, 4)
LOAN = {
    "LoanNumber": "4711",
    "LoanOriginationDate": "2013-02-04 00:00:00",
    "LoanOriginalAmount": "9000",
    "Term": "36",
    "BorrowerRate": "0.158",
    "MonthlyLoanPayment": "316.5",
    "ProsperRating (Alpha)": "B",
    "CreditGrade": "",
    "ListingCategory (numeric)": "3",
    "Occupation": "Teacher",
    "EmploymentStatusDuration": "54",
    "IsBorrowerHomeowner": "true",
    "BorrowerState": "CO",
    "StatedMonthlyIncome": "5000",
    "IncomeVerifiable": "true",
    "DebtToIncomeRatio": "0.17",
    "RevolvingCreditBalance": "4000",
    "BankcardUtilization": "0.25",
    "AvailableBankcardCredit": "12000",
    "FirstRecordedCreditLine": "2001-02-11 00:00:00",
    "CreditScoreRangeLower": "680",
    "CreditScoreRangeUpper": "699",
    "InquiriesLast6Months": "2",
    "OpenCreditLines": "7",
    "PublicRecordsLast10Years": "1",
    "TotalCreditLinespast7years": "20",
    "LoanStatus": "Current",
    "ClosedDate": "",
    "LoanCurrentDaysDelinquent": "0",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A home in which the loan was landed and preprocessed."""
    directory = tmp_path_factory.mktemp("prosper")
    raw = directory / "loans.csv"
    raw.write_text(",".join(LOAN) + "\n" + ",".join(LOAN.values()) + "\n")
    ctx = JobContext(Layout(directory / "home"), Settings(), "test", datetime(2013, 2, 5, tzinfo=UTC))
    land(ctx, "prosper", [raw], DAY, DAY)
    preprocess(ctx, DateRange(DAY, DAY))
    return ctx.layout


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("debt_to_income_share", 0.17),
        ("annual_income", 60000.0),
        ("loan_to_income", 0.15),
        ("installment_to_income", 316.5 * 12 / 60000),
        ("revolving_utilisation_share", 0.25),
        ("revolving_balance", 4000.0),
        ("revolving_limit", 16000.0),
        ("fico", 689.5),
        ("credit_age_months", 144.0),
        ("inquiries_6m_count", 2.0),
        ("open_accounts_count", 7.0),
        ("public_records_count", 1.0),
        ("total_accounts_count", 20.0),
        ("term_months", 36.0),
        ("loan_amount", 9000.0),
    ],
)
def test_a_prosper_loan_has_its_features_in_the_units_of_the_contract(home: Layout, feature: str, value: float) -> None:
    (row,) = Lake(home).read(FEATURE_STORE).to_dicts()
    assert row["loan_id"] == "4711"
    assert row[feature] == pytest.approx(value)


@pytest.mark.parametrize(
    ("feed", "column", "value"),
    [
        ("loan_terms", "interest_rate_share", 0.158),
        ("financial", "debt_to_income_share", 0.17),
        ("financial", "revolving_utilisation_share", 0.25),
        ("financial", "bankcard_utilisation_share", 0.25),
        ("financial", "bankcard_open_to_buy", 12000.0),
        ("demographic", "employment_length_years", 4.0),
    ],
)
def test_a_prosper_loan_has_its_silver_values_in_the_units_of_the_contract(
    home: Layout, feed: str, column: str, value: float
) -> None:
    (row,) = Lake(home).read(silver(FEEDS[feed])).to_dicts()
    assert row[column] == pytest.approx(value)


def test_a_prosper_loan_has_its_words_as_the_contract_names_them(home: Layout) -> None:
    (terms,) = Lake(home).read(silver(FEEDS["loan_terms"])).to_dicts()
    (person,) = Lake(home).read(silver(FEEDS["demographic"])).to_dicts()
    assert (terms["purpose"], terms["platform_grade"]) == ("SMALL_BUSINESS", "B")
    assert (person["home_ownership"], person["state"]) == ("OWNER", "CO")


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("1", "0"),
        ("1.0", "0.0"),
        ("yes", "no"),
        ("YES", "No"),
        ("y", "N"),
        ("t", "f"),
        ("True", "FALSE"),
        (" true ", "f"),
    ],
)
def test_yes_and_no_are_the_same_two_levels_however_they_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, yes: str, no: str
) -> None:
    homes, verified = levels_of(tmp_path, yes, no, "")
    assert homes == ["OWNER", "NOT_OWNER", None]
    assert verified == ["Verifiable", "Not Verifiable", None]
    assert "neither" not in caplog.text


def test_what_is_neither_yes_nor_no_is_missing_and_is_said_by_column(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    homes, _ = levels_of(tmp_path, "1", "2", "0", "perhaps")
    assert homes == ["OWNER", None, "NOT_OWNER", None]
    assert (
        "loans.csv: column IsBorrowerHomeowner holds neither yes nor no in 2 rows, such as '2'; the value is missing "
        "there: write true or false, yes or no, or 1 or 0"
    ) in caplog.messages


def levels_of(tmp_path: Path, *texts: str) -> tuple[list[str | None], list[str | None]]:
    """Home ownership and verification of loans with these texts in both columns."""
    raw = tmp_path / "loans.csv"
    rows = [
        {**LOAN, "LoanNumber": str(n), "IsBorrowerHomeowner": text, "IncomeVerifiable": text}
        for n, text in enumerate(texts)
    ]
    raw.write_text("\n".join([",".join(LOAN), *(",".join(row.values()) for row in rows)]) + "\n")
    feeds = prosper(date(2013, 2, 5)).read([raw], None, None).feeds
    return feeds["demographic"]["home_ownership"].to_list(), feeds["financial"]["income_verification"].to_list()
