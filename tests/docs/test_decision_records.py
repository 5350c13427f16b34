"""Every decision record has a title that says what was decided, a date and a status, and stands in the index."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.docs.decisions_page import decisions_page, read_record, read_records

DECISIONS = Path(__file__).resolve().parents[2] / "docs" / "decisions"


def test_every_record_says_when_it_was_taken_and_whether_it_holds() -> None:
    files = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
    assert [record.path for record in read_records(DECISIONS)] == files, "name records NNN-title.md"


def test_every_record_that_another_changes_or_supersedes_is_there() -> None:
    records = read_records(DECISIONS)
    numbers = {record.number for record in records}
    assert len(numbers) == len(records), "a number stands twice"
    for record in records:
        named = {*record.amends, *[word for word in record.status.split() if word.isdigit()]}
        assert named <= numbers, record.path.name


@pytest.mark.parametrize(
    ("text", "what_to_write"),
    [
        ("no title\n\nDate: 2026-01-02\nStatus: accepted\n", "# 007: What was decided"),
        ("# 007: Keep it\n\nStatus: accepted\n", "Date: YYYY-MM-DD"),
        ("# 007: Keep it\n\nDate: 2026-01-02\nStatus: fine\n", "superseded by NNN"),
    ],
)
def test_a_record_without_a_head_is_refused_with_what_to_write(tmp_path: Path, text: str, what_to_write: str) -> None:
    path = tmp_path / "007-keep-it.md"
    path.write_text(text)
    with pytest.raises(ValueError, match=what_to_write):
        read_record(path)


def test_the_index_says_which_record_changed_another(tmp_path: Path) -> None:
    (tmp_path / "001-keep-it.md").write_text("# 001: Keep it\n\nDate: 2026-01-02\nStatus: accepted\n")
    (tmp_path / "002-less.md").write_text("# 002: Keep less\n\nDate: 2026-01-03\nStatus: accepted\nAmends: 001\n")
    rows = decisions_page(tmp_path).split("\n")
    assert "| [001](001-keep-it.md) | Keep it | 2026-01-02 | accepted | [002](002-less.md) |" in rows
