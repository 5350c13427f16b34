from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from daily_book import DAYS, context, land
from nightly_runs import young_home

from p2pcredit.jobs.preprocessing.stages import preprocess
from processes_at_once import run_programs

Race = Callable[..., None]


@pytest.fixture(scope="session")
def race() -> Race:
    """Runs pieces of code at once: each in a process of its own, which imports everything before the start."""

    def run(*programs: tuple[object, ...], timeout: float = 300) -> None:
        run_programs("from daily_book import *\n", programs, path=Path(__file__).parent, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def young(made_once: Callable[..., Path]) -> Path:
    """The home of `nightly_runs`, beside the download it was landed from; copy it before touching it."""
    return made_once("young", lambda directory: young_home(directory / "home")) / "home"


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
