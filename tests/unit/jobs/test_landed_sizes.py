"""What a landing gathers of the sizes of numbers, part by part, and what it says of them, by hand-worked numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from p2pcredit.contracts.catalogue import FeatureCatalogue, declare, landed_name
from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS
from p2pcredit.jobs.landing.plausibility.sizes import LandedSizes, warn_of_signs, warn_of_sizes
from p2pcredit.monitoring.feeds.plausibility import Sizes
from p2pcredit.platforms.loan_book import ORIGINS_SCHEMA, REJECTED_SCHEMA, RawBook

INCOME, TERM, DEBTS = ("financial", "annual_income"), ("loan_terms", "term"), ("financial", "debt_to_income")
INQUIRIES = ("credit_history", "inquiries_6m_count")


def part(place: tuple[str, str], texts: Sequence[str | None]) -> RawBook:
    """A part of a book in which one column alone is filled."""
    feeds = {}
    for name, feed in FEEDS.items():
        columns = {c.source: texts if (name, c.source) == place else [None] * len(texts) for c in feed.columns}
        feeds[name] = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return RawBook(len(texts), feeds, pl.DataFrame(schema=REJECTED_SCHEMA), pl.DataFrame(schema=ORIGINS_SCHEMA))


def gathered(place: tuple[str, str], *parts: Sequence[str | None]) -> LandedSizes:
    found = LandedSizes()
    for texts in parts:
        found.look_at(part(place, texts))
    return found


def test_counts_of_a_column_add_up_over_parts_and_leave_out_what_is_no_number() -> None:
    """Incomes are plausible from 1,000 to 1,000,000."""
    found = gathered(INCOME, ["24000", "0", "999", None, "n.v."], ["1000001", "1000000", "1000", " ", "5"])
    assert found.sizes == {INCOME: Sizes(7, 6, 2, 1, None)}
    assert found.largest == {INCOME: 1_000_001.0}
    assert found.far == {INCOME: {999.0: 1, 1_000_001.0: 1}}


def test_one_value_throughout_is_kept_only_where_every_part_has_it() -> None:
    assert gathered(INCOME, ["5000", "5000"], ["5000"]).sizes[INCOME].one == 5_000.0
    assert gathered(INCOME, ["5000", "5000"], ["6000"]).sizes[INCOME].one is None
    assert gathered(INCOME, ["5000", "6000"], ["5000"]).sizes[INCOME].one is None


def test_percents_are_counted_as_shares_and_terms_with_their_words() -> None:
    assert gathered(DEBTS, ["12.5%", "0.4", "250"]).sizes[DEBTS] == Sizes(3, 3, 1, 1, None)
    assert gathered(DEBTS, ["0.995"]).sizes[DEBTS].below == 1
    assert gathered(DEBTS, ["1.005"]).sizes[DEBTS].below == 0
    assert gathered(INQUIRIES, ["3", "500"]).sizes[INQUIRIES].count == 2
    assert gathered(TERM, [" 36 months", "36", "3"]).sizes[TERM].count == 3


def test_a_column_in_another_unit_is_found_unless_it_is_right() -> None:
    found = gathered(DEBTS, [f"0.{n}" for n in range(10, 60)])
    assert {place: what for place, (what, _) in found.findings(1e-5, []).items()} == {DEBTS: "too_low"}
    assert found.findings(1e-5, ["financial.debt_to_income"]) == {}


def test_a_sign_is_far_or_of_nines_and_the_largest_and_comes_often_enough() -> None:
    sound = [str(20_000 + n) for n in range(150)]
    assert gathered(INCOME, [*sound, "9999999", "9999999"]).signs([]) == {}
    far = gathered(INCOME, [*sound, "9999999"], ["9999999", "9999999"])
    assert far.signs([]) == {INCOME: (9_999_999.0, 3, 153)}
    assert far.signs(["financial.annual_income"]) == {}
    assert gathered(INCOME, [*sound, *["99999"] * 3]).signs([]) == {INCOME: (99_999.0, 3, 153)}
    assert gathered(INCOME, [*sound, *["99999"] * 3, "100000"]).signs([]) == {}
    many = [str(20_000 + n) for n in range(400)]
    assert gathered(INCOME, [*many, *["9999999"] * 4]).signs([]) == {}
    assert gathered(INCOME, [*many[:390], *["9999999"] * 4]).signs([]) == {INCOME: (9_999_999.0, 4, 394)}


@pytest.mark.parametrize(
    ("what", "sizes", "beyond", "words"),
    [
        ("too_high", Sizes(50, 50, 3, 40, None), 40, "40 of 50 values lie above 1,000,000; another unit"),
        ("too_high", Sizes(50, 50, 0, 50, 2e6), 50, "50 of 50 values lie above 1,000,000; another unit"),
        ("too_low", Sizes(50, 50, 30, 4, None), 30, "30 of 50 values lie below 1,000 and above 0; another unit"),
        ("one_value", Sizes(50, 50, 0, 0, 7000.0), 50, "all 50 values are 7,000; is the column filled"),
    ],
)
def test_each_finding_is_told_with_its_count_and_the_raw_column(
    caplog: pytest.LogCaptureFixture, what: str, sizes: Sizes, beyond: int, words: str
) -> None:
    told = warn_of_sizes({INCOME: (what, sizes)}, {INCOME: "Pay"})  # type: ignore[dict-item]
    assert told == {"financial.annual_income": {"what": what, "values": 50, "beyond": beyond}}
    assert caplog.messages[0].startswith(f"Pay (financial.annual_income): {words}")
    assert caplog.messages[0].endswith("name 'financial.annual_income' in the setting preprocessing.own_sizes")
    warn_of_sizes({INCOME: (what, sizes)}, {})  # type: ignore[dict-item]
    assert caplog.messages[1].startswith("annual_income (financial.annual_income): ")


@pytest.mark.parametrize(
    ("value", "shown"), [(9_999_999.0, "above what is plausible"), (99_999.0, "the largest of all")]
)
def test_a_sign_is_told_with_what_is_odd_about_it(caplog: pytest.LogCaptureFixture, value: float, shown: str) -> None:
    told = warn_of_signs({INCOME: (value, 3, 153)}, {INCOME: "Pay"})
    assert told == {"financial.annual_income": {"what": "repeated", "values": 153, "beyond": 3}}
    assert f"Pay (financial.annual_income): 3 of 153 values are {value:,.0f}, {shown}; does it" in caplog.messages[0]


def test_own_numbers_are_counted_where_their_declaration_has_bounds() -> None:
    bounded = declare("tenure", "number", direction=0, reason="Tenure", basis="own", plausible=(0, 600))
    free = declare("shoe_size", "number", direction=0, reason="Shoes", basis="own")
    book = part(INCOME, ["24000", "25000"])
    texts = pl.DataFrame({landed_name(one): ["7", "700"] for one in (bounded, free)})
    own = replace(book, feeds={**book.feeds, OWN_COLUMNS.name: texts})
    found = LandedSizes(FeatureCatalogue((bounded, free)))
    found.look_at(own)
    assert set(found.sizes) == {INCOME, (OWN_COLUMNS.name, landed_name(bounded))}
    assert found.sizes[OWN_COLUMNS.name, landed_name(bounded)].above == 1
