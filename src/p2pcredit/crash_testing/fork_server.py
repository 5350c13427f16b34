"""A process that has everything imported and has used nothing: it forks a fresh child for each run of a step.

Importing Polars, delta-rs, XGBoost and what draws charts takes seconds and may be followed by a fork; using them may
not. Requests come as JSON lines on standard input and are answered on standard output.
"""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType

from p2pcredit.crash_testing.syscall_filter import Watched, watch
from p2pcredit.errors import P2PCreditError, ServiceError

_FAILED = 1
_QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}


class ForkServer:
    """The process, seen from outside. Use it as a context; it ends with the block."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "p2pcredit.crash_testing.fork_server"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **_QUIET}
        )

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        if kind is not None:
            self._process.kill()
        self._process.wait()

    def run(self, step: str, home: Path, *, kill_at: int | None = None, full_from: int | None = None) -> Watched:
        """Run a step in a child, watched.

        Args:
            step: Its name in `STEPS`.
            home: The home directory, a real path; steps inside it count.
            kill_at: Kill just before this step on disk.
            full_from: Let the disk be full from this step on.

        Raises:
            ServiceError: If this system does not let a process watch its child, or the process died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"step": step, "home": str(home), "kill_at": kill_at, "full_from": full_from}
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise ServiceError(f"the process that runs the steps ended ({error}); run the crash test again") from error
        if "error" in answer:
            raise ServiceError(answer["error"])
        return Watched(**answer)


def do_step(step: str, home: Path) -> int:
    """Do a step as the command line does a job: one line on an error raised on purpose, and exit code 1."""
    from p2pcredit.crash_testing.scenarios import STEPS, context

    try:
        STEPS[step](context(home))
    except P2PCreditError as error:
        sys.stderr.write(f"Error: {error}\n")
        return _FAILED
    return 0


def import_all() -> None:
    """Import what the steps need, also what a job imports only when it comes to it."""
    import_module("p2pcredit.crash_testing.scenarios")
    for room in map(import_module, ("p2pcredit.jobs", "p2pcredit.reporting")):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            import_module(module.name)


def main() -> None:
    """Answer requests until standard input ends."""
    import_all()
    for line in sys.stdin:
        request = json.loads(line)
        step, home = request.pop("step"), Path(request.pop("home"))
        try:
            answer = asdict(watch(partial(do_step, step, home), home, **request))
        except P2PCreditError as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):  # the process that asked has ended
        main()
