"""Read the fields of a form."""

from __future__ import annotations

from starlette.datastructures import FormData

from p2pcredit.errors import UsageError


def text_of(form: FormData, name: str, *, at_most: int = 200) -> str:
    """Read a field that must be filled.

    Raises:
        UsageError: If it is blank, too long, or a file.
    """
    found = optional_text(form, name, at_most=at_most)
    if found is None:
        raise UsageError(f"the field '{name}' is blank; fill it")
    return found


def optional_text(form: FormData, name: str, *, at_most: int = 200) -> str | None:
    """Read a field that may be blank; None where it is.

    Raises:
        UsageError: If it is too long, or a file.
    """
    value = form.get(name, "")
    if not isinstance(value, str):
        raise UsageError(f"the field '{name}' holds a file; write text")
    if len(value) > at_most:
        raise UsageError(f"the field '{name}' has {len(value):,} characters; {at_most:,} are allowed")
    return value.strip() or None


__all__ = ["optional_text", "text_of"]
