"""Each row of the page of what happens when names tests, and each of them exists under that name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from p2pcredit.contracts.alerts import Finding

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/what-happens-when.md").read_text(encoding="utf-8")
OUTCOMES, SHOWN = PAGE.split("## Where each row is tested")
ROW = re.compile(r"^\| (\d+) \| (.+) \|$", re.MULTILINE)


def names_in(file: Path) -> set[str]:
    """List the tests of a file that run: module-level functions that no mark leaves out."""
    return {
        node.name
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any("mark.skip" in (mark := ast.unparse(one)) or "mark.xfail" in mark for one in node.decorator_list)
    }


def test_every_row_has_a_test_and_every_test_exists() -> None:
    rows = [int(number) for number, _ in ROW.findall(OUTCOMES)]
    assert rows == list(range(1, 21))
    shown = [(int(number), cell.strip("`")) for number, cell in ROW.findall(SHOWN)]
    assert sorted({number for number, _ in shown}) == rows
    missing = []
    for _, test_id in shown:
        path, _, name = test_id.partition("::")
        file = ROOT / path
        if not file.is_file() or name not in names_in(file):
            missing.append(test_id)
    assert missing == []


def test_every_row_names_what_an_operator_sees() -> None:
    kinds = {str(kind) for kind in Finding}
    for number, cells in ROW.findall(OUTCOMES):
        seen = cells.split(" | ")[-1]
        assert len(seen) > 20, number
        for kind in re.findall(r"alert `([a-z_]+)`", seen):
            assert kind in kinds, (number, kind)
