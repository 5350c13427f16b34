"""`profile new` asks its open questions where a person sits, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from p2pcredit.errors import UsageError
from p2pcredit.platforms.drafting.questions import Question
from p2pcredit.platforms.mapped.profile import load_mapping

BOOK = """Contract,Money,Given,Kind,Length
a,100,2020-01-02,xx,12
b,200,2020-01-03,yy,24
c,300,2020-01-04,xx,12
d,300,2020-02-04,zz,12
"""
COMMAND = [sys.executable, "-m", "p2pcredit", "profile", "new", "book.csv"]
SECONDS = 120.0


def talk(where: Path, *typed: str, further: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run the command on a terminal; type a line whenever it waits for one."""
    leader, follower = pty.openpty()
    child = subprocess.Popen([*COMMAND, *further], cwd=where, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    said, lines, end = b"", list(typed), time.monotonic() + SECONDS
    while time.monotonic() < end:
        if not select.select([leader], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(leader, 4096)
        except OSError:  # the terminal is gone with its last user
            break
        if not part:
            break
        said += part
        if said.endswith(b"> ") and lines:
            os.write(leader, lines.pop(0).encode() + b"\n")
    os.close(leader)
    code = child.wait(SECONDS)
    return code, said.decode().replace("\r", "")


@pytest.fixture
def where(tmp_path: Path) -> Path:
    (tmp_path / "book.csv").write_text(BOOK)
    return tmp_path


def test_answers_land_in_the_mapping_and_the_next_command_is_said(where: Path) -> None:
    # currency, the amount (Money), the term, the column of statuses (Kind), the day they were read, three statuses
    code, said = talk(
        where, "eur", "money", "99", "Length", "Kind", "2021-13-01", "2021-12-31", "2", "running", "1", ""
    )
    assert code == 0, said
    assert "'2021-13-01' is no answer; type a day, such as 2024-12-31" in said
    assert re.search(r"Next:\n  p2pcredit profile check book\.yaml book\.csv\n$", said), said
    written = yaml.safe_load((where / "book.yaml").read_text())
    assert written["currency"] == "EUR"
    assert written["feeds"]["loan_terms"] == {"loan_amount": "Money", "term": "Length"}
    assert written["events"]["status"] == "Kind"
    assert str(written["events"]["read_on"]) == "2021-12-31"
    assert [{"status": "FULLY_PAID"}] in written["events"]["rules"].values()
    assert load_mapping(where / "book.yaml").read([where / "book.csv"], None, None).rows_landed == 4


def test_what_is_not_answered_stays_open_in_the_draft(where: Path) -> None:
    (where / "book.yaml").write_text("mine")
    code, said = talk(where, "", "\x04")
    assert code == 0, said
    assert "These stay open in it" in said
    assert (where / "book.yaml").read_text() == "mine"
    drafted = subprocess.run(
        [*COMMAND, "--no-input"], cwd=where, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert (where / "book_2.yaml").read_text() == drafted.stdout


@pytest.mark.parametrize("further", [("--no-input",), ("--json",)])
def test_nothing_is_asked_where_that_is_said(where: Path, further: tuple[str, ...]) -> None:
    code, said = talk(where, further=further)
    assert (code, "> " in said) == (0, False)
    assert "QUESTION" in said
    assert not list(where.glob("*.yaml"))


def test_nothing_is_asked_of_a_pipe(where: Path) -> None:
    ran = subprocess.run(COMMAND, cwd=where, capture_output=True, text=True, input="EUR\n" * 9)
    assert ran.returncode == 0
    assert "# QUESTION: which currency" in ran.stdout


def test_an_answer_is_a_place_in_the_list_or_its_text() -> None:
    term = Question("term", "which?", "months", {"Length": "Length", "Kind": "Kind"})
    assert [term.answered(one) for one in ("2", "length", "36 months", "1 month")] == [
        "Kind", "Length", "{value: 36}", "{value: 1}",
    ]  # fmt: skip
    for wrong in ("3", "0 months", "601 months", "x"):
        with pytest.raises(UsageError, match="36 months"):
            term.answered(wrong)
    with pytest.raises(UsageError, match="three letters"):
        Question("currency", "which?", "currency").answered("euro")
