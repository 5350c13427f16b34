"""Long work shows on a terminal how far it is, and nowhere else."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw

PROGRAM = "from p2pcredit.cli.app import main; main()"
FIRST, LAST = date(2021, 1, 1), date(2021, 3, 31)


def on_a_terminal(*arguments: str | Path) -> tuple[str, str]:
    """What a command writes to standard output, and what a terminal at its standard error shows."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b"".join(_read(ours))
        assert process.stdout is not None
        out = process.stdout.read().decode()
    os.close(ours)
    assert process.returncode == 0, shown
    return out, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


def _read(end: int) -> Iterator[bytes]:
    with suppress(OSError):  # the terminal is gone once no process holds its other end
        while some := os.read(end, 1 << 16):
            yield some


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raw") / "loans.csv.gz"
    write_raw(path, SyntheticSettings(FIRST, LAST, loans_per_day=5))
    return path


def test_a_terminal_shows_what_is_done_and_how_far_and_standard_output_the_receipt_alone(
    tmp_path: Path, raw: Path
) -> None:
    home = ("--home", tmp_path / "home", "--json")
    days = ("--from", f"{FIRST}", "--to", f"{LAST}")

    out, landing = on_a_terminal("land", "synthetic", raw, *days, *home)
    assert json.loads(out)["first_date"] == f"{FIRST}"
    assert "land" in landing
    assert "writing loan_performance" in landing

    out, preprocessing = on_a_terminal("preprocess", *days, *home)
    assert json.loads(out)["to"] == f"{LAST}"
    assert "preprocess" in preprocessing
    assert f"{LAST}" in preprocessing


def test_without_a_terminal_nothing_is_shown(tmp_path: Path, raw: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "land", "synthetic", raw, "--home", tmp_path, "--to", f"{LAST}", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["last_date"] == f"{LAST}"
