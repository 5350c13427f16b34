"""The identity of a home: `home.json` holds its id and its format, which says how tables, cards and ledger are written.

The file is written before the first table, model or landing file. So a home that has tables or models without it was
made by version 0.1, which wrote none. The id is a random UUID: two directories have the same one only where they are
the same directory, or one is a copy of the other.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import p2pcredit
from p2pcredit.errors import HomeError, StorageError
from p2pcredit.storage.files import read_small_file, write_json_atomically
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock

HOME_FORMAT = 2
"""The format that this version writes, and the only one that it reads. It grows when the words of columns, cards or
ledger lines change so that homes made before must be made anew or migrated. A column that joins a table does not
make it grow: it is missing, which means not known, on the rows written before."""

_MOST_BYTES = 64 << 10
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAKE_ANEW = "make it anew from the raw files, 'p2pcredit land FILE --home NEW', then 'p2pcredit replay --home NEW'"


@dataclass(frozen=True, slots=True)
class HomeIdentity:
    """What `home.json` says.

    Args:
        format: The number of the home's format.
        id: A UUID; None in a home that an earlier version of the same format made.
        made_by: The version that made the home.
    """

    format: int
    id: str | None
    made_by: str

    @property
    def short_id(self) -> str | None:
        """The first eight characters of the id, for lines that people read."""
        return None if self.id is None else self.id[:8]

    def as_facts(self) -> dict[str, Any]:
        """Return `home_id` (short) and `home_format`, as they stand in receipts and activity lines."""
        return {"home_id": self.short_id, "home_format": self.format}


def check_format(home: Path) -> None:
    """Refuse a home whose format this version does not read; one that is empty or holds raw files only passes.

    Args:
        home: The home directory.

    Raises:
        HomeError: In one line: which format was found, and what to do.
    """
    read_identity(home)


def read_identity(home: Path) -> HomeIdentity | None:
    """Read the identity of a home; None where nothing has been written to it that needs one.

    Args:
        home: The home directory; it may be missing.

    Raises:
        HomeError: If this version does not read its format, or the file is damaged.
    """
    found = _read_file(home)
    if found is None and _holds_tables_or_models(home):
        found = _read_file(home)  # once more: another process may have begun the home just now, with this file first
        if found is None:
            raise HomeError(
                f"the home {home} has tables or models and no home.json: version 0.1 made it, or the file was lost; "
                f"this version reads format {HOME_FORMAT}: {_MAKE_ANEW}"
            )
    if found is not None and found.format != HOME_FORMAT:
        newer = found.format > HOME_FORMAT
        advice = "install that version or a later one, or name another home" if newer else _MAKE_ANEW
        raise HomeError(
            f"the home {home} has format {found.format}, made by version {found.made_by}; this version reads format "
            f"{HOME_FORMAT}: {advice}"
        )
    return found


def short_id_of(home: Path) -> str | None:
    """Return the first eight characters of the home's id; None where it has none, or its file cannot be read."""
    with suppress(HomeError):
        identity = read_identity(home)
        return None if identity is None else identity.short_id
    return None


def mark_home(home: Path) -> HomeIdentity:
    """Make sure that a home has `home.json` with format and id, before its first table, model or landing file.

    A lock makes processes that begin a home at once agree on one id.

    Args:
        home: The home directory; it is made where it is missing.

    Returns:
        Its identity.

    Raises:
        HomeError: If the home is of a format that this version does not write.
        StorageError: If the disk refuses.
    """
    found = read_identity(home)
    if found is not None and found.id is not None:
        return found
    layout = Layout(home)
    with exclusive_lock(layout.home_lock, "the identity of the home"):
        found = read_identity(home)
        if found is not None and found.id is not None:
            return found
        made_by = p2pcredit.__version__ if found is None else found.made_by
        made = HomeIdentity(HOME_FORMAT, str(uuid.uuid4()), made_by)
        content = {"format": made.format, "id": made.id, "made_by": made.made_by}
        write_json_atomically(layout.home_file, content, indent=None)
    return made


def complete_identity(home: Path) -> HomeIdentity | None:
    """Give an id to a home that has a format and none; leave alone one that has not begun.

    Args:
        home: The home directory.

    Returns:
        Its identity, with an id; None where the home has not begun.

    Raises:
        HomeError: If this version does not read its format, or the file is damaged.
        StorageError: If the disk refuses.
    """
    found = read_identity(home)
    return mark_home(home) if found is not None and found.id is None else found


def _read_file(home: Path) -> HomeIdentity | None:
    """Read `home.json`; None where there is none."""
    path = Layout(home).home_file
    try:
        content: Any = json.loads(read_small_file(path, at_most=_MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (StorageError, ValueError, RecursionError) as error:
        raise HomeError(f"{path} cannot be read ({error}); restore it from a backup") from error
    number = content.get("format") if isinstance(content, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise HomeError(f"{path} does not say which format the home has; restore it from a backup")
    given = content.get("id")
    if number == HOME_FORMAT and given is not None and not (isinstance(given, str) and _ID.fullmatch(given)):
        raise HomeError(f"{path} holds an id that is no UUID; restore it from a backup")
    return HomeIdentity(number, given if isinstance(given, str) else None, str(content.get("made_by", "unknown"))[:40])


def _holds_tables_or_models(home: Path) -> bool:
    """Return whether a table or a model lies in it; looked up by name, so that other files never count."""
    layout = Layout(home)
    tables = ((layout.datamart / layer, "_delta_log") for layer in _LAYERS)
    return any(
        (parent / name / sign).exists()
        for parent, sign in (*tables, (layout.model_bank, "card.json"))
        for name in _names(parent)
    )


_LAYERS = ("bronze", "silver", "gold")


def _names(directory: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(directory)
    return []


__all__ = [
    "HOME_FORMAT",
    "HomeIdentity",
    "check_format",
    "complete_identity",
    "mark_home",
    "read_identity",
    "short_id_of",
]
