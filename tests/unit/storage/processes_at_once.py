"""Several processes that do the same at the same time."""

from __future__ import annotations

import subprocess
import sys

START = "import sys; print('ready', flush=True); sys.stdin.readline()\n"


def run_at_once(imports: str, code: str, *arguments: tuple[str, ...]) -> None:
    """Run `code` in one process per tuple of arguments: all import first, then all start, and all must end well."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", imports + START + code, *mine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for mine in arguments
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
