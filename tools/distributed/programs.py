"""Programs that run in the background under a user of their own, can be killed whole, and are started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from p2pcredit.local_airflow.processes import StartedProcess, is_running, members, start_mark, stop_processes

UMASK = 0o002
"""What one user of a group writes, the others may write too."""

_WAITING = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh")
"""Runs a command in its own place once a line comes; where none does, it never begins."""


@dataclass
class Program:
    """One program, in a session of its own.

    Args:
        name: What it is, such as `worker-1`.
        command: Program and arguments.
        environ: Its whole environment.
        cwd: Directory it begins in.
        log: File that its output is appended to.
        user, group: Who it runs as; root where None, for a command that changes its user itself.
        report: Called with each process as it is started.
    """

    name: str
    command: Sequence[str | Path]
    environ: Mapping[str, str]
    cwd: Path
    log: Path
    user: int | None = None
    group: int | None = None
    process: StartedProcess | None = None
    starts: int = 0
    report: Callable[[StartedProcess], None] = lambda process: None
    _seen: dict[int, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start it; what its group may write stays writable to the group."""
        with self.log.open("ab") as output:
            child = self._begin(output)
        child.returncode = 0  # who stops it reaps it

    def run(self, timeout: float) -> int:
        """Run it to its end, and return its exit code; where that is waited for no longer, end it."""
        with self.log.open("ab") as output:
            child = self._begin(output)
            try:
                return child.wait(timeout)
            except BaseException:
                child.returncode = 0
                self.kill()
                raise

    def _begin(self, output: BinaryIO) -> subprocess.Popen[bytes]:
        """Start it, report it, and only then let it begin: what is not known yet ends with this process."""
        whom: dict[str, Any] = {"user": self.user, "group": self.group, "extra_groups": []} if self.user else {}
        child = subprocess.Popen(**self._call(output), start_new_session=True, **whom)
        self.process = StartedProcess(self.name, child.pid, start_mark(child.pid) or "", str(self.command[0]))
        self.report(self.process)
        self.starts += 1
        assert child.stdin is not None
        with suppress(BrokenPipeError), child.stdin as gate:
            gate.write(b"\n")
        return child

    def _call(self, output: BinaryIO) -> dict[str, Any]:
        return {
            "args": [*_WAITING, *(str(part) for part in self.command)],
            "env": dict(self.environ),
            "cwd": self.cwd,
            "stdin": subprocess.PIPE,
            "stdout": output,
            "stderr": subprocess.STDOUT,
            "umask": UMASK,
        }

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.process is not None and is_running(self.process)

    def pids(self) -> list[int]:
        """List the processes that it started and that run now, itself included.

        Those of its session, and what descends from them in sessions of their own, as PostgreSQL's processes do. What
        was seen once is known again by its time of start, even after all of its ancestors have died.
        """
        if self.process is None:
            return []
        found = set(members(self.process)) | {pid for pid, mark in self._seen.items() if start_mark(pid) == mark}
        parents = {process.pid: process.info["ppid"] for process in psutil.process_iter(["ppid"])}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        self._seen = {pid: mark for pid in found if (mark := start_mark(pid)) is not None}
        return list(self._seen)

    def kill(self) -> None:
        """End it and every process that it started with SIGKILL, as a machine that is lost would."""
        while left := self.pids():
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.02)
        # Reaps it, where it ended after it was last looked for: PostgreSQL takes what was not reaped for one that runs.
        _ = self.running

    def stop(self, patience: float = 20.0) -> None:
        """End it, with everything that it started."""
        if self.process is not None:
            self.pids()  # to know them when it is gone
            stop_processes([self.process], patience=patience, rounds=1)
            self.kill()

    def last_lines(self, count: int = 15) -> str:
        """Return the end of what it has said, for a message."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
