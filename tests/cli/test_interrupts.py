"""An interrupt ends the program with exit code 130 and one line, however early it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHILD = """
import os, runpy, signal, sys
home, where, swallowed = sys.argv[1:4]

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == where and not self.done:
            self.done = True
            try:
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(1000):
                    pass
            except KeyboardInterrupt:
                if not swallowed:
                    raise
        return None
    done = False

sys.meta_path.insert(0, Interrupting())
sys.argv = ["p2pcredit", "status", "--home", home]
runpy.run_module("p2pcredit", run_name="__main__", alter_sys=True)
"""
PLACES = [
    "typer",
    "rich.console",
    "p2pcredit.cli.runtime",
    "p2pcredit.settings",
    "pydantic",
    "p2pcredit.jobs.home.status",
]


def interrupted(home: Path, where: str, swallowed: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(home), where, swallowed]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("P2P_", "AIRFLOW"))}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=kept, **more)


@pytest.mark.parametrize("swallowed", ["", "swallowed"])
@pytest.mark.parametrize("where", PLACES)
def test_an_interrupt_during_an_import_is_exit_130_and_one_line(tmp_path: Path, where: str, swallowed: str) -> None:
    done = interrupted(tmp_path, where, swallowed)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Error: interrupted; what was done stays done, run it again to go on\n"


def test_a_program_that_was_told_to_ignore_interrupts_ignores_them(tmp_path: Path) -> None:
    done = interrupted(tmp_path, "typer", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert (done.returncode, done.stderr) == (0, "")
    assert "home" in done.stdout


def test_a_second_interrupt_does_not_wait_for_an_import(tmp_path: Path) -> None:
    (tmp_path / "slow_import.py").write_text(
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(600)\n"
    )
    code = (
        "import sys; from p2pcredit.cli import start; start.interrupts.listen(); "
        f"sys.path.insert(0, {str(tmp_path)!r}); import slow_import"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)
