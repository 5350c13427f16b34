"""Pages about the Python interface are run: their code works, and the notebook prints what stands below its cells."""

from __future__ import annotations

import re
from pathlib import Path

from tools import run_page

ROOT = Path(__file__).resolve().parents[3]
HOW_TO = ROOT / "docs" / "how-to"


def alike(text: str) -> str:
    """A text without what differs from machine to machine: figures, and the widths of columns that follow them."""
    return re.sub(r"[ ─┄═-]+", " ", re.sub(r"\d+(\.\d+)?", "#", text))


def test_every_block_of_the_how_to_runs(small_home: Path) -> None:
    page = (HOW_TO / "use-from-python.md").read_text(encoding="utf-8")
    assert len(run_page.blocks(page)) == len(run_page.run_blocks(page, small_home)) > 5


def test_the_notebook_prints_what_stands_below_its_cells(small_home: Path) -> None:
    page = (HOW_TO / "notebook.md").read_text(encoding="utf-8")
    printed = run_page.run_blocks(page, small_home)
    assert [alike(text) for text in printed] == [alike(output) for _, output in run_page.blocks(page)]
    assert all(printed[1:])


def test_outputs_are_written_below_their_cells_and_replaced_the_next_time(tmp_path: Path) -> None:
    page = "# A\n\n```python\nx = 1\n```\n\nwords\n\n```python\nprint(x + 1)\n```\n\n```text\nold\n```\n\nend\n"
    written = run_page.with_outputs(page, run_page.run_blocks(page, tmp_path))
    assert written == page.replace("old", "2")
    assert run_page.with_outputs(written, ["", "2\n"]) == written
