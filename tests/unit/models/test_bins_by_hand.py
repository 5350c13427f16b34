"""Bins that a person fixed are taken exactly, in a scorecard as in a file that goes round."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.feature_sets import features_of
from p2pcredit.contracts.hand_bins import HandBins, parse_hand_bins
from p2pcredit.errors import SettingsError, TrainingError
from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.by_hand import bins_by_hand
from p2pcredit.models.binning.hand_files import as_sheets, as_toml, from_sheets, hand_bins_of
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.training.candidates import allowed_by_hand, train_candidates
from p2pcredit.models.training.usable import usable_features
from p2pcredit.settings import Settings, TrainingSettings
from p2pcredit.storage.workbook import read_workbook, write_workbook

INCOME = Feature("annual_income", "numeric", -1, "", "")
FREE = Feature("open_accounts_count", "numeric", 0, "", "")
HOME = Feature("home_ownership", "category", 0, "", "")


def loans(*held: tuple[object, int, int]) -> tuple[pl.Series, np.ndarray, np.ndarray]:
    """Make loans of values, each with so many goods and bads."""
    values = [value for value, goods, bads in held for _ in range(goods + bads)]
    labels = [label for _, goods, bads in held for label in [0.0] * goods + [1.0] * bads]
    return pl.Series(values), np.array(labels), 1.0 - np.array(labels)


def weighed(feature: Feature, hand: HandBins, *held: tuple[object, int, int]) -> Binning:
    return bins_by_hand(feature, hand, *loans(*held))


def test_breaks_are_upper_bounds_included_and_weights_are_those_of_their_loans() -> None:
    """Up to 10: 60 goods, 10 bads; above: 40 and 40. Of 100 goods and 50 bads."""
    hand = HandBins("open_accounts_count", "why", breaks=(10.0,))
    found = weighed(FREE, hand, (5.0, 30, 5), (10.0, 30, 5), (10.5, 40, 40))
    assert found.edges == (10.0,)
    assert found.woe == pytest.approx((math.log(0.2 / 0.6), math.log(0.8 / 0.4)))
    assert found.information_value == pytest.approx((0.2 - 0.6) * math.log(0.2 / 0.6) + 0.4 * math.log(2.0))
    assert found.shares == pytest.approx((70 / 150, 80 / 150, 0.0))


def test_groups_hold_their_levels_and_other_those_that_are_named_nowhere() -> None:
    hand = HandBins("home_ownership", "why", groups=(("OWN", "NONE"), ("RENT", "OTHER")))
    found = weighed(HOME, hand, ("OWN", 50, 5), ("NONE", 1, 0), ("RENT", 30, 20), ("BOAT", 9, 5))
    assert found.bin_of(pl.Series(["OWN", "NONE", "RENT", "BOAT", None])).tolist() == [0, 0, 1, 1, 2]
    assert found.woe == pytest.approx((math.log((5 / 30) / (51 / 90)), math.log((25 / 30) / (39 / 90))))


def test_bins_against_the_demanded_direction_share_a_weight() -> None:
    """Risk must fall with income: 20%, 30% and 5% become 25%, 25% and 5%."""
    hand = HandBins("annual_income", "why", breaks=(10.0, 20.0))
    found = weighed(INCOME, hand, (5.0, 80, 20), (15.0, 70, 30), (25.0, 95, 5))
    assert found.woe[0] == found.woe[1] == pytest.approx(math.log((25 / 55) / (75 / 245)))
    assert found.woe[2] == pytest.approx(math.log((5 / 55) / (95 / 245)))
    free = weighed(
        FREE, HandBins("open_accounts_count", "why", breaks=(10.0, 20.0)), (5.0, 80, 20), (15.0, 70, 30), (25.0, 95, 5)
    )
    assert free.woe[0] < free.woe[1]


def test_a_bin_without_a_bad_counts_half_of_one_and_one_without_loans_weighs_as_its_neighbour() -> None:
    hand = HandBins("open_accounts_count", "why", breaks=(10.0, 20.0))
    found = weighed(FREE, hand, (5.0, 50, 0), (25.0, 50, 10))
    assert found.woe[0] == found.woe[1] == pytest.approx(math.log((0.5 / 10) / (50 / 100)))


RNG = np.random.default_rng(6)
SIZE = 2500
RISK = RNG.normal(size=SIZE)
BADS = (RNG.random(SIZE) < 1 / (1 + np.exp(2.0 - 0.9 * RISK))).astype(float)
BOOK = pl.DataFrame(
    {
        "annual_income": 50_000.0 - 10_000.0 * RISK,
        "open_accounts_count": RNG.normal(size=SIZE),
        "home_ownership": RNG.choice(["OWN", "RENT", "NONE"], SIZE, p=[0.5, 0.495, 0.005]),
    }
)


def card(*hands: HandBins, book: pl.DataFrame = BOOK) -> ScorecardModel:
    return fit_scorecard(book, (INCOME, FREE, HOME), BADS, seed=20, by_hand={hand.feature: hand for hand in hands})


def test_a_scorecard_takes_bins_by_hand_exactly_and_keeps_them_in_its_file() -> None:
    fixed = HandBins("annual_income", "round limits", breaks=(40_000.0, 50_000.0))
    model = card(fixed)
    (binning,) = [one for one in model.binnings if one.feature == "annual_income"]
    assert binning.edges == (40_000.0, 50_000.0)
    again = ScorecardModel.from_json(json.loads(model.to_files()["model.json"]))
    assert next(one for one in again.binnings if one.feature == "annual_income") == binning
    assert len(card().binnings[0].edges) > 2
    assert "by_hand" not in card().to_files()["model.json"].decode()


def test_noise_that_is_forced_in_stays_and_is_left_out_where_it_is_free() -> None:
    noise = HandBins("open_accounts_count", "the committee wants it", use="in", breaks=(0.0,))
    assert "open_accounts_count" not in card().feature_names
    assert set(card(noise).feature_names) == {"annual_income", "open_accounts_count"}


def test_a_rare_level_stays_in_the_group_that_a_person_gave_it() -> None:
    groups = HandBins("home_ownership", "why", use="in", groups=(("OWN", "NONE"), ("OTHER",)))
    model = card(groups)
    (binning,) = [one for one in model.binnings if one.feature == "home_ownership"]
    assert binning.levels == {"OWN": 0, "NONE": 0, "OTHER": 1}


def test_a_feature_whose_weights_turn_round_makes_room_for_the_one_that_is_forced_in() -> None:
    """An echo of the income, noisier: beside it, its own coefficient is not positive."""
    rng = np.random.default_rng(9)
    other = 0.7 * RISK + 0.7 * rng.normal(size=SIZE)
    bads = (rng.random(SIZE) < 1 / (1 + np.exp(1.5 - 2.0 * RISK + 0.9 * other))).astype(float)
    book = pl.DataFrame({"annual_income": -RISK, "revolving_balance": other})
    features = (INCOME, Feature("revolving_balance", "numeric", 1, "", ""))
    forced = {"revolving_balance": HandBins("revolving_balance", "why", use="in")}
    from p2pcredit.settings import SelectionSettings

    bars = SelectionSettings(max_variance_inflation=99.0, min_half_information_value=-9.0)
    model = fit_scorecard(book, features, bads, selection=bars, by_hand=forced)
    assert model.feature_names == ("revolving_balance",)
    assert model.left_out["annual_income"] == "it says what revolving_balance says, which was forced in by hand"
    both = {name: HandBins(name, "why", use="in") for name in book.columns}
    with pytest.raises(TrainingError, match="revolving_balance is forced in by hand, and beside the others"):
        fit_scorecard(book, features, bads, selection=bars, by_hand=both)


def test_what_is_out_is_dropped_with_the_persons_reason_and_a_direction_is_that_of_the_feature() -> None:
    hands = {
        "purpose": HandBins("purpose", "law", use="out"),
        "open_accounts_count": HandBins("open_accounts_count", "why", direction="rising"),
    }
    fit = pl.DataFrame({"purpose": ["A", "B"], "open_accounts_count": [1.0, 2.0], "annual_income": [1.0, 2.0]})
    allowed, left_out = allowed_by_hand(features_of(("application",)), hands)
    usable, _ = usable_features(fit, allowed)
    assert left_out["purpose"] == "left out by hand: law"
    assert {feature.name: feature.direction for feature in usable} == {"open_accounts_count": 1, "annual_income": -1}


def test_a_training_that_cannot_have_what_is_forced_in_is_refused_by_name(
    book: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    settings = Settings(training=TrainingSettings(families=("scorecard",), preferred_family="scorecard"))
    from tests.unit.models.conftest import AS_OF

    for name, why in (("fico", "not given by the platform"), ("platform_sub_grade", "of no set that training.feature")):
        forced = {name: HandBins(name, "why", use="in")}
        with pytest.raises(TrainingError, match=f"{name} is forced in by hand and cannot be: {why}"):
            train_candidates(*book, as_of=AS_OF, settings=settings, by_hand=forced)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(
    lambda one: bool(one.strip())
)
HANDS = st.one_of(
    st.builds(
        lambda breaks, reason: HandBins("annual_income", reason.strip(), "in", "falling", tuple(sorted(breaks))),
        st.sets(st.floats(-1e12, 1e12), min_size=1, max_size=6),
        TEXTS,
    ),
    st.builds(
        lambda levels, reason, size: HandBins(
            "purpose", reason.strip(), groups=tuple(tuple(levels[at : at + size]) for at in range(0, len(levels), size))
        ),
        st.lists(TEXTS, min_size=1, max_size=8, unique=True),
        TEXTS,
        st.integers(1, 3),
    ),
)


@given(HANDS)
def test_bins_written_as_toml_read_back_as_they_were(hand: HandBins) -> None:
    text = as_toml({hand.feature: hand})
    assert parse_hand_bins(tomllib.loads(text), "f") == {hand.feature: hand}


def test_a_workbook_goes_round_through_a_reviewer(tmp_path: Path) -> None:
    model = card()
    by_hand = hand_bins_of(model.binnings, "as card-1 chose it")
    by_hand["home_ownership"] = HandBins(
        "home_ownership", "=1+1 is no formula", "in", None, groups=(("OWN", "36"), ("RENT", "OTHER"))
    )
    write_workbook(tmp_path / "bins.xlsx", as_sheets(by_hand, model.binnings))
    sheets = read_workbook(tmp_path / "bins.xlsx")
    assert parse_hand_bins(from_sheets(sheets, "bins.xlsx"), "bins.xlsx") == by_hand
    moved = [[*row[:1], 2.0, *row[2:]] if row[3] == "OWN" else row for row in sheets["bins"]]
    again = parse_hand_bins(from_sheets({**sheets, "bins": moved}, "bins.xlsx"), "bins.xlsx")
    assert again["home_ownership"].groups == (("36",), ("OWN", "RENT", "OTHER"))


SHEETS: dict[str, Any] = {
    "features": [["feature", "use", "direction", "reason"], ["purpose", "", "", "why"]],
    "bins": [["feature", "bin", "up to", "level"], ["purpose", 1.0, "", "CAR"], ["purpose", 2.0, "", 36.0]],
}


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"bins": SHEETS["bins"]}, "f.xlsx has no sheet 'features'"),
        ({**SHEETS, "bins": [["feature", "bin"]]}, "the sheet 'bins' has no column 'up to'"),
        ({**SHEETS, "features": SHEETS["features"][:1]}, "purpose: the sheet 'features' has no row for it"),
        ({**SHEETS, "features": [*SHEETS["features"], SHEETS["features"][1]]}, "purpose: it stands twice in the sheet"),
        ({**SHEETS, "bins": [SHEETS["bins"][0], ["purpose", "", "", "CAR"]]}, "purpose: level 'CAR' is in no bin"),
        ({**SHEETS, "bins": [SHEETS["bins"][0], ["purpose", "one", "", "CAR"]]}, "purpose: the bins are not numbered"),
    ],
)
def test_a_workbook_that_lacks_something_is_refused_in_one_line(sheets: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_hand_bins(from_sheets(sheets, "f.xlsx"), "f.xlsx")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_level_that_a_spreadsheet_took_for_a_number_is_its_text() -> None:
    assert from_sheets(SHEETS, "f.xlsx")["purpose"]["groups"] == [["CAR"], ["36"]]


def test_what_is_no_workbook_is_said(tmp_path: Path) -> None:
    (tmp_path / "bins.xlsx").write_text("feature,bin\n")
    with pytest.raises(SettingsError, match=r"bins\.xlsx is no workbook"):
        read_workbook(tmp_path / "bins.xlsx")
    with pytest.raises(SettingsError, match="cannot read"):
        read_workbook(tmp_path / "none.xlsx")
