"""Every reason that a score can give has a code and a text; a list that has been used never changes."""

from __future__ import annotations

import hashlib
import json

import pytest

from p2pcredit.contracts.adverse_action import (
    MOST_REASONS,
    OTHER_CODE,
    REASON_LISTS,
    VERSION,
    AdverseReason,
    adverse_reason,
)
from p2pcredit.contracts.features import FEATURES
from p2pcredit.models.scoring import REASONS

DIGESTS = {1: "b199433354a57af6eedb6122918d55abc883ff868be19debd025be80221099f8"}
FORM_C1 = {
    "Credit application incomplete",
    "Insufficient number of credit references provided",
    "Unacceptable type of credit references provided",
    "Unable to verify credit references",
    "Temporary or irregular employment",
    "Unable to verify employment",
    "Length of employment",
    "Income insufficient for amount of credit requested",
    "Excessive obligations in relation to income",
    "Unable to verify income",
    "Length of residence",
    "Temporary residence",
    "Unable to verify residence",
    "No credit file",
    "Limited credit experience",
    "Poor credit performance with us",
    "Delinquent past or present credit obligations with others",
    "Collection action or judgment",
    "Garnishment or attachment",
    "Foreclosure or repossession",
    "Bankruptcy",
    "Number of recent inquiries on credit bureau report",
    "Value or type of collateral not sufficient",
    "Other",
}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_reason_of_a_feature_has_a_code_of_its_own_and_a_text(feature: object) -> None:
    for words in (feature.reason, feature.missing_reason):  # type: ignore[attr-defined]
        found = adverse_reason(words)
        assert found.code != OTHER_CODE
        assert found.reason == words
        assert found.text.endswith(".")
        assert found.advice.endswith(".")


def test_codes_and_reasons_stand_once_in_a_list() -> None:
    for listed in REASON_LISTS.values():
        assert len({one.code for one in listed}) == len(listed)
        own = [one.reason for one in listed if not one.code.startswith("N")]
        assert len(set(own)) == len(own)


def test_each_reason_names_an_entry_of_the_sample_form() -> None:
    assert {one.form for one in REASON_LISTS[VERSION]} <= FORM_C1


@pytest.mark.parametrize("version", REASON_LISTS)
def test_a_list_never_changes_another_wording_is_another_version(version: int) -> None:
    told = json.dumps([one.as_json() for one in REASON_LISTS[version]]).encode()
    assert hashlib.sha256(told).hexdigest() == DIGESTS[version]


def test_a_missing_value_names_where_it_is_missing_and_what_it_is() -> None:
    assert adverse_reason("No information on annual income").text == "Your application does not say: annual income."
    assert adverse_reason("No information on fico").code == "N2"
    assert adverse_reason("No information on platform grade").text == "The platform did not give: platform grade."


def test_words_of_no_list_are_given_as_they_stand() -> None:
    assert adverse_reason("Shoes are small") == AdverseReason(
        "Z1", "Shoes are small", "Shoes are small.", "Ask us what it rests on.", "Other"
    )
    assert adverse_reason("No information on shoes").code == OTHER_CODE


def test_a_score_gives_as_many_reasons_as_a_notice_holds() -> None:
    assert MOST_REASONS == REASONS == 4


@pytest.mark.parametrize(
    ("reason", "value", "usual", "helps"),
    [
        ("Balance on revolving credit", 20_000.0, 12_229.0, True),
        ("Balance on revolving credit", 10_631.0, 12_229.0, False),
        ("Balance on revolving credit", 12_229.0, 12_229.0, False),
        ("Time in employment", 0.0, 3.0, True),
        ("Time in employment", 10.0, 3.0, False),
        ("Amounts owed to collectors", 400.0, 0.0, True),
        ("Amount requested is high", 9_000.0, 12_000.0, True),
    ],
)
def test_no_borrower_is_told_to_go_further_the_way_that_counted_against(
    reason: str, value: float, usual: float, helps: bool
) -> None:
    """A feature without a demanded direction may count against on either side; then only the report can be checked."""
    listed = adverse_reason(reason)
    assert (listed.advice_for(value, usual) == listed.advice) is helps


def test_advice_that_moves_a_number_says_on_which_side_it_helps() -> None:
    """Every other undirected number has advice that moves nothing."""
    free = [feature for feature in FEATURES if feature.kind == "numeric" and not feature.direction]
    neutral = ("Ask the credit bureau", "See that what you wrote")
    for feature in free:
        listed = adverse_reason(feature.reason)
        assert listed.where or listed.advice.startswith(neutral), listed
