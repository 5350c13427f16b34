"""The edge between a person and the jobs: besides the DAGs the only reader of clock, environment and settings."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer
from rich.console import Console
from rich.logging import RichHandler

from p2pcredit.cli.printing import Receipt, print_receipt_as
from p2pcredit.errors import UsageError
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.progress import Progress, to_nobody
from p2pcredit.storage.home import resolve_home

if TYPE_CHECKING:
    from p2pcredit.jobs.context import JobContext

P = ParamSpec("P")

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Home directory; else P2P_HOME, AIRFLOW_HOME, /opt/airflow, ./p2p-home.", metavar="DIR"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and debug logs.")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, which is recorded in the ledger.")]

_CHECKS = ("healthy", "identical", "verified")
"""Keys of receipts by which a check says whether all is as it was."""

_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def command(function: Callable[P, Receipt]) -> Callable[P, None]:
    """Make a command of a function that returns a receipt: print it, and turn errors into one line and a code.

    Exit codes: 0 done, 1 an error or a failed check (`healthy`, `verified` or `identical` is False), 2 wrong usage.
    What a check found is told in one line too; its receipt is printed all the same.
    """
    return _command(function, remembered=False)


def job_command(function: Callable[P, Receipt]) -> Callable[P, None]:
    """The same for the work of the pipeline, whose failures are also kept in the activity file, as the person's own."""
    return _command(function, remembered=True)


def _command(function: Callable[P, Receipt], *, remembered: bool) -> Callable[P, None]:
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        debug = bool(kwargs.get("debug"))
        _set_up_logging(debug)
        try:
            _refuse_half_characters(kwargs)
            receipt = function(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            wrong_usage = isinstance(error, UsageError)
            if remembered and not wrong_usage:
                _remember(kwargs.get("home"), function.__name__, error)
            if debug:
                raise
            sys.stderr.write(f"Error: {_told(error)}\n")
            raise typer.Exit(2 if wrong_usage else 1) from error
        print_receipt_as(receipt, as_json=bool(kwargs.get("as_json")))
        if isinstance(receipt, dict) and any(receipt.get(check) is False for check in _CHECKS):
            sys.stderr.write(f"Error: {receipt['reason']}\n")
            raise typer.Exit(1)

    return run


def _told(error: Exception) -> str:
    from p2pcredit.jobs.failures import domain_error

    known = domain_error(error)
    what = str(known) if known is not None else f"{type(error).__name__}: {error}; run it with --debug and report it"
    return " ".join(what.split()).encode("utf-8", "backslashreplace").decode()


def _remember(home: object, job: str, error: Exception) -> None:
    from p2pcredit.jobs.activity import remember_failed_command
    from p2pcredit.jobs.context import JobContext
    from p2pcredit.settings import Settings
    from p2pcredit.storage.layout import Layout

    directory = home_directory(home if isinstance(home, Path) else None)  # its settings may be what is wrong
    remember_failed_command(JobContext(Layout(directory), Settings(), "cli", datetime.now(UTC)), job, error)


def _refuse_half_characters(arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if isinstance(value, str) and value != value.encode("utf-8", "replace").decode():
            raise UsageError(f"the text given for '{name}' is not UTF-8; write it in UTF-8")


def home_directory(home: Path | None) -> Path:
    """The home directory that holds for this call."""
    return resolve_home(home, os.environ, Path.cwd())


def job_context(home: Path | None, run_id: str = "cli", progress: Progress = to_nobody) -> JobContext:
    """The surroundings of a job called from the command line: the present instant, and settings of the home."""
    from p2pcredit.jobs.context import Caller, JobContext
    from p2pcredit.settings import load_settings
    from p2pcredit.storage.layout import Layout

    directory = home_directory(home)
    return JobContext(Layout(directory), load_settings(directory), run_id, datetime.now(UTC), progress, Caller.PERSON)


def date_range(day: str | None, first: str | None, last: str | None) -> DateRange:
    """The days asked for by `--date` or by `--from` and `--to`.

    Raises:
        UsageError: If neither or both are given.
    """
    if day is not None and first is None and last is None:
        only = parse_date(day)
        return DateRange(only, only)
    if day is None and first is not None and last is not None:
        return DateRange(parse_date(first), parse_date(last))
    raise UsageError("say which days: --date D, or --from D together with --to D")


def optional_date(text: str | None) -> date | None:
    """A date, or None where none was given."""
    return None if text is None else parse_date(text)


def _set_up_logging(debug: bool) -> None:
    handler = RichHandler(console=_errors, show_path=False, show_time=False, markup=False)
    logger = logging.getLogger("p2pcredit")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
