"""What a lender's first file shows without any file before it: sizes that no book has, and statuses before loans."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.errors import SettingsError
from p2pcredit.jobs.checked_settings import require_columns
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import PreprocessingSettings, Settings
from p2pcredit.storage.landing.manifest import read_manifest
from p2pcredit.storage.layout import Layout

MAPPING = """
name: lender
loan_id: Nr
origination_date: {column: Start, date: iso}
feeds:
  loan_terms: {loan_amount: Amount, term: Months}
  financial: {annual_income: Income, debt_to_income: Burden}
events:
  status: State
  "on": {column: Since, date: iso}
  days_past_due: Delay
  read_on: 2020-12-31
  rules: {open: [], paid: [{status: FULLY_PAID}], late: past_due}
"""
HEADER = ["Nr", "Start", "Amount", "Months", "Income", "Burden", "State", "Since", "Delay"]
FIRST = date(2020, 2, 1)


def rows(**columns: Any) -> list[list[str]]:
    """Thirty sound loans; a column given by its name is what its function makes of the loan's number."""
    made = []
    for n in range(30):
        sound = {
            "Nr": n,
            "Start": FIRST + timedelta(days=n % 3),
            "Amount": 1_000 + 100 * n,
            "Months": 12,
            "Income": 20_000 + 1_000 * n,
            "Burden": 10 + n / 2,
            "State": "open",
            "Since": "",
            "Delay": "",
        }
        made.append([str(columns[name](n) if name in columns else sound[name]) for name in HEADER])
    return made


def landed(
    ctx: JobContext,
    tmp_path: Path,
    lines: list[list[str]],
    name: str = "raw.csv",
    mapping: str = MAPPING,
    header: list[str] = HEADER,
) -> dict[str, Any]:
    profile, raw = tmp_path / "lender.yaml", tmp_path / name
    profile.write_text(mapping)
    raw.write_text("\n".join(",".join(line) for line in [header, *lines]))
    return land(ctx, str(profile), [raw], None, None)


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    return JobContext(Layout(tmp_path / "home"), Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("column", "new", "says"),
    [
        ("Burden", lambda n: 0, "Burden (financial.debt_to_income): all 30 values are 0%; is the column filled"),
        ("Income", lambda n: 20 + n, "Income (financial.annual_income): 30 of 30 values lie below 1,000 and above 0"),
        (
            "Burden",
            lambda n: 200 + n,
            "Burden (financial.debt_to_income): 30 of 30 values lie above 100%; another unit",
        ),
        ("Amount", lambda n: 100_000 * (n + 1), "Amount (loan_terms.loan_amount): 28 of 30 values lie above 250,000"),
        (
            "Amount",
            lambda n: f" {100_000 * (n + 1)} ",
            "Amount (loan_terms.loan_amount): 28 of 30 values lie above 250,000",
        ),
    ],
)
def test_a_column_of_no_plausible_size_is_said_at_landing_preprocessing_and_by_doctor(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture, column: str, new: Any, says: str
) -> None:
    receipt = landed(ctx, tmp_path, rows(**{column: new}))
    said = [record.message for record in caplog.records]
    assert any(one.startswith(says) for one in said), said
    (place,) = receipt["implausible"]
    done = preprocess(ctx, DateRange(FIRST, FIRST + timedelta(days=2)))
    assert [f"{one['feed']}.{one['column']}" for one in done["implausible_sizes"]] == [place]
    assert done["implausible_sizes"][0]["what"] == receipt["implausible"][place]["what"]
    check = examine(ctx)["checks"]["levels"]
    assert check["status"] == "fail"
    assert place.partition(".")[2] in check["finding"]
    assert "preprocessing.own_sizes" in check["finding"]


WITH_PAYMENTS = MAPPING.replace("term: Months", "term: Months, installment: Paid")


