"""Flows of the schedule are those of a plain reading of it: stretch by stretch and instalment by instalment."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.periods import DateRange, add_months
from p2pcredit.transforms import payment_schedule
from p2pcredit.transforms.payment_schedule import FLOWS, scheduled_flows

FIRST, LAST = date(2015, 1, 1), date(2018, 12, 31)
KNOWN_AFTER = 90
SCHEMA = {
    "loan_id": pl.String(),
    "origination_date": pl.Date(),
    "disbursed": pl.Float64(),
    "interest_rate_share": pl.Float64(),
    "term_months": pl.Int64(),
    "default_on": pl.Date(),
    "default_event_on": pl.Date(),
    "default_days": pl.Int64(),
    "set_aside_on": pl.Date(),
    **{f"from_{name}": pl.Float64() for name in ("principal", "interest", "fees")},
    "from_on": pl.Date(),
    "from_status": pl.String(),
    **{f"until_{name}": pl.Float64() for name in ("principal", "interest", "fees")},
    "until_on": pl.Date(),
    "until_status": pl.String(),
    "until_last": pl.Date(),
    "until_days": pl.Int64(),
}
Row = dict[str, Any]
Key = tuple[date, str, date, str]
AMOUNTS = st.one_of(st.none(), st.integers(0, 150_000).map(lambda cents: cents / 100))
STATUSES = st.sampled_from(["CURRENT", "LATE", "FULLY_PAID", "CHARGED_OFF"])


@st.composite
def stretches(draw: st.DrawFn) -> Row:
    """Draw a stretch: from origination or an event on, to an event or without an end."""
    born = draw(st.dates(FIRST, date(2016, 6, 30)))
    row: Row = {
        "loan_id": draw(st.sampled_from("abcde")),
        "origination_date": born,
        "disbursed": draw(st.integers(100, 200_000)) / 100,
        "interest_rate_share": draw(st.sampled_from([0.0, 0.06, 0.2399])),
        "term_months": draw(st.integers(1, 30)),
        "set_aside_on": draw(st.one_of(st.none(), st.dates(born, LAST))),
    }
    since = born
    if draw(st.booleans()):
        since = draw(st.dates(born, date(2017, 6, 30)))
        said = {f"from_{name}": draw(AMOUNTS) for name in ("principal", "interest", "fees")}
        row |= {"from_on": since, "from_status": draw(STATUSES), **said}
    if draw(st.booleans()):
        on = draw(st.dates(since, LAST))
        said = {f"until_{name}": draw(AMOUNTS) for name in ("principal", "interest", "fees")}
        late = draw(st.integers(0, 150))
        row |= {"until_on": on, "until_status": draw(STATUSES), "until_days": late, **said}
        row |= {"until_last": draw(st.one_of(st.none(), st.dates(born, on)))}
    if draw(st.booleans()):
        seen = draw(st.dates(born, LAST))
        known = seen + timedelta(days=draw(st.integers(0, 200)))
        row |= {"default_event_on": seen, "default_days": draw(st.integers(90, 150)), "default_on": known}
    return {**dict.fromkeys(SCHEMA), **row}


def cents(amount: float | None) -> int:
    return int(np.rint((amount or 0.0) * 100.0))


def left(row: Row, after: int) -> float:
    rate, term = row["interest_rate_share"], row["term_months"]
    if not rate:
        return float(row["disbursed"] * (1.0 - after / term))
    growth = 1.0 + rate / 12.0
    return float(row["disbursed"] * (growth**term - growth**after) / (growth**term - 1.0))


def instalments(row: Row) -> list[tuple[date, dict[str, int]]]:
    """List due days after the event before, with what is due in cents."""
    due = [(month, add_months(row["origination_date"], month)) for month in range(1, row["term_months"] + 1)]
    later = [(month, day) for month, day in due if row["from_on"] is None or day > row["from_on"]]
    floor = cents(row["disbursed"]) - cents(row["from_principal"])
    start = cents(left(row, later[0][0] - 1)) if later else 0
    found = []
    for month, day in later:
        before = cents(left(row, month - 1))
        principal = before - cents(left(row, month))
        if row["from_on"] is not None:
            principal = min(principal, max(floor - (start - before), 0))
        interest = cents(left(row, month - 1) * row["interest_rate_share"] / 12.0)
        found.append((day, {"principal": principal, "interest": interest}))
    return found


def plainly(row: Row, days: DateRange) -> tuple[list[tuple[Key, int]], Counter[Key]]:
    """Read the docstring of `scheduled_flows` word by word: what is assumed of a stretch, and what its end settles."""
    runs, until, name = row["from_on"] is None or row["from_status"] == "CURRENT", row["until_on"], row["loan_id"]
    assumed: list[tuple[Key, int]] = []
    before: Counter[str] = Counter()
    others: list[tuple[date, dict[str, int]]] = []
    for due, parts in instalments(row) if runs else ():
        known = due + timedelta(days=KNOWN_AFTER)
        missed = row["default_on"] and row["default_event_on"] - timedelta(days=row["default_days"])
        defaulted = missed is not None and due >= missed and row["default_on"] <= known
        faulty = row["set_aside_on"] is not None and row["set_aside_on"] <= known
        if defaulted or faulty or (until is not None and until <= known):
            others.append((due, parts))
            continue
        before.update(parts)
        if known in days:
            assumed += [((known, name, due, kind), amount) for kind, amount in parts.items()]
    settled: Counter[Key] = Counter()
    if until is None or until not in days:
        return assumed, settled
    last, totals = max(row["until_last"] or until, row["origination_date"]), row["until_principal"] is not None
    bound = last if totals else until
    if not totals and row["until_status"] != "FULLY_PAID":
        bound = until - timedelta(days=row["until_days"] + 1)
    kinds = ("principal", "interest")
    told = {kind: row[f"until_{kind}"] is not None for kind in kinds}
    rest = {kind: cents(row[f"until_{kind}"]) - cents(row[f"from_{kind}"]) - before[kind] for kind in kinds}
    due_so_far, came = Counter[str](), Counter[str]()
    for due, parts in others:
        for kind, amount in parts.items() if due <= bound else ():
            paid = min(amount, max(rest[kind] - due_so_far[kind], 0)) if told[kind] else amount
            due_so_far[kind] += amount
            came[kind] += paid
            settled[until, name, due, kind] += paid
    if totals:
        for kind in kinds:
            settled[until, name, last, kind] += rest[kind] - came[kind] if told[kind] else 0
        settled[until, name, last, "fee"] += cents(row["until_fees"]) - cents(row["from_fees"])
    elif row["until_status"] == "FULLY_PAID" and runs:
        owed = cents(row["disbursed"]) - cents(row["from_principal"]) - before["principal"]
        settled[until, name, until, "principal"] += owed - came["principal"]
    return assumed, settled


@settings(max_examples=150)
@given(rows=st.lists(stretches(), max_size=6), first=st.dates(FIRST, LAST), length=st.integers(0, 1500))
def test_flows_are_those_of_a_plain_reading(rows: list[Row], first: date, length: int) -> None:
    days = DateRange(first, first + timedelta(days=length))
    found = scheduled_flows(pl.DataFrame(rows, schema=SCHEMA, orient="row"), days, KNOWN_AFTER)
    assert found.schema == pl.Schema(FLOWS)
    wanted: list[tuple[Key, int]] = []
    settled: Counter[Key] = Counter()
    for row in rows:
        assumed, of_end = plainly(row, days)
        wanted += assumed
        for key, amount in of_end.items():
            settled[key] += amount
    some = sorted((key, amount) for key, amount in [*wanted, *settled.items()] if amount)
    keys = list(found.select("snapshot_date", "loan_id", "paid_on", "kind").iter_rows())
    assert keys == [key for key, _ in some]  # in the order of the table
    given_cents = sorted(zip(keys, map(cents, found["amount"]), strict=True))
    assert max((abs(one - other) for (_, one), (_, other) in zip(given_cents, some, strict=True)), default=0) <= 1


def lives(loans: int) -> pl.DataFrame:
    """Draw loans of sixty months that were paid off after three, and are known to be."""
    born = FIRST
    row = {
        "origination_date": born,
        "disbursed": 1200.0,
        "interest_rate_share": 0.12,
        "term_months": 60,
        "until_on": add_months(born, 3),
        "until_status": "FULLY_PAID",
        "until_days": 0,
        "until_principal": 1200.0,
        "until_interest": 30.0,
        "until_fees": 0.0,
    }
    rows = [{**dict.fromkeys(SCHEMA), **row, "loan_id": f"{number:03}"} for number in range(loans)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_cuts_of_the_work_change_no_flow_and_no_more_instalments_are_made_than_may_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    amounts = payment_schedule._amounts

    def watched(column: Any, of: Any, month: Any) -> Any:
        made.append(month.size)
        return amounts(column, of, month)

    monkeypatch.setattr(payment_schedule, "_amounts", watched)
    rows = pl.concat([lives(50), lives(50).with_columns(pl.lit(date(2016, 1, 1)).alias("until_on"))])
    days = DateRange(FIRST, LAST)
    whole = scheduled_flows(rows, days, KNOWN_AFTER)
    assert sum(made) <= 50 * 4 + 50 * 13  # of 60 each
    assert len(made) == 1
    monkeypatch.setattr(payment_schedule, "STRETCHES_TOGETHER", 7)
    assert scheduled_flows(rows, days, KNOWN_AFTER).equals(whole)
    assert len(made) > 10


def test_more_loans_and_days_than_whole_numbers_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_schedule, "_MOST_BITS", 20)
    with pytest.raises(OverflowError, match="2 loans on 1461 days are too many"):
        scheduled_flows(lives(2), DateRange(FIRST, LAST), KNOWN_AFTER)
