"""Background processes that can be found again, stopped whole, and never mistaken for somebody else's.

Each is started in a session of its own. A process id alone says little, because ids are used again: a record also keeps
the boot and the start time that the system gives, and every descendant is known by the session it lives in.
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

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class StartedProcess:
    """A process that leads its own session.

    Args:
        name: What it is, such as `scheduler`.
        pid: Its process id, which is also the id of its session.
        started: Boot and start time as the system tells them; two processes never share both this and the id.
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
    child.returncode = 0  # whoever stops it reaps it; the handle must not complain that it still runs
    return StartedProcess(name, child.pid, start_mark(child.pid) or "", command[0])


def is_running(process: StartedProcess) -> bool:
    """Does this very process still run (and not another that was given its id)?"""
    _reap(process.pid)
    mark = start_mark(process.pid)
    return mark is not None and mark == process.started


def members(process: StartedProcess) -> list[int]:
    """Which processes live in its session now, itself included?

    Returns:
        Process ids; empty where its id has gone to another process, whose session is none of ours.
    """
    _reap(process.pid)
    mark = start_mark(process.pid)
    if mark is not None and mark != process.started:
        return []
    return [pid for pid in _all_pids() if _session(pid) == process.pid and start_mark(pid) is not None]


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
        _wait_until_gone(leaders, patience, leaders_only=True)
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
    """When did this process start, in words that no other process of this id can share? None where it is gone.

    A process that has ended and only waits to be reaped counts as gone.
    """
    if (PROC / "self" / "stat").exists():
        with contextlib.suppress(OSError, IndexError):
            fields = _stat_fields(pid)
            if fields[0] in {"Z", "X"}:
                return None
            boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot}/{fields[19]}"
        return None
    told = _ps("-o", "stat=,lstart=", "-p", str(pid)).strip()
    state, _, started = told.partition(" ")
    return None if not told or state.startswith("Z") else started.strip()


def _stat_fields(pid: int) -> list[str]:
    # The name in parentheses may hold blanks and parentheses itself; fields are counted after the last one.
    return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _all_pids() -> list[int]:
    if (PROC / "self" / "stat").exists():
        return [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]
    return [int(word) for word in _ps("-axo", "pid=").split()]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)


def _wait_until_gone(processes: list[StartedProcess], seconds: float, *, leaders_only: bool) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(is_running(p) if leaders_only else members(p) for p in processes):
            return
        time.sleep(0.1)


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
