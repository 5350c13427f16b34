"""Optional values that cannot be used: what stays of their row, what is kept of them, and who says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.cli.commands.pipeline.preprocess import preprocess as preprocess_command
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, TABLES, bronze, silver
from p2pcredit.errors import StorageError
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.landing.land import land as land_download
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.periods import DateRange
from p2pcredit.settings import PreprocessingSettings, Settings
from p2pcredit.storage.tables.day_receipts import read_receipt
from p2pcredit.storage.tables.lake import Lake

DAY = date(2021, 7, 5)
SPAN = DateRange(DAY, DAY)
HEADERS = {
    "loan_terms": "loan_id,origination_date,loan_amount,term,installment",
    "demographic": "loan_id,origination_date,home_ownership,employment_length",
    "financial": "loan_id,origination_date,annual_income,debt_to_income",
    "credit_history": "loan_id,origination_date,delinquencies_2y_count,months_since_delinquency",
    "loan_performance": "loan_id,event_date,status,days_past_due,amount_received",
}
SOUND = {
    "loan_terms": "1000,36,33.5",
    "demographic": "RENT,3 years",
    "financial": "24000,12.5",
    "credit_history": "1,7",
}
Changes = dict[str, dict[str, str]]


def land(ctx: JobContext, changes: Changes, loans: int = 5, day: date = DAY) -> None:
    """Land loans `1`, `2`, ... of a day; `changes` says what stands instead of a loan's sound values in a feed."""
    for feed, header in HEADERS.items():
        own = changes.get(feed, {})
        lines = (
            []
            if feed == "loan_performance"
            else [f"{n},{day},{own.get(str(n), SOUND[feed])}" for n in range(1, loans + 1)]
        )
        if feed == "loan_performance":
            lines = [f"{loan},{day},{values}" for loan, values in own.items()]
        path = ctx.layout.landing / feed / f"{feed}_{day:%Y_%m_%d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *lines]) + "\n")


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    return run_on(DAY, "test")


def whatever_is_set_aside(ctx: JobContext) -> JobContext:
    """The same context, in which a day goes on however many of its rows are no rows."""
    settings = Settings(preprocessing=PreprocessingSettings(max_quarantined_share=1.0))
    return JobContext(ctx.layout, settings, ctx.run_id, ctx.at)


BAD: Changes = {
    "loan_terms": {"4": "x,36,y"},
    "financial": {"1": '"24,000.00",-1', "2": "NA,N/A", "3": "#N/A,-1"},
    "credit_history": {"1": "1,seven", "2": "1,NULL", "3": "0,"},
    "loan_performance": {"1": "CURRENT,0,lots"},
}


def test_the_row_stays_and_the_value_is_kept_with_its_text_its_column_and_the_rule(ctx: JobContext) -> None:
    land(ctx, BAD)
    receipt = preprocess(ctx, SPAN)

    found = Lake(ctx.layout).read(silver(FEEDS["financial"])).select("loan_id", "annual_income", "debt_to_income_share")
    assert found.rows() == [
        ("1", None, None),
        ("2", None, None),
        ("3", None, None),
        ("4", 24000.0, 0.125),
        ("5", 24000.0, 0.125),
    ]
    records = Lake(ctx.layout).read(QUARANTINE).filter(pl.col("feed") == "financial").drop("feed", "snapshot_date")
    written = "write 24000.00 without thousands sign or name the decimal sign in the mapping"
    assert [(*row[:1], row[1], json.loads(row[2]), *row[3:]) for row in records.rows()] == [
        (1, f"annual_income: not a number, {written}", {"annual_income": "24,000.00"}, "value", "annual_income", "1"),
        (1, "debt_to_income: negative", {"debt_to_income": "-1"}, "value", "debt_to_income", "1"),
        (3, "debt_to_income: negative", {"debt_to_income": "-1"}, "value", "debt_to_income", "3"),
    ]
    assert receipt["feeds"]["financial"] == {
        "rows_in": 5,
        "silver": 5,
        "quarantined": 0,
        "values_missing": {"annual_income": 1, "debt_to_income": 2},
    }
    assert receipt["feeds"]["loan_terms"] == {"rows_in": 5, "silver": 4, "quarantined": 1, "values_missing": {}}
    assert receipt["feeds"]["loan_performance"]["values_missing"] == {"amount_received": 1}


