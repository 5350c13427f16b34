"""Mutate cells of a sound servicing tape: its events stay right, or what they say cannot pass for an outcome."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.robustness.fuzz.hearing import warnings_heard

from p2pcredit.contracts.feeds import PERFORMANCE_STATUSES
from p2pcredit.platforms.mapped.profile import load_mapping

MAPPING = """\
name: bureau
tape:
  files: "tape*.csv"
  loan_id: loan
  day: day
  days_past_due: late
  balance: owed
  status: state
  statuses: {active: CURRENT, closed: FULLY_PAID, lost: CHARGED_OFF}
loan_id: id
origination_date: made
feeds:
  loan_terms: {loan_amount: amount, term: months}
"""
LOANS = 12
HEADER = ["loan", "day", "late", "owed", "state"]
DAYS = [date(2020, month, 28) for month in range(1, 11)]
NO_DAYS = ("90+", "31-60", "-30", "30.5", "three", "1,20", "30 days", "1e2", "2.3.")
NO_STATES = ("frozen", "ACTIVE", "sold?", "1", "in court")
NO_DATES = ("2020-02-30", "28/02/2020", "soon", "")
Rows = list[list[str]]


def sound_tape() -> Rows:
    """Write ten months of a dozen loans: some pay, some end, some are late for good and of these some are lost."""
    luck, rows = Random("bureau"), []
    for loan in range(LOANS):
        from_month, late = luck.choice([99, 3, 5, 6]), 0
        end = luck.choice([8, 9, 99]) if from_month == 99 else 99
        is_written_off = luck.random() < 0.5
        for month, day in enumerate(DAYS):
            late = 30 * (month - from_month + 1) if month >= from_month else 0
            over, lost = month == end, late > 120 and is_written_off
            owed = 0 if over else 1_000 - 20 * min(month, from_month)
            state = "closed" if over else "lost" if lost else "active"
            rows.append([f"L{loan}", str(day), str(late), str(owed), state])
            if over or lost:
                break
    return rows


def mutate(rows: Rows, luck: Random) -> tuple[str, set[str], Rows]:
    """Spoil one to four cells of one column; return its name, the loans and the rows."""
    column, texts = luck.choice([("late", NO_DAYS), ("state", NO_STATES), ("day", NO_DATES)])
    spoilt, at = [list(row) for row in rows], HEADER.index(column)
    chosen = luck.sample(spoilt, luck.randint(1, 4))
    if luck.random() < 0.3:  # all rows of a loan that say that it is late: nothing else tells of its default
        loan = luck.choice(spoilt)[0]
        chosen = [row for row in spoilt if row[0] == loan and row[2] != "0"] or chosen
    for row in chosen:
        row[at] = luck.choice(texts)
    return column, {row[0] for row in chosen}, spoilt


def events(home: Path, rows: Rows) -> tuple[dict[str, list[tuple[Any, ...]]], int, list[str]]:
    """Read the tape; return the events by loan, the number of rejected rows, and what was said."""
    home.mkdir()
    loans = ["id,made,amount,months", *(f"L{loan},2020-01-02,1000,36" for loan in range(LOANS))]
    (home / "loans.csv").write_text("\n".join([*loans, ""]))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    (home / "tape.csv").write_text(text.getvalue())
    (home / "bureau.yaml").write_text(MAPPING)
    with warnings_heard() as heard:
        lender = load_mapping(home / "bureau.yaml", date(2021, 1, 1))
        book = lender.read([home / "loans.csv", home / "tape.csv"], None, None)
    found: dict[str, list[tuple[Any, ...]]] = {}
    for loan, *said in (
        book.feeds["loan_performance"].select("loan_id", "event_date", "status", "days_past_due").iter_rows()
    ):
        found.setdefault(loan, []).append(tuple(said))
    return found, book.rejected.height, heard


def is_sound(event: tuple[Any, ...]) -> bool:
    """Return whether silver takes an event; one that it sets aside leaves the outcome of its loan unknown."""
    day, status, late = event
    return status in PERFORMANCE_STATUSES and bool(day) and str(late or "").isdigit()


@pytest.mark.torture
def test_a_mutated_tape_gives_the_same_events_or_broken_ones(torture: Any, tmp_path: Path) -> None:
    tape = sound_tape()
    expected, rejected, said = events(tmp_path / "sound", tape)
    assert (rejected, said) == (0, [])
    assert all(is_sound(event) for of_loan in expected.values() for event in of_loan)
    assert {"CHARGED_OFF", "DEFAULT", "FULLY_PAID", "LATE"} <= {e[1] for of_loan in expected.values() for e in of_loan}
    found, outcomes = [], Counter[str]()
    times = torture.times(40, 1_000)
    for number in range(times):
        column, touched, rows = mutate(tape, Random(f"tape {number}"))
        read, rejected, said = events(tmp_path / str(number), rows)
        for loan, before in expected.items():
            after = read.get(loan, [])
            if after == before:
                outcomes["as before"] += 1
            elif loan not in touched:
                found.append(f"{number}, {column}: {loan} was not touched and moved: {after}")
            elif all(map(is_sound, after)) and not (rejected or said):
                found.append(f"{number}, {column}: {loan} moved and all its events are sound: {after}")
            else:
                outcomes["broken or rejected"] += 1
        for loan in touched & (read.keys() - expected.keys()):
            outcomes["broken or rejected"] += 1
            if all(map(is_sound, read[loan])):
                found.append(f"{number}, {column}: {loan} has events that no sound tape has: {read[loan]}")
    torture.record(
        "mutated cells of a servicing tape",
        times,
        len(found),
        f"{outcomes['broken or rejected']} loans with broken events or rejected rows, "
        f"{outcomes['as before']} as before",
    )
    assert not found, "\n".join([f"{len(found)} silent", *found[:20]])
    assert all(outcomes[outcome] for outcome in ("as before", "broken or rejected"))
