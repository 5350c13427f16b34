from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.both_families import BothFamilies, make_both
from tests.paged_home import make_paged_home


@pytest.fixture(scope="session")
def both(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> BothFamilies:
    """A home with a model of either family, and what each said at night of a day of odd applications."""
    return make_both(small_home, tmp_path_factory.mktemp("both") / "home")


@pytest.fixture(scope="module")
def home(small_home: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The home of the pages, which nobody changes."""
    return made_once("paged-home", lambda directory: make_paged_home(small_home, directory))