def test_only_rows_are_counted_as_rows_wherever_rows_are_counted(ctx: JobContext) -> None:
    land(ctx, BAD)
    preprocess(ctx, SPAN)
    counted = (read_receipt(ctx.layout, DAY) or {})["rows"]
    assert counted["quarantined:loan_terms"] == 1
    assert "quarantined:financial" not in counted
    assert counted["values_missing:financial:debt_to_income"] == 2
    assert "1 of 5 rows of loan_terms are in quarantine" in examine(ctx)["checks"]["rows"]["finding"]
    steps = {row["step"]: row["n"] for row in TrainingSnapshot.as_of(ctx, DAY).flow}
    assert (steps["loan rows landed"], steps["rows set aside"], steps["rows kept"]) == (5, 1, 4)
    records = Lake(ctx.layout).read(QUARANTINE)
    for name, feed in FEEDS.items():
        broken = records.filter(pl.col("feed") == name, pl.col("kind") == "row").height
        assert Lake(ctx.layout).read(bronze(feed)).height == Lake(ctx.layout).read(silver(feed)).height + broken


def test_months_since_an_event_that_could_not_be_read_do_not_count_as_never(ctx: JobContext) -> None:
    land(ctx, BAD)
    preprocess(ctx, SPAN)
    found = Lake(ctx.layout).read(FEATURE_STORE).select("loan_id", "months_since_delinquency").rows()
    assert found == [("1", None), ("2", None), ("3", 1200.0), ("5", 7.0)]


def test_bronze_keeps_every_text_as_it_was_landed(ctx: JobContext) -> None:
    land(ctx, BAD)
    preprocess(ctx, SPAN)
    texts = Lake(ctx.layout).read(bronze(FEEDS["financial"])).select("annual_income", "debt_to_income").rows()
    assert texts[:3] == [("24,000.00", "-1"), ("NA", "N/A"), ("#N/A", "-1")]


def test_a_second_run_changes_nothing_and_a_day_landed_again_replaces_its_values(ctx: JobContext) -> None:
    land(ctx, BAD)
    first = preprocess(ctx, SPAN)
    before = {name: Lake(ctx.layout).version(table) for name, table in TABLES.items()}
    assert preprocess(ctx, SPAN) == first
    assert {name: Lake(ctx.layout).version(table) for name, table in TABLES.items()} == before

    land(ctx, {"financial": {"1": "24000,50", "2": "5,high"}})
    preprocess(ctx, SPAN)
    records = Lake(ctx.layout).read(QUARANTINE)
    assert records.select("row_number", "kind", "column", "raw").rows() == [
        (2, "value", "debt_to_income", '{"debt_to_income":"high"}')
    ]
    rows = (read_receipt(ctx.layout, DAY) or {})["rows"]
    assert {name: n for name, n in rows.items() if "missing" in name} == {"values_missing:financial:debt_to_income": 1}
    assert Lake(ctx.layout).read(FEATURE_STORE)["months_since_delinquency"].to_list() == [7.0] * 5


def test_values_of_many_days_are_counted_together_in_the_receipt(ctx: JobContext) -> None:
    days = [DAY - timedelta(days=40), DAY]
    for day in DateRange(*days):
        land(ctx, {"financial": {"2": "5,-1"}} if day in days else {}, loans=2, day=day)
    receipt = preprocess(ctx, DateRange(*days))
    assert receipt["feeds"]["financial"]["values_missing"] == {"debt_to_income": 2}


def test_an_id_that_became_a_number_joins_its_feeds_and_is_one_loan(ctx: JobContext) -> None:
    land(ctx, {})
    terms = ctx.layout.landing / "loan_terms" / f"loan_terms_{DAY:%Y_%m_%d}.csv"
    lines = [f"1.0,{DAY},1000,36,1", f"2,{DAY},1000,36,1", f"2.0,{DAY},9,36,1", f"6.84E+07,{DAY},9,36,1"]
    terms.write_text("\n".join([HEADERS["loan_terms"], *lines]) + "\n")
    preprocess(whatever_is_set_aside(ctx), SPAN)
    features = Lake(ctx.layout).read(FEATURE_STORE).select("loan_id", "loan_amount", "annual_income").rows()
    assert features == [("1", 1000.0, 24000.0), ("2", 1000.0, 24000.0)]
    records = Lake(ctx.layout).read(QUARANTINE).select("rules", "kind", "loan_id").rows()
    assert records == [
        ("loan_id: duplicate", "row", "2"),
        ("loan_id: a number that lost digits, export ids as text", "row", "6.84E+07"),
    ]
    for asked in ("1", "1.0", " 1 "):
        landed = trace_loan(ctx, asked)["landed"]
        assert [row["feed"] for row in landed] == ["loan_terms", "demographic", "financial", "credit_history"]
    with pytest.raises(StorageError, match="there is no loan '684'"):
        trace_loan(ctx, "684")


