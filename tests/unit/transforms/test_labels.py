from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.labels import Target, build_labels, history_needed, labels_as_of, window_closed_on
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS, first_set_aside, without_name

SETTINGS = LabelSettings()
BORN = date(2010, 1, 15)
CLOSED = date(2011, 2, 14)  # twelve months, then thirty days for late reports
FOREVER = DateRange(date(2009, 1, 1), date(2014, 12, 31))


def terms(term_months: int = 36, /, **born: date) -> pl.LazyFrame:
    days = list(born.values())
    return pl.LazyFrame(
        {"loan_id": list(born), "origination_date": days, "snapshot_date": days, "term_months": term_months},
        schema={"loan_id": pl.String, "origination_date": pl.Date, "snapshot_date": pl.Date, "term_months": pl.Int64},
    )


def event(loan: str, on: date, status: str = "DEFAULT", past_due: int = 90, seen: date | None = None) -> dict[str, Any]:
    return {
        "loan_id": loan,
        "event_date": on,
        "status": status,
        "days_past_due": past_due,
        "snapshot_date": seen or on,
    }


def performance(*events: dict[str, Any]) -> pl.LazyFrame:
    schema = {
        "loan_id": pl.String,
        "event_date": pl.Date,
        "status": pl.String,
        "days_past_due": pl.Int64,
        "snapshot_date": pl.Date,
    }
    return pl.LazyFrame(list(events), schema=schema)


def quarantine(*rows: tuple[str, date], **more: Any) -> pl.LazyFrame:
    """Rows of loan_performance that were set aside: loan and day."""
    found = [
        {
            "feed": "loan_performance",
            "snapshot_date": day,
            "rules": "status: unknown value",
            "kind": "row",
            "column": None,
            "loan_id": loan,
            **more,
        }
        for loan, day in rows
    ]
    return pl.LazyFrame(found, schema={name: QUARANTINE.schema[name] for name in QUARANTINE_COLUMNS})


def built(
    loans: pl.LazyFrame, events: pl.LazyFrame, broken: pl.LazyFrame, days: DateRange, settings: LabelSettings
) -> pl.DataFrame:
    tables = nw.from_native(loans), nw.from_native(events), nw.from_native(broken)
    return collect(build_labels(*tables, days, settings))


def learnable(labels: pl.LazyFrame, broken: pl.LazyFrame, day: date, target: Target) -> pl.DataFrame:
    return collect(labels_as_of(nw.from_native(labels), nw.from_native(broken), day, target))


@pytest.mark.parametrize(("days", "label"), [(1, 1), (8, 1), (9, 0)])
def test_a_default_of_a_book_of_short_loans_may_be_a_few_days_past_due(days: int, label: int) -> None:
    settings = LabelSettings(window_months=2, default_days=days, reporting_lag_days=5)
    late = performance(event("a", BORN + timedelta(days=38), "LATE", 8))
    found = built(terms(1, a=BORN), late, quarantine(), FOREVER, settings)
    assert found["label"].to_list() == [label]


def labels(
    loans: pl.LazyFrame,
    events: pl.LazyFrame,
    days: DateRange = FOREVER,
    settings: LabelSettings = SETTINGS,
    set_aside: pl.LazyFrame | None = None,
) -> list[tuple[str, int, date]]:
    broken = quarantine() if set_aside is None else set_aside
    frame = built(loans, events, broken, days, settings)
    assert dict(frame.schema) == LABEL_STORE.schema
    assert frame["known_on"].equals(frame["snapshot_date"].alias("known_on"))
    main = frame.filter(pl.col("definition") == settings.definition)
    return sorted(main.select("loan_id", "label", "known_on").rows(), key=lambda row: (row[0], row[2]))


def test_a_bad_is_known_on_the_day_its_default_becomes_visible() -> None:
    default = date(2010, 6, 1)
    assert labels(terms(a=BORN), performance(event("a", default))) == [("a", 1, default)]
    seen = date(2010, 6, 20)
    assert labels(terms(a=BORN), performance(event("a", default, seen=seen))) == [("a", 1, seen)]


