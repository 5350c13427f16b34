"""What the tests of the files in deploy/ share: where these lie, and the tools that read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def deploy() -> Path:
    """The directory with the files for a deployment."""
    return ROOT / "deploy"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The directory into which `tools/set_up deploy` puts linters and providers."""
    place = ROOT / ".venv" / "deploy"
    if not (place / ".ready").is_file():
        pytest.skip("the linters are not there; add them with: tools/set_up deploy")
    return place


@pytest.fixture(scope="session")
def locked() -> dict[str, str]:
    """Package to version, as `requirements.lock` pins them."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^\s;]+)", text, re.MULTILINE))
