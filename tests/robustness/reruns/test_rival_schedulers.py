"""Two schedulers fire the same three DAGs on one home, night after night: everything is done once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.reruns.nightly_runs import EVE, LAST, differences, nights, story

Race = Callable[..., None]
pytestmark = pytest.mark.torture
FIRST_NIGHT = date.fromordinal(EVE.toordinal() + 1)
NIGHTS = "from tests.robustness.reruns import nightly_runs; nightly_runs.nights(*sys.argv[1:])"


@pytest.fixture(scope="module")
def until(torture: Any) -> date:
    last: date = torture.times(date(2021, 6, 6), LAST)
    return last


@pytest.fixture(scope="module")
def one_scheduler(young: Path, until: date, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("one") / "home"
    shutil.copytree(young, home)
    nights(str(home), "night-", str(FIRST_NIGHT), str(until))
    return home


def test_one_scheduler_obeys_the_decision_that_waited(one_scheduler: Path) -> None:
    told = story(one_scheduler)
    obeyed = [decision for decision, _, _ in told["trained"] if decision is not None]
    assert [decision for decision in obeyed if decision.startswith("override-")] != []
    assert len(set(obeyed)) == len(obeyed)  # monitoring may ask again in a longer run
    assert len(told["decided"]) >= 2
    assert told["cleared"] == sorted(obeyed)
    assert FIRST_NIGHT in told["scored"]


@pytest.mark.parametrize("prefixes", [("night-", "night-"), ("one-", "other-")], ids=["same run ids", "run ids apart"])
def test_two_schedulers_do_what_one_does(
    prefixes: tuple[str, str], young: Path, one_scheduler: Path, until: date, tmp_path: Path, race: Race, torture: Any
) -> None:
    home = tmp_path / "home"
    shutil.copytree(young, home)
    race(*[(NIGHTS, home, prefix, FIRST_NIGHT, until) for prefix in prefixes], timeout=900)
    found = differences(home, one_scheduler)
    torture.record("nights of two schedulers firing the same DAGs", 2 * (until - EVE).days, len(found))
    assert found == []
