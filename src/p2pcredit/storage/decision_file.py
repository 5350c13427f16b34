"""The decision file: read whole, written whole, set aside when unreadable, not removed while it says something new."""

from __future__ import annotations

import json
import os
import stat
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
    """What does the decision file say? None where there is none.

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


def write_decision(path: Path, decision: Decision) -> None:
    """Put a decision in the file's place, in one move."""
    text = json.dumps(decision.as_json(), allow_nan=False, ensure_ascii=False, indent=2)
    write_bytes_atomically(path, text.encode() + b"\n")


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
        _put_back(target, path)
        return None
    return target


def set_aside_files(path: Path) -> list[Path]:
    """The files that were set aside from this place, oldest name first."""
    return sorted(path.parent.glob(f"{path.stem}.unreadable-*{path.suffix}"))


def remove_decision(path: Path, decision: Decision) -> bool:
    """Remove the file if it still shows `decision`; a newer one that came meanwhile stays.

    Returns:
        Whether it was removed.
    """
    private = path.with_name(f".{path.name}.clearing")
    _recover_clearing(private, path, decision)
    shown = read_decision(path)
    if not isinstance(shown, Decision) or shown.content_digest() != decision.content_digest():
        return False
    try:
        path.rename(private)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error("clear", path, error) from error
    return _recover_clearing(private, path, decision)


def _recover_clearing(private: Path, path: Path, decision: Decision) -> bool:
    """Finish a clearing, ours or that of a run that died: drop what was to be cleared, put back anything else."""
    moved = read_decision(private)
    if moved is None:
        return False
    if isinstance(moved, Decision) and moved.content_digest() == decision.content_digest():
        private.unlink(missing_ok=True)
        return True
    _put_back(private, path)
    return False


def _put_back(source: Path, path: Path) -> None:
    """Return a file to its place, unless a newer one lies there already: then it is kept beside it."""
    try:
        found = source.lstat()
        if stat.S_ISREG(found.st_mode):
            os.link(source, path)
            source.unlink()
        elif not os.path.lexists(path):
            source.rename(path)  # a directory has no second name
        else:
            source.rename(_free_name(path, "superseded"))
    except FileExistsError:
        if found.st_size > MAX_DECISION_BYTES:
            source.rename(_free_name(path, "superseded"))
            return
        digest = sha256_of_file(source)[:12]
        source.rename(path.with_name(f"{path.stem}.superseded-{digest}{path.suffix}"))
    except OSError as error:
        raise disk_error("put back", path, error) from error


def _free_name(path: Path, what: str) -> Path:
    """The first name of this kind beside the file that nothing has."""
    names = (path.with_name(f"{path.stem}.{what}-{number:03d}{path.suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))
