"""Background processes that can be found again, stopped whole, and never mistaken for a later one of the same id.

Each is started in a session of its own. A process id alone says little, because ids are used again: a record also keeps
the boot and the time from boot to start, and every descendant is known by the session it lives in. A parent's list of
children would not do: it loses those whose parent has died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """A process that leads its own session.

    Args:
        name: What it is, such as `scheduler`.
        pid: Its process id, which is also the id of its session.
        started: Boot, and seconds from boot to start; two processes never share both this and the id.
        program: The interpreter that it runs.
    """

    name: str
    pid: int
    started: str
    program: str


def start_process(
    name: str, command: Sequence[str], environ: Mapping[str, str], log: Path, cwd: Path
) -> StartedProcess:
    """Start a program in the background, in its own session, with all its output in a file.

    Args:
        name: What it is.
        command: Program and arguments, no shell.
        environ: Its whole environment.
        log: File that its output is appended to; readable by its owner only.
        cwd: Directory it runs in.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            list(command),
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    child.returncode = 0  # the process that stops it reaps it; the handle must not complain that it still runs
    return StartedProcess(name, child.pid, start_mark(child.pid) or "", command[0])


def is_running(process: StartedProcess) -> bool:
    """Return whether this very process still runs (and not another that was given its id)."""
    _reap(process.pid)
    mark = start_mark(process.pid)
    return mark is not None and mark == process.started


def members(process: StartedProcess) -> list[int]:
    """List the processes that live in its session now, itself included.

    Returns:
        Process ids; empty where its id has gone to another process, whose session is none of ours.
    """
    _reap(process.pid)
    mark = start_mark(process.pid)
    if mark is not None and mark != process.started:
        return []
    return [pid for pid in psutil.pids() if _session(pid) == process.pid and start_mark(pid) is not None]


def stop_processes(
    processes: Iterable[StartedProcess], *, patience: float = 8.0, rounds: int = 2, killing: float = 5.0
) -> list[int]:
    """Stop processes with everything they started.

    Args:
        processes: What to stop; those that are gone are passed over.
        patience: Seconds to wait after each round of SIGTERM to the leaders.
        rounds: Rounds of SIGTERM before SIGKILL goes to whole sessions.
        killing: Seconds to wait after SIGKILL.

    Returns:
        Ids of processes that even SIGKILL did not end; empty when all are gone.
    """
    mine = list(processes)
    for _ in range(rounds):
        leaders = [process for process in mine if is_running(process)]
        if not leaders:
            break
        for process in leaders:
            _signal(process.pid, signal.SIGTERM)
        _wait_until_gone(leaders, patience)
    orphans = [process for process in mine if members(process)]
    deadline = time.monotonic() + killing
    while orphans and time.monotonic() < deadline:
        for process in orphans:
            for pid in members(process):
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)
        orphans = [process for process in orphans if members(process)]
    return [pid for process in orphans for pid in members(process)]


def start_mark(pid: int) -> str | None:
    """Return a process's start time as a mark that no other process of this id can share; None where it is gone.

    A process that has ended and only waits to be reaped counts as gone. The time counts from boot, so that setting the
    machine's clock changes no mark.
    """
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        since, booted = process.create_time(), psutil.boot_time()
        while booted != (now := psutil.boot_time()):  # the clock was set between the two
            since, booted = process.create_time(), now
        return f"{_boot_id()}/{since - booted:.2f}"
    return None


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).send_signal(number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)


def _wait_until_gone(processes: list[StartedProcess], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(is_running(process) for process in processes):
            return
        time.sleep(0.1)
