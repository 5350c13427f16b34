"""Write the page of the files of a home from the class that names them all."""

from __future__ import annotations

import inspect
from datetime import date
from pathlib import Path

from tools.docs.markdown import code, page, table

from p2pcredit.contracts.tables import TABLES
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout

_HOME = Path("/home-directory")
_FIRST, _LAST = date(4321, 11, 12), date(4321, 11, 13)
_SAMPLES: dict[str, object] = {
    "model_id": "MODEL",
    "replaces": "OTHER_MODEL",
    "monday": _FIRST,
    "week_end": _FIRST,
    "day": _FIRST,
    "days": DateRange(_FIRST, _LAST),
    "feed": "FEED",
    "table": "gold/TABLE",
    "subject": "SUBJECT",
    "as_of": _FIRST,
    "regime": "REGIME",
    "year": 4321,
    "name": "NAME",
}
"""What stands for each argument of a method of `Layout`; a new argument needs its own."""

_SHOWN = {"4321_11_12": "YYYY_MM_DD", "4321_11_13": "YYYY_MM_DD", "4321_11": "YYYY_MM", "4321": "YYYY"}


def home_page() -> str:
    """Write the page of the files of a home."""
    rows = sorted({(_place(path), _sense(sense)) for path, sense in _paths()})
    return page(
        "Files of a home",
        "A home is one directory with everything that the commands and pipelines read or write, so copying it away is "
        "a backup. Dates in names are written `YYYY_MM_DD`. Settings stand in `p2pcredit.toml` at its top "
        "([settings](settings.md)); the feeds and columns of landing files are in [tables](tables.md).",
        table(["path", "what it is"], [[code(path), sense] for path, sense in rows]),
        "The tables themselves are directories under `scripts/datamart/`: " + ", ".join(map(code, TABLES)) + ".",
    )


def _paths() -> list[tuple[Path, str]]:
    layout = Layout(_HOME)
    found: list[tuple[Path, str]] = []
    for name, member in inspect.getmembers(Layout):
        sense = inspect.getdoc(member) or ""
        if name.startswith("_") or not sense:
            continue
        if isinstance(member, property):
            value = getattr(layout, name)
        elif inspect.isfunction(member):
            value = member(layout, *(_SAMPLES[arg] for arg in list(inspect.signature(member).parameters)[1:]))
        else:
            continue
        if isinstance(value, Path) and value != _HOME:
            found.append((value, sense))
    return found


def _place(path: Path) -> str:
    text = path.relative_to(_HOME).as_posix()
    for sample, shown in _SHOWN.items():
        text = text.replace(sample, shown)
    return text


def _sense(docstring: str) -> str:
    sense = docstring.split("\n\n")[0].removeprefix("Return ")
    return sense[:1].upper() + sense[1:]


__all__ = ["home_page"]
