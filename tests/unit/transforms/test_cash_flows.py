"""Cash flows by hand: a loan of 1,200 at 12% a year over three months, issued on 31 January 2020.

A month bears 1%. The annuity is 1200 * 0.01 / (1 - 1.01 ** -3) = 408.0265, so that 803.97, 403.99 and 0 are left after
each month: principal 396.03, 399.98, 403.99 and interest 12.00, 8.04, 4.04, due on 29 February, 31 March, 30 April.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, LOAN_TERMS
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.cash_flows import disbursements, loans_made, reported_flows, stretches
from p2pcredit.transforms.payment_schedule import scheduled_flows

BORN = date(2020, 1, 31)
DUE = (date(2020, 2, 29), date(2020, 3, 31), date(2020, 4, 30))
KNOWN = tuple(day + timedelta(days=90) for day in DUE)
ALL = DateRange(date(2019, 1, 1), date(2022, 12, 31))
Flow = tuple[date, date, str, float]


def loan(**more: Any) -> dict[str, Any]:
    return {
        "loan_id": "a",
        "snapshot_date": BORN,
        "origination_date": BORN,
        "loan_amount": 1200.0,
        "term_months": 3,
        "interest_rate_share": 0.12,
        "payments": "SCHEDULED",
        **more,
    }


def event(on: date, status: str, past_due: int = 0, **more: Any) -> dict[str, Any]:
    days = {"snapshot_date": on, "event_date": on, "row_number": on.toordinal()}
    return {"loan_id": "a", "status": status, "days_past_due": past_due, **days, **more}


def totals(principal: float, interest: float, fees: float = 0.0, last: date | None = None) -> dict[str, Any]:
    said = {"principal_received": principal, "interest_received": interest, "fees_received": fees}
    return {**said, "totals_to_date": True, "last_payment_date": last}


def frame(table: Any, *rows: dict[str, Any]) -> nw.LazyFrame[Any]:
    return nw.from_native(pl.DataFrame(list(rows), schema=table.schema, orient="row").lazy())


def flows(
    loans: list[dict[str, Any]],
    events: list[dict[str, Any]],
    days: DateRange = ALL,
    set_aside: date | None = None,
) -> list[Flow]:
    terms, performance = frame(silver(LOAN_TERMS), *loans), frame(silver(LOAN_PERFORMANCE), *events)
    broken = [{"feed": "loan_performance", "snapshot_date": set_aside, "rules": "status: x", "loan_id": "a"}]
    quarantine = frame(QUARANTINE, *(broken if set_aside else []))
    made = loans_made(terms, days.last)
    lives = collect(stretches(made, performance, quarantine, days, LabelSettings()))
    parts = [scheduled_flows(lives, days, 90)]
    parts += [collect(part) for part in (disbursements(made, days), *reported_flows(made, performance, days))]
    found = pl.concat([part.select("snapshot_date", "paid_on", "kind", "amount") for part in parts])
    return sorted((known, on, kind, round(amount, 2)) for known, on, kind, amount in found.iter_rows())


OUT: Flow = (BORN, BORN, "disbursed", -1200.0)


def test_a_loan_without_an_event_pays_as_its_schedule_says_each_instalment_known_ninety_days_later() -> None:
    assert flows([loan()], []) == [
        OUT,
        (KNOWN[0], DUE[0], "interest", 12.00),
        (KNOWN[0], DUE[0], "principal", 396.03),
        (KNOWN[1], DUE[1], "interest", 8.04),
        (KNOWN[1], DUE[1], "principal", 399.98),
        (KNOWN[2], DUE[2], "interest", 4.04),
        (KNOWN[2], DUE[2], "principal", 403.99),
    ]


def test_nothing_is_assumed_of_an_instalment_before_it_is_known() -> None:
    assert flows([loan()], [], DateRange(BORN, KNOWN[0] - timedelta(days=1))) == [OUT]
    assert len(flows([loan()], [], DateRange(BORN, KNOWN[0]))) == 3


def test_a_loan_without_interest_pays_equal_parts() -> None:
    found = flows([loan(interest_rate_share=0.0, loan_amount=100.0)], [])
    assert [amount for *_, kind, amount in found if kind == "principal"] == [33.33, 33.34, 33.33]
    assert not [kind for *_, kind, _ in found if kind == "interest"]


def test_the_rest_of_the_totals_comes_on_the_day_of_the_last_payment() -> None:
    paid = event(DUE[1], "FULLY_PAID", **totals(1200.0, 21.5, 3.0, DUE[1]))
    assert flows([loan()], [paid]) == [
        OUT,
        (DUE[1], DUE[0], "interest", 12.00),
        (DUE[1], DUE[0], "principal", 396.03),
        (DUE[1], DUE[1], "fee", 3.0),
        (DUE[1], DUE[1], "interest", 9.50),
        (DUE[1], DUE[1], "principal", 803.97),
    ]


def test_totals_below_the_schedule_are_paid_first_and_nothing_is_left_for_the_last_day() -> None:
    late = event(date(2020, 4, 10), "FULLY_PAID", **totals(500.0, 5.0, last=date(2020, 4, 10)))
    seen = date(2020, 4, 10)
    assert flows([loan()], [late]) == [
        OUT,
        (seen, DUE[0], "interest", 5.0),
        (seen, DUE[0], "principal", 396.03),
        (seen, DUE[1], "principal", 103.97),
    ]


def test_what_was_assumed_too_much_is_taken_back_when_totals_come() -> None:
    # 90 days past due on 29 June: the instalment of 31 March was the first one missed.
    default = event(date(2020, 6, 29), "DEFAULT", 90)
    lost = event(date(2020, 7, 29), "CHARGED_OFF", 120, **totals(396.03, 12.0, last=DUE[0]))
    found = flows([loan()], [default, lost])
    assert found == [OUT, (KNOWN[0], DUE[0], "interest", 12.0), (KNOWN[0], DUE[0], "principal", 396.03)]
    fewer = event(date(2020, 7, 29), "CHARGED_OFF", 120, **totals(300.0, 10.0, last=date(2020, 2, 20)))
    assert flows([loan()], [default, fewer])[3:] == [
        (date(2020, 7, 29), date(2020, 2, 20), "interest", -2.0),
        (date(2020, 7, 29), date(2020, 2, 20), "principal", -96.03),
    ]


def test_an_instalment_assumed_before_the_default_was_reported_is_taken_back() -> None:
    lost = event(date(2020, 7, 29), "CHARGED_OFF", 120, **totals(396.03, 12.0, last=DUE[0]))
    found = flows([loan()], [lost])
    assert found[3:] == [
        (KNOWN[1], DUE[1], "interest", 8.04),
        (KNOWN[1], DUE[1], "principal", 399.98),
        (lost["snapshot_date"], DUE[0], "interest", -8.04),
        (lost["snapshot_date"], DUE[0], "principal", -399.98),
    ]


def test_a_recovery_is_a_flow_of_its_own_day_and_ends_nothing() -> None:
    default = event(date(2020, 6, 29), "DEFAULT", 90)
    lost = event(date(2020, 7, 29), "CHARGED_OFF", 120, **totals(396.03, 12.0, last=DUE[0]))
    recovered = event(date(2021, 1, 25), "CHARGED_OFF", 300, recovery_received=80.0)
    on = date(2021, 1, 25)
    assert flows([loan()], [default, lost, recovered])[-1] == (on, on, "recovery", 80.0)
    assert len(flows([loan()], [default, lost, recovered])) == 4


def test_without_totals_a_loan_paid_off_pays_what_is_left_and_a_lost_one_what_was_due_before() -> None:
    assert flows([loan()], [event(DUE[1], "FULLY_PAID")])[1:] == [
        (DUE[1], DUE[0], "interest", 12.00),
        (DUE[1], DUE[0], "principal", 396.03),
        (DUE[1], DUE[1], "interest", 8.04),
        (DUE[1], DUE[1], "principal", 803.97),
    ]
    lost = [event(date(2020, 6, 29), "DEFAULT", 90), event(date(2020, 8, 28), "CHARGED_OFF", 150)]
    assert [(kind, amount) for *_, kind, amount in flows([loan()], lost)[1:]] == [
        ("interest", 12.0),
        ("principal", 396.03),
    ]


def test_a_loan_goes_on_after_totals_that_say_that_it_is_current() -> None:
    current = event(date(2020, 3, 5), "CURRENT", **totals(380.0, 12.0, last=DUE[0]))
    found = flows([loan()], [current])
    assert [(kind, amount) for *_, kind, amount in found[1:]] == [
        ("interest", 12.0),
        ("principal", 380.0),
        ("interest", 8.04),
        ("principal", 399.98),
        ("interest", 4.04),
        ("principal", 403.99),
    ]
    paid = event(date(2020, 5, 2), "FULLY_PAID", **totals(1200.0, 25.0, last=date(2020, 5, 2)))
    both = flows([loan()], [current, paid])
    assert round(sum(amount for *_, kind, amount in both if kind == "principal"), 2) == 1200.0
    assert round(sum(amount for *_, kind, amount in both if kind == "interest"), 2) == 25.0


def test_nothing_is_assumed_from_the_day_on_which_an_event_was_set_aside() -> None:
    assert len(flows([loan()], [], set_aside=KNOWN[1])) == 3
    assert flows([loan()], [], set_aside=BORN) == [OUT]


def test_reported_payments_are_the_flows_and_no_schedule_is_assumed() -> None:
    told = event(DUE[0], "CURRENT", principal_received=390.0, interest_received=12.0, amount_received=402.0)
    whole, after = (
        event(DUE[1], "CURRENT", amount_received=50.0),
        event(DUE[2], "CHARGED_OFF", 120, amount_received=9.0),
    )
    for payments in ("REPORTED", None):
        assert flows([loan(payments=payments)], [told, whole, after]) == [
            OUT,
            (DUE[0], DUE[0], "interest", 12.0),
            (DUE[0], DUE[0], "principal", 390.0),
            (DUE[1], DUE[1], "received", 50.0),
            (DUE[2], DUE[2], "recovery", 9.0),
        ]


def test_what_was_paid_out_is_the_flow_and_a_loan_that_landed_twice_is_paid_out_once() -> None:
    again = {**loan(), "snapshot_date": DUE[2], "origination_date": DUE[2]}
    assert flows([loan(amount_disbursed=1000.0), again], [])[0] == (BORN, BORN, "disbursed", -1000.0)
    assert [kind for *_, kind, _ in flows([loan(), again], [])].count("disbursed") == 1


@settings(max_examples=40)
@example(principal=0.01, interest=0.0, ends=1, paid=0, status=("CURRENT", 0), cut=150)
@given(
    principal=st.decimals(0, 1200, places=2).map(float),
    interest=st.decimals(0, 40, places=2).map(float),
    ends=st.integers(1, 500),
    paid=st.integers(0, 500),
    status=st.sampled_from([("FULLY_PAID", 0), ("CHARGED_OFF", 150), ("CURRENT", 0), ("LATE", 45)]),
    cut=st.integers(0, 700),
)
def test_flows_add_up_to_the_totals_and_later_days_never_change_earlier_ones(
    principal: float, interest: float, ends: int, paid: int, status: tuple[str, int], cut: int
) -> None:
    last = BORN + timedelta(days=min(paid, ends))
    ending = event(BORN + timedelta(days=ends), *status, **totals(principal, interest, last=last))
    whole = flows([loan()], [ending])
    by_then = [flow for flow in whole if flow[0] <= ending["snapshot_date"]]
    for kind, total in (("principal", principal), ("interest", interest)):
        assert sum(amount for *_, of, amount in by_then if of == kind) == pytest.approx(total, abs=0.001)
    day = BORN + timedelta(days=cut)
    known = [ending] if ending["snapshot_date"] <= day else []
    first = flows([loan()], known, DateRange(ALL.first, day))
    rest = flows([loan()], [ending], DateRange(day + timedelta(days=1), ALL.last))
    assert sorted([*first, *rest]) == whole
