"""End what a process started once it has ended itself, in whatever way: by a signal that runs no finalizer too.

The guardian is a process in a session of its own, which no signal to its parent's group reaches. It reads from a pipe
which processes were started; that the pipe closes says that its parent is gone.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tools.distributed.programs import Program

from p2pcredit.local_airflow.processes import StartedProcess

ROOT = Path(__file__).resolve().parents[2]


class Guardian:
    """The parent's end of the pipe.

    Args:
        place: Directory that is removed when all has ended.
    """

    def __init__(self, place: Path) -> None:
        command = [sys.executable, "-m", "tools.distributed.guardian", str(place)]
        self._child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )

    def watch(self, process: StartedProcess) -> None:
        """End a process later, with all that it started, should this one end before."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(asdict(process)) + "\n")
        self._child.stdin.flush()

    def dismiss(self) -> None:
        """End what still runs, and wait for that."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()


def guard(lines: Iterable[str], place: Path) -> None:
    """Take in processes until the lines end, then end each, the newest first, and remove the directory."""
    started = [StartedProcess(**json.loads(line)) for line in lines]
    for process in reversed(started):
        Program(process.name, (), {}, place, place, process=process).stop()
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    guard(sys.stdin, Path(sys.argv[1]))
