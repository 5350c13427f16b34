"""A card made when two names stood for all features is read as the sets of features that these held."""

from __future__ import annotations

import pytest

from p2pcredit.jobs.training.snapshot import settings_of_card
from p2pcredit.settings import Settings


@pytest.mark.parametrize(
    ("named", "sets"),
    [
        ("application", ("application", "wording", "state")),
        ("priced", ("application", "wording", "state", "price")),
    ],
)
def test_the_old_name_is_read_as_the_sets_it_held(named: str, sets: tuple[str, ...]) -> None:
    settings = Settings().model_dump(mode="json", exclude={"alerts"})
    del settings["training"]["feature_sets"]
    settings["training"]["feature_set"] = named
    assert Settings.model_validate(settings_of_card({"settings": settings})).training.feature_sets == sets


def test_settings_of_a_card_of_today_are_read_as_they_stand() -> None:
    settings = Settings().model_dump(mode="json", exclude={"alerts"})
    assert settings_of_card({"settings": settings}) == settings