@pytest.mark.parametrize(
    ("status", "past_due", "bad"),
    [
        ("LATE", 89, False),
        ("LATE", 90, True),
        ("CURRENT", 0, False),
        ("DEFAULT", 0, True),
        ("CHARGED_OFF", 150, True),
        ("FULLY_PAID", 0, False),
    ],
)
def test_a_default_is_ninety_days_past_due_or_default_or_charge_off(status: str, past_due: int, bad: bool) -> None:
    (found,) = labels(terms(a=BORN), performance(event("a", date(2010, 6, 1), status, past_due)))
    assert found[1] == int(bad)


def test_label_is_undetermined_before_the_window_has_matured() -> None:
    before = DateRange(date(2009, 1, 1), CLOSED - timedelta(days=1))
    assert labels(terms(a=BORN), performance(), before) == []
    assert labels(terms(a=BORN), performance(), DateRange(CLOSED, CLOSED)) == [("a", 0, CLOSED)]


def test_a_loan_paid_off_early_is_good_only_after_its_window_has_closed() -> None:
    paid = performance(event("a", date(2010, 3, 1), "FULLY_PAID", 0))
    assert labels(terms(a=BORN), paid) == [("a", 0, CLOSED)]


def test_a_default_after_the_window_leaves_a_good_loan() -> None:
    assert labels(terms(a=BORN), performance(event("a", date(2011, 1, 15)))) == [("a", 1, date(2011, 1, 15))]
    assert labels(terms(a=BORN), performance(event("a", date(2011, 1, 16)))) == [("a", 0, CLOSED)]


def test_a_default_reported_after_the_good_was_known_gives_a_second_row() -> None:
    late = performance(event("a", date(2010, 12, 1), seen=date(2011, 3, 1)))
    assert labels(terms(a=BORN), late) == [("a", 0, CLOSED), ("a", 1, date(2011, 3, 1))]


def test_a_default_reported_on_the_day_the_window_closes_leaves_one_bad_row() -> None:
    late = performance(event("a", date(2010, 12, 1), seen=CLOSED))
    assert labels(terms(a=BORN), late) == [("a", 1, CLOSED)]


def test_the_first_of_several_defaults_counts() -> None:
    events = [event("a", date(2010, month, 1), "LATE", 90) for month in (9, 6, 7)]
    assert labels(terms(a=BORN), performance(*events)) == [("a", 1, date(2010, 6, 1))]


def test_a_default_reported_a_year_after_the_window_closed_changes_nothing_for_a_day_or_a_span() -> None:
    seen = date(2012, 1, 16)
    late = performance(event("a", date(2010, 12, 1), seen=seen))
    assert labels(terms(a=BORN), late, DateRange(seen, seen)) == []
    assert labels(terms(a=BORN), late) == [("a", 0, CLOSED)]
    in_time = performance(event("a", date(2010, 12, 1), seen=date(2012, 1, 15)))
    assert labels(terms(a=BORN), in_time)[-1] == ("a", 1, date(2012, 1, 15))


@pytest.mark.parametrize(
    ("born", "last_day", "closed"),
    [
        (date(2012, 2, 29), date(2013, 2, 28), date(2013, 3, 30)),
        (date(2011, 2, 28), date(2012, 2, 28), date(2012, 3, 29)),
        (date(2010, 12, 31), date(2011, 12, 31), date(2012, 1, 30)),
    ],
)
def test_windows_end_on_the_same_day_or_the_last_of_a_shorter_month(born: date, last_day: date, closed: date) -> None:
    assert labels(terms(a=born), performance(event("a", last_day))) == [("a", 1, last_day)]
    after = performance(event("a", last_day + timedelta(days=1)))
    assert labels(terms(a=born), after) == [("a", 0, closed)]


def test_window_and_lag_are_those_of_the_settings_and_name_the_definition() -> None:
    short = LabelSettings(window_months=1, default_days=30, reporting_lag_days=0)
    frame = built(terms(a=date(2010, 1, 31)), performance(), quarantine(), FOREVER, short)
    frame = frame.filter(pl.col("definition") == "pd1")
    assert frame.select("definition", "known_on").rows() == [("pd1", date(2010, 2, 28))]
    thirty = performance(event("a", date(2010, 2, 20), "LATE", 30))
    assert labels(terms(a=date(2010, 1, 31)), thirty, settings=short) == [("a", 1, date(2010, 2, 20))]


