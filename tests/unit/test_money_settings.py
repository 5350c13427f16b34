"""Settings of money: texts of stresses and scenarios are read, or refused with what to write."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from p2pcredit.settings.money import MoneySettings, stress_of


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scenarios": {"a": "0.5", "b": "0.4"}}, "the weights of scenarios add up to 0.9"),
        ({"scenarios": {"a": "much of hazard:2"}}, "write a weight and a stress"),
        ({"scenarios": {"a": "1 of slump:2"}}, "there is no stress 'slump'"),
        ({"stress": {"slump": "hazard"}}, "write what one unit multiplies"),
        ({"stress": {"slump": "hazard 1.1, hazard 1.2"}}, "write what one unit multiplies"),
        ({"stress": {"lgd": "hazard 1.1"}}, "a multiplier's own name"),
        ({"stress": {"slump": "hazard 0"}}, "give a factor from 0.01 to 100"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(given: dict[str, dict[str, str]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MoneySettings(**given)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hazard", "is no stress; write NAME:VALUE"),
        ("hazard:", "is no stress"),
        ("slump:1", "there are hazard, lgd, prepayment"),
        ("hazard:-1", "give a factor"),
        ("hazard:20, hazard:20", "would be multiplied by 400"),
    ],
)
def test_a_stress_that_cannot_be_read_is_refused(spec: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stress_of(spec, {})


def test_units_of_a_cause_go_both_ways() -> None:
    causes = {"unemployment": "hazard 1.25; source: none"}
    up, down = stress_of("unemployment:+2", causes), stress_of("unemployment:-2", causes)
    assert up.hazard == pytest.approx(1.5625)
    assert up.hazard * down.hazard == pytest.approx(1.0)
    assert stress_of(" ", causes).hazard == 1.0
