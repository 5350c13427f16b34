"""The table of what was tried: parts that were run since go into the page of a whole run and push nothing out."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "torture_table"
PAGE = """\
# What was tried to break it

The table below is that of the last whole run. These parts were run in full on version 0.2.0 since (2020-01-02):

| fault | times tried | violations | |
|---|---|---|---|
| books, landed | 500 | 0 | 119 refused; 4 said |
| nights of rivals | 40 | 0 | run ids apart |

## The last whole run

| fault | times tried | violations | |
|---|---|---|---|
| nights of rivals | 80 | 0 |  |
"""


def run_tool(tmp_path: Path, *rows: dict[str, object], page: str = PAGE) -> subprocess.CompletedProcess[str]:
    for number, row in enumerate(rows):
        (tmp_path / f"{number}.json").write_text(json.dumps({"violations": 0, "note": "", "full": True, **row}))
    (tmp_path / "page.md").write_text(page)
    command = [sys.executable, str(TOOL), str(tmp_path), str(tmp_path / "page.md")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_rows_of_the_same_fault_are_replaced_others_stay_and_new_ones_come_in_their_order(tmp_path: Path) -> None:
    ran = run_tool(
        tmp_path,
        {"fault": "nights of rivals", "tried": 40},
        {"fault": "nights of rivals", "tried": 40, "violations": 1},
        {"fault": "a lost disk: at night", "tried": 1200, "note": "told"},
    )
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    expected = PAGE.replace("2020-01-02", today).replace("| 40 | 0 | run ids apart |", "| 80 | 1 |  |")
    expected = expected.replace("| books,", "| a lost disk | 1,200 | 0 | at night; told |\n| books,")
    assert (ran.returncode, ran.stdout) == (0, expected)


@pytest.mark.parametrize("rows", [(), ({"fault": "nights of rivals", "tried": 2, "full": False},)])
def test_what_was_not_recorded_or_not_tried_in_full_makes_no_page(
    tmp_path: Path, rows: tuple[dict[str, object], ...]
) -> None:
    ran = run_tool(tmp_path, *rows)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert str(tmp_path) in ran.stderr