@pytest.mark.parametrize(
    ("mapping", "columns", "says", "written"),
    [
        (
            WITH_PAYMENTS,
            {"Months": lambda n: 3, "Paid": lambda n: (1_000 + 100 * n) * 1.2 / 36},
            "Months (loan_terms.term): in 30 of 30 loans all instalments come to less than half of the amount; is the "
            "term in years? Then write in the mapping 'term: {column: Months, times: 12}'",
            ("term: Months", "term: {column: Months, times: 12}"),
        ),
        (
            MAPPING,
            {"Months": lambda n: 3, "Amount": lambda n: 9_000 + 100 * n},
            "Income (financial.annual_income): in 30 of 30 loans the instalment, or else the amount over its term, is "
            "above 40% of the monthly income; is the income that of a month?",
            ("term: Months", "term: {column: Months, times: 12}"),
        ),
        (
            MAPPING,
            {"Income": lambda n: 1_600 + 80 * n},
            "Income (financial.annual_income): in 30 of 30 loans the instalment, or else the amount over its term, is "
            "above 40% of the monthly income; is the income that of a month? Then write in the mapping "
            "'annual_income: {column: Income, times: 12}'",
            ("annual_income: Income", "annual_income: {column: Income, times: 12}"),
        ),
    ],
)
def test_a_unit_that_contradicts_the_instalments_is_asked_about_with_the_line_to_write(
    ctx: JobContext,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mapping: str,
    columns: Any,
    says: str,
    written: tuple[str, str],
) -> None:
    paid = columns.get("Paid", lambda n: "")
    lines = [[*line, str(paid(n))] for n, line in enumerate(rows(**{k: v for k, v in columns.items() if k != "Paid"}))]
    receipt = landed(ctx, tmp_path, lines, mapping=mapping, header=[*HEADER, "Paid"])
    assert any(one.startswith(says) for one in caplog.messages), caplog.messages
    (place,) = receipt["implausible"]
    (found,) = preprocess(ctx, DateRange(FIRST, FIRST + timedelta(days=2)))["implausible_sizes"]
    assert (f"{found['feed']}.{found['column']}", found["what"]) == (place, receipt["implausible"][place]["what"])
    own = replace(ctx, settings=Settings(preprocessing=PreprocessingSettings(own_sizes=(place,))))
    assert landed(own, tmp_path, lines, mapping=mapping, header=[*HEADER, "Paid"])["implausible"] == {}
    mended = mapping.replace(*written)
    assert landed(ctx, tmp_path, lines, mapping=mended, header=[*HEADER, "Paid"])["implausible"] == {}


