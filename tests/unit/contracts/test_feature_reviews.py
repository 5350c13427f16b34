"""Every feature carries a review, and no default model learns from how borrowers write, where they live, or worse."""

from __future__ import annotations

import pytest

from p2pcredit.contracts.feature_sets import features_of, features_to_compare_with
from p2pcredit.contracts.feature_sources import sources_of
from p2pcredit.contracts.features import FEATURES, PHRASES
from p2pcredit.contracts.reviews import FEATURE_SETS, UNREVIEWED
from p2pcredit.errors import UsageError
from p2pcredit.settings import TrainingSettings

FREE_TEXT = {"title", "description", "employment_title"}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_feature_carries_a_whole_review(feature: object) -> None:
    review = feature.review  # type: ignore[attr-defined]
    assert review != UNREVIEWED
    assert all(review.as_json().values())


def test_what_is_made_of_the_borrowers_text_is_wording_and_nothing_else_is() -> None:
    made_of_text = {f.name for f in FEATURES if {column for _, column in sources_of(f.name)} & FREE_TEXT}
    assert made_of_text == {f.name for f in features_of(["wording", "prohibited"])}
    assert {"employer_length", "title_capitals_share", "description_length", "mentions_cards"} <= made_of_text


def test_the_default_model_sees_neither_wording_nor_state_nor_price() -> None:
    default = features_of(TrainingSettings().feature_sets)
    assert {feature.group for feature in default} == {"application"}
    assert "annual_income" in {feature.name for feature in default}


def test_words_of_religion_marriage_and_health_can_be_learned_from_by_no_setting() -> None:
    prohibited = {feature.name for feature in features_of("prohibited")}
    assert prohibited == {"mentions_trouble", "mentions_pleading"}
    learnable = features_of(set(FEATURE_SETS) - {"prohibited"})
    words = {word for f in learnable if f.name.startswith("mentions_") for word in PHRASES[f.name[9:]].split(", ")}
    assert words.isdisjoint({"god", "bless", "divorce", "medical", "hospital", "surgery"})
    with pytest.raises(ValueError, match="Input should be 'application', 'price', 'wording' or 'state'"):
        TrainingSettings(feature_sets=("application", "prohibited"))


def test_every_feature_belongs_to_one_of_the_named_sets() -> None:
    assert {feature.group for feature in FEATURES} == set(FEATURE_SETS)
    assert features_of(FEATURE_SETS) == FEATURES


def test_a_set_that_does_not_exist_is_refused_with_the_similar_one() -> None:
    with pytest.raises(UsageError, match=r"'wordings'.*'wording'"):
        features_of(["application", "wordings"])


def test_plain_benchmarks_never_learn_the_state() -> None:
    assert "state" in {f.name for f in features_of(["application", "state"])}
    assert "state" not in {f.name for f in features_to_compare_with(["application", "state"])}
