"""Write the page of the Python interface from its signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from tools.docs.markdown import code, page

import p2pcredit
from p2pcredit.api.model import Model
from p2pcredit.jobs.monitoring.matured_loans import MaturedLoans

_HIDDEN = {"Model": {"read"}}
"""Public methods that users of the interface have no use for: they get a model from a home."""

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Examples|Yields|Source):$", re.MULTILINE)
_ENTRY = re.compile(r"^    (?=\S)", re.MULTILINE)


def api_page() -> str:
    """Write the page of the Python interface."""
    home: Any = p2pcredit.Home
    parts = [
        "Open a home from a notebook or a script: `p2pcredit.open_home(path)`. It reads only. Importing `p2pcredit` "
        "loads no engine; what is named below is loaded when it is asked for.",
        _of_function(p2pcredit.open_home, "p2pcredit.open_home", "##"),
        *_of_class(home),
        *_of_class(Model),
        *_of_class(MaturedLoans),
    ]
    return page("Python interface", *parts)


def _of_class(kind: type) -> list[str]:
    parts = [f"## {code(kind.__name__)}", _text(inspect.getdoc(kind) or "")]
    for name, member in vars(kind).items():
        if name.startswith("_") or name in _HIDDEN.get(kind.__name__, ()):
            continue
        if isinstance(member, property):
            parts.append(f"### {code(f'.{name}')}\n\n{_text(inspect.getdoc(member) or '')}")
        elif inspect.isfunction(member):
            parts.append(_of_function(member, f".{name}", "###"))
    return parts


def _of_function(function: Callable[..., Any], name: str, level: str) -> str:
    arguments = [argument for argument in inspect.signature(function).parameters.values() if argument.name != "self"]
    return f"{level} {code(f'{name}({_listed(arguments)})')}\n\n{_text(inspect.getdoc(function) or '')}"


def _listed(arguments: list[inspect.Parameter]) -> str:
    empty = inspect.Parameter.empty
    return ", ".join(found.name if found.default is empty else f"{found.name}={found.default!r}" for found in arguments)


def _text(docstring: str) -> str:
    """Turn a docstring into Markdown: each section under its name in bold, each of its entries a point.

    Examples:
        >>> print(_text("Do it.\\n\\nArgs:\\n    a: One\\n        thing.\\n    b: Another."))
        Do it.
        <BLANKLINE>
        **Args**
        <BLANKLINE>
        - a: One thing.
        - b: Another.
    """
    first, *sections = _SECTION.split(docstring)
    parts = [first.strip()]
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        if name == "Examples":
            continue
        entries = [" ".join(entry.split()) for entry in _ENTRY.split(body) if entry.strip()]
        if name in ("Args", "Attributes", "Raises"):
            parts.append(f"**{name}**\n\n" + "\n".join(f"- {entry}" for entry in entries))
        else:
            parts.append(f"**{name}**: {' '.join(entries)}")
    return "\n\n".join(parts)


__all__ = ["api_page"]
