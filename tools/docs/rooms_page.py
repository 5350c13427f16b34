"""The map of the code: every room with the first line of its docstring, and the order in which rooms import."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

_HEAD = """# Rooms of the code

<!-- Made by `make docs`; do not edit. -->

Where things are under `src/p2pcredit`, to read or change the code. A room is a folder. What a room is for is the first
line of its docstring, and what a module is for the first line of its own. [Extend it](../how-to/extend.md) says which
files to touch for what.

Start with `jobs/pipelines.py`: the three DAGs as data, each step with the job it calls. A job is a function in the
module of that name below `jobs`: it loads, calls pure code, saves, and gives a receipt.

## The order of imports

From the top, a room imports what stands below it, never what stands above or beside it; `make imports` holds that.

| order | rooms |
|---|---|
"""
_ROOMS = """
## The rooms

| room | what it is for |
|---|---|
"""


def rooms_page(root: Path) -> str:
    """Write the page from the docstrings of the packages and the contract of layers.

    Args:
        root: The root of the project.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    order = [f"| {place} | {_names(layer)} |" for place, layer in enumerate(layers, 1)]
    package = root / "src" / "p2pcredit"
    rooms = sorted(package.rglob("*/__init__.py"))
    rows = [_row(file, file.parent.relative_to(package).as_posix()) for file in rooms]
    alone = [_row(file, f"{file.stem}.py") for file in sorted(package.glob("[a-z]*.py"))]
    return _HEAD + "\n".join(order) + "\n" + _ROOMS + "\n".join([*rows, *alone]) + "\n"


def _names(layer: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in layer.split("|"))


def _row(file: Path, name: str) -> str:
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return f"| `{name}` | {' '.join(doc.split(chr(10) * 2)[0].split())} |"


__all__ = ["rooms_page"]
