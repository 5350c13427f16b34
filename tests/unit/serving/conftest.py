from __future__ import annotations

from pathlib import Path

import pytest
from tests.both_families import BothFamilies, make_both


@pytest.fixture(scope="session")
def both(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> BothFamilies:
    """A home with a model of either family, and what each said at night of a day of odd applications."""
    return make_both(small_home, tmp_path_factory.mktemp("both") / "home")
