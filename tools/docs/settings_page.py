"""Write the page of settings from their declarations."""

from __future__ import annotations

import json

from tools.docs.markdown import code, page, table

from p2pcredit.settings.reference import SettingDescription, describe_groups, describe_settings


def settings_page() -> str:
    """Write the page of all settings, a table a group."""
    found = describe_settings()
    parts = [
        "Settings stand in `p2pcredit.toml` in the home directory, a group under its name in brackets. A variable "
        "overrides the file: `P2P_`, the group, two underscores and the name, as `P2P_LABELS__WINDOW_MONTHS=6` for "
        "`window_months` of `[labels]`, or `P2P_THREADS=4` for `threads`, which has no group. An unknown name, a "
        "value out of bounds and "
        "settings that contradict each other are refused in one line.",
        "## At the top of the file",
        _table([setting for setting in found if not setting.group]),
    ]
    for group, about in describe_groups().items():
        parts += [f"## `[{group}]`", about, _table([setting for setting in found if setting.group == group])]
    return page("Settings", *parts)


def _table(found: list[SettingDescription]) -> str:
    rows = [
        [
            code(setting.name.rpartition(".")[2]),
            code(json.dumps(setting.default)),
            f"{setting.type} {setting.bounds}".strip(),
            setting.description,
        ]
        for setting in found
    ]
    return table(["setting", "default", "values", "sense"], rows)


__all__ = ["settings_page"]
