"""One line per finished job in `logs/activity.jsonl`, for people and for machines that watch."""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
from contextlib import suppress
from typing import Any

from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.storage.files import disk_error

logger = logging.getLogger("p2pcredit")
_MOST_WORDS = 1_000


def record(ctx: JobContext, job: str, facts: dict[str, Any]) -> None:
    """Append a line about a job: one write, so that lines of two processes never mix.

    Raises:
        StorageError: If the disk refuses.
    """
    line = {"at": ctx.at.isoformat(timespec="seconds"), "run_id": ctx.run_id, "job": job, **facts}
    text = json.dumps(line, ensure_ascii=False, allow_nan=False, default=str)
    data = text.encode("utf-8", "backslashreplace") + b"\n"  # half a character stands there as its escape
    path = ctx.layout.activity
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StorageError(f"{path} is not an ordinary file; move it away, a new one is then begun")
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            whole = b"\n" + data if torn else data
            if os.write(handle, whole) < len(whole):  # the next line begins on a line of its own all the same
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        finally:
            os.close(handle)
    except OSError as error:
        raise disk_error("write", path, error) from error
    logger.info(
        "%s: %s", job, ", ".join(f"{key} {value}" for key, value in facts.items() if not isinstance(value, dict))
    )


def remember_failure(ctx: JobContext, job: str, error: Exception) -> str:
    """Keep in the activity file, for the alerts of the week, that a job failed. It never fails itself.

    Nothing is written where there is no home yet.

    Returns:
        The line.
    """
    message = f"{job} failed: {' '.join(str(error).split())[:_MOST_WORDS] or type(error).__name__}"
    if ctx.layout.home.is_dir():
        with suppress(StorageError, OSError, ValueError):  # the disk may be what failed
            record(ctx, "warning", {"message": message})
    return message


def warn(ctx: JobContext, message: str) -> None:
    """Say something loudly: in the log as a warning, and in the activity file for the alerts of the week."""
    logger.warning(message)
    record(ctx, "warning", {"message": message})
