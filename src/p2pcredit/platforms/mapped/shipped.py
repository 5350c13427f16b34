"""Mappings that come with the package: YAML like any user's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from p2pcredit.platforms.mapped.profile import MappedPlatform, load_mapping


def mapping_file(name: str) -> Path:
    """Give the file of a mapping that comes with the package."""
    return Path(__file__).with_name(f"{name}.yaml")


def bondora(today: date | None = None) -> MappedPlatform:
    """Make the profile of Bondora. A date after `today`, the day of the landing, cannot be read."""
    return load_mapping(mapping_file("bondora"), today)


def loan_tape(today: date | None = None) -> MappedPlatform:
    """Make the profile of a servicing tape. A date after `today`, the day of the landing, cannot be read."""
    return load_mapping(mapping_file("loan_tape"), today)


def mintos(today: date | None = None) -> MappedPlatform:
    """Make the profile of a loan book of Mintos. A date after `today`, the day of the landing, cannot be read."""
    return load_mapping(mapping_file("mintos"), today)


def prosper(today: date | None = None) -> MappedPlatform:
    """Make the profile of Prosper. A date after `today`, the day of the landing, cannot be read."""
    return load_mapping(mapping_file("prosper"), today)


__all__ = ["bondora", "loan_tape", "mapping_file", "mintos", "prosper"]
