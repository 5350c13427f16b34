from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from p2pcredit.crash_testing.fork_server import ForkServer
from p2pcredit.crash_testing.runner import Bench

_TRIAL = """
from pathlib import Path
from p2pcredit.crash_testing.syscall_filter import watch
from p2pcredit.errors import ServiceError
import sys
try:
    print(watch(lambda: 0, Path("/nowhere")).exit_code)
except ServiceError as error:
    print(error)
"""


@pytest.fixture(scope="session")
def watchable() -> None:
    """Skip where this system does not let a process watch its child."""
    said = subprocess.run([sys.executable, "-c", _TRIAL], capture_output=True, text=True, timeout=300).stdout.strip()
    if said != "0":
        pytest.skip(said)


@pytest.fixture(scope="session")
def bench(watchable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ForkServer() as fork_server:
        yield Bench(tmp_path_factory.mktemp("crash").resolve(), fork_server)
