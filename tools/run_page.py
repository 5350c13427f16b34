"""Run the Python blocks of a page one after the other, and write below each what it printed.

`python tools/run_page.py docs/how-to/notebook.md` makes a small home for it, which the page calls `loans`.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

_BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """List the Python blocks of a page, each with the output that stands below it."""
    return [(match[1], match[2] or "") for match in _BLOCK.finditer(page)]


def run_blocks(page: str, home: Path) -> list[str]:
    """Run the blocks in one namespace, in a directory where `loans` leads to the home; give what each printed."""
    namespace: dict[str, object] = {"__name__": "__page__"}
    printed = []
    with _directory_with(home):
        for number, (code, _) in enumerate(blocks(page), start=1):
            said = io.StringIO()
            with redirect_stdout(said):
                exec(compile(code, f"<block {number}>", "exec"), namespace)
            printed.append(said.getvalue())
    return printed


def with_outputs(page: str, printed: list[str]) -> str:
    """Give the page with what its blocks printed below them."""
    outputs = iter(printed)

    def told(match: re.Match[str]) -> str:
        output = next(outputs)
        return f"```python\n{match[1]}```\n" + (f"\n```text\n{output}```\n" if output else "")

    return _BLOCK.sub(told, page)


@contextmanager
def _directory_with(home: Path) -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "loans").symlink_to(home.resolve())
        os.chdir(directory)
        try:
            yield
        finally:
            os.chdir(before)


def main() -> None:
    """Run a page on a small home that is made for it, and write the page anew."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.small_home import make_small_home

    path = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        home.mkdir()
        make_small_home(home)
        page = path.read_text(encoding="utf-8")
        path.write_text(with_outputs(page, run_blocks(page, home)), encoding="utf-8")


if __name__ == "__main__":
    main()
