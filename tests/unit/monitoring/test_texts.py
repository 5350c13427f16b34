"""Which categories hold other texts than in the days before: by hand-made days, and as laws."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.monitoring.feeds import texts as texts_of_feeds
from p2pcredit.monitoring.feeds.findings import Finding
from p2pcredit.monitoring.feeds.shapes import FeedDay
from p2pcredit.monitoring.feeds.texts import MOST_TEXTS, UsualTexts, compare_texts, kept_texts, worded
from p2pcredit.settings import PreprocessingSettings

DAY = date(2020, 3, 2)
CHANCE = PreprocessingSettings().level_shift_chance
HOMES = ["RENT"] * 5 + ["MORTGAGE"] * 4 + ["OWN"]
NEW = {"RENT": "RENT/LEASE", "MORTGAGE": "MORTGAGED", "OWN": "OWNED"}


def shape(texts: Sequence[str], column: str = "home_ownership") -> FeedDay:
    """A day of `demographic` with these texts."""
    return FeedDay(len(texts), {column: len(texts)}, texts={column: kept_texts(Counter(texts))})


def found(
    today: Sequence[str], *before: Sequence[str], accepted: date | None = None, column: str = "home_ownership"
) -> list[Finding]:
    """What was found of a day's texts."""
    first = DAY - timedelta(days=len(before))
    usual = UsualTexts(28, ((first + timedelta(days=n), shape(texts, column)) for n, texts in enumerate(before)))
    since = {} if accepted is None else {column: accepted}
    return compare_texts("demographic", DAY, shape(today, column), usual, CHANCE, since)


def test_texts_that_all_changed_are_named_with_the_usual_ones() -> None:
    (finding,) = found([NEW[home] for home in HOMES], *[HOMES] * 10)
    assert (finding.what, finding.today, finding.usual) == ("new_texts", 1.0, 0.0)
    assert finding.sentence == (
        "feed 'demographic' has texts in column 'home_ownership' in 100% of rows that it did not have before, such as "
        "'RENT/LEASE', 'MORTGAGED' (usually 'RENT', 'MORTGAGE', 'OWN'); spelled anew?"
    )  # OWNED is of one row alone
    assert finding.as_json()["texts"] == ["RENT/LEASE", "MORTGAGED"]
    assert finding.as_json()["usual_texts"] == ["RENT", "MORTGAGE", "OWN"]


@pytest.mark.parametrize("codes", [["1", "2", "3"], ["rent", "mortgage", "own"], ["?"]])
def test_codes_in_place_of_words_are_found(codes: list[str]) -> None:
    assert [f.what for f in found([codes[n % len(codes)] for n in range(10)], *[HOMES] * 10)] == ["new_texts"]


def test_a_part_of_the_rows_is_enough_where_there_are_many() -> None:
    mixed = ["RENT/LEASE"] * 6 + HOMES * 2
    (finding,) = found(mixed, *[HOMES] * 28)
    assert (finding.today, finding.texts) == (6 / 26, ("RENT/LEASE",))
    assert found(["RENT/LEASE", *HOMES], *[HOMES] * 28) == []  # one row in eleven may be news


def test_a_text_of_a_single_row_is_never_shown() -> None:
    (finding,) = found([f"Jane Doe {n}" for n in range(10)], *[HOMES] * 10)
    assert (finding.today, finding.texts) == (1.0, ())
    assert "Jane" not in finding.sentence + str(finding.as_json())


def test_a_long_text_is_cut_where_it_is_shown() -> None:
    (finding,) = found(["A" * 30] * 5 + ["B" * 31] * 5, *[HOMES] * 10)
    assert f"such as '{'A' * 30}', '{'B' * 27}...' (usually" in finding.sentence


def test_the_days_after_the_first_are_found_too_and_few_rows_a_day_add_up() -> None:
    changed = [NEW[home] for home in HOMES]
    assert found(changed, *[HOMES] * 10, changed)
    assert found(HOMES, *[HOMES] * 10, changed) == []
    two_a_day = [["RENT", "OWN"], ["MORTGAGE", "RENT"]] * 8
    assert found(["RENTED", "OWNED"], *two_a_day) == []
    assert found(["RENTED", "OWNED"], *two_a_day, ["RENTED", "LOAN"], ["OWNED", "RENTED"])


def test_accepted_texts_are_the_usual_ones_from_their_day_on() -> None:
    changed = [NEW[home] for home in HOMES]
    assert found(changed, *[HOMES] * 10, accepted=DAY) == []
    before = [*[HOMES] * 10, changed]
    assert found(changed, *before)
    assert found(changed, *before, accepted=DAY - timedelta(days=1)) == []


