"""Write the page of exit codes and errors from the tree of errors."""

from __future__ import annotations

import inspect

from tools.docs.markdown import code, page, table

from p2pcredit import errors
from p2pcredit.cli.start import INTERRUPTED
from p2pcredit.errors import P2PCreditError, UsageError


def exit_codes_page() -> str:
    """Write the page of exit codes."""
    codes = [
        ["0", "Done. For a check: it passed."],
        [
            "1",
            "An error, a check that failed, or a training after which no model serves. One line on standard error says "
            "what was found and what to do.",
        ],
        ["2", "Wrong usage: an unknown option, a date that is none, options that exclude each other."],
        [str(INTERRUPTED), "Interrupted from the keyboard. What was done stays done; run the command again to go on."],
    ]
    rows = [
        [code(name), _parent(kind), "yes" if kind.retryable else "no", _code_of(kind), _sense(kind)]
        for name, kind in _kinds()
    ]
    return page(
        "Exit codes and errors",
        "Every command ends with one of these codes.",
        table(["code", "sense"], codes),
        "An error is one line on standard error; `--debug` shows its traceback. In Airflow only an error that can heal "
        "is tried again. All are classes of `p2pcredit.errors`.",
        table(["error", "is a", "can heal", "exit code", "sense"], rows),
    )


def _kinds() -> list[tuple[str, type[P2PCreditError]]]:
    kinds = [(name, getattr(errors, name)) for name in errors.__all__]
    order = list(vars(errors))
    found = [(name, kind) for name, kind in kinds if inspect.isclass(kind) and issubclass(kind, P2PCreditError)]
    return sorted(found, key=lambda pair: order.index(pair[0]))


def _parent(kind: type[P2PCreditError]) -> str:
    parent = kind.__mro__[1]
    return code(parent.__name__) if issubclass(parent, P2PCreditError) else ""


def _code_of(kind: type[P2PCreditError]) -> str:
    return "2" if issubclass(kind, UsageError) else "1"


def _sense(kind: type[P2PCreditError]) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0]


__all__ = ["exit_codes_page"]
