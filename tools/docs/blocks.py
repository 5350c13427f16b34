"""Find the code blocks of a Markdown page and what is said about each: run it, parse it, or why neither."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)\s*$")
_MARK = re.compile(r"^ *<!-- (?P<kind>not run|output|illustration|file|source)(?:: (?P<text>.+?))? -->$")
_PAGE_MARK = re.compile(r"^<!-- not run on this page: (?P<reason>.+?) -->$", re.MULTILINE)
RUN = ("console", "python")
"""Languages whose blocks are run."""

PARSED = ("toml", "json", "yaml")
"""Languages whose blocks are read as what they are: settings, JSON, YAML."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Args:
        line: Line of its opening fence, from 1.
        end: Line of its closing fence.
        language: Its info string, such as `console`.
        text: Its lines, without the indentation of the fence.
        kind: The mark above it: `not run`, `output`, `illustration`, `file`, `source`, or empty.
        said: What the mark says: a reason, or the name of a file.
        indent: Blanks before the fence.
    """

    line: int
    end: int
    language: str
    text: str
    kind: str = ""
    said: str = ""
    indent: int = 0


def blocks_of(markdown: str) -> list[Block]:
    """Find the fenced blocks of a page.

    Raises:
        ValueError: If a fence is not closed.

    Examples:
        >>> found = blocks_of("<!-- not run: needs a cluster -->\\n```console\\n$ x\\n```")
        >>> [(block.language, block.kind, block.said) for block in found]
        [('console', 'not run', 'needs a cluster')]
    """
    found: list[Block] = []
    lines = markdown.split("\n")
    place = 0
    while place < len(lines):
        opening = _FENCE.match(lines[place])
        if opening is None:
            place += 1
            continue
        indent = len(opening["indent"])
        end = next((n for n in range(place + 1, len(lines)) if lines[n].strip() == "```"), None)
        if end is None:
            raise ValueError(f"the block of line {place + 1} is not closed")
        above = [line for line in lines[max(place - 2, 0) : place] if line.strip()]
        mark = _MARK.match(above[-1]) if above else None
        text = "".join(f"{line[indent:]}\n" for line in lines[place + 1 : end])
        kind, said = (mark["kind"], mark["text"] or "") if mark else ("", "")
        found.append(Block(place + 1, end + 1, opening["language"], text, kind, said, indent))
        place = end + 1
    return found


def reason_of_page(markdown: str) -> str | None:
    """Give the reason why nothing on a page is run; None where it has none."""
    mark = _PAGE_MARK.search(markdown)
    return mark["reason"] if mark else None


def unmarked(markdown: str) -> list[Block]:
    """Find the blocks that are neither run, nor read, nor marked with what they are."""
    if reason_of_page(markdown):
        return []
    known = (*RUN, *PARSED)
    return [
        block
        for block in blocks_of(markdown)
        if (not block.kind and block.language not in known) or (block.kind == "not run" and not block.said)
    ]


def pages(root: Path) -> list[Path]:
    """List the Markdown pages written by hand that people read: the docs, and the ways into the project."""
    generated = {root / "docs" / "reference" / "commands.md"}
    beside = [root / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md")]
    return [*(page for page in sorted((root / "docs").rglob("*.md")) if page not in generated), *beside]


__all__ = ["PARSED", "RUN", "Block", "blocks_of", "pages", "reason_of_page", "unmarked"]
