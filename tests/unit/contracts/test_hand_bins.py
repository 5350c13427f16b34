"""What a file of bins by hand may say, and that all else is one line naming the feature."""

from __future__ import annotations

import tomllib

import pytest

from p2pcredit.contracts.hand_bins import HandBins, parse_hand_bins
from p2pcredit.errors import SettingsError

WHY = '\nreason = "the branch asks so"'


def read(text: str) -> dict[str, HandBins]:
    return parse_hand_bins(tomllib.loads(text), "bins.toml")


def test_breaks_groups_direction_use_and_reason_are_read() -> None:
    found = read(
        f"format = 1\n[annual_income]\nbreaks = [24000, 48000.5]\ndirection = 'falling'{WHY}\n"
        f"[home_ownership]\ngroups = [['OWN', 'MORTGAGE'], ['RENT', 'OTHER']]\nuse = 'in'{WHY}\n"
        f"[purpose]\nuse = 'out'{WHY}\n"
    )
    assert found["annual_income"] == HandBins(
        "annual_income", "the branch asks so", "free", "falling", breaks=(24000.0, 48000.5)
    )
    assert found["home_ownership"].groups == (("OWN", "MORTGAGE"), ("RENT", "OTHER"))
    assert (found["home_ownership"].use, found["purpose"].use) == ("in", "out")
    assert read("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[anual_income]\nbreaks = [1]{WHY}", "there is no feature 'anual_income'"),
        ("[annual_income]\nbreaks = [1]", "annual_income: it has no reason; write reason"),
        ("[annual_income]\nbreaks = [1]\nreason = ' '", "annual_income: it has no reason"),
        (f"[annual_income]\nbreaks = [5, 3]{WHY}", "annual_income: breaks do not rise: 5 stands before 3; sort them"),
        (f"[annual_income]\nbreaks = [5, 5]{WHY}", "annual_income: breaks do not rise: 5 stands before 5"),
        (f"[annual_income]\nbreaks = ['5']{WHY}", "annual_income: breaks are no list of numbers"),
        (f"[annual_income]\nbreaks = [nan]{WHY}", "annual_income: breaks are no list of numbers"),
        (f"[annual_income]\nbreaks = []{WHY}", "annual_income: breaks are no list of numbers"),
        (f"[annual_income]\ngroups = [['A']]{WHY}", "annual_income: it is a number and has breaks, no groups"),
        (f"[purpose]\nbreaks = [1]{WHY}", "purpose: it is a category and has groups, no breaks"),
        (f"[purpose]\ngroups = [['A', 'B'], ['B']]{WHY}", "purpose: groups overlap: 'B' stands in groups 1 and 2"),
        (f"[purpose]\ngroups = [['A', 'A']]{WHY}", "purpose: groups overlap: 'A' stands twice in a group"),
        (f"[purpose]\ngroups = [[]]{WHY}", "purpose: groups are no lists of levels"),
        (
            f"[annual_income]\nbreaks = [1]\ndirection = 'rising'{WHY}",
            "annual_income: direction 'rising' contradicts the monotone rule: its risk must fall as the value grows",
        ),
        (f"[annual_income]\nbreaks = [1]\ndirection = 'any'{WHY}", "annual_income: direction 'any' contradicts"),
        (f"[purpose]\ndirection = 'up'{WHY}", "purpose: direction is 'up'; write 'rising', 'falling' or 'any'"),
        (f"[purpose]\nuse = 'yes'{WHY}", "purpose: use is 'yes'; write 'in', 'out' or 'free'"),
        (f"[purpose]\nbreak = [1]{WHY}", "purpose: unknown key 'break', perhaps 'breaks' was meant"),
        (f"[annual_income]\nbreaks = [1]\nuse = 'out'{WHY}", "annual_income: it is left out, so its bins say nothing"),
        (f"[purpose]{WHY}", "purpose: nothing is fixed; write breaks or groups, direction or use"),
        ("purpose = 3", "purpose: it is no table; write [purpose]"),
        ("format = 2", "bins.toml is of format 2, this version reads 1"),
    ],
)
def test_what_is_wrong_is_one_line_naming_the_feature(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("bins.toml")


def test_a_table_on_a_card_reads_back_as_it_was() -> None:
    (found,) = read(f"[annual_income]\nbreaks = [1, 2]\nuse = 'in'{WHY}").values()
    told = {key: value for key, value in found.as_json().items() if value and key != "feature"}
    assert parse_hand_bins({"annual_income": told}, "the card") == {"annual_income": found}
