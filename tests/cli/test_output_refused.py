"""What cannot be printed ends a command in one line, and a reader who has left in none; never in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

FEW = ["--version"]
MANY = ["feeds", "--json"]
"""More than any buffer holds: refused while it is written, where the few are when the program ends."""


@pytest.fixture
def full() -> Iterator[IO[bytes]]:
    device = Path("/dev/full")
    if not device.is_char_device():
        pytest.skip("this system has no device that is always full")
    with device.open("wb") as stream:
        yield stream


def run(words: list[str], tmp_path: Path, **streams: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("P2P_")}
    command = [sys.executable, "-m", "p2pcredit", *words]
    return subprocess.run(
        command, text=True, timeout=60, cwd=tmp_path, env=environment, **{"stderr": subprocess.PIPE, **streams}
    )


@pytest.mark.parametrize("words", [FEW, MANY], ids=["few", "many"])
def test_output_that_no_disk_takes_is_one_line_and_exit_code_1(
    tmp_path: Path, full: IO[bytes], words: list[str]
) -> None:
    ran = run(words, tmp_path, stdout=full)
    assert ran.returncode == 1
    assert ran.stderr == (
        "Error: cannot write to standard output: No space left on device; free some space, or print it elsewhere\n"
    )


def test_a_reader_who_left_is_told_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = run(MANY, tmp_path, stdout=writing)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, "")


@pytest.mark.parametrize("words", [FEW, MANY, ["feeds"]], ids=["few", "many", "for people"])
@pytest.mark.parametrize("closed", [(1,), (0, 1)], ids=str)
def test_a_closed_output_is_one_line_and_exit_code_1(tmp_path: Path, words: list[str], closed: tuple[int, ...]) -> None:
    ran = run(words, tmp_path, preexec_fn=lambda: [os.close(stream) for stream in closed])
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: cannot write to standard output: it is closed; what was done stays done")
    assert len(ran.stderr.splitlines()) == 1


def test_a_closed_output_leaves_an_error_as_it_is(tmp_path: Path) -> None:
    ran = run(["status", "--home", "nowhere"], tmp_path, preexec_fn=lambda: os.close(1))
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: the home ")
    assert len(ran.stderr.splitlines()) == 1


def test_a_closed_input_asks_nothing(tmp_path: Path) -> None:
    (tmp_path / "loans.csv").write_text("id,made,amount,months,state\n1,2020-01-01,1000,12,paid\n")
    words = ["profile", "new", "loans.csv", "--out", "m.yaml"]
    ran = run(words, tmp_path, preexec_fn=lambda: os.close(0), stdout=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "m.yaml").is_file()


def test_a_closed_error_output_changes_nothing(tmp_path: Path) -> None:
    ran = run(FEW, tmp_path, preexec_fn=lambda: os.close(2), stdout=subprocess.PIPE)
    assert ran.returncode == 0
    assert ran.stdout


def test_an_error_keeps_its_code_where_its_line_cannot_be_printed(tmp_path: Path, full: IO[bytes]) -> None:
    assert run(["status", "--home", "nowhere"], tmp_path, stdout=subprocess.PIPE, stderr=full).returncode == 1


@pytest.mark.parametrize(
    "words", [["export", "gold/predictions"], ["sql", "select 1"], ["returns"], ["models", "points", "x"]], ids=" ".join
)
def test_no_command_writes_its_file_in_the_place_of_a_pipe(tmp_path: Path, words: list[str]) -> None:
    pipe = tmp_path / "out.csv"
    os.mkfifo(pipe)
    ran = run([*words, "--out", str(pipe)], tmp_path, stdout=subprocess.PIPE)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert (
        ran.stderr == f"Error: cannot write {pipe}: a device or a pipe is no file that can be replaced; name another\n"
    )
    assert pipe.is_fifo()


def test_a_warning_is_one_line_where_it_is_printed_to_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "lender.yaml").write_text(
        "name: my_lender\nloan_id: Contract\norigination_date: {column: Paid out, date: iso}\nfeeds:\n"
        "  loan_terms: {loan_amount: Amount, term: Months}\n  financial: {annual_income: Income of the borrower}\n"
        "events:\n  status: State\n  rules:\n    open: []\n"
    )
    (tmp_path / "raw.csv").write_text("Contract,Paid out,Amount,Months,State\na,2020-01-01,1000,12,open\n")
    ran = run(["profile", "check", "lender.yaml", "raw.csv"], tmp_path, stdout=subprocess.PIPE)
    assert (
        "WARNING  raw.csv has no column Income of the borrower, which the mapping names; check how it is written, else "
        "its values are missing\n" in ran.stderr
    )