def test_a_trace_shows_the_values_that_a_loan_lost_as_they_were_written(ctx: JobContext) -> None:
    land(ctx, BAD)
    preprocess(ctx, SPAN)
    found = trace_loan(ctx, "1")
    assert found["set_aside"] == []
    told = [(row["feed"], row["row_number"], row["column"], row["text"]) for row in found["values_missing"]]
    assert told == [
        ("credit_history", 1, "months_since_delinquency", "seven"),
        ("financial", 1, "annual_income", "24,000.00"),
        ("financial", 1, "debt_to_income", "-1"),
        ("loan_performance", 1, "amount_received", "lots"),
    ]
    assert found["values_missing"][2]["rules"] == "debt_to_income: negative"
    assert trace_loan(ctx, "5")["values_missing"] == []
    assert [row["rules"] for row in trace_loan(ctx, "4")["set_aside"]] == ["loan_amount: not a number"]


LOST = (
    "of 10 values given for debt_to_income in financial could not be used, most for 'debt_to_income: negative', "
    'such as {"debt_to_income":"-1"}'
)
REMEDY = "; look at kind 'value' in silver/quarantine, mend the source or its mapping, land again"


@pytest.mark.parametrize(
    ("bad", "status", "says"),
    [
        (0, "pass", "every optional value given could be used"),
        (2, "pass", f"2 {LOST}"),
        (3, "fail", f"3 {LOST}{REMEDY}"),
    ],
)
def test_the_doctor_names_the_column_that_lost_more_than_the_limit(
    ctx: JobContext, bad: int, status: str, says: str
) -> None:
    assert examine(ctx)["checks"]["values"]["status"] == "undetermined"
    lost = {str(n): "5,-1" for n in range(1, bad + 1)}
    land(ctx, {"financial": {**lost, "11": "5,", "12": "5,NA"}}, loans=12)
    preprocess(ctx, SPAN)
    found = examine(ctx)
    assert found["checks"]["values"] == {"status": status, "finding": says}
    assert found["healthy"] is (status != "fail")
    assert found["checks"]["rows"]["status"] == "pass"


def test_the_doctor_does_not_call_values_fine_where_no_row_could_be_used(ctx: JobContext) -> None:
    land(ctx, {feed: {"1": "1,2,3,4"} for feed in SOUND}, loans=1)
    preprocess(whatever_is_set_aside(ctx), SPAN)
    assert examine(ctx)["checks"]["values"] == {"status": "undetermined", "finding": "no row stands in silver"}


def test_a_column_of_which_nothing_could_be_read_is_told_first_and_the_others_counted(ctx: JobContext) -> None:
    land(ctx, {"financial": {str(n): f'"{n},000",{-1 if n == 1 else 5}' for n in range(1, 6)}})
    preprocess(ctx, SPAN)
    finding = examine(ctx)["checks"]["values"]["finding"]
    assert finding.startswith("5 of 5 values given for annual_income in financial could not be used")
    assert "; 1 other column lost values too; look at" in finding


