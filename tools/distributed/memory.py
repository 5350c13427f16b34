"""Measure how much memory each program, and each task of the workers, takes at its peak."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import psutil
from tools.distributed.cluster import Cluster

SECONDS = 0.3
TASK_TITLE = "airflow worker -- "
"""How Airflow titles the process of a task, followed by the id of the task instance."""


class MemoryWatch:
    """Look at every process of a cluster while the block runs.

    Attributes:
        peaks: Program to the most megabytes that its processes held at once; pages that several share count in each. A
            process counts from the second look on: one that is forked only to become another program, such as `cat`,
            would count all that its parent holds a second time.
        tasks: Id of a task instance to the peak of its process, in megabytes.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.peaks: dict[str, float] = defaultdict(float)
        self.tasks: dict[str, float] = defaultdict(float)
        self._cluster = cluster
        self._before: set[int] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SECONDS):
            self.look()

    def look(self) -> None:
        """Look once."""
        sessions = {program.process.pid: name for name, program in self._cluster.programs.items() if program.process}
        now: dict[str, float] = defaultdict(float)
        found = owners(sessions)
        for pid, name in found.items():
            process = Path(f"/proc/{pid}")
            with contextlib.suppress(OSError, ValueError):
                held, peak = _memory(process / "status")
                now[name] += held if pid in self._before else 0.0
                title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if title.startswith(TASK_TITLE):
                    task = title.removeprefix(TASK_TITLE).strip()
                    self.tasks[task] = max(self.tasks[task], peak)
        self._before = set(found)
        for name, held in now.items():
            self.peaks[name] = max(self.peaks[name], held)


def owners(sessions: Mapping[int, str]) -> dict[int, str]:
    """Find the program that each process belongs to: that of its session, else that of its nearest ancestor with one.

    PostgreSQL's processes each make a session of their own, so that sessions alone would leave all of them out.

    Args:
        sessions: Id of a session to the name of its program.
    """
    parents: dict[int, int] = {}
    found: dict[int, str] = {}
    for process in psutil.process_iter(["ppid"]):
        with contextlib.suppress(OSError):
            name = sessions.get(os.getsid(process.pid))
            parents[process.pid] = process.info["ppid"]
            if name is not None:
                found[process.pid] = name
    for pid in parents:
        ancestor = pid
        while ancestor not in found and ancestor in parents:
            ancestor = parents[ancestor]
        if ancestor in found:
            found[pid] = found[ancestor]
    return found


def _memory(status: Path) -> tuple[float, float]:
    """Read resident memory and its peak so far, in megabytes."""
    told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return tuple(int(told.get(key, "0 kB").split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))  # type: ignore[return-value]
