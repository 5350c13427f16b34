"""Describe every setting from its declaration: name, variable, type, default, bounds, meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from p2pcredit.settings.sources import PREFIX, SEPARATOR
from p2pcredit.settings.tree import Settings

_NAMES = {str: "text", int: "whole number", float: "number", SecretStr: "secret text"}
_SIGNS = (
    (annotated_types.Ge, "ge", ">="),
    (annotated_types.Gt, "gt", ">"),
    (annotated_types.Le, "le", "<="),
    (annotated_types.Lt, "lt", "<"),
)


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One setting.

    Attributes:
        name: As in `p2pcredit.toml`: `labels.window_months`, or `threads` for one in no group.
        variable: The environment variable that overrides the file: `P2P_LABELS__WINDOW_MONTHS`.
        group: The group's name, empty for a setting in no group.
        type: In words: `number`, `whole number`, `text`, `one of "a", "b"`, `list of ...`.
        default: The default as a JSON value.
        bounds: Such as `>= 1, <= 60`; empty where any value of the type will do.
        description: What the setting does, in one or more sentences.
    """

    name: str
    variable: str
    group: str
    type: str
    default: Any
    bounds: str
    description: str

    def as_json(self) -> dict[str, Any]:
        """Give the description as a JSON object."""
        return asdict(self)


def describe_settings() -> tuple[SettingDescription, ...]:
    """List every setting in the order of the tree, groups together.

    Examples:
        >>> next(setting for setting in describe_settings() if setting.name == "labels.default_days")
        SettingDescription(name='labels.default_days', variable='P2P_LABELS__DEFAULT_DAYS', group='labels', \
type='whole number', default=90, bounds='>= 1, <= 180', description='Days past due from which a loan is in default.')
    """
    return tuple(_settings_in(Settings, ""))


def describe_groups() -> dict[str, str]:
    """Give each group's name with the first line of what it is about.

    Examples:
        >>> describe_groups()["landing"]
        'When a landing is no success.'
    """
    groups = ((name, _group_of(field)) for name, field in Settings.model_fields.items())
    return {name: (kind.__doc__ or "").partition("\n")[0] for name, kind in groups if kind is not None}


def _settings_in(model: type[BaseModel], group: str) -> Iterator[SettingDescription]:
    for name, field in model.model_fields.items():
        kind = _group_of(field)
        if kind is not None:
            yield from _settings_in(kind, name)
            continue
        variable = f"{group}{SEPARATOR}{name}" if group else name
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        if isinstance(default, SecretStr):  # what stands in this code is no secret
            default = default.get_secret_value()
        yield SettingDescription(
            f"{group}.{name}" if group else name,
            PREFIX + variable.upper(),
            group,
            _type_in_words(field.annotation),
            default,
            _bounds(field.metadata) or _bounds_of_items(field.annotation),
            field.description or "",
        )


def _group_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _type_in_words(kind: Any) -> str:
    """Word a type of a setting.

    Examples:
        >>> _type_in_words(tuple[float, float]), _type_in_words(Literal["cpu", "cuda"])
        ('list of 2 of number', 'one of "cpu", "cuda"')
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _type_in_words(inner[0])
    if origin is Literal:
        return "one of " + ", ".join(f'"{value}"' for value in inner)
    if origin is tuple:
        count = "" if inner[-1] is Ellipsis else f"{len(inner)} of "
        return f"list of {count}{_type_in_words(inner[0])}"
    if origin is dict:
        return "group of names and values"
    if origin in (Union, UnionType):
        return " or ".join(_type_in_words(part) for part in inner if part is not type(None))
    return _NAMES[kind]


def _bounds(metadata: list[Any]) -> str:
    found = [
        f"{sign} {getattr(part, name):g}" for kind, name, sign in _SIGNS for part in metadata if isinstance(part, kind)
    ]
    found += ["not empty" for part in metadata if isinstance(part, annotated_types.MinLen)]
    return ", ".join(found)


def _bounds_of_items(kind: Any) -> str:
    item = get_args(kind)[0] if get_origin(kind) is tuple else None
    if get_origin(item) is not Annotated:
        return ""
    inner = [part for info in get_args(item)[1:] for part in getattr(info, "metadata", [info])]
    return f"each {_bounds(inner)}"


__all__ = ["SettingDescription", "describe_groups", "describe_settings"]
