"""The decision ledger on disk: one small file per line, numbered, never changed and never removed.

A line appears under its number by a hard link from a synced temporary file: whole, or not at all. Two writers cannot
take the same number, so an append that rests on an older state fails, and reads the new one.

Each few lines a summary of what they add up to is left beside them, so that a look reads it and the lines since. It is
trusted only where it is whole and the last line it stands for is the one that lies there; the lines stay the truth.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from p2pcredit.errors import ConflictError, DecisionError, StorageError
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.state import HandoffState, fold
from p2pcredit.retraining.summary import pack_state, unpack_state
from p2pcredit.storage.files import disk_error, read_small_file, sync, write_bytes_atomically
from p2pcredit.storage.locks import exclusive_lock

_LOCK = ".lock"
_LINE_NAME = re.compile(r"[0-9]{8}\.json")
_TRAINING_LOCK = ".training.lock"
_SUMMARY = ".summary"
LINES_TO_A_SUMMARY = 25
_MOST_SUMMARY_BYTES = 64 << 20


class Ledger:
    """The ledger in one directory. Lines are read once and kept, since they never change.

    Args:
        directory: `logs/decisions` under the home directory; it is made when the first line is written.
        times: Gives the instants that a line carries beside `at`, by name: `written_at`, `logical_at`.
    """

    def __init__(self, directory: Path, times: Callable[[], dict[str, str]] = dict) -> None:
        self._directory = directory
        self._times = times
        self._events: list[LedgerEvent] = []
        self._state = HandoffState()
        self._lines = 0
        self._held = False

    def events(self) -> tuple[LedgerEvent, ...]:
        """Read all lines on disk, in order.

        Raises:
            DecisionError: If a line is damaged, naming its file.
        """
        if self._events and not self._path(len(self._events)).exists():
            self._events.clear()
        self._events.extend(self._read_after(len(self._events), look_for_gaps=not self._events))
        return tuple(self._events)

    def state(self) -> HandoffState:
        """Return the state that all lines on disk add up to; it stays as it is, whatever is written later.

        Raises:
            DecisionError: If a line is damaged, naming its file.
        """
        if self._lines and not self._path(self._lines).exists():
            self._state, self._lines = HandoffState(), 0
        first_look = not self._lines
        if first_look:
            self._state, self._lines = self._summed_up()
        try:
            new = self._read_after(self._lines, look_for_gaps=first_look)
        except DecisionError:
            self._state, self._lines = HandoffState(), 0
            raise
        if new:
            self._state = fold(new, self._state)
            self._lines += len(new)
        return self._state

    def append(
        self,
        kind: EventKind,
        *,
        at: datetime,
        run_id: str,
        facts: dict[str, Any],
        unless: Callable[[HandoffState], bool] = lambda _: False,
    ) -> LedgerEvent | None:
        """Write a line, unless the state just before it says otherwise.

        Args:
            kind: What it says.
            at: When, an aware instant.
            run_id: Who writes.
            facts: What it says, as JSON values.
            unless: Called with the newest state, under the lock; True means do not write.

        Returns:
            The line, or None where `unless` held.

        Raises:
            StorageError: If the disk refuses.
        """
        with self.exclusive():
            if unless(self.state()):
                return None
            instant = at.astimezone(UTC).isoformat(timespec="seconds")
            event = LedgerEvent(self._lines + 1, kind, instant, run_id, facts, self._times())
            self._link(event)
            if event.number % LINES_TO_A_SUMMARY == 0:
                self._sum_up(event.number)
            return event

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the hand-off while the block runs, so that what was read in it still holds when something is written.

        No other process can append meanwhile, nor touch the decision file if it keeps to this too. Blocks may be
        nested. The kernel gives it back if the process dies.

        Raises:
            ConflictError: If another process holds it for too long.
            StorageError: If the disk refuses.
        """
        if self._held:
            yield
            return
        with exclusive_lock(self._directory / _LOCK, "the decision ledger"):
            self._held = True
            try:
                yield
            finally:
                self._held = False

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold the right to train while the block runs; the kernel gives it back if the process dies.

        Raises:
            ConflictError: If another process holds it; it is not waited for, since a training takes long.
            StorageError: If the disk refuses.
        """
        with exclusive_lock(self._directory / _TRAINING_LOCK, "a training on this home", wait_seconds=0):
            yield

    def _read_after(self, number: int, *, look_for_gaps: bool) -> list[LedgerEvent]:
        """Read the lines after this one."""
        last = self._last_number() if look_for_gaps else 0
        found: list[LedgerEvent] = []
        while os.path.lexists(path := self._path(number + len(found) + 1)):
            found.append(_read_line(path, number + len(found) + 1))
        if number + len(found) < last:
            missing = self._path(number + len(found) + 1)
            raise DecisionError(f"ledger line {missing} is missing, later ones are there; restore it from a backup")
        return found

    def _last_number(self) -> int:
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise disk_error("read", self._directory, error) from error
        return max((int(name[:-5]) for name in names if _LINE_NAME.fullmatch(name)), default=0)

    def _summed_up(self) -> tuple[HandoffState, int]:
        """Read the summary: its state, and after how many lines; an empty state where it cannot be trusted."""
        with suppress(OSError, StorageError):
            found = unpack_state(read_small_file(self._directory / _SUMMARY, at_most=_MOST_SUMMARY_BYTES))
            if found is not None and self._digest(found[1]) == found[2]:
                return found[0], found[1]
        return HandoffState(), 0

    def _sum_up(self, number: int) -> None:
        """Leave a summary beside the lines. It only spares reading, so a disk that refuses it stops nothing."""
        with suppress(OSError, StorageError, DecisionError):
            summary = pack_state(self.state(), number, self._digest(number))
            write_bytes_atomically(self._directory / _SUMMARY, summary, durable=False)

    def _digest(self, number: int) -> str:
        return hashlib.sha256(read_small_file(self._path(number))).hexdigest()

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:08d}.json"

    def _link(self, event: LedgerEvent) -> None:
        path = self._path(event.number)
        temporary = self._directory / ".line.tmp"
        data = json.dumps(event.as_json(), allow_nan=False, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        try:
            temporary.unlink(missing_ok=True)  # left by a killed writer; under the lock no other writer uses it
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(temporary, path)
            temporary.unlink()
            sync(self._directory)
        except FileExistsError as error:
            raise ConflictError(f"ledger line {event.number} was written by another process just now") from error
        except OSError as error:
            raise disk_error("write", path, error) from error


def _read_line(path: Path, number: int) -> LedgerEvent:
    try:
        event = LedgerEvent.from_json(json.loads(read_small_file(path)))
    except (OSError, ValueError, RecursionError, StorageError, DecisionError) as error:
        raise DecisionError(f"ledger line {path} cannot be read ({error}); restore it from a backup") from error
    if event.number != number:
        raise DecisionError(f"ledger line {path} says it is number {event.number}; restore it from a backup")
    return event
