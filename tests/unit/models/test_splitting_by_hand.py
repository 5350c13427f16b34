"""Where the matured loans are cut, loan by loan, and the very numbers at which there are too few."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from p2pcredit.errors import TooLittleDataError
from p2pcredit.models.reference_borrower import feature_named
from p2pcredit.models.training.splits import UNMATURED, Split, hide_unmatured_levels, matured_loans, split_by_time
from p2pcredit.settings import TrainingSettings

START, AS_OF = date(2020, 1, 1), date(2021, 12, 31)
SMALL = TrainingSettings(
    min_matured_loans=100, min_matured_bads=34, min_evaluation_bads=8, evaluation_share=0.25, calibration_share=0.2
)


def outcomes(days: list[int], bad: list[int] | None = None) -> pl.DataFrame:
    """Loans by day of origination, every third bad unless said, out of order; windows close after a year."""
    labels = bad or [int(n % 3 == 0) for n in range(len(days))]
    return pl.DataFrame(
        {
            "loan_id": [f"L{n:03}" for n in range(len(days))],
            "origination_date": [START + timedelta(days=day) for day in days],
            "window_closed_on": [START + timedelta(days=day + 365) for day in days],
            "label": pl.Series(labels, dtype=pl.Int8),
        }
    ).reverse()


def cut(days: list[int], bad: list[int] | None = None, settings: TrainingSettings = SMALL) -> tuple[int, int, int]:
    split = split_by_time(outcomes(days, bad), as_of=AS_OF, settings=settings)
    return split.fit.height, split.calibrate.height, split.evaluate.height


def test_the_newest_quarter_judges_and_the_fifth_before_it_sets_the_level() -> None:
    assert cut(list(range(100))) == (55, 20, 25)
    assert cut(list(range(101))) == (55, 20, 26)  # a share of a loan is a loan
    split = split_by_time(outcomes(list(range(100))), as_of=AS_OF, settings=SMALL)
    assert split.fit["loan_id"].to_list() == [f"L{n:03}" for n in range(55)]
    assert split.evaluation_start == START + timedelta(days=75)
    assert split.all["loan_id"].to_list() == [f"L{n:03}" for n in range(100)]
    assert split.describe() == {
        "fit": {"first": "2020-01-01", "last": "2020-02-24", "n": 55, "bads": 19},
        "calibrate": {"first": "2020-02-25", "last": "2020-03-15", "n": 20, "bads": 6},
        "evaluate": {"first": "2020-03-16", "last": "2020-04-09", "n": 25, "bads": 9},
    }


def test_a_day_that_a_cut_would_part_belongs_to_the_later_side() -> None:
    assert cut([n // 10 for n in range(100)]) == (50, 20, 30)


def test_without_shares_to_judge_or_to_set_the_level_their_parts_are_empty() -> None:
    no_level = SMALL.model_copy(update={"calibration_share": 0.0})
    assert cut(list(range(100)), settings=no_level) == (75, 0, 25)
    split = split_by_time(outcomes(list(range(100))), as_of=AS_OF, settings=no_level)
    assert split.describe()["calibrate"] == {"first": None, "last": None, "n": 0, "bads": 0}


def test_matured_are_loans_whose_window_closed_by_the_day_with_a_label_oldest_first() -> None:
    loans = outcomes([5, 3, 3, 0, 4]).with_columns(label=pl.Series([0, 1, 0, None, 1], dtype=pl.Int8))
    found = matured_loans(loans, START + timedelta(days=365 + 4))
    assert found.select("loan_id", "label").rows() == [("L003", 1), ("L002", 0), ("L004", 0)]
    none = matured_loans(loans.with_columns(label=pl.lit(None, dtype=pl.Int8)), AS_OF)
    assert none.is_empty()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"min_matured_loans": 101}, "100 matured loans with 34 bads by 2021-12-31; needed are 101 and 34, and goods"),
        ({"min_matured_bads": 35}, "100 matured loans with 34 bads by 2021-12-31; needed are 100 and 35, and goods"),
        (
            {"min_evaluation_bads": 10},
            "9 bads among the 25 newest matured loans by 2021-12-31; needed are 10, and goods",
        ),
    ],
)
def test_one_too_few_is_refused_with_the_numbers_and_as_many_as_needed_are_not(
    change: dict[str, int], says: str
) -> None:
    enough = SMALL.model_copy(update={"min_evaluation_bads": 9})
    assert cut(list(range(100)), settings=enough) == (55, 20, 25)
    with pytest.raises(TooLittleDataError, match=says):
        cut(list(range(100)), settings=SMALL.model_copy(update=change))


@pytest.mark.parametrize(("in_fit", "fine"), [(10, True), (9, False), (45, True), (46, False)])
def test_a_fit_needs_ten_bads_and_ten_goods_to_learn_from(in_fit: int, fine: bool) -> None:
    bad = [1] * in_fit + [0] * (55 - in_fit) + [1] * 20 + [1] * 12 + [0] * 13
    if fine:
        assert cut(list(range(100)), bad) == (55, 20, 25)
        return
    with pytest.raises(TooLittleDataError, match=rf"{in_fit} bads among the 55 loans to learn from by 2021-12-31"):
        cut(list(range(100)), bad)


def test_loans_that_are_all_bad_cannot_be_learned_from_or_judged_by() -> None:
    with pytest.raises(TooLittleDataError, match="100 matured loans with 100 bads"):
        cut(list(range(100)), [1] * 100)
    with pytest.raises(TooLittleDataError, match="25 bads among the 25 newest matured loans"):
        cut(list(range(100)), [int(n % 3 == 0) for n in range(75)] + [1] * 25)


def test_a_level_is_learned_from_fifty_matured_loans_whichever_part_they_are_in() -> None:
    def part(*counts: tuple[float, str, int]) -> pl.DataFrame:
        rows = [(term, state) for term, state, count in counts for _ in range(count)]
        return pl.DataFrame(rows, schema={"term_months": pl.Float64, "state": pl.String}, orient="row")

    split = Split(
        part((36.0, "CA", 20), (60.0, "NY", 20)),
        part((36.0, "CA", 20), (60.0, "NY", 20)),
        part((36.0, "CA", 10), (60.0, "NY", 9)),
    )
    features = tuple(map(feature_named, ("term_months", "state", "annual_income")))
    hidden = hide_unmatured_levels(part((36.0, "CA", 1), (60.0, "NY", 1)), split, features)
    assert hidden.rows() == [(36.0, "CA"), (None, UNMATURED)]


def test_a_share_that_is_one_loan_judges_by_all_loans_of_its_day() -> None:
    """One loan of 100 is asked for; the newest day holds 20, and a day is never parted."""
    one = SMALL.model_copy(update={"evaluation_share": 0.01, "calibration_share": 0.25, "min_evaluation_bads": 2})
    assert cut([*range(80), *[80] * 20], settings=one) == (74, 6, 20)
