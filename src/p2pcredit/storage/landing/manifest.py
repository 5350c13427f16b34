"""What was landed, from which raw files, and whether it is whole: the manifest beside the landing files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from p2pcredit.errors import MissingFeedError, StorageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import read_small_file
from p2pcredit.storage.layout import Layout

_OF_QUERIES = ("from", "query")


def require_whole_landing(layout: Layout, days: DateRange) -> None:
    """Make sure that no landing of these days was interrupted. Files without a manifest are taken as they are.

    Raises:
        MissingFeedError: If one was, or is still going on; the rest may still come.
        StorageError: If the manifest cannot be read.
    """
    for entry in read_manifest(layout).get("landings", []):
        first, last = date.fromisoformat(entry["first_date"]), date.fromisoformat(entry["last_date"])
        if not entry.get("complete", True) and first <= days.last and days.first <= last:
            raise MissingFeedError(f"the landing of {first} to {last} is not whole; land it again, or wait for its end")


def manifest_file(layout: Layout) -> Path:
    """Return the file that says what was landed, from which raw files, and whether it is whole."""
    return layout.landing / "landing.json"


def read_manifest(layout: Layout) -> dict[str, Any]:
    """Read the manifest: `platform`, and `landings` with `files`, `first_date`, `last_date`; empty where there is none.

    Each of `files` has `name` and `sha256`; the result of a query also `from`, the database, and `query`, its text. An
    entry with `complete` false is a landing that is going on or was interrupted.

    Raises:
        StorageError: If it cannot be read.
    """
    path = manifest_file(layout)
    try:
        content = json.loads(read_small_file(path))
        return {"platform": str(content["platform"]), "landings": [_checked(entry) for entry in content["landings"]]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(f"{path} cannot be read as a landing manifest; move it away and land again") from error


def currency_of(layout: Layout) -> str | None:
    """Return the three letters of the currency of the amounts of this home; None where no landing says it."""
    landings = read_manifest(layout).get("landings", [])
    return next((str(entry["currency"]) for entry in landings if entry.get("currency")), None)


def _checked(entry: dict[str, Any]) -> dict[str, Any]:
    for day in (entry["first_date"], entry["last_date"]):
        date.fromisoformat(day)
    kept = ("name", "sha256", *_OF_QUERIES)
    files = [
        {name: str(file[name]) for name in kept if name in file or name not in _OF_QUERIES} for file in entry["files"]
    ]
    return {**entry, "files": files}
