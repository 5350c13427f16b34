"""`p2pcredit returns`, as its users start it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.jobs.lendingclub_home import context, land_loans
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import CASH_FLOWS, silver
from p2pcredit.jobs.known_days import landed_days
from p2pcredit.jobs.preprocessing.cash_flows import build_cash_flows
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.storage.tables.lake import Lake


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("P2P_")]:
        monkeypatch.delenv(name)
    ctx = land_loans(tmp_path / "home")
    (ctx.layout.home / "p2pcredit.toml").write_text("[preprocessing]\nmax_quarantined_share = 1.0\n")
    preprocess(ctx, landed_days(ctx.layout))
    return ctx.layout.home


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["returns", *arguments, "--home", str(home)])


def test_returns_are_those_of_the_totals_with_a_page_beside(home: Path) -> None:
    done = run(home, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    total = found["total"]
    # The file speaks until 30 June 2011; what was rebuilt is whole 90 days before. Loan 2 missed May 2010, was charged
    # off 150 days later and recovered 180 days after that: in April 2011, after the valuation.
    assert (found["as_of"], found["valued_on"], found["loans"]) == ("2011-06-30", "2011-04-01", 3)
    assert (total["invested"], total["lost"], total["recoveries"]) == (3400.0, 1115.6, 0.0)
    assert total["rebuilt_share"] == pytest.approx(1.0)
    assert [cell["term_months"] for cell in found["by_term"]] == [36]
    assert not total["mature"]
    page = Path(found["page"]).read_text()
    assert "Returns of the book as of 2011-06-30" in page
    assert "Rebuilt: 100.0% of what was received" in page


def test_as_of_an_earlier_day_nothing_later_is_known(home: Path) -> None:
    early = json.loads(run(home, "--json", "--as-of", "2010-06-30").stdout)
    assert early["total"]["lost"] == 0.0
    assert early["total"]["recoveries"] == 0.0


def test_for_a_person_it_is_a_table(home: Path) -> None:
    said = run(home, "--vintage", "year").stdout
    assert "by_vintage" in said
    assert "immature" in said


def test_a_day_outside_is_refused_in_one_line(home: Path) -> None:
    done = run(home, "--as-of", "2031-01-01")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: 2031-01-01 lies outside what is known; ")
    assert done.stderr.count("\n") == 1


def test_a_home_without_cash_flows_says_which_command_makes_them(home: Path) -> None:
    ctx = context(home)
    days = landed_days(ctx.layout)
    Lake(ctx.layout).replace(CASH_FLOWS, pl.DataFrame(schema=CASH_FLOWS.schema), days)
    done = run(home)
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: 3 of 3 loans have no cash flow, such as those that an earlier version preprocessed; run "
        "'p2pcredit preprocess --from 2010-01-01 --to 2011-06-30'\n"
    )


def test_a_book_whose_payments_were_never_reported_is_refused(home: Path) -> None:
    ctx = context(home)
    days, terms = landed_days(ctx.layout), silver(FEEDS["loan_terms"])
    before = Lake(ctx.layout).read(terms)
    events = silver(FEEDS["loan_performance"])
    told = Lake(ctx.layout).read(events)
    payments = [name for name in told.columns if name.endswith("_received")]
    bare = told.with_columns(pl.lit(None).alias(name) for name in (*payments, "totals_to_date"))
    Lake(ctx.layout).replace(terms, before.with_columns(pl.lit(None).alias("payments")), days)
    Lake(ctx.layout).replace(events, bare, days)
    build_cash_flows(ctx, days)
    done = run(home)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: 1 of 1 loans paid off gave back less than was lent, so that payments are ")
