"""Labels of any book equal those that are found loan by loan from the definition, and how much work they take."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.transforms.test_labels import event, performance, quarantine, terms

from p2pcredit.engines.local import collect
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings, LabelTarget
from p2pcredit.transforms.labels import build_labels, telling_events

SETTINGS = LabelSettings(window_months=2, reporting_lag_days=10, lifetime_terms_months=(3, 4))
START = date(2011, 12, 20)
DEFAULTS = ("DEFAULT", "CHARGED_OFF")
Term = tuple[str, date, int]
Row = tuple[str, str, int, date, date]
Hold = Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]

days_on = st.integers(0, 90).map(lambda n: START + timedelta(days=n))
ids = st.sampled_from("abc")
loans = st.lists(st.tuples(ids, days_on, st.sampled_from([3, 4, 5])), max_size=6)
events = st.lists(
    st.builds(
        lambda loan, on, status, late, lag, rebuilt: {
            **event(loan, on, status, late, on + timedelta(days=lag)),
            "rebuilt": rebuilt,
        },
        ids,
        st.integers(0, 250).map(lambda n: START + timedelta(days=n)),
        st.sampled_from(["CURRENT", "LATE", "FULLY_PAID", *DEFAULTS]),
        st.sampled_from([0, 30, 90]),
        st.integers(0, 500),
        st.sampled_from([True, False, None]),
    ),
    max_size=6,
)
broken = st.lists(st.tuples(ids, st.integers(0, 300).map(lambda n: START + timedelta(days=n))), max_size=2)
spans = st.tuples(st.integers(0, 700), st.integers(0, 200)).map(
    lambda pair: DateRange(START + timedelta(days=pair[0]), START + timedelta(days=sum(pair)))
)


def built(
    book: pl.LazyFrame,
    happened: pl.LazyFrame,
    days: DateRange,
    labels: LabelSettings,
    hold: Hold = lambda frame: frame,
    broken: pl.LazyFrame | None = None,
) -> Any:
    spoilt = quarantine() if broken is None else broken
    return build_labels(nw.from_native(book), nw.from_native(happened), nw.from_native(spoilt), days, labels, hold)


def months_on(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def seen_on(one: dict[str, Any], of_loan: list[dict[str, Any]]) -> date | None:
    """The day from which an event may be used; a rebuilt sign waits for the outcome that it was made from."""
    if not one["rebuilt"] or one["status"] in DEFAULTS:
        return one["snapshot_date"]
    outcomes = [other["snapshot_date"] for other in of_loan if other["status"] in (*DEFAULTS, "FULLY_PAID")]
    return max(one["snapshot_date"], min(outcomes)) if outcomes else None


def of_loan(target: LabelTarget, rows: list[Term], happened: list[dict[str, Any]], spoilt: list[date]) -> list[Row]:
    """The labels of one loan, whenever they become known."""
    loan, born = rows[0][0], min(row[1] for row in rows)
    if target.term_months is not None and (born, target.term_months) not in {row[1:] for row in rows}:
        return []
    end = months_on(born, target.window_months)
    closed = end + timedelta(days=target.reporting_lag_days)
    default = [one for one in happened if one["days_past_due"] >= target.default_days or one["status"] in DEFAULTS]
    seen = [seen_on(one, happened) for one in default if one["event_date"] <= end]
    bad_on = min((day for day in seen if day is not None), default=None)
    found = []
    if bad_on is not None and born >= months_on(bad_on, -target.window_months - 12):
        found.append((loan, target.definition, 1, born, bad_on))
    if bad_on is None or bad_on > closed:
        found.append((loan, target.definition, 0, born, closed))
    return [row for row in found if not any(day <= min(row[4], closed) for day in spoilt)]


def labelled(book: list[Term], happened: list[dict[str, Any]], spoilt: list[tuple[str, date]], days: DateRange) -> Any:
    schema = {"loan_id": pl.String, "origination_date": pl.Date, "term_months": pl.Int64}
    loans = pl.LazyFrame(book, schema=schema, orient="row")
    seen = performance(*happened) if not happened else pl.LazyFrame(happened, schema_overrides={"rebuilt": pl.Boolean})
    return built(loans, seen, days, SETTINGS, broken=quarantine(*spoilt))


@settings(max_examples=100, deadline=None)
@given(loans, events, broken, spans)
def test_labels_are_those_of_each_loan_by_itself(
    book: list[Term], happened: list[dict[str, Any]], spoilt: list[tuple[str, date]], days: DateRange
) -> None:
    expected = []
    for target in SETTINGS.targets:
        for loan in sorted({row[0] for row in book}):
            own = [one for one in happened if one["loan_id"] == loan]
            gone = [day for name, day in spoilt if name == loan]
            expected += of_loan(target, [row for row in book if row[0] == loan], own, gone)
    found = collect(labelled(book, happened, spoilt, days))
    rows = found.select("loan_id", "definition", "label", "origination_date", "known_on").rows()
    assert sorted(rows) == sorted(row for row in expected if row[4] in days)


def test_an_id_that_repeats_has_the_labels_of_its_first_loan_alone() -> None:
    first, again = date(2010, 1, 15), date(2011, 3, 1)
    days = DateRange(date(2010, 1, 1), date(2014, 12, 31))
    book = pl.concat([terms(36, a=first), terms(60, a=again)])
    made = collect(built(book, performance(), days, LabelSettings()))
    assert made.select("definition", "label", "origination_date").sort("definition").rows() == [
        ("pd12", 0, first),
        ("pd36", 0, first),
    ]


def test_one_pass_over_the_defaults_serves_every_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[str] = []
    grouped: list[tuple[Any, ...]] = []
    join, group_by = nw.LazyFrame.join, nw.LazyFrame.group_by

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        joined.append(kwargs["how"])
        return join(self, *args, **kwargs)

    def gathered(self: Any, *keys: Any, **kwargs: Any) -> Any:
        grouped.append(keys)
        return group_by(self, *keys, **kwargs)

    monkeypatch.setattr(nw.LazyFrame, "join", counted)
    monkeypatch.setattr(nw.LazyFrame, "group_by", gathered)
    counts = []
    for lifetimes in ((), (3,), (3, 4, 36, 60)):
        joined.clear()
        grouped.clear()
        labels = LabelSettings(lifetime_terms_months=lifetimes)
        built(terms(a=START), performance(), DateRange(START, START), labels)
        counts.append((len(joined), len(grouped)))
    assert counts == [counts[0]] * 3
    assert counts[0] <= (5, 4)


def test_only_loans_that_can_have_a_label_on_the_days_asked_for_are_gathered() -> None:
    born = {f"l{n}": START + timedelta(days=7 * n) for n in range(60)}
    day = DateRange(date(2012, 6, 1), date(2012, 6, 1))
    held: list[int] = []

    def hold(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        rows = collect(frame)
        held.append(rows.height)
        return nw.from_native(rows.lazy())

    built(terms(36, **born), performance(), day, LabelSettings(window_months=2, reporting_lag_days=10), hold)
    assert len(held) == 3
    assert held[0] == 0  # no default
    assert 0 < held[1] <= 2  # of sixty loans those made about two months and ten days before


def test_events_that_tell_nothing_are_left_out_before_anything_is_held() -> None:
    events = [
        event("a", START, status, late) for status in ("CURRENT", "LATE", "FULLY_PAID", "DEFAULT") for late in (0, 90)
    ]
    kept = collect(telling_events(nw.from_native(performance(*events)), SETTINGS))
    assert sorted(kept.select("status", "days_past_due").rows()) == [
        ("CURRENT", 90),
        ("DEFAULT", 0),
        ("DEFAULT", 90),
        ("FULLY_PAID", 0),
        ("FULLY_PAID", 90),
        ("LATE", 90),
    ]
