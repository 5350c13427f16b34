"""What a reader sees in a home: every table, file, ledger line and model, read the way the product reads them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import P2PCreditError
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.state import fold
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.decision_file import Unreadable, read_decision
from p2pcredit.storage.state.ledger import Ledger
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import days_complete, is_complete, read_receipt
from p2pcredit.storage.tables.lake import Lake

_DAY = "snapshot_date"
_MANIFEST = "landing.json"
_OF_LEDGER_LINE = re.compile(r" line \d+")


@dataclass(slots=True)
class HomeSnapshot:
    """A home at one moment.

    Args:
        tables: Table name to day to the rows of that day, as text.
        table_files: Table name to its files with their sizes. Delta never writes a file twice under one name, so equal
            files hold equal rows.
        complete: The days said to be complete, with their receipts.
        files: Path under home to digest: landing files, decision file, retraining logs, reports, models.
        landing: The landing manifest; None where there is none.
        events: The ledger: kind and facts of each line; without instants, numbers and run ids.
        activity: The lines of the activity file; likewise without numbers of ledger lines.
        leftovers: Files that only a writer that died leaves behind.
        unreadable: What could not be read, in sentences; empty in a sound home.
    """

    tables: dict[str, dict[date, str]] = field(default_factory=dict)
    table_files: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    complete: dict[date, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    landing: dict[str, Any] | None = None
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    activity: list[dict[str, Any]] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def take_snapshot(home: Path, known: HomeSnapshot | None = None) -> HomeSnapshot:
    """Read a whole home. What cannot be read is named in `unreadable`, and the rest is read all the same.

    Args:
        home: The home directory.
        known: An earlier snapshot of a home that this one was copied from; tables whose files are still the same are
            taken from it.
    """
    layout, snapshot = Layout(home), HomeSnapshot()
    _read_tables(layout, snapshot, known or HomeSnapshot())
    for part in (_read_complete_days, _read_landing, _read_ledger, _read_bank, _read_other_files):
        try:
            part(layout, snapshot)
        except (P2PCreditError, OSError, ValueError) as error:
            snapshot.unreadable.append(" ".join(str(error).split()))
    snapshot.leftovers = sorted(str(path.relative_to(home)) for path in _leftovers(home))
    return snapshot


def without_dead_runs(events: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Drop the claims of killed runs from the ledger, and their releases by later runs."""
    kept: list[tuple[str, dict[str, Any]]] = []
    for kind, facts in events:
        if kind == EventKind.RELEASED and kept and kept[-1][0] == EventKind.CLAIMED:
            kept.pop()
        else:
            kept.append((kind, facts))
    return kept


def _read_tables(layout: Layout, snapshot: HomeSnapshot, known: HomeSnapshot) -> None:
    lake = Lake(layout)
    for name, table in TABLES.items():
        root = layout.table(name)
        files = sorted((str(path.relative_to(root)), path.stat().st_size) for path in root.rglob("*") if path.is_file())
        snapshot.table_files[name] = files
        if files == known.table_files.get(name) and name in known.tables:
            snapshot.tables[name] = known.tables[name]
            continue
        try:
            rows = lake.read(table)
        except BaseException as error:  # an engine's panic is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            snapshot.unreadable.append(f"table {name} cannot be read: {' '.join(str(error).split())[:300]}")
            continue
        days = rows.partition_by(_DAY, as_dict=True)
        snapshot.tables[name] = {day: frame.write_json() for (day, *_), frame in days.items()}


def _read_complete_days(layout: Layout, snapshot: HomeSnapshot) -> None:
    for day in days_complete(layout):
        receipt = read_receipt(layout, day)
        if not is_complete(layout, day) or receipt is None:
            snapshot.unreadable.append(f"the receipt of {day} cannot be read")
        snapshot.complete[day] = json.dumps(receipt, sort_keys=True)


def _read_landing(layout: Layout, snapshot: HomeSnapshot) -> None:
    manifest = layout.landing / _MANIFEST
    if manifest.exists():
        snapshot.landing = json.loads(manifest.read_bytes())
    _keep_files(layout, snapshot, (path for path in layout.landing.rglob("[!.]*") if path != manifest))


def _read_ledger(layout: Layout, snapshot: HomeSnapshot) -> None:
    events: tuple[LedgerEvent, ...] = Ledger(layout.ledger).events()
    fold(events)
    snapshot.events = [(str(event.kind), event.facts) for event in events]


def _read_bank(layout: Layout, snapshot: HomeSnapshot) -> None:
    bank = ModelBank(layout)
    known = bank.model_ids()
    for model_id in known:
        bank.get(model_id)
        _keep_files(layout, snapshot, layout.model(model_id).iterdir())
    champion = Ledger(layout.ledger).state().champion
    if champion is not None and champion not in known:
        snapshot.unreadable.append(f"the champion {champion} is not in the bank")


def _read_other_files(layout: Layout, snapshot: HomeSnapshot) -> None:
    shown = read_decision(layout.decision_file)
    if shown is not None:
        snapshot.files["logs/retraining_decision.json"] = (
            f"unreadable: {shown.why}" if isinstance(shown, Unreadable) else shown.content_digest()
        )
    _keep_files(layout, snapshot, layout.logs.glob("[!.]*"), but={layout.activity, layout.decision_file})
    _keep_files(layout, snapshot, layout.reports.glob("[!.]*"))
    if layout.activity.exists():
        for line in layout.activity.read_text().splitlines():
            try:
                told = json.loads(line)
                told.pop("home_id", None)  # a home that a killed job began has another id than its undisturbed twin
                if "about" in told:  # lines of killed runs are counted too
                    told["about"] = _OF_LEDGER_LINE.sub(" line", told["about"])
                snapshot.activity.append(told)
            except ValueError:
                snapshot.unreadable.append(f"the activity file has a torn line: {line[:80]}")


def _keep_files(
    layout: Layout, snapshot: HomeSnapshot, paths: Iterator[Path], but: set[Path] | frozenset[Path] = frozenset()
) -> None:
    for path in paths:
        if path.is_file() and path not in but:
            name = path.relative_to(layout.home).as_posix()
            snapshot.files[name] = hashlib.sha256(path.read_bytes()).hexdigest()


def _leftovers(home: Path) -> Iterator[Path]:
    for path in home.rglob("*"):
        if path.name.endswith((".tmp", ".clearing")) or path.name.startswith(".adding-") or "#" in path.name:
            yield path
