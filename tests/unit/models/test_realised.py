"""What a promotion brought, by hand: the promoted model against its predecessor on loans that matured since."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.champion.realised import Promotion, Realised, cohorts_of, realised_of, summed_up
from p2pcredit.models.evaluation.discrimination import paired_auc_difference

DAY = date(2022, 1, 1)
TOOK_OVER = Promotion("new", "old", DAY, "refresh", 0.035, 0.001, 0.069)


def loans(*rows: tuple[date, int | None, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["origination_date", "term_months", "label"], orient="row")


FOUR = loans((DAY, 36, 0), (DAY, 36, 0), (DAY, 36, 1), (DAY, 60, 0), (DAY, 60, 1), (DAY, 60, 0))
NEW = np.array([0.1, 0.3, 0.2, 0.4, 0.9, 0.8])
OLD = np.array([0.1, 0.2, 0.3, 0.9, 0.4, 0.8])


def realised(least_bads: int = 2) -> Realised:
    return realised_of(TOOK_OVER, FOUR, NEW, OLD, until=DAY, confidence=0.9, least_bads=least_bads)


def test_the_difference_is_paired_and_the_one_within_cohorts_counts_pairs_of_one_term() -> None:
    """Of 8 pairs of a bad and a good the new model orders 5 rightly (1 + 4), the old one 4 (2 + 2).

    Within terms the new one orders 1 of 2 and 2 of 2, the old one 2 of 2 and 0 of 2: 3/4 against 2/4.
    """
    found = realised()
    assert found.difference.value == pytest.approx(5 / 8 - 4 / 8)
    assert found.within.value == pytest.approx(3 / 4 - 2 / 4)
    oracle = paired_auc_difference(FOUR["label"].to_numpy(), NEW, OLD, 0.9)
    assert (found.difference.low, found.difference.high) == (oracle.low, oracle.high)
    told = found.as_json()
    assert (told["claimed"], told["realised"], told["n"], told["bads"]) == (0.035, pytest.approx(0.125), 6, 2)
    assert Promotion.from_json({name: told[name] for name in Promotion.__dataclass_fields__}) == TOOK_OVER


def test_too_few_bads_say_how_many() -> None:
    found = realised(least_bads=3)
    assert (found.difference.value, found.within.value, found.difference.n) == (None, None, 6)
    assert found.note == "2 bads among 6 loans matured since, 3 needed, and goods"


def test_cohorts_are_quarters_and_terms_and_loans_without_a_term_are_one_of_their_own() -> None:
    rows = loans((DAY, 36, 0), (date(2022, 3, 31), 36, 0), (date(2022, 4, 1), 36, 0), (DAY, None, 0))
    assert list(cohorts_of(rows)) == ["2022Q1 36", "2022Q1 36", "2022Q2 36", "2022Q1 unknown"]
    assert list(cohorts_of(rows.drop("term_months"))) == ["2022Q1 unknown"] * 2 + ["2022Q2 unknown", "2022Q1 unknown"]


def test_the_sentence_averages_what_was_measured() -> None:
    assert summed_up([]) is None
    assert summed_up([{"claimed": 0.03, "realised": None}, {"claimed": None, "realised": 0.1}]) is None
    one = {"claimed": 0.035, "realised": 0.001}
    assert summed_up([one]) == "The last promotion that can be judged claimed +0.035 of AUC and brought +0.001."
