"""Names of people as the ledger holds them: one line each, compared without regard to case, blanks or form.

A name is a claim: nothing here proves it. Where the account that ran the command is known, it stands beside the name.
"""

from __future__ import annotations

import unicodedata

from p2pcredit.errors import UsageError

SCHEDULE = "schedule"
"""Stands for a person's name in the lines of scheduled runs, and of a replay, which does what they would have done."""

_MOST_CHARACTERS = 100


def person_named(text: str) -> str:
    """Read a person's name: blanks made single, nothing else changed.

    Raises:
        UsageError: If it is blank, too long, holds a character that does not print, or is the word for the schedule.

    Examples:
        >>> person_named("  Ada   Lovelace ")
        'Ada Lovelace'
        >>> person_named("Schedule")
        Traceback (most recent call last):
        ...
        p2pcredit.errors.UsageError: 'Schedule' stands for scheduled runs; give the name of a person with --by
    """
    name = " ".join(text.split())
    if not name:
        raise UsageError("the name is blank; give the name of a person with --by")
    if len(name) > _MOST_CHARACTERS:
        raise UsageError(f"the name has {len(name)} characters, of at most {_MOST_CHARACTERS}; give a shorter one")
    if not name.isprintable():
        raise UsageError("the name holds a character that does not print; write it anew")
    if is_same_person(name, SCHEDULE):
        raise UsageError(f"'{name}' stands for scheduled runs; give the name of a person with --by")
    return name


def is_same_person(one: str | None, other: str | None) -> bool:
    """Compare two names as a reader would; a name that is not known is no person's.

    Examples:
        >>> is_same_person("Ada Lovelace", "ada  lovelace"), is_same_person("Zoe\\u0308", "Zo\\u00eb")
        (True, True)
        >>> is_same_person("Ada", "Ada L."), is_same_person(None, None)
        (False, False)
    """
    return one is not None and other is not None and _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", " ".join(name.split()).casefold())


__all__ = ["SCHEDULE", "is_same_person", "person_named"]
