"""What was measured: one record per contender, kept in one JSON file that each part adds to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.measuring import Measured

ROLES = ("ours", "peer", "floor")


@dataclass(frozen=True)
class Record:
    """One contender at one piece of work of one size.

    Args:
        part: The part of the benchmark.
        work: What was to be done; contenders of one work and size may be compared.
        who: The contender.
        role: `ours`, `peer`, or `floor`: the bare library call that nothing built on that library can undercut.
        rows: How many loans.
        seconds: Wall seconds of each repeat, the whole process.
        work_seconds: Wall seconds of each repeat inside the process, after imports and reading; empty where the process
            does not tell them apart.
        peak_mb: Peak memory of each repeat, of the whole process tree, in MB.
        note: What a reader must know to compare it.
    """

    part: str
    work: str
    who: str
    role: str
    rows: int
    seconds: tuple[float, ...]
    work_seconds: tuple[float, ...]
    peak_mb: tuple[float, ...]
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What a later measurement replaces."""
        return self.part, self.work, self.who, self.rows

    def figure(self, measure: str) -> float | None:
        """Calculate the median of `seconds`, `work_seconds` or `peak_mb`; None where nothing was measured."""
        return median_of(getattr(self, measure))


def record_of(
    part: str, work: str, who: str, role: str, rows: int, repeats: Sequence[Measured], note: str = ""
) -> Record:
    """Make the record of some repeats."""
    if role not in ROLES:
        raise ValueError(f"role '{role}'; the roles are {', '.join(ROLES)}")
    inside = [found for repeat in repeats for found in _inside(repeat)]
    return Record(
        part,
        work,
        who,
        role,
        rows,
        tuple(round(repeat.seconds, 4) for repeat in repeats),
        tuple(round(seconds, 4) for seconds in inside),
        tuple(round(repeat.peak_mb, 1) for repeat in repeats),
        note,
    )


def _inside(repeat: Measured) -> list[float]:
    found = repeat.facts.get("work_seconds", [])
    return [float(seconds) for seconds in (found if isinstance(found, list) else [found])]


def median_of(values: Sequence[float]) -> float | None:
    """Calculate the median; None without values."""
    return float(median(values)) if values else None


@dataclass
class Part:
    """All that is known of one part: where and when it was measured, and what came of it."""

    about: dict[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Keep a record in place of an earlier one of the same work, contender and size."""
        self.records = [old for old in self.records if old.key != record.key] + [record]


class Results:
    """The results file: read whole, written whole after each measurement, so that a failing part loses no other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.parts: dict[str, Part] = {}
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            self.parts = {name: _part_from(found) for name, found in content["parts"].items()}

    def begin(self, name: str, about: dict[str, Any]) -> Part:
        """Measure a part anew: what an earlier run found of it goes."""
        self.parts[name] = Part(about)
        return self.parts[name]

    @property
    def records(self) -> list[Record]:
        """All records of all parts."""
        return [record for part in self.parts.values() for record in part.records]

    def save(self) -> None:
        """Write the file in place of the earlier one."""
        content = {"parts": {name: asdict(part) for name, part in self.parts.items()}}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".tmp")
        fresh.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(fresh, self._path)


def _part_from(content: dict[str, Any]) -> Part:
    def listed(key: str) -> list[str]:
        return [str(text) for text in content[key]]

    return Part(
        content["about"], _records_from(content["records"]), listed("failures"), listed("checks"), listed("sentences")
    )


def _records_from(rows: Iterable[dict[str, Any]]) -> list[Record]:
    measures = ("seconds", "work_seconds", "peak_mb")
    return [Record(**{**row, **{name: tuple(row[name]) for name in measures}}) for row in rows]
