from __future__ import annotations

from pathlib import Path

import pytest

import p2pcredit


@pytest.fixture
def home(small_home: Path) -> p2pcredit.Home:
    return p2pcredit.open_home(small_home)
