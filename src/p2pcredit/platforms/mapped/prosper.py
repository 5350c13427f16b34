"""Prosper's public download as feeds: a mapping like any user's, shipped with the package."""

from __future__ import annotations

from pathlib import Path

from p2pcredit.platforms.mapped.profile import MappedPlatform, load_mapping

NAME = "prosper"
MAPPING_FILE = Path(__file__).with_name("prosper.yaml")


def prosper() -> MappedPlatform:
    """The profile of Prosper."""
    return load_mapping(MAPPING_FILE)


__all__ = ["MAPPING_FILE", "NAME", "prosper"]
