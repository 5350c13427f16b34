"""`p2pcredit disclose`, as its users start it."""

from __future__ import annotations

import csv
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.jobs.lendingclub_home import context
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import silver
from p2pcredit.jobs.preprocessing.completeness.day_receipts import write_receipts
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake

DAYS = DateRange(date(2019, 6, 1), date(2022, 3, 31))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose silver tables hold four loans of 2019 and 2020; two of them default in 2021."""
    ctx = context(tmp_path_factory.mktemp("law") / "home")
    terms, performance = silver(FEEDS["loan_terms"]), silver(FEEDS["loan_performance"])
    loans = [("1", date(2019, 6, 1), "A"), ("2", date(2019, 6, 1), "B"), ("3", date(2020, 7, 1), "A")]
    loans.append(("4", date(2021, 7, 1), "A"))
    events = [("1", date(2021, 5, 1), "DEFAULT", 90), ("4", date(2021, 12, 1), "DEFAULT", 95)]
    Lake(ctx.layout).replace(
        terms,
        _frame(
            terms,
            [
                {"loan_id": loan, "snapshot_date": on, "origination_date": on, "loan_amount": 1000.0}
                | {"term_months": 36, "platform_grade": grade}
                for loan, on, grade in loans
            ],
        ),
        DAYS,
    )
    Lake(ctx.layout).replace(
        performance,
        _frame(
            performance,
            [
                {"loan_id": loan, "snapshot_date": on, "event_date": on, "status": status, "days_past_due": days}
                for loan, on, status, days in events
            ],
        ),
        DAYS,
    )
    write_receipts(ctx, DAYS, {day: {} for day in DAYS})
    return ctx.layout.home


def _frame(table: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{"row_number": place, **row} for place, row in enumerate(rows)], schema=table.schema)


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["disclose", *arguments, "--home", str(home)], env=_plain())


def _plain() -> dict[str, str | None]:
    return {name: None for name in os.environ if name.startswith("P2P_")}


def test_the_statement_has_numerator_denominator_windows_and_sources(home: Path) -> None:
    done = run(home, "--year", "2021", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    # 2020: two loans, no default. 2021: three loans, one default; loan 4 was made inside the window.
    assert [(w["denominator"], w["numerator"]) for w in found["windows"]] == [(2, 0), (3, 1)]
    assert found["rate"] == pytest.approx((0 + 1 / 3) / 2)
    assert (found["history_months"], found["history_is_short"], found["loans"]) == (31, True, 4)
    by_grade = {
        row["category"]: (row["expected"], row["numerator"], row["denominator"])
        for row in found["by_category"]["platform"]
    }
    assert by_grade == {"A": (0.0, 1, 2), "B": (0.0, 0, 1)}
    assert any("Article 2(2)(a)" in one["source"] for one in found["assumptions"])
    page = Path(found["page"]).read_text()
    assert "It does not say that the firm complies with the law." in page
    assert "less than 36 months" in page
    assert "Its Article 3 was not read." in page  # what was not read is never cited as a source
    assert not [one for one in found["assumptions"] if "Article 3" in one["source"] and "not read" not in one["source"]]
    rows = list(csv.DictReader(Path(found["csv"]).read_text().splitlines()))
    assert [(row["scope"], row["from"], row["denominator"]) for row in rows][:2] == [
        ("all", "2020-01-01", "2"),
        ("all", "2021-01-01", "3"),
    ]


def test_what_was_not_known_on_the_day_is_not_counted(home: Path) -> None:
    early = json.loads(run(home, "--year", "2020", "--as-of", "2021-01-10", "--json").stdout)
    assert [(w["denominator"], w["numerator"]) for w in early["windows"]] == [(2, 0)]
    assert early["reported_late"] is True
    assert any("may still be reported" in one["text"] for one in early["assumptions"])


def test_the_uk_statement_says_whose_method_and_definition_it_uses(home: Path) -> None:
    found = json.loads(run(home, "--year", "2021", "--regime", "uk", "--default-days", "180", "--json").stdout)
    assert found["law"].startswith("FCA Handbook, COBS 18.12")
    assert found["default_days"] == 180
    assert any("to be held against COBS 18.12" in one["source"] for one in found["assumptions"])
    assert any("Of COBS 18.12 only the beginning was read" in one["text"] for one in found["assumptions"])
    page = Path(found["page"]).read_text()
    assert "not the rules on the outcomes statement" in page[page.index('id="texts"') :]


def test_a_target_rate_without_cash_flows_says_why_there_is_no_actual_return(home: Path) -> None:
    found = json.loads(run(home, "--year", "2021", "--target-rate", "0.05", "--json").stdout)
    assert found["actual_return"] is None
    assert "have no cash flow" in found["no_actual_return"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--year", "2022"), 1, "Error: 2022 is known until 2022-03-31 only; ask for an earlier year, or land more\n"),
        (
            ("--year", "2019"),
            1,
            "Error: the first loan is of 2019-06-01, so that no whole year lies before the end of 2019\n",
        ),
        (("--year", "2021", "--default-days", "0"), 2, "Error: 0 days past due make no default; give 1 to 365\n"),
    ],
)
def test_a_year_that_is_not_whole_is_refused(home: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run(home, *arguments)
    assert (done.exit_code, done.stderr) == (code, message)
