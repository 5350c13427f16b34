"""The decision file: read whole, placed whole, set aside when unreadable, not removed while it says something new.

Machines change it one at a time, under the ledger's lock. A person keeps to no lock and may put a new file there at
any moment, so nothing is ever written over: what lies there is first moved to a private name and looked at, and goes
back if it is not what was expected.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from p2pcredit.contracts.decision import MAX_DECISION_BYTES, Decision, parse_decision
from p2pcredit.errors import UnreadableDecisionError
from p2pcredit.storage.files import disk_error, sha256_of_file, write_bytes_atomically


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A decision file that is there and is not a decision."""

    why: str


def read_decision(path: Path) -> Decision | Unreadable | None:
    """Read the decision file. None where there is none.

    A link, pipe or directory in its place is unreadable and is never opened; no more than a megabyte is ever read.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error("read", path, error) from error
    if not stat.S_ISREG(found.st_mode):
        return Unreadable("not an ordinary file")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unreadable(f"it cannot be opened ({error.strerror})")
    try:
        with os.fdopen(handle, "rb") as stream:
            return parse_decision(stream.read(MAX_DECISION_BYTES + 1))
    except UnreadableDecisionError as error:
        return Unreadable(str(error))
    except OSError as error:
        return Unreadable(f"it cannot be read ({error.strerror})")


def place_decision(path: Path, decision: Decision, shown: Decision | None) -> bool:
    """Put a decision in the file's place, whole, unless anything else than `shown` has come to lie there.

    Args:
        path: The decision file.
        decision: What it is to say.
        shown: What it said when we looked, or None where there was none.

    Returns:
        Whether it was placed. Between taking the old file away and placing the new one there is none for a moment.

    Raises:
        StorageError: If the disk refuses.
    """
    text = json.dumps(decision.as_json(), allow_nan=False, ensure_ascii=False, indent=2)
    staged = path.with_name(f".{path.name}.staged")
    write_bytes_atomically(staged, text.encode() + b"\n")
    try:
        if shown is not None and not _take_away(path, lambda moved: moved == shown):
            return False
        os.link(staged, path)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        raise disk_error("write", path, error) from error
    finally:
        staged.unlink(missing_ok=True)


def set_aside(path: Path) -> Path | None:
    """Move an unreadable decision file to a name of its own beside it; nothing is deleted.

    Returns:
        Where it lies now, or None where it had gone or had become readable meanwhile (it is then left in place).
    """
    target = _free_name(path, "unreadable")
    try:
        path.rename(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error("set aside", path, error) from error
    if isinstance(read_decision(target), Decision):  # it was replaced between our look and our move: put it back
        put_back(target, path)
        return None
    return target


def set_aside_files(path: Path) -> list[Path]:
    """List the files that were set aside from this place, oldest name first."""
    return sorted(path.parent.glob(f"{path.stem}.unreadable-*{path.suffix}"))


def remove_decision(path: Path, decision: Decision) -> bool:
    """Remove the file if it still shows `decision`; a newer one that came meanwhile stays.

    Returns:
        Whether it was removed.
    """
    digest = decision.content_digest()

    def is_it(found: Decision) -> bool:
        return found.content_digest() == digest

    shown = read_decision(path)
    return isinstance(shown, Decision) and is_it(shown) and _take_away(path, is_it)


def finish_taking_away(path: Path, is_known: Callable[[Decision], bool]) -> None:
    """Finish what a run that died had begun: drop what is known, put back anything else."""
    path.with_name(f".{path.name}.staged").unlink(missing_ok=True)
    _look_at_taken(_private(path), path, is_known)


def put_back(aside: Path, path: Path) -> None:
    """Return a file to its place, unless a newer one lies there already: then it is kept beside it."""
    try:
        found = aside.lstat()
        if stat.S_ISREG(found.st_mode):
            os.link(aside, path)
            aside.unlink()
        elif not os.path.lexists(path):
            aside.rename(path)  # a directory has no second name
        else:
            aside.rename(_free_name(path, "superseded"))
    except FileExistsError:
        if found.st_size > MAX_DECISION_BYTES:
            aside.rename(_free_name(path, "superseded"))
            return
        digest = sha256_of_file(aside)[:12]
        aside.rename(path.with_name(f"{path.stem}.superseded-{digest}{path.suffix}"))
    except OSError as error:
        raise disk_error("put back", path, error) from error


def _take_away(path: Path, is_expected: Callable[[Decision], bool]) -> bool:
    private = _private(path)
    try:
        path.rename(private)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error("clear", path, error) from error
    return _look_at_taken(private, path, is_expected)


def _look_at_taken(private: Path, path: Path, is_expected: Callable[[Decision], bool]) -> bool:
    moved = read_decision(private)
    if moved is None:
        return False
    if isinstance(moved, Decision) and is_expected(moved):
        private.unlink(missing_ok=True)
        return True
    put_back(private, path)
    return False


def _private(path: Path) -> Path:
    return path.with_name(f".{path.name}.clearing")


def _free_name(path: Path, what: str) -> Path:
    """Find the first free name of this kind beside the file."""
    names = (path.with_name(f"{path.stem}.{what}-{number:03d}{path.suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))
