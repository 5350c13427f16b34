"""Write the page of settings from the class that holds them."""

from __future__ import annotations

import inspect
import json
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from p2pcredit.settings import Settings
from tools.docs.markdown import code, page, table

_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_WORDS = {int: "a whole number", float: "a number", str: "a text", dict: "names and texts"}


def settings_page() -> str:
    """Write the page of all settings."""
    plain = {name: field for name, field in Settings.model_fields.items() if not _group(field)}
    parts = [
        "Settings stand in `p2pcredit.toml` in the home directory, a group under its name in brackets. A variable "
        "`P2P_<GROUP>__<NAME>`, such as `P2P_LABELS__WINDOW_MONTHS=6`, overrides the file. An unknown name, a value out of "
        "bounds and settings that contradict each other are refused in one line.",
        "## At the top of the file",
        _table(plain, "P2P_"),
    ]
    for name, field in Settings.model_fields.items():
        group = _group(field)
        if group is not None:
            first = (inspect.getdoc(group) or "").split("\n\n")[0]
            parts += [f"## `[{name}]`", first, _table(group.model_fields, f"P2P_{name.upper()}__")]
    return page("Settings", *parts)


def _group(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _table(fields: dict[str, FieldInfo], prefix: str) -> str:
    rows = [
        [code(name), _default(field), _allowed(field), field.description or "", code(f"{prefix}{name.upper()}")]
        for name, field in fields.items()
    ]
    return table(["setting", "default", "allowed", "sense", "variable"], rows)


def _default(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, BaseModel):
        return ""
    return code(json.dumps(default if not isinstance(default, tuple) else list(default)))


def _allowed(field: FieldInfo) -> str:
    bounds = [
        f"{word} {getattr(mark, key):g}"
        for mark in _marks(field)
        for key, word in _BOUNDS.items()
        if getattr(mark, key, None) is not None
    ]
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(code(json.dumps(choice)) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "a list"
    return ", ".join([_WORDS.get(get_origin(kind) or kind, ""), *bounds]).strip(", ")


def _marks(field: FieldInfo) -> list[Any]:
    return list(field.metadata)


__all__ = ["settings_page"]
