"""Which calls of a job others can see, and which they cannot: only the first kind needs a stop.

What this rests on, so that leaving out the other stops loses no behaviour:

- A temporary file, a sync, a closing, and the activity file are seen by no other actor's decisions.
- A ledger line never changes and is never removed. So that a line is there, and what it says, is the same later: only
  the look that finds no further line must be ordered against the others, and listing the lines only finds damage.
- Which home it is was written before any actor began, and is never written again.
- `lstat` of a decision file that is there is followed by opening it, and the opening decides.
- What machines touch only under the ledger's lock cannot change while one of them holds it. This is not taken on trust:
  each access is checked, and after the first one without the lock no stop is left out any more. A person keeps to no
  lock, so while one still has something to do every step on the decision file itself stops all the same. (A person
  touches no other name, and no actor lists the directory to find that one.)
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from tests.robustness.protocol.model_disk import HOME, ModelDisk

LOGS = f"{HOME}/logs"
LEDGER = f"{LOGS}/decisions"
SUMMARY = f"{LEDGER}/.summary"
LOCK = f"{LEDGER}/.lock"
DECISION = f"{LOGS}/retraining_decision.json"
HOME_FILE = f"{HOME}/home.json"
_LINE = re.compile(re.escape(LEDGER) + r"/[0-9]{8}\.json")
_PRIVATE = re.compile(r".*/(\.[^/]*\.tmp|activity\.jsonl|\.lock|\.training\.lock)")


@dataclass(slots=True)
class Step:
    """A call that is about to be made.

    Args:
        name: The call.
        label: The call in words, for people.
        changes: Whether it changes what others see; a process can be killed just before.
        stops: Whether others may go first.
        handle: The handle of a lock that must be free before it can be made.
        fails: Whether it is to fail; only a training is told so.
    """

    name: str
    what: str
    changes: bool
    stops: bool
    handle: int | None = None
    fails: bool = False

    @property
    def label(self) -> str:
        return f"{self.name} {self.what}".strip()


class Rules:
    """Sorts calls into steps that stop and calls that do not.

    Args:
        everything: Stop before everything that is not private, whatever can be proved.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        self.discipline = not everything
        self.people = 0
        self.writes_in_place = False

    def step(self, disk: ModelDisk, actor: Any, name: str, args: tuple[Any, ...]) -> Step:
        """Classify this call as a kind of step."""
        first = args[0]
        path = disk.handles[first].path if isinstance(first, int) and first in disk.handles else str(first)
        paths = [path, *(str(more) for more in args[1:2] if name in {"link", "rename"})]
        what = " to ".join(_short(each) for each in paths)
        if name == "flock":
            waits = not args[1] & 4 and not args[1] & 8  # LOCK_NB answers at once, LOCK_UN too
            return Step(name, what, changes=False, stops=True, handle=first if waits else None)
        seen = [each for each in paths if not _PRIVATE.fullmatch(each)]
        if not seen or name in {"close", "fsync", "fstat", "pread", "mkdir"} or path in {LEDGER, HOME}:
            return Step(name, what, changes=False, stops=False)
        if path == LOGS and name != "listdir":
            return Step(name, what, changes=False, stops=False)
        if path == HOME_FILE and path in disk.files and name in {"stat", "open", "read"}:
            return Step(name, what, changes=False, stops=False)
        if path == SUMMARY and name in {"stat", "open", "read"} and not (name == "open" and args[1] & os.O_CREAT):
            return Step(name, what, changes=False, stops=path in disk.files)  # it is checked, so anybody may look
        if any(_LINE.fullmatch(each) for each in seen):
            return self._ledger_step(disk, actor, name, path, what)
        return self._file_step(disk, actor, name, paths, what, args)

    def _ledger_step(self, disk: ModelDisk, actor: Any, name: str, path: str, what: str) -> Step:
        if name == "link":
            self._watch(disk, actor)
            return Step(name, what, changes=True, stops=True)
        missing = name == "stat" and path not in disk.files
        stops = missing and not (self.discipline and disk.holds(actor.name, LOCK))
        return Step(name, what, changes=False, stops=stops or self.everything)

    def _file_step(
        self, disk: ModelDisk, actor: Any, name: str, paths: list[str], what: str, args: tuple[Any, ...]
    ) -> Step:
        path = paths[0]
        opens_to_write = name == "open" and bool(args[1] & (os.O_CREAT | os.O_TRUNC))
        changes = name in {"link", "rename", "write"} or opens_to_write or (name == "unlink" and path in disk.files)
        if actor.machine:
            self._watch(disk, actor)
        if name == "read" and not self.writes_in_place:
            return Step(name, what, changes=False, stops=self.everything)  # whole files only: what is open stays
        if name == "stat" and path in disk.files and not self.everything and "decision.json" in path:
            return Step(name, what, changes=False, stops=False)
        alone = self.discipline and disk.holds(actor.name, LOCK) and (self.people == 0 or DECISION not in paths)
        return Step(name, what, changes=changes, stops=not alone)

    def _watch(self, disk: ModelDisk, actor: Any) -> None:
        if not disk.holds(actor.name, LOCK):
            self.discipline = False

    def visible(self, disk: ModelDisk) -> tuple[Any, ...]:
        """Return all on the disk that any actor can still see."""
        files = frozenset((path, at.data) for path, at in disk.files.items() if not _PRIVATE.fullmatch(path))
        names = {number: disk.names_of(number) for number in disk.handles}
        handles = frozenset(
            (number, held.place, held.inode.data if held.inode else b"", tuple(names[number]))
            for number, held in disk.handles.items()
            if not _PRIVATE.fullmatch(held.path)
        )
        locks = frozenset((disk.handles[holder].owner, disk.handles[holder].path) for holder in disk.locks.values())
        return (files, handles, locks)

    @staticmethod
    def digest(name: str, answer: Any) -> Any:
        """Digest what a call returned; of a listing, the names that any actor lists for."""
        if name == "listdir":
            return tuple(each for each in answer if each.startswith("retraining_") and not DECISION.endswith(each))
        return (answer.st_mode, answer.st_size) if isinstance(answer, os.stat_result) else answer

    @staticmethod
    def words(name: str, answer: Any) -> str:
        """Shorten an answer for people to few words."""
        if name == "read":
            return f" -> {bytes(answer)[:60]!r}"
        return ""


def _short(path: str) -> str:
    if path.endswith(".tmp"):
        return "a temporary file"
    return path.removeprefix(f"{LOGS}/").removeprefix(f"{HOME}/")
