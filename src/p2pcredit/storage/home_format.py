"""The format of a home: a number in `home.json` that says how its tables, model cards and ledger are written.

The file is written before the first table, model or landing file. So a home that has tables or models without it was
made by version 0.1, which wrote none.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import p2pcredit
from p2pcredit.errors import HomeError, StorageError
from p2pcredit.storage.files import read_small_file, write_json_atomically
from p2pcredit.storage.layout import Layout

HOME_FORMAT = 2
"""The format that this version writes, and the only one that it reads. It grows when the words of columns, cards or
ledger lines change so that homes made before must be made anew or migrated."""

_MOST_BYTES = 64 << 10
_MAKE_ANEW = "make it anew from the raw files, 'p2pcredit land FILE --home NEW', then 'p2pcredit replay --home NEW'"


def check_format(home: Path) -> None:
    """Refuse a home whose format this version does not read; one that is empty or holds raw files only passes.

    Args:
        home: The home directory.

    Raises:
        HomeError: In one line: which format was found, and what to do.
    """
    _read_format(home)


def mark_home(home: Path) -> None:
    """Write `home.json` where there is none: before the first table, model or landing file of a home is written.

    Its bytes depend on the version alone, so that processes that begin a home at once write the same.

    Args:
        home: The home directory; it is made where it is missing.

    Raises:
        HomeError: If the home is of a format that this version does not write.
        StorageError: If the disk refuses.
    """
    if _read_format(home) is None:
        write_json_atomically(
            Layout(home).home_file, {"format": HOME_FORMAT, "made_by": p2pcredit.__version__}, indent=None
        )


def _read_format(home: Path) -> int | None:
    """Read the format of a home, None where nothing says one and nothing needs one."""
    found = _read_file(home)
    if found is None and _holds_tables_or_models(home):
        found = _read_file(home)  # once more: another process may have begun the home just now, with this file first
        if found is None:
            raise HomeError(
                f"the home {home} has tables or models and no home.json: version 0.1 made it, or the file was lost; "
                f"this version reads format {HOME_FORMAT}: {_MAKE_ANEW}"
            )
    if found is None:
        return None
    number, made_by = found
    if number != HOME_FORMAT:
        advice = "install that version or a later one, or name another home" if number > HOME_FORMAT else _MAKE_ANEW
        raise HomeError(
            f"the home {home} has format {number}, made by version {made_by}; this version reads format {HOME_FORMAT}: "
            f"{advice}"
        )
    return number


def _read_file(home: Path) -> tuple[int, str] | None:
    """Read the number and the version that `home.json` names; None where there is none."""
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
    return number, str(content.get("made_by", "unknown"))[:40]


def _holds_tables_or_models(home: Path) -> bool:
    """Whether a table or a model lies in it; looked up by name, so that other files never count."""
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


__all__ = ["HOME_FORMAT", "check_format", "mark_home"]
