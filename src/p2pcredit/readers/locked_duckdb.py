"""The settings under which DuckDB reads nothing but what it is handed: no file, no address, no extension."""

from __future__ import annotations

LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}

__all__ = ["LOCKED"]
