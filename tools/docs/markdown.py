"""Write Markdown: tables whose cells cannot break them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MADE = "<!-- Made by `make docs`; do not edit. -->"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table.

    Examples:
        >>> print(table(["a", "b"], [["x|y", "two\\nlines"]]))
        | a | b |
        |---|---|
        | x\\|y | two lines |
    """
    lines = [list(header), ["---"] * len(header), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("|---" * len(header) + "|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines)


def page(title: str, *parts: str) -> str:
    """Join the parts of a generated page below its title."""
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


def code(text: object) -> str:
    """Put a text into code marks."""
    return f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


__all__ = ["MADE", "code", "page", "table"]
