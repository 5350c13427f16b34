from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import p2pcredit
from small_home import make_small_home


@pytest.fixture(scope="session")
def small_home(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A home made by the pipeline; not to be changed."""
    return made_once("small-home", make_small_home)


@pytest.fixture
def home(small_home: Path) -> p2pcredit.Home:
    return p2pcredit.open_home(small_home)
