from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from daily_book import DAYS, context, land

from p2pcredit.jobs.preprocessing import preprocess

Race = Callable[..., None]
_START = "import sys\nfrom daily_book import *\nprint('ready', flush=True)\nsys.stdin.readline()\n"


@pytest.fixture
def race() -> Iterator[Race]:
    """Runs pieces of code at once: each in a process of its own, which imports everything before the start."""
    running: list[subprocess.Popen[str]] = []

    def run(*codes: tuple[str, ...], timeout: float = 300) -> None:
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        for code, *arguments in codes:
            command = [sys.executable, "-c", _START + code, *map(str, arguments)]
            pipe = subprocess.PIPE
            running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ))
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        while running:
            _, errors = running[-1].communicate(timeout=timeout)
            assert running.pop().returncode == 0, errors

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one process did the whole book in one go; to be compared with, not changed."""
    home = tmp_path_factory.mktemp("reference")
    land(home, DAYS)
    preprocess(context(home), DAYS)
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home where the book has landed and nothing is done yet."""
    land(tmp_path / "home", DAYS)
    return tmp_path / "home"