def test_events_of_unknown_loans_give_no_label_and_no_loans_no_rows() -> None:
    assert labels(terms(), performance(event("ghost", BORN))) == []


def test_the_history_of_a_day_reaches_back_over_window_and_late_reports() -> None:
    day = date(2012, 2, 29)
    assert history_needed(DateRange(day, day), SETTINGS) == DateRange(date(2006, 2, 28), day)
    short = LabelSettings(lifetime_terms_months=())
    assert history_needed(DateRange(day, day), short) == DateRange(date(2010, 2, 28), day)
    days = DateRange(day, date(2012, 4, 30))  # of several days, over those of the first
    assert history_needed(days, short) == DateRange(date(2010, 2, 28), date(2012, 4, 30))


def test_a_day_alone_needs_only_its_history() -> None:
    born = {f"l{n}": BORN + timedelta(days=40 * n) for n in range(12)}
    events = [event(loan, day + timedelta(days=200), seen=day + timedelta(days=430)) for loan, day in born.items()]
    everything = labels(terms(**born), performance(*events))
    for _, _, known in everything:
        day = DateRange(known, known)
        history = history_needed(day, SETTINGS)
        inside = pl.col("snapshot_date").is_between(history.first, history.last)
        alone = labels(terms(**born).filter(inside), performance(*events).filter(inside), day)
        assert alone == [row for row in everything if row[2] == known]


def store(*rows: tuple[str, int, date, date]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [
            {
                "loan_id": loan,
                "definition": "pd12",
                "label": label,
                "origination_date": born,
                "known_on": known,
                "snapshot_date": known,
            }
            for loan, label, born, known in rows
        ],
        schema=LABEL_STORE.schema,
    )


def known_as_of(frame: pl.LazyFrame, day: date, set_aside: pl.LazyFrame | None = None) -> list[tuple[str, int]]:
    found = learnable(frame, quarantine() if set_aside is None else set_aside, day, SETTINGS)
    return sorted(found.select("loan_id", "label").rows())


def test_early_bads_are_not_learned_from_before_the_goods_of_their_cohort_are_known() -> None:
    frame = store(("bad", 1, BORN, date(2010, 6, 1)), ("good", 0, BORN, CLOSED))
    assert known_as_of(frame, CLOSED - timedelta(days=1)) == []
    assert known_as_of(frame, CLOSED) == [("bad", 1), ("good", 0)]


def test_of_a_loan_the_newest_label_known_by_then_counts() -> None:
    frame = store(("a", 1, BORN, date(2011, 3, 1)), ("a", 0, BORN, CLOSED))
    assert known_as_of(frame, date(2011, 2, 28)) == [("a", 0)]
    assert known_as_of(frame, date(2011, 3, 1)) == [("a", 1)]


def lifetime(term_months: int, *events: dict[str, Any]) -> list[tuple[str, int, date]]:
    """The lifetime labels of one loan of BORN with that term."""
    days = DateRange(BORN, date(2017, 12, 31))
    frame = built(terms(term_months, a=BORN), performance(*events), quarantine(), days, SETTINGS)
    frame = frame.filter(pl.col("definition") != "pd12")
    return frame.sort("definition").select("definition", "label", "known_on").rows()


def test_a_loan_has_the_lifetime_label_of_its_own_term_and_of_no_other() -> None:
    assert lifetime(36) == [("pd36", 0, date(2013, 2, 14))]
    assert lifetime(60) == [("pd60", 0, date(2015, 2, 14))]
    assert lifetime(48) == []
    default = date(2012, 6, 1)  # in the third year
    assert lifetime(36, event("a", default)) == [("pd36", 1, default)]
    assert labels(terms(a=BORN), performance(event("a", default))) == [("a", 0, CLOSED)]


def test_a_lifetime_as_long_as_the_window_is_no_second_definition() -> None:
    assert [t.definition for t in LabelSettings(window_months=36).targets] == ["pd36", "pd60"]
    assert [t.term_months for t in LabelSettings(lifetime_terms_months=()).targets] == [None]


