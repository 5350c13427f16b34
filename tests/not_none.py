"""Values that a test knows to be there, though their type allows for None."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def not_none(value: Value | None) -> Value:
    """Return the value, and fail where it is None."""
    assert value is not None
    return value
