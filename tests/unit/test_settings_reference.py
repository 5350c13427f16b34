"""Every setting says what it is: the descriptions are complete, and true to what is declared."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from p2pcredit.settings import Settings
from p2pcredit.settings.reference import SettingDescription, describe_groups, describe_settings

ALL = describe_settings()


def dumped() -> dict[str, object]:
    tree = Settings().model_dump(mode="json")
    plain = {name: value for name, value in tree.items() if not isinstance(value, dict)}
    groups = {name: value for name, value in tree.items() if isinstance(value, dict)}
    return plain | {f"{group}.{name}": value for group, inside in groups.items() for name, value in inside.items()}


def test_every_setting_is_described_once_with_its_default() -> None:
    assert {setting.name: setting.default for setting in ALL} == dumped()
    assert len({setting.variable for setting in ALL}) == len(ALL)


@pytest.mark.parametrize("setting", ALL, ids=[setting.name for setting in ALL])
def test_a_setting_has_a_meaning_that_is_a_sentence(setting: SettingDescription) -> None:
    assert setting.description.endswith(".")
    assert setting.description[0].isupper()
    json.dumps(setting.as_json())


def test_every_group_has_a_meaning() -> None:
    assert {setting.group for setting in ALL} - {""} == set(describe_groups())
    assert all(text.endswith(".") for text in describe_groups().values())


@pytest.mark.parametrize("setting", [s for s in ALL if "<=" in s.bounds and "each" not in s.bounds])
def test_a_value_beyond_the_bounds_that_are_told_is_refused(setting: SettingDescription) -> None:
    group, _, name = setting.name.rpartition(".")
    beyond = float(setting.bounds.rpartition("<=")[2]) + 1
    value = int(beyond) if setting.type == "whole number" else beyond
    with pytest.raises(ValidationError, match="less than or equal"):
        Settings.model_validate({group: {name: value}} if group else {name: value})


def test_bounds_of_what_a_list_holds_are_told_as_such() -> None:
    terms = next(setting for setting in ALL if setting.name == "labels.lifetime_terms_months")
    assert (terms.type, terms.bounds) == ("list of whole number", "each >= 1, <= 120")
