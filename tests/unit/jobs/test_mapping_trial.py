"""What would become of a book is said before it lands, by the pipeline itself; a ruined one ends with why."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.landing.trial import _ruin, check_mapping
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout

MAPPING = """
name: lender
loan_id: Nr
origination_date: Start
feeds:
  loan_terms: {loan_amount: Amount, term: Months}
  demographic: {home_ownership: Home}
events:
  status: State
  "on": Since
  read_on: 2022-12-31
  rules:
    paid: [{status: FULLY_PAID}]
    lost: [{status: DEFAULT, days_past_due: 90}]
    open: []
"""
HEADER = "Nr,Start,Amount,Months,Home,State,Since"
LAST = "z,2021-06-25,500,12,RENT,paid,2022-12-20"
"""The last to be paid back: the book speaks of the days until then."""


def row(number: int, state: str = "paid", months: int = 12, start: str = "") -> str:
    day = date(2021, 1, 1) + timedelta(days=5 * number)
    since = "" if state == "open" else f"{day + timedelta(days=200)}"
    return f"{number},{start or day},500,{months},{'RENT' if number % 2 else ''},{state},{since}"


def checked(tmp_path: Path, *rows: str, mapping: str = MAPPING) -> Receipt:
    (tmp_path / "m.yaml").write_text(mapping)
    (tmp_path / "loans.csv").write_text("\n".join([HEADER, *rows, LAST, ""]))
    ctx = JobContext(Layout(tmp_path / "home"), Settings(), "cli", datetime(2023, 1, 1, tzinfo=UTC))
    return check_mapping(ctx, str(tmp_path / "m.yaml"), [tmp_path / "loans.csv"])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Receipt, Path]:
    directory = tmp_path_factory.mktemp("sound")
    rows = [row(number, "lost" if number % 4 == 0 else "paid") for number in range(36)]
    odd = ["x1,soon,500,12,,paid,2021-05-01", *(f"x{n},,500,12,,paid,2021-05-01" for n in range(4))]
    return checked(directory, *rows, *odd), directory


def test_a_sound_book_is_told_by_quarters_events_features_and_what_is_rejected(sound: tuple[Receipt, Path]) -> None:
    receipt, _ = sound
    ended = {"early_bads": 0, "unknown": 0, "matured_share": 1.0}
    assert (receipt["sound"], receipt["reason"]) == (True, None)
    assert receipt["quarters"] == {
        "2021-Q1": {"loans": 18, "matured": 18, "bads": 5, **ended},
        "2021-Q2": {"loans": 19, "matured": 19, "bads": 4, **ended},
    }
    assert receipt["events"] == {
        "DEFAULT": {"events": 9, "loans": 9},
        "FULLY_PAID": {"events": 28, "loans": 28},
    }
    assert receipt["features"]["home_ownership"] == {"2021-Q1": 0.5, "2021-Q2": 0.5263}
    assert "fico" in receipt["empty_features"]
    assert {reason: (one["count"], len(one["examples"])) for reason, one in receipt["rejected"].items()} == {
        "no Start": (4, 3),
        "unreadable Start": (1, 1),
    }
    assert any("terms run from 12 to 12 months" in line for line in receipt["settings"])


def test_a_trial_leaves_nothing_behind(sound: tuple[Receipt, Path]) -> None:
    _, directory = sound
    assert sorted(path.name for path in directory.iterdir()) == ["loans.csv", "m.yaml"]


def test_a_landing_that_would_be_refused_is_a_ruined_book_with_its_reason(tmp_path: Path) -> None:
    receipt = checked(tmp_path, *(row(number, start="31/12/2021") for number in range(5)))
    assert receipt["sound"] is False
    assert "5 of 6 records are rejected" in receipt["reason"]
    assert "date: '%d/%m/%Y'" in receipt["reason"]
    assert "rejected records are in" not in receipt["reason"]
    assert receipt["rejected"]["unreadable Start"]["count"] == 5


def test_a_book_without_a_default_is_a_ruined_one_and_settings_that_do_not_fit_its_terms_are_said(
    tmp_path: Path,
) -> None:
    receipt = checked(tmp_path, *(row(number, months=3) for number in range(8)))
    assert receipt["reason"] == "none of 9 matured loans is in default; see that a status or days past due say so"
    said = (
        "nearly all loans run 3 months or less, and labels.window_months is 12: a loan counts as good only 12 months "
        "after it began; with 6 one that is 90 days past due at its end is seen"
    )
    assert said in receipt["warnings"]


def test_a_few_long_loans_do_not_make_a_book_of_short_ones_long_and_a_third_does(tmp_path: Path) -> None:
    few = checked(tmp_path, *(row(number, months=48 if number == 1 else 2) for number in range(40)))
    assert any("with 5 one that is 90 days past due" in warning for warning in few["warnings"])
    many = checked(tmp_path, *(row(number, months=48 if number % 3 else 2) for number in range(40)))
    assert not any("labels.window_months" in warning for warning in many["warnings"])


@pytest.mark.parametrize(
    ("loans", "matured", "bads", "unknown", "says"),
    [
        (0, 0, 0, 0, "no loan lands"),
        (10, 8, 0, 6, "the outcome of 6 of 10 loans is unknown"),
        (10, 8, 8, 0, "all of 8 matured loans are in default"),
        (10, 8, 2, 1, None),
        (10, 0, 0, 0, None),
    ],
)
def test_a_book_is_ruined_where_nothing_can_be_learned_from_it(
    loans: int, matured: int, bads: int, unknown: int, says: str | None
) -> None:
    reason = _ruin({"2021-Q1": {"loans": loans, "matured": matured, "bads": bads}} if loans else {}, unknown)
    assert (reason is None) == (says is None)
    assert reason is None or says is None or says in reason


def test_the_commands_draft_a_mapping_and_say_by_their_exit_code_whether_a_book_is_sound(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING)
    loans = tmp_path / "loans.csv"
    loans.write_text("\n".join([HEADER, *(row(number) for number in range(8)), LAST, ""]))
    drafted = CliRunner().invoke(app, ["profile", "new", str(loans), "--out", str(tmp_path / "d.yaml"), "--json"])
    assert drafted.exit_code == 0, drafted.output
    assert json.loads(drafted.stdout)["mapping"] == (tmp_path / "d.yaml").read_text()
    again = CliRunner().invoke(app, ["profile", "new", str(loans), "--out", str(tmp_path / "d.yaml")])
    assert (again.exit_code, "exists; name another file" in again.stderr) == (2, True)
    done = CliRunner().invoke(
        app, ["profile", "check", str(tmp_path / "m.yaml"), str(loans), "--home", str(tmp_path / "h")]
    )
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("Error: none of 9 matured loans is in default")
    assert not (tmp_path / "h").exists()


def test_defaults_that_come_after_the_window_are_told_with_a_window_that_has_them(tmp_path: Path) -> None:
    rows = []
    for number in range(400):
        day = date(2016, 1, 1) + timedelta(days=number)
        bad = number % 4 == 0
        since = day + timedelta(days=900 if bad else 1000)
        rows.append(f"{number},{day},500,36,RENT,{'lost' if bad else 'paid'},{since}")
    receipt = checked(tmp_path, *rows)
    told = next(line for line in receipt["warnings"] if "labels.window_months = " in line)
    assert told == (
        "0 of 401 matured loans were in default within 12 months, and a first model needs 50 "
        "(training.min_matured_bads); 100 were within 60 months, half of them by month 30: "
        "with labels.window_months = 30 those count"
    )


def test_statuses_that_are_unknown_on_purpose_ruin_no_book(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row(number, "void" if number % 2 else "paid") for number in range(40)]
    named = MAPPING.replace("    open: []", "    open: []\n    void: unknown")
    told = checked(tmp_path, *rows, mapping=named)
    assert not any("cannot be read" in record.getMessage() for record in caplog.records)
    assert told["reason"] == "none of 21 matured loans is in default; see that a status or days past due say so"
    assert "the outcome of 20 of 41 loans is unknown; they get no label" in told["warnings"]
    unsaid = checked(tmp_path, *rows)
    assert "3 of 3 rows of feed 'loan_performance' of 2021-01-01 to 2021-01-31" in unsaid["reason"]
    assert any(
        "20 of 41 values of loan_performance.status cannot be read" in one.getMessage() for one in caplog.records
    )