def test_definitions_in_one_store_are_never_mixed() -> None:
    days = DateRange(BORN, date(2014, 12, 31))
    loans, events = terms(a=BORN), performance(event("a", date(2012, 6, 1)))
    both = built(loans, events, quarantine(), days, SETTINGS)
    assert both["definition"].n_unique() == 2
    pd12, pd36 = (learnable(both.lazy(), quarantine(), days.last, target) for target in SETTINGS.targets[:2])
    assert (pd12["label"].to_list(), pd36["label"].to_list()) == ([0], [1])


def test_labels_of_another_definition_are_left_out() -> None:
    other = store(("a", 1, BORN, CLOSED)).with_columns(pl.lit("pd6").alias("definition"))
    assert known_as_of(other, date(2012, 1, 1)) == []


def test_the_day_a_window_closes_is_twelve_months_and_thirty_days_on() -> None:
    loan = nw.from_native(pl.DataFrame({"origination_date": [BORN]}))
    assert loan.select(window_closed_on(nw.col("origination_date"), SETTINGS)).item() == CLOSED


def test_a_loan_of_which_an_event_is_in_quarantine_is_neither_good_nor_bad() -> None:
    broken = quarantine(("a", BORN), ("b", CLOSED))
    loans, default = terms(a=BORN, b=BORN, c=BORN), performance(event("a", date(2010, 6, 1)))
    assert labels(loans, default, set_aside=broken) == [("c", 0, CLOSED)]
    assert labels(loans, default) == [("a", 1, date(2010, 6, 1)), ("b", 0, CLOSED), ("c", 0, CLOSED)]


@pytest.mark.parametrize("term", [36, 60])
def test_an_event_in_quarantine_withholds_the_label_of_every_definition(term: int) -> None:
    days = DateRange(BORN, date(2017, 12, 31))
    frame = built(terms(term, a=BORN, b=BORN), performance(), quarantine(("a", date(2010, 3, 1))), days, SETTINGS)
    assert frame.group_by("loan_id").len().rows() == [("b", 2)]


def test_an_event_set_aside_later_never_takes_back_what_was_known_but_is_not_learned_from() -> None:
    default, broken_on = date(2010, 6, 1), date(2010, 9, 1)
    broken = quarantine(("a", broken_on))
    assert labels(terms(a=BORN), performance(event("a", default)), set_aside=broken) == [("a", 1, default)]
    frame = store(("a", 1, BORN, default), ("b", 1, BORN, default), ("c", 0, BORN, CLOSED))
    assert known_as_of(frame, CLOSED, broken) == [("b", 1), ("c", 0)]


def test_an_event_set_aside_after_the_window_closed_says_nothing_of_it() -> None:
    after = quarantine(("a", CLOSED + timedelta(days=1)))
    assert labels(terms(a=BORN), performance(), set_aside=after) == [("a", 0, CLOSED)]
    late = performance(event("a", date(2010, 12, 1), seen=date(2011, 3, 1)))
    assert labels(terms(a=BORN), late, set_aside=after) == [("a", 0, CLOSED), ("a", 1, date(2011, 3, 1))]


@pytest.mark.parametrize(
    ("more", "is_unknown"),
    [
        ({"rules": "row: duplicate"}, False),
        ({"rules": "row: wrong number of fields; row: duplicate"}, True),
        ({"feed": "financial"}, False),
        ({"kind": "value", "column": "amount_received"}, False),
        ({"kind": "value", "column": "status"}, True),
        ({"kind": None}, True),
        ({"loan_id": None}, False),
    ],
)
def test_only_what_may_have_told_the_outcome_makes_it_unknown(more: dict[str, Any], is_unknown: bool) -> None:
    found = labels(terms(a=BORN), performance(), set_aside=quarantine(("a", BORN), **more))
    assert found == ([] if is_unknown else [("a", 0, CLOSED)])


def test_an_event_whose_loan_id_lost_its_digits_is_of_no_loan() -> None:
    broken = nw.from_native(quarantine(("6.84E+07", BORN), rules="loan_id: became a number; status: missing"))
    assert collect(without_name(broken)).height == 1
    assert collect(first_set_aside(broken)).is_empty()