def test_the_week_measures_each_column_that_lost_values_of_those_given(ctx: JobContext) -> None:
    old = DAY - timedelta(days=Settings().monitoring.recent_days)
    land(ctx, {"financial": {"1": "x,1"}}, day=old)
    preprocess(ctx, DateRange(old, old))
    land(ctx, BAD)
    preprocess(ctx, SPAN)
    inputs = MonitoringSnapshot(ctx, DAY).inputs
    assert inputs.values_lost.sort("feed", "column").rows() == [
        ("credit_history", "months_since_delinquency", 1, 3),
        ("financial", "annual_income", 1, 3),
        ("financial", "debt_to_income", 2, 4),
        ("loan_performance", "amount_received", 1, 1),
    ]
    found = {r.segment: r for r in measure_quality(inputs, ctx.settings) if r.metric == "values_lost_share"}
    income = found["column=financial.annual_income"]
    assert (income.value, income.n, income.status) == (pytest.approx(1 / 3), 3, Status.FAIL)
    assert income.note == "1 of 3 values given"
    quarantined = {r.segment: r.note for r in measure_quality(inputs, ctx.settings) if r.metric == "quarantined_share"}
    assert quarantined["feed=financial"] == "0 of 5 rows"


def test_a_week_that_lost_no_value_has_no_such_measure(ctx: JobContext) -> None:
    land(ctx, {"financial": {"1": "NA,"}})
    preprocess(ctx, SPAN)
    inputs = MonitoringSnapshot(ctx, DAY).inputs
    assert inputs.values_lost.is_empty()
    measured = {r.metric for r in measure_quality(inputs, ctx.settings)}
    assert "quarantined_share" in measured
    assert "values_lost_share" not in measured


def test_a_record_of_an_older_version_without_a_kind_is_a_row(ctx: JobContext) -> None:
    land(ctx, {"loan_terms": {"4": "x,36,1"}})
    preprocess(ctx, SPAN)
    lake = Lake(ctx.layout)
    nothing = pl.lit(None, dtype=pl.String)
    lake.replace(QUARANTINE, lake.read(QUARANTINE).with_columns(kind=nothing, loan_id=nothing), SPAN)
    assert examine(ctx)["checks"]["rows"]["finding"].startswith("1 of 5 rows")
    assert examine(ctx)["checks"]["values"]["status"] == "pass"
    assert len(trace_loan(ctx, "4")["set_aside"]) == 1


def test_a_person_sees_the_columns_that_lost_values(
    ctx: JobContext, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    land(ctx, BAD)
    preprocess_command(day=f"{DAY}", home=ctx.layout.home)
    out = capsys.readouterr().out
    assert "financial.debt_to_income" in out
    header = next(line for line in out.splitlines() if "rows_in" in line)
    assert header.split() == ["rows_in", "silver", "quarantined", "values_missing"]
    preprocess_command(day=f"{DAY}", home=ctx.layout.home, as_json=True)
    assert json.loads(capsys.readouterr().out)["feeds"]["financial"]["values_missing"]["debt_to_income"] == 2


@pytest.mark.parametrize(
    ("written", "kept", "rule"),
    [
        (("Dec-13", "Jan-14"), "Jan-14", "not a date (YYYY-MM-DD)"),
        (("Dec-2013", "Jan-2014"), "2014-01-01", "in the future"),
        (("Dec-2013", "Jan-1914"), "1914-01-01", "more than 80 years back"),
    ],
)
def test_a_first_credit_line_that_nobody_can_have_is_said_at_landing_and_lost_by_itself(
    ctx: JobContext, tmp_path: Path, written: tuple[str, str], kept: str, rule: str
) -> None:
    raw = tmp_path / "club.csv"
    issued, opened = written
    body = f"1,5000, 36 months,{issued},Current,,{opened},24000\n2,5000, 36 months,{issued},Current,,,24000\n"
    raw.write_text(f"id,loan_amnt,term,issue_d,loan_status,last_pymnt_d,earliest_cr_line,annual_inc\n{body}")
    said = land_download(ctx, "lendingclub", [raw], None, None)["unreadable"]
    assert said == {"credit_history.earliest_credit_line": {"count": 1, "example": kept}}
    preprocess(ctx, DateRange(date(2013, 12, 1), date(2013, 12, 31)))
    lake = Lake(ctx.layout)
    found = lake.read(QUARANTINE).select("kind", "column", "rules", "raw").rows()
    ((kind, column, broken, text),) = found
    assert (kind, column, broken) == ("value", "earliest_credit_line", f"earliest_credit_line: {rule}")
    assert f'"earliest_credit_line":"{kept}"' in text
    ages = lake.read(FEATURE_STORE).select("loan_id", "credit_age_months")
    assert sorted(ages.rows()) == [("1", None), ("2", None)]
