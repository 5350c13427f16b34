"""Loading settings: environment over `p2pcredit.toml` over defaults, and what is said of those that are wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnparsableVariableError

from p2pcredit.errors import SettingsError
from p2pcredit.names import perhaps
from p2pcredit.settings.sources import read_settings_file, refuse_unknown_variables, unknown_key, unparsable_variable
from p2pcredit.settings.tree import GROUPS, Settings


def load_settings(home: Path) -> Settings:
    """Read the settings of a home directory: environment over `p2pcredit.toml` over defaults.

    Raises:
        SettingsError: One line naming the first setting that is wrong, and the file or variable to mend.
    """
    file = home / "p2pcredit.toml"
    try:
        content = read_settings_file(file)
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}; mend it or move it away") from error
    _refuse_unknown_keys(file, content)
    refuse_unknown_variables(os.environ, GROUPS)

    class _Loaded(BaseSettings, Settings):
        model_config = SettingsConfigDict(
            env_prefix="P2P_", env_nested_delimiter="__", extra="ignore", frozen=True, hide_input_in_errors=True
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, init_settings

    try:
        loaded = _Loaded(**content)
        return Settings(**{name: getattr(loaded, name) for name in Settings.model_fields})
    except ValidationError as error:
        raise SettingsError(f"{_worded(error)}; mend it in {file} or in P2P_* variables") from error
    except UnparsableVariableError as error:
        raise SettingsError(_unparsable(error)) from None


_SAID = {
    "tuple_type": "it is no list; write a list, such as [36, 60]",
    "model_type": "it is a group of settings; write them under its name in brackets, each in a line",
    "model_attributes_type": "it is a group of settings; write them under its name in brackets, each in a line",
    "dict_type": "it is no group of names and values; write one",
}
"""What pydantic says in words of Python, by its type."""


def _worded(error: ValidationError) -> str:
    """Say the first thing that is wrong: of a choice what was found and what there is, of others no value."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    where = ".".join(place)
    if first["type"] == "extra_forbidden" and len(place) == 2:
        return unknown_key(place[0], place[1], GROUPS.get(place[0]) or ())
    if first["type"] == "literal_error":
        known = str(first["ctx"]["expected"])
        meant = perhaps(str(first["input"]), re.findall(r"'([^']*)'", known))
        return f"setting '{where}' is {str(first['input'])[:60]!r}{meant}; write {known}"
    said = _SAID.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ")
    return f"setting '{where}': {said}" if where else f"settings: {said}"


def _unparsable(error: UnparsableVariableError) -> str:
    group = re.search(r'for field "(\w+)"', str(error))
    variable = None if group is None else unparsable_variable(os.environ, group[1])
    if variable is None:
        return f'{error}; write lists in P2P_* variables as JSON, such as ["..."]'
    return f'the variable {variable} is not JSON; write a list such as [36, 60] or ["..."], a group as {{"name": 1}}'


def _refuse_unknown_keys(file: Path, content: dict[str, Any]) -> None:
    unknown = sorted(set(content) - set(GROUPS))
    if unknown:
        meant = perhaps(unknown[0], GROUPS).replace(",", ";", 1)
        raise SettingsError(f"{file}: unknown setting '{unknown[0]}'; known are {', '.join(sorted(GROUPS))}{meant}")
