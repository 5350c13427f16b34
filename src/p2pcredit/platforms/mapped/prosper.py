"""Prosper's public download as feeds: a mapping like any user's, shipped with the package."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from p2pcredit.platforms.mapped.profile import MappedPlatform, load_mapping

NAME = "prosper"
MAPPING_FILE = Path(__file__).with_name("prosper.yaml")


def prosper(today: date | None = None) -> MappedPlatform:
    """Make the profile of Prosper. A date after `today`, the day of the landing, cannot be read."""
    return load_mapping(MAPPING_FILE, today)


__all__ = ["MAPPING_FILE", "NAME", "prosper"]
