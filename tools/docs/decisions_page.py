"""Write the index of decision records from their first lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools.docs.markdown import page, table

STATUS = re.compile(r"accepted|superseded by \d{3}")
_HEAD_LINES = 12


@dataclass(frozen=True, slots=True)
class Record:
    """A decision record: its number, title, day, status, and the records that it changes in part."""

    path: Path
    number: str
    title: str
    date: str
    status: str
    amends: tuple[str, ...]


def read_record(path: Path) -> Record:
    """Read the head of a record: `# NNN: Title`, then `Date:`, `Status:` and, where it changes others, `Amends:`.

    Raises:
        ValueError: If one of the three is missing or says what it may not.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    title = re.fullmatch(r"# (?:\d{3}[:.] )?(.+)", lines[0])
    said = dict(re.findall(r"^(Date|Status|Amends): *(.+?) *$", "\n".join(lines[1:_HEAD_LINES]), re.MULTILINE))
    if title is None:
        raise ValueError(f"{path.name}: the first line is no title; write '# {path.name[:3]}: What was decided'")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", said.get("Date", "")):
        raise ValueError(f"{path.name}: no date; write 'Date: YYYY-MM-DD' below the title")
    if not STATUS.fullmatch(said.get("Status", "")):
        raise ValueError(f"{path.name}: no status; write 'Status: accepted' or 'Status: superseded by NNN'")
    amends = tuple(re.findall(r"\d{3}", said.get("Amends", "")))
    return Record(path, path.name[:3], title[1], said["Date"], said["Status"], amends)


def read_records(directory: Path) -> list[Record]:
    """Read all records of a directory, by number."""
    return [read_record(path) for path in sorted(directory.glob("[0-9][0-9][0-9]-*.md"))]


def decisions_page(directory: Path) -> str:
    """Write the index."""
    records = read_records(directory)
    changed: dict[str, list[str]] = {}
    for record in records:
        for number in record.amends:
            changed.setdefault(number, []).append(record.number)
    names = {record.number: record.path.name for record in records}
    rows = [
        [
            f"[{record.number}]({record.path.name})",
            record.title,
            record.date,
            record.status,
            ", ".join(f"[{number}]({names[number]})" for number in changed.get(record.number, [])),
        ]
        for record in records
    ]
    return page(
        "Decision records",
        "Each fork in the road, what was chosen and what it cost. A record says what held on its day; where a later "
        "one changes it in part, the last column names that one. Module names in a record are those of its day.",
        table(["record", "decision", "date", "status", "changed in part by"], rows),
    )


__all__ = ["Record", "decisions_page", "read_record", "read_records"]