def test_one_text_in_all_rows_is_found_where_there_usually_are_several() -> None:
    (finding,) = found(["RENT"] * 20, *[HOMES] * 10)
    assert (finding.what, finding.usual) == ("one_text", 0.5)
    assert finding.sentence == (
        "feed 'demographic' has one and the same text, 'RENT', in column 'home_ownership' in all rows, which is not "
        "usual (usually 'RENT', 'MORTGAGE', 'OWN')"
    )
    assert found(["RENT"] * 5, *[HOMES] * 10) == []  # once in 32 days of five
    assert found(["RENT"] * 200, *[["RENT"] * 10] * 10) == []


def test_a_first_day_a_day_without_texts_and_a_receipt_of_before_tell_nothing() -> None:
    assert found(HOMES) == []
    assert found([], *[HOMES] * 10) == []
    old = UsualTexts(28, [(DAY - timedelta(days=1), FeedDay(10, {"home_ownership": 10}))])
    assert compare_texts("demographic", DAY, shape(HOMES), old, CHANCE) == []


def test_a_column_of_many_rare_texts_is_compared_with_what_it_always_is() -> None:
    luck = random.Random(3)
    days = [[f"{luck.randrange(1000):03}" for _ in range(40)] for _ in range(29)]
    assert found(days[-1], *days[:-1], column="zip3") == []
    assert found([f"{text}XX" for text in days[-1]], *days[:-1], column="zip3")


def test_of_more_texts_than_are_kept_the_same_ones_are_kept_on_every_day() -> None:
    many = {f"{n:03}": 1 + n % 3 for n in range(1000)}
    kept = kept_texts(many)
    assert len(kept) == MOST_TEXTS
    assert kept_texts(dict.fromkeys(many, 9)).keys() == kept.keys()
    assert all(many[text] == number for text, number in kept.items())
    assert kept_texts({"B": 1, "A": 2}) == {"A": 2, "B": 1}


def test_days_of_more_texts_than_are_kept_are_compared_by_those_that_both_keep() -> None:
    every = [f"{n:03}" for n in range(900)]
    assert found(every * 2, *[every * 2] * 5, column="zip3") == []
    (finding,) = found([f"{text}XX" for text in every] * 2, *[every * 2] * 5, column="zip3")
    assert finding.today == 1.0
    assert found(every[:40] * 3, *[every * 2] * 5, column="zip3") == []


def test_receipts_keep_texts() -> None:
    assert FeedDay.from_json(shape(HOMES).as_json()) == shape(HOMES)
    assert worded("loan_terms") == ("grade", "sub_grade", "purpose", "application_type")


@given(
    st.lists(st.lists(st.sampled_from(HOMES), min_size=1, max_size=30), min_size=1, max_size=12),
    st.integers(1, 28),
)
@settings(deadline=None)
def test_sums_over_the_days_are_those_of_the_days_that_are_kept(days: list[list[str]], most: int) -> None:
    usual = UsualTexts(most, ((DAY + timedelta(days=n), shape(texts)) for n, texts in enumerate(days)))
    assert usual.counts("home_ownership") == Counter(chain(*days[-most:]))


@pytest.mark.parametrize("rows", [2, 12, 80])
def test_quiet_years_have_no_false_alarm(rows: int) -> None:
    """Two columns, a short and a long list of texts with a rare tail, over five years drawn alike day by day."""
    luck = random.Random(rows)
    short, weights = ["RENT", "MORTGAGE", "OWN", "OTHER", "NONE"], [50, 40, 9, 0.9, 0.1]
    long = [f"{n:03}" for n in range(900)]
    tail = [1 / (n + 1) for n in range(900)]
    alarms = 0
    for column, texts, shares in (("home_ownership", short, weights), ("zip3", long, tail)):
        usual = UsualTexts(28)
        for n in range(5 * 365):
            today = shape(luck.choices(texts, shares, k=luck.randint(1, 2 * rows)), column)
            alarms += len(compare_texts("demographic", DAY + timedelta(days=n), today, usual, CHANCE))
            usual.add(DAY + timedelta(days=n), today)
    assert alarms == 0


def test_texts_of_the_days_before_are_summed_once_however_many_are_taken_with_today(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summed: list[int] = []
    whole = texts_of_feeds._sum

    def watched(days: Sequence[dict[str, int]]) -> Counter[str]:
        summed.append(len(days))
        return whole(days)

    monkeypatch.setattr(texts_of_feeds, "_sum", watched)
    assert found(["RENT", "X"], *[["RENT", "OWN"]] * 20) == []
    assert summed == [20]  # and not 20, 19, 18 and so on
