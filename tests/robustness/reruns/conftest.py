from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.processes_at_once import run_programs
from tests.robustness.reruns.daily_book import DAYS, context, land
from tests.robustness.reruns.disturbed_nights import new_home
from tests.robustness.reruns.nightly_runs import young_home

from p2pcredit.jobs.preprocessing.stages import preprocess

Race = Callable[..., None]


@pytest.fixture(scope="session")
def race() -> Race:
    """Runs pieces of code at once: each in a process of its own, which imports everything before the start."""

    def run(*programs: tuple[object, ...], timeout: float = 300) -> None:
        imports = "from tests.robustness.reruns.daily_book import *\n"
        run_programs(imports, programs, path=Path(__file__).parents[3], timeout=timeout)

    return run


@pytest.fixture(scope="session")
def young(made_once: Callable[..., Path]) -> Path:
    """The home of `nightly_runs`, beside the download it was landed from; copy it before touching it."""
    return made_once("young", lambda directory: young_home(directory / "home")) / "home"


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    """A home of the disturbed nights in which all days have landed; to be copied."""
    new_home(tmp_path / "landed")
    return tmp_path / "landed"


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one process did the whole book in one go; to be compared with, not changed."""
    home = tmp_path_factory.mktemp("reference")
    land(home, DAYS)
    preprocess(context(home), DAYS)
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home where the book has landed and nothing is done yet."""
    land(tmp_path / "home", DAYS)
    return tmp_path / "home"
