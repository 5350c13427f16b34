"""One line per finished job in `logs/activity.jsonl`, for people and for machines that watch."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from p2pcredit.contracts.alerts import SEVERITIES, Finding
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.storage.files import disk_error
from p2pcredit.storage.home_format import complete_identity
from p2pcredit.storage.locks import hold_if_possible
from p2pcredit.text import one_line

logger = logging.getLogger("p2pcredit")
_MOST_CHARACTERS = 1_000
_LONGEST_WAIT_SECONDS = 5.0
_TAIL_BYTES = 8 << 20
_LIST = re.compile(r"\[\s*[\"'\d-][^\[\]]*\]")


def record(ctx: JobContext, job: str, facts: dict[str, Any]) -> None:
    """Append a line about a job: one write, so that lines of two processes never mix.

    The line names the home by its id and format; a home that has a format and no id gets one.

    Raises:
        StorageError: If the disk refuses.
    """
    identity = complete_identity(ctx.layout.home)
    which = {} if identity is None else identity.as_facts()
    head = {"at": _instant(ctx), **ctx.times(), "run_id": ctx.run_id, "job": job}
    append_line(ctx.layout.activity, {**head, **which, **facts})
    logger.info(
        "%s: %s", job, ", ".join(f"{key} {value}" for key, value in facts.items() if not isinstance(value, dict))
    )


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Append a JSON line to a file in one write. A line torn by a crash before it is ended first.

    The file is locked meanwhile: over NFS the system alone doesn't keep lines of two machines apart.
    Source: open(2), O_APPEND.

    Raises:
        StorageError: If something else than a file lies there, or the disk refuses.
    """
    text = json.dumps(line, ensure_ascii=False, allow_nan=False, default=str)
    data = text.encode("utf-8", "backslashreplace") + b"\n"  # half a character stands there as its escape
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StorageError(f"{path} is not an ordinary file; move it away, a new one is then begun")
            hold_if_possible(handle, _LONGEST_WAIT_SECONDS)
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            whole = b"\n" + data if torn else data
            if os.write(handle, whole) < len(whole):  # the next line begins on a line of its own all the same
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        finally:
            os.close(handle)
    except OSError as error:
        raise disk_error("write", path, error) from error


def keep_alert(ctx: JobContext, title: str, body: str) -> None:
    """Append what a replay would have sent to the alert channels to `logs/replay_alerts.jsonl`.

    Raises:
        StorageError: If the disk refuses.
    """
    append_line(ctx.layout.replay_alerts, {"at": _instant(ctx), **ctx.times(), "title": title, "body": body})


def remember_failure(ctx: JobContext, job: str, error: BaseException) -> str:
    """Keep in the activity file, for the alerts of the week, that a scheduled job failed. It never fails itself.

    Nothing is written where there is no home yet.

    Returns:
        The line, without a borrower's values.
    """
    message = f"{job} failed: {without_values(error)}"
    _record_if_home(ctx, "warning", _warning(ctx, message, Finding.JOB_FAILED))
    return message


def remember_failed_command(ctx: JobContext, command: str, error: BaseException) -> None:
    """Keep in the activity file that a person's command failed. It never alerts, and never fails itself.

    The person has the exit code and the error on standard error. Nothing is written where there is no home yet.
    """
    _record_if_home(ctx, "failed_command", {"command": command, "message": _in_one_line(error)})


KEPT: Mapping[str, bool] = {"is_kept": True}
"""Marks the log records of warnings that the activity file has too."""


def warn(ctx: JobContext, message: str, finding: Finding = Finding.WARNING) -> None:
    """Warn of the state of data, model or hand-off: in the log, and in the activity file for the alerts of the week.

    Args:
        ctx: The context; a warning of a replay alerts in the replay only.
        message: One line without a borrower's values.
        finding: Its kind, which gives its severity.
    """
    logger.warning(message, extra=KEPT)
    record(ctx, "warning", _warning(ctx, message, finding))


def warn_once(ctx: JobContext, about: str, message: str, finding: Finding = Finding.WARNING) -> bool:
    """Warn unless the activity file holds a warning about the same thing already.

    A line is written whole or is read as none, so a process killed before, in or after the write leaves exactly one
    warning once the step is done again. Callers that may meet hold a lock.

    Args:
        ctx: The context.
        about: The thing warned of, such as `decision hand-1`; one warning for each.
        message: One line without a borrower's values.
        finding: Its kind, which gives its severity.

    Returns:
        Whether it was said now. What a replay said raised no alert, so it does not count outside one.
    """
    replayed = ctx.caller is Caller.REPLAY
    for entry in recent_entries(ctx, "warning"):
        if entry.get("about") == about and (entry.get("caller") == Caller.REPLAY) is replayed:
            return False
    logger.warning(message, extra=KEPT)
    record(ctx, "warning", {**_warning(ctx, message, finding), "about": about})
    return True


def recent_entries(ctx: JobContext, *jobs: str) -> Iterator[dict[str, Any]]:
    """Read the entries in the last few megabytes of the activity file, oldest first, without lines torn by a crash.

    Args:
        ctx: The context.
        jobs: The jobs whose entries to read; all where none is named. Lines of others are not parsed.

    Raises:
        StorageError: If something else than a file lies there, or the disk refuses.
    """
    named = [f'"job": "{job}"'.encode() for job in jobs]
    for line in _last_lines(ctx.layout.activity):
        if named and not any(name in line for name in named):
            continue
        try:
            entry: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and (not jobs or entry.get("job") in jobs):
            yield entry


def without_values(error: BaseException) -> str:
    """Put an error on one line for alert channels: lists of values found in data are left out.

    An error that quotes data otherwise carries a line without them as its attribute `without_values`.

    Examples:
        >>> without_values(ValueError('conversion failed for 1 value: ["Nurse, ward 3"]'))
        'conversion failed for 1 value: [...]'
        >>> without_values(KeyError())
        'KeyError'
    """
    return _LIST.sub("[...]", getattr(error, "without_values", None) or _in_one_line(error))


def _instant(ctx: JobContext) -> str:
    return ctx.at.isoformat(timespec="seconds")


def _warning(ctx: JobContext, message: str, finding: Finding) -> dict[str, Any]:
    return {"message": message, "severity": str(SEVERITIES[finding]), "caller": str(ctx.caller)}


def _record_if_home(ctx: JobContext, job: str, facts: dict[str, Any]) -> None:
    if ctx.layout.home.is_dir():
        with suppress(StorageError, OSError, ValueError):  # the disk may be what failed
            record(ctx, job, facts)


def _in_one_line(error: BaseException) -> str:
    return one_line(error, _MOST_CHARACTERS) or type(error).__name__


def _last_lines(path: Path) -> list[bytes]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise StorageError(f"{path} is not an ordinary file; move it away, a new one is then begun")
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            start = max(0, os.fstat(handle).st_size - _TAIL_BYTES)
            lines = os.pread(handle, _TAIL_BYTES, start).splitlines()
        finally:
            os.close(handle)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error("read", path, error) from error
    return lines[1:] if start else lines  # the first may be half a line
