"""Several processes that work at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

START = "import sys; print('ready', flush=True); sys.stdin.readline()\n"


def run_at_once(imports: str, code: str, *arguments: tuple[str, ...]) -> None:
    """Run `code` in one process per tuple of arguments: all import first, then all start, and all must end well."""
    run_programs(imports, [(code, *mine) for mine in arguments])


def run_programs(
    imports: str, programs: Sequence[tuple[object, ...]], *, path: Path | None = None, timeout: float = 300
) -> None:
    """Run programs, each a code and its arguments, in a process of its own: all import first, then all start.

    Args:
        imports: What each imports before the start.
        programs: Code and arguments; all must end well.
        path: Where they find modules of the tests.
        timeout: Seconds for each after the start.
    """
    environ = {**os.environ, **({} if path is None else {"PYTHONPATH": str(path)})}
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(
            [sys.executable, "-c", f"{imports}{START}{code}", *map(str, arguments)],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=environ,
        )
        for code, *arguments in programs
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in running:
            _, errors = process.communicate(timeout=timeout)
            assert process.returncode == 0, errors
    finally:
        for process in running:
            process.kill()
            process.communicate()
