"""Land a lender's loans with a servicing tape, sound and mutated, and find what became of loans without a word."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from tests.robustness.fuzz.books.book import Book, Mutation
from tests.robustness.fuzz.books.mutations import ALL
from tests.robustness.fuzz.hearing import warnings_heard

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import LOAN_PERFORMANCE
from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE, silver
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange, month_end
from p2pcredit.settings import LabelSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

LOANS, MONTHS, FIRST, AMOUNT = 40, 12, date(2015, 1, 10), 6_000
TABLE = "tape"
MAPPING = """\
name: tape_lender
files: "loans*.csv"
loan_id: id
origination_date: issued
feeds:
  loan_terms: {loan_amount: amount, term: months}
tape:
  files: "tape*.csv"
  loan_id: id
  day: month_end
  days_past_due: days_late
  balance: owed
  paid: received
  status: state
  statuses: {running: CURRENT, ended: FULLY_PAID, lost: CHARGED_OFF}
"""
KINDS = {
    "id": Kind.TEXT,
    "month_end": Kind.DATE,
    "days_late": Kind.COUNT,
    "owed": Kind.NUMBER,
    "received": Kind.NUMBER,
    "state": Kind.TEXT,
}
Row = list[str]


def sound_tape() -> Book:
    """Write a year of forty loans by month: most pay, every fifth is late and pays again, every eighth is lost."""
    rows = []
    for number in range(LOANS):
        made, owed, late = FIRST + timedelta(days=number % 15), float(AMOUNT), 0
        lost_from, late_in = (3 + number % 4, 0) if number % 8 == 0 else (99, 4 if number % 5 == 0 else 0)
        day = month_end(made)
        for month in range(1, MONTHS + 1):
            pays = month < lost_from and month != late_in
            late = 0 if pays else late + (month_end(day) - month_end(day - timedelta(days=31))).days
            paid = AMOUNT / (MONTHS - number % 3) if pays else 0.0
            owed = max(0.0, owed - paid)
            state = "ended" if owed < 1 else "lost" if late > 115 else "running"
            row = [f"L{number}", str(day), str(late), f"{owed:.2f}", f"{paid:.2f}", state]
            rows.append(row)
            if state == "ended" or late > 150:
                break
            day = month_end(day + timedelta(days=1))
    return Book({TABLE: (list(KINDS), rows)}, {TABLE: KINDS}, key="id")


def _rows(change: Callable[[list[str], list[Row], Random], Iterable[Row]]) -> Mutation:
    """Change one row in twenty, or so, by a function that is given the header, those rows and luck."""

    def mutate(book: Book, luck: Random) -> None:
        header, rows = book.tables[TABLE]
        for row in change(header, luck.sample(rows, max(1, len(rows) // 20)) if rows else [], luck):
            if book.touched is not None:
                book.touched.add(row[header.index(book.key)].strip())
        book.columns |= set(header)

    return mutate


def _set(column: str, new: Callable[[str, Random], str]) -> Mutation:
    def change(header: list[str], rows: list[Row], luck: Random) -> Iterable[Row]:
        for row in rows if column in header else ():
            at = header.index(column)
            row[at] = new(row[at], luck)
            yield row

    return _rows(change)


def _leave_out(book: Book, luck: Random) -> None:
    """Lose rows from the middle of loans, not their first and last, which no reader can miss."""
    header, rows = book.tables[TABLE]
    at = header.index(book.key)
    inner = [n for n in range(1, len(rows) - 1) if rows[n - 1][at] == rows[n][at] == rows[n + 1][at]]
    for number in sorted(luck.sample(inner, max(1, len(inner) // 20)) if inner else [], reverse=True):
        if book.touched is not None:
            book.touched.add(rows[number][at].strip())
        del rows[number]


def _hundredfold(text: str, luck: Random) -> str:
    try:
        return f"{100 * float(text):.2f}"
    except ValueError:
        return text


TAPES: dict[str, Mutation] = {
    "days of 999": _set("days_late", lambda text, luck: "999"),
    "days that jump": _set("days_late", lambda text, luck: luck.choice(["95", "180"]) if text == "0" else text),
    "days of text": _set("days_late", lambda text, luck: luck.choice(["x", "?", "n.v.", "-1"])),
    "balances of the wrong sign": _set("owed", lambda text, luck: f"-{text}" if text not in {"0.00", ""} else text),
    "some balances a hundredfold": _set("owed", _hundredfold),
    "states that no rule names": _set("state", lambda text, luck: luck.choice(["unknown", "zombie", "RUNNING?"])),
    "months in another form": _set("month_end", lambda text, luck: luck.choice(["31/01/2015", "2015-02", "soon"])),
    "days to come": _set("month_end", lambda text, luck: "2031-01-31"),
    "months that are lacking": _leave_out,
}
"""Faults of single rows of a tape, beside those of any table."""
ALL_OF_TAPES: dict[str, Mutation] = {**{name: ALL[name] for name in ALL}, **TAPES}


@dataclass
class Landed:
    """What became of the loans: an error, per loan its events and labels, who has a record, and what was said."""

    error: str = ""
    events: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    rejected: int = 0
    words: set[str] = field(default_factory=set)


def run_tape(home: Path, book: Book) -> Landed:
    """Land and preprocess the loans with a tape in a new home."""
    home.mkdir(parents=True)
    loans = [["id", "issued", "amount", "months"]]
    loans += [[f"L{n}", str(FIRST + timedelta(days=n % 15)), str(AMOUNT + n), str(MONTHS)] for n in range(LOANS)]
    header, rows = book.tables[TABLE]
    for name, table in (("loans", loans), ("tape", [header, *rows])):
        text = io.StringIO()
        csv.writer(text).writerows(table)
        (home / f"{name}.csv").write_text(text.getvalue(), encoding="utf-8")
    (home / "lender.yaml").write_text(MAPPING, encoding="utf-8")
    settings = Settings(labels=LabelSettings(window_months=6, reporting_lag_days=5, lifetime_terms_months=()))
    ctx = JobContext(Layout(home / "home"), settings, "fuzz", datetime(2016, 7, 1, tzinfo=UTC))
    found = Landed()
    try:
        with warnings_heard() as heard:
            landed = land(ctx, str(home / "lender.yaml"), [home / "loans.csv", home / "tape.csv"], None, None)
            found.rejected = landed["rows_rejected"]
            preprocess(ctx, DateRange(*(date.fromisoformat(landed[end]) for end in ("first_date", "last_date"))))
    except P2PCreditError as error:
        found.error = str(error)
        return found
    found.words = set(heard)
    lake = Lake(ctx.layout)
    events = lake.read(silver(LOAN_PERFORMANCE)).sort("loan_id", "event_date", "status")
    for loan, *told in events.select("loan_id", "event_date", "status", "principal_outstanding").iter_rows():
        found.events.setdefault(loan, []).append(tuple(told))
    for row in lake.read(LABEL_STORE).filter(definition="pd6").sort("known_on").iter_rows(named=True):
        found.labels[row["loan_id"]] = row["label"]
    found.records = {loan or "" for loan in lake.read(QUARANTINE)["loan_id"]}
    return found


def silent(sound: Landed, mutated: Landed, book: Book) -> Iterable[str]:
    """List the loans that moved without a word, moved though not touched, or are good or bad where they are not."""
    if mutated.error:
        return
    said = bool(mutated.words - sound.words) or bool(mutated.rejected)
    for loan, label in sound.labels.items():
        before, after = (sound.events.get(loan), label), (mutated.events.get(loan), mutated.labels.get(loan))
        if before == after or (book.blanked and _but_for_balances(before) == _but_for_balances(after)):
            continue
        if book.touched is not None and loan not in book.touched:
            yield f"{loan} was not touched and moved: {before} to {after}"
        elif not (said or loan in mutated.records):
            yield f"{loan} moved, and nothing was said: {before} to {after}"


def _but_for_balances(told: tuple[list[tuple[object, ...]] | None, int | None]) -> tuple[object, ...]:
    events, label = told
    return [event[:2] for event in events or ()], label


def turned(sound: Landed, mutated: Landed) -> list[str]:
    """List good loans that became bad ones."""
    return [loan for loan, label in sound.labels.items() if label == 0 and mutated.labels.get(loan) == 1]


__all__ = ["ALL_OF_TAPES", "TAPES", "Landed", "run_tape", "silent", "sound_tape", "turned"]
