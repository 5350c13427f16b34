"""`p2pcredit vintages` and `p2pcredit rolls`, as their users start them."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.jobs.lendingclub_home import context, land_loans
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.jobs.known_days import landed_days
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout

FIRST, LAST = date(2020, 1, 15), date(2020, 9, 30)
EVENTS = {
    date(2020, 3, 20): ("a", "LATE", 30),
    date(2020, 4, 19): ("a", "LATE", 60),
    date(2020, 5, 2): ("a", "CURRENT", 0),
    date(2020, 8, 1): ("a", "FULLY_PAID", 0),
}
"""What became of loan a; loan b pays."""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of two loans of 15 January 2020, seen until September, whose delinquencies were reported as they came."""
    layout = Layout(tmp_path_factory.mktemp("aged") / "home")
    layout.home.mkdir()
    facts = {"loan_terms": ",loan_amount,term", "demographic": "", "financial": "", "credit_history": ""}
    for day in DateRange(FIRST, LAST):
        for feed, columns in facts.items():
            values = ",1000,12" if feed == "loan_terms" else ""
            rows = [f"{loan},{day}{values}" for loan in "ab"] if day == FIRST else []
            _write(layout, feed, day, [f"loan_id,origination_date{columns}", *rows])
        told = [f"{loan},{day},{status},{days}" for loan, status, days in [EVENTS[day]]] if day in EVENTS else []
        _write(layout, "loan_performance", day, ["loan_id,event_date,status,days_past_due", *told])
    preprocess(context(layout.home), DateRange(FIRST, LAST))
    return layout.home


def _write(layout: Layout, feed: str, day: date, lines: list[str]) -> None:
    path = layout.landing / feed / f"{feed}_{day:%Y_%m_%d}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_a_loan_that_paid_again_stays_ever_late_in_its_vintage(home: Path) -> None:
    done = run("vintages", "--json", "--home", str(home))
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["seen_until"], found["rebuilt"]) == ("2020-08-31", False)
    curves = {cell["measure"]: [point["share"] for point in cell["points"]] for cell in found["by_vintage"]}
    # On book for seven whole months by 31 August. 30 days past due in month 3, 60 in month 4, never 90.
    assert curves == {
        "ever_30": [0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5],
        "ever_60": [0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5],
        "ever_90": [0.0] * 7,
        "charged_off": [0.0] * 7,
    }
    assert "Vintage curves as of 2020-09-30" in Path(found["page"]).read_text()


def test_as_of_an_earlier_day_nothing_later_has_happened(home: Path) -> None:
    found = json.loads(run("vintages", "--json", "--as-of", "2020-04-30", "--home", str(home)).stdout)
    curves = {cell["measure"]: [point["share"] for point in cell["points"]] for cell in found["by_vintage"]}
    assert found["seen_until"] == "2020-03-31"
    assert (curves["ever_30"], curves["ever_60"]) == ([0.0, 0.0], [0.0, 0.0])


def test_moves_between_states_are_counted(home: Path) -> None:
    done = run("rolls", "--json", "--home", str(home))
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    moves = {(row["from"], row["to"]): row["count"] for row in found["cohorts"] if row["count"]}
    # At the ends of months until August: a is current, current, 30, 60, current three times, paid off; b is current.
    assert moves == {
        ("current", "current"): 3 + 7,
        ("current", "30"): 1,
        ("current", "paid_off"): 1,
        ("30", "60"): 1,
        ("60", "current"): 1,
    }
    assert [(cure["state"], cure["cured"]) for cure in found["cures"]] == [("30", 0), ("60", 1), ("90", 0)]
    assert "By durations" in Path(found["page"]).read_text()
    assert "cohorts" in run("rolls", "--home", str(home)).stdout


def test_a_book_whose_late_loans_are_known_from_their_end_has_no_roll_rates(tmp_path: Path) -> None:
    ctx = land_loans(tmp_path / "home")
    preprocess(ctx, landed_days(ctx.layout))
    done = run("rolls", "--home", str(ctx.layout.home))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: of 1 of 1 late loans the sign was rebuilt from a later status, ")
    assert done.stderr.count("\n") == 1
    found = json.loads(run("vintages", "--json", "--home", str(ctx.layout.home)).stdout)
    # Rebuilt signs are known with the default: the last day of which all are is 30 and 90 days before.
    assert (found["rebuilt"], found["seen_until"]) == (True, "2011-03-02")
    assert "lower bounds" in Path(found["page"]).read_text()
    assert "by_month_12" in run("vintages", "--home", str(ctx.layout.home)).stdout
