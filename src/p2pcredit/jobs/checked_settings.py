"""The settings of a home, checked against what is installed: a policy, family or engine that is not is refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from p2pcredit.contracts.feature import OWN_PREFIX
from p2pcredit.contracts.feeds import OWN_COLUMNS
from p2pcredit.contracts.plausible import PLAUSIBLE
from p2pcredit.engines.registry import ENGINES
from p2pcredit.errors import SettingsError
from p2pcredit.monitoring.policies import registry as policies
from p2pcredit.names import no_such
from p2pcredit.settings import MonitoringSettings, Settings, TrainingSettings, load_settings

_BUILT_IN = {MonitoringSettings().policy, *TrainingSettings().families}
_ENGINES = ("polars", "spark", "auto")
"""Names that are there whatever is installed: that no package takes one is checked when it is used."""


def settings_of(home: Path) -> Settings:
    """Read the settings of a home, and check what they name.

    Raises:
        SettingsError: If a setting is wrong, or names a policy, a family, an engine or a column of numbers that does
            not exist.
        PluginError: If two packages bring it.
    """
    settings = load_settings(home)
    require_policy(settings.monitoring.policy)
    require_families(settings.training.families)
    require_engine(settings.engine)
    require_columns(settings.preprocessing.own_sizes)
    return settings


def require_policy(name: str) -> None:
    """Check that a decision policy of this name exists, before any work is done.

    Raises:
        SettingsError: With the policies there are, or with the argument that this one needs.
    """
    if name not in _BUILT_IN:
        policies.require_policy(name)  # reads what other packages bring: 10 ms


def require_families(names: Iterable[str]) -> None:
    """Check that model families of these names exist, before any work is done.

    Raises:
        SettingsError: With the families there are.
    """
    for name in names:
        if name not in _BUILT_IN:
            from p2pcredit.models.registry import FAMILIES  # loads Polars, which most tasks check settings without

            FAMILIES.require(name)


def require_engine(name: str) -> None:
    """Check that an engine of this name exists, before any work is done.

    Raises:
        SettingsError: With the engines there are.
    """
    if name not in _ENGINES:
        ENGINES.require(name)


def require_columns(names: Iterable[str]) -> None:
    """Check that columns of numbers of these names, as `feed.column`, exist.

    Raises:
        SettingsError: With the name that is like it.
    """
    for name in names:
        known = [".".join(place) for place in PLAUSIBLE]
        if name not in known and not name.startswith(f"{OWN_COLUMNS.name}.{OWN_PREFIX}"):
            raise SettingsError(f"preprocessing.own_sizes: {no_such('column of numbers', name, known)}")


__all__ = ["require_columns", "require_engine", "require_families", "require_policy", "settings_of"]
