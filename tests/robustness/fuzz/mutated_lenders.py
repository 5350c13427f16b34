"""Land a lender's own file, sound and mutated, by a mapping, and find what moved without a word."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.robustness.fuzz.books.book import Book
from tests.robustness.fuzz.books.mutations import ALL, RUBBISH
from tests.robustness.fuzz.hearing import warnings_heard

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.features import FEATURE_STORE_KEYS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

FIRST, ISSUED_DAYS, READ_ON = date(2015, 1, 1), 40, date(2015, 6, 30)
TABLE = "loans"
MAPPING = """\
name: corner_lender
loan_id: id
origination_date: {column: issued, date: iso}
feeds:
  loan_terms: {loan_amount: amount, term: months, purpose: purpose}
  demographic: {home_ownership: home, state: region, employment_length: employed}
  financial: {annual_income: income, revolving_balance: balance, debt_to_income: dti}
  credit_history: {fico_low: bureau, fico_high: bureau, inquiries_6m_count: inquiries, earliest_credit_line: opened}
events:
  status: status
  "on": {column: since, date: iso}
  days_past_due: overdue
  read_on: 2015-06-30
  rules:
    paid: [{status: FULLY_PAID}]
    open: []
    late: past_due
    lost:
      - {status: DEFAULT, days_past_due: 90, after_days: -30}
      - {status: CHARGED_OFF, days_past_due: 120}
"""
KINDS = {
    "id": Kind.TEXT,
    "issued": Kind.DATE,
    "amount": Kind.NUMBER,
    "months": Kind.TERM,
    "purpose": Kind.CATEGORY,
    "home": Kind.CATEGORY,
    "region": Kind.CATEGORY,
    "employed": Kind.YEARS,
    "income": Kind.NUMBER,
    "balance": Kind.NUMBER,
    "dti": Kind.PERCENT,
    "bureau": Kind.NUMBER,
    "inquiries": Kind.COUNT,
    "opened": Kind.DATE,
    "status": Kind.TEXT,
    "since": Kind.DATE,
    "overdue": Kind.COUNT,
}
FEED_NAMES = {
    "issued": ("origination_date",),
    "amount": ("loan_amount",),
    "months": ("term",),
    "home": ("home_ownership",),
    "region": ("state",),
    "employed": ("employment_length",),
    "income": ("annual_income",),
    "balance": ("revolving_balance",),
    "dti": ("debt_to_income",),
    "bureau": ("fico_low", "fico_high"),
    "inquiries": ("inquiries_6m_count",),
    "opened": ("earliest_credit_line",),
    "overdue": ("days_past_due",),
}
"""Column of the lender -> the columns of the feeds that it gives."""
NO_FAULT_AT_FIRST = {
    *("levels never seen", "levels all new", "levels spelled anew", "half of a column blank"),
    *("a third of the rows", "ids of other loans", "numbers far out", "incomes of twelve years"),
    *("terms never lent for", "another term for all"),
}
"""Mutations that make another sound book, where nothing is known of the lender's earlier files."""
AMONG = tuple(name for name in ALL if name not in NO_FAULT_AT_FIRST)


def sound_file() -> Book:
    """Write sixty loans of a lender in a layout of its own; every status has its date or its days."""
    luck = Random("corner lender")
    rows = []
    for number in range(60):
        issued = FIRST + timedelta(days=luck.randrange(ISSUED_DAYS))
        status = luck.choice(["paid", "open", "open", "late", "lost"])
        since = issued + timedelta(days=luck.randrange(40, 130))
        rows.append(
            [
                str(7_000 + number),
                str(issued),
                str(luck.randrange(500, 20_000)),
                luck.choice(["12", "24"]),
                luck.choice(["car", "home", "other"]),
                luck.choice(["rent", "own"]),
                luck.choice(["north", "south"]),
                str(luck.randrange(1, 30)),
                str(luck.randrange(12_000, 90_000)),
                str(luck.randrange(0, 9_000)),
                f"{luck.uniform(1, 35):.1f}",
                str(luck.randrange(300, 850)),
                str(luck.randrange(6)),
                str(date(luck.randrange(1975, 2012), 5, 1)),
                status,
                str(since) if status in {"paid", "lost"} else "",
                str(luck.randrange(31, 140)) if status == "late" else "",
            ]
        )
    return Book({TABLE: (list(KINDS), rows)}, {TABLE: KINDS}, key="id")


@dataclass
class Landed:
    """What became of a lender's file: an error, features and labels by loan, and what was said."""

    error: str = ""
    features: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[tuple[str, str], int] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    rejected: int = 0
    told: str = ""


def run_lender(home: Path, book: Book) -> Landed:
    """Land and preprocess the file in a new home."""
    home.mkdir(parents=True)
    file, mapping = home / "loans.csv", home / "lender.yaml"
    header, rows = book.tables[TABLE]
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    file.write_text(text.getvalue(), encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    settings = Settings(labels=LabelSettings(window_months=3, reporting_lag_days=5, lifetime_terms_months=()))
    ctx = JobContext(Layout(home / "home"), settings, "fuzz", datetime(2015, 7, 1, tzinfo=UTC))
    found = Landed()
    said: list[Any] = []
    try:
        with warnings_heard() as heard:
            landed = land(ctx, str(mapping), [file], None, READ_ON)
            said.append(landed.get("reasons"))
            found.rejected = landed["rows_rejected"]
            done = preprocess(ctx, DateRange(date.fromisoformat(landed["first_date"]), READ_ON))
            said += [done.get("schema_drift"), [v for v in done["feeds"].values() if v.get("values_missing")]]
    except P2PCreditError as error:
        found.error = str(error)
        return found
    lake = Lake(ctx.layout)
    for row in lake.read(FEATURE_STORE).iter_rows(named=True):
        found.features[row["loan_id"]] = {k: v for k, v in row.items() if k not in FEATURE_STORE_KEYS}
    for row in lake.read(LABEL_STORE).sort("known_on").iter_rows(named=True):
        found.labels[(row["loan_id"], row["definition"])] = row["label"]
    found.records = {loan or "" for loan in lake.read(QUARANTINE)["loan_id"]}
    found.told = json.dumps([said, heard], default=str)
    return found


def silent(sound: Landed, mutated: Landed, book: Book) -> Iterable[str]:
    """List what moved without a word, or moved though nothing of it was touched."""
    if mutated.error:
        return
    named = bool(mutated.rejected) or book.is_named_in(mutated.told, FEED_NAMES)
    touched = book.touched
    for loan, before in sound.features.items():
        after = mutated.features.get(loan)
        own = [key for key in sound.labels if key[0] == loan]
        labels = [(key, mutated.labels.get(key)) for key in own if mutated.labels.get(key) != sound.labels[key]]
        if after == before and not labels:
            continue
        changed = sorted(k for k in before if after is None or after[k] != before[k])
        moved = labels or changed
        if book.blanked and after is not None and not labels and all(after[name] is None for name in changed):
            continue
        if after is not None and not labels and all(str(after[name]).lower() in RUBBISH for name in changed):
            continue  # any text is a level, and is carried as it stands
        if touched is not None and loan not in touched:
            yield f"{loan} was not touched and moved: {moved}"
        elif not (named or loan in mutated.records or "" in mutated.records):
            yield f"{loan} moved, and nothing was said: {moved}"
        wrong = [key for key, label in labels if label is not None]
        if wrong and not mutated.rejected:
            yield f"{loan} has another label than it had: {wrong}"


__all__ = ["AMONG", "FEED_NAMES", "Landed", "run_lender", "silent", "sound_file"]
