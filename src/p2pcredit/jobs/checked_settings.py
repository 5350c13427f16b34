"""The settings of a home, checked against what is installed: a policy that no package brings is refused at once."""

from __future__ import annotations

from pathlib import Path

from p2pcredit.settings import MonitoringSettings, Settings, load_settings

_BUILT_IN = MonitoringSettings().policy


def settings_of(home: Path) -> Settings:
    """Read the settings of a home, and check what they name.

    Raises:
        SettingsError: If a setting is wrong, or names a policy that does not exist.
    """
    settings = load_settings(home)
    require_policy(settings.monitoring.policy)
    return settings


def require_policy(name: str) -> None:
    """Check that a decision policy of this name exists, before any work is done.

    Raises:
        SettingsError: With the policies there are.
    """
    if name == _BUILT_IN:
        return
    from p2pcredit.monitoring.policies.choose import policy_named

    policy_named(name)


__all__ = ["require_policy", "settings_of"]
