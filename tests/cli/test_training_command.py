"""`p2pcredit train`: what came of a training by hand, in words and in the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("bare_environment")
Call = Callable[..., Any]


def test_training_by_hand_says_what_came_of_it(call: Call, trainer: Any) -> None:
    receipt = json.loads(call("train", "--as-of", "2024-01-15", "--json").stdout)
    assert set(receipt) == {"as_of", "outcome", "model_id", "metrics", "reason"}
    assert (receipt["as_of"], receipt["outcome"], receipt["model_id"]) == ("2024-01-15", "champion", "m1")
    again = json.loads(call("train", "--as-of", "2024-01-16", "--json").stdout)
    assert (again["outcome"], again["model_id"]) == ("refused", None)


def test_a_training_after_which_no_model_serves_is_no_success(call: Call, trainer: Any) -> None:
    trainer.promoted, trainer.reason = False, "AUC 0.504 [0.480, 0.528] is not above chance"
    result = call("train", "--as-of", "2024-01-15", "--json")
    assert (result.exit_code, json.loads(result.stdout)["outcome"]) == (1, "refused")
    assert result.stderr == (
        "Error: no model serves: AUC 0.504 [0.480, 0.528] is not above chance; give it loans that matured later or "
        "columns that tell more and train again with --why TEXT, or take it as it is: p2pcredit models promote m1 "
        "--why TEXT\n"
    )
    again = call("train", "--as-of", "2024-01-16", "--json")
    assert (again.exit_code, json.loads(again.stdout)["model_id"]) == (1, None)
    assert again.stderr == (
        "Error: no model serves: a retraining already took place in the week of 2024-01-15; give --why to train all "
        "the same\n"
    )


def test_a_refused_training_beside_a_champion_leaves_a_model_that_serves(call: Call, trainer: Any) -> None:
    call("train", "--as-of", "2024-01-15")
    trainer.promoted, trainer.reason = False, "it ranks no better"
    challenger = call("train", "--as-of", "2024-01-22", "--json")
    assert (challenger.exit_code, json.loads(challenger.stdout)["outcome"]) == (0, "challenger")
    limited = call("train", "--as-of", "2024-01-23", "--json")
    assert (limited.exit_code, json.loads(limited.stdout)["outcome"]) == (0, "refused")