def test_terms_in_words_are_held_against_what_is_plausible_too(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = landed(ctx, tmp_path, rows(Months=lambda n: f" {144 + n % 2} months"))
    assert receipt["implausible"]["loan_terms.term"] == {"what": "too_high", "values": 30, "beyond": 30}


def test_a_sound_file_is_not_said(ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert landed(ctx, tmp_path, rows())["implausible"] == {}
    assert not [record.message for record in caplog.records if "values" in record.message]


def test_a_size_that_is_known_to_be_right_is_not_said(tmp_path: Path, ctx: JobContext) -> None:
    own = Settings(preprocessing=PreprocessingSettings(own_sizes=("financial.annual_income",)))
    known = JobContext(ctx.layout, own, "cli", ctx.at)
    assert landed(known, tmp_path, rows(Income=lambda n: 4_000_000 + n))["implausible"] == {}
    assert preprocess(known, DateRange(FIRST, FIRST + timedelta(days=2)))["implausible_sizes"] == []


def test_a_setting_that_names_no_column_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"own_sizes: .*financial\.anual_income.*financial\.annual_income"):
        require_columns(["financial.anual_income"])
    require_columns(["financial.annual_income"])


def test_loans_that_are_late_by_one_and_the_same_delay_are_said(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    landed(ctx, tmp_path, rows(State=lambda n: "late", Delay=lambda n: 0))
    assert any(r.message.startswith("Delay: all 30 loans that are past due have the value 0") for r in caplog.records)


def with_early(n: int) -> dict[str, Any]:
    return {
        "State": lambda at: "paid" if at < n else "open",
        "Since": lambda at: FIRST - timedelta(days=9) if at < n else "",
    }


def test_statuses_older_than_their_loans_stand_in_receipts_doctor_and_the_weeks_inputs(
    ctx: JobContext, tmp_path: Path
) -> None:
    example = ["0", "2020-02-01", "2020-01-23"]
    assert landed(ctx, tmp_path, rows(**with_early(8)))["early_statuses"] == {"count": 8, "example": example}
    one_day = preprocess(ctx, DateRange(FIRST, FIRST))["early_statuses"]
    assert one_day == {"loan_performance": {"count": 3, "example": example}}  # loans 0, 3 and 6
    done = preprocess(ctx, DateRange(FIRST, FIRST + timedelta(days=2)))["early_statuses"]
    assert done == {"loan_performance": {"count": 8, "example": example}}
    said = "8 loans have a status older than they are, such as 0 of 2020-02-01 with one of 2020-01-23"
    check = examine(ctx)["checks"]["outcomes"]
    assert check["status"] == "fail"
    assert check["finding"].startswith(said)
    assert MonitoringSnapshot(ctx, date(2020, 3, 1)).inputs.early_statuses == said


def test_few_of_them_are_said_by_doctor_and_no_fault_of_the_home(ctx: JobContext, tmp_path: Path) -> None:
    landed(ctx, tmp_path, rows(**with_early(1)))
    preprocess(ctx, DateRange(FIRST, FIRST + timedelta(days=2)))
    check = examine(ctx)["checks"]["outcomes"]
    assert check["status"] == "pass"
    assert check["finding"].startswith("1 loan has a status older than it is, such as 0 of 2020-02-01")


def test_a_mended_file_takes_its_loans_out_and_leaves_the_others(ctx: JobContext, tmp_path: Path) -> None:
    landed(ctx, tmp_path, rows(**with_early(8)))
    landed(ctx, tmp_path, rows()[:5], "mended.csv")
    kept = [loan[0] for entry in read_manifest(ctx.layout)["landings"] for loan in entry.get("early_statuses", [])]
    assert kept == ["5", "6", "7"]
    assert json.loads((ctx.layout.landing / "landing.json").read_text())["complete"]


def test_a_loan_that_is_late_for_longer_than_it_exists_has_no_known_outcome(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = landed(ctx, tmp_path, rows(State=lambda n: "late" if n == 4 else "open", Delay=lambda n: 500))
    assert receipt["early_statuses"] is None
    assert "loan_performance.days_past_due cannot be read, such as '500 days past due of a loan 333 days" in caplog.text


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"Income": lambda n: 99_999_999 if n % 10 == 0 else 20_000 + n}, "3 of 30 values are 99,999,999"),
        ({"Income": lambda n: 99_999_999 if n % 15 == 0 else 20_000 + n}, None),
        ({"Income": lambda n: 2_000_000 + n if n % 3 == 0 else 20_000 + n}, None),
        ({"Income": lambda n: 99_999 if n % 3 == 0 else 20_000 + n}, "10 of 30 values are 99,999, the largest of all"),
        ({"Income": lambda n: 99_999 if n % 3 == 0 else 100_000 + n}, None),
        ({"Income": lambda n: 90_000 if n % 3 == 0 else 20_000 + n}, None),
        ({"Burden": lambda n: 999 if n % 3 == 0 else n}, "10 of 30 values are 999%"),
    ],
)
def test_a_value_far_above_all_others_that_comes_again_and_again_is_asked_about(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture, columns: Any, said: str | None
) -> None:
    receipt = landed(ctx, tmp_path, rows(**columns))
    found = [message for message in caplog.messages if "stand for a missing value" in message]
    assert len(found) == len(receipt["implausible"]) == (said is not None)
    for message in found:
        far = "" if "largest" in str(said) else ", above what is plausible"
        assert f": {said}{far}; does it stand for a missing value?" in message
        assert "under 'missing' in the mapping" in message
    assert {one["what"] for one in receipt["implausible"].values()} <= {"repeated"}


def test_a_value_that_is_far_above_the_others_and_right_is_not_asked_about(ctx: JobContext, tmp_path: Path) -> None:
    own = Settings(preprocessing=PreprocessingSettings(own_sizes=("financial.annual_income",)))
    known = JobContext(ctx.layout, own, "cli", ctx.at)
    lines = rows(Income=lambda n: 99_999_999 if n % 3 == 0 else 20_000)
    assert landed(known, tmp_path, lines)["implausible"] == {}
