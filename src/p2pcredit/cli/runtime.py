"""The edge between a person and the jobs: besides the DAGs the only reader of clock, environment and settings."""

from __future__ import annotations

import functools
import getpass
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.logging import RichHandler

from p2pcredit.cli.printing import Receipt, print_receipt_as
from p2pcredit.cli.start import interrupts
from p2pcredit.cli.wording import error_line
from p2pcredit.errors import HomeError, UsageError
from p2pcredit.jobs.activity import remember_failed_command
from p2pcredit.jobs.checked_settings import settings_of
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.failures import is_panic
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.progress import Progress, no_progress
from p2pcredit.settings import Settings
from p2pcredit.storage.home import check_home, is_url, resolve_home, url_refusal
from p2pcredit.storage.layout import Layout
from p2pcredit.text import one_line

P = ParamSpec("P")


def named_directory(text: str | Path) -> Path:
    """Read the directory of `--home`: an empty text, of a shell variable that is not set, never means this directory.

    Raises:
        BadParameter: If it is empty.
        Exit: With code 1, after one line, if it is a URL: here it is still the text that was typed.
    """
    if is_url(str(text)):
        sys.stderr.write(error_line(HomeError(url_refusal(str(text)))))
        raise typer.Exit(1)
    if not str(text).strip():
        raise typer.BadParameter("it is empty; name a directory, or leave the option out")
    return Path.cwd() / text if str(text).startswith("./~") else Path(text)  # a path forgets the ./ that tells it apart


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Home directory; else P2P_HOME, AIRFLOW_HOME, /opt/airflow, ./p2p-home.",
        metavar="DIR",
        parser=named_directory,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and debug logs.")]
DayOption = Annotated[str | None, typer.Option("--date", help="One snapshot date, YYYY-MM-DD.", metavar="D")]
FromOption = Annotated[str | None, typer.Option("--from", help="First snapshot date.", metavar="D")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last snapshot date.", metavar="D")]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who does it; else the login name, where the settings allow it.", metavar="NAME"),
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, which is recorded in the ledger.")]

_CHECKS = ("healthy", "identical", "verified")
"""Keys of receipts by which a check says whether all is as it was."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The receipt of a job that ended as it should and left undone what it was called for, and a line that says so."""

    receipt: Receipt
    line: str


_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def say_moved(old: str, new: str) -> None:
    """Say on standard error how a command is spelt now, once for each call of its old spelling."""
    sys.stderr.write(f"Note: 'p2pcredit {old}' is now 'p2pcredit {new}'; the old spelling goes with the next version\n")


def command(function: Callable[P, Receipt | Undone | None]) -> Callable[P, None]:
    """Make a command of a function that returns a receipt: print it, and turn errors into one line and a code.

    Exit codes: 0 done, 1 an error, a failed check (`healthy`, `verified` or `identical` is False) or a job that left
    undone what it was called for, 2 wrong usage. What a check found is printed in one line too; so is its receipt.
    """
    return _command(function, recorded=False)


def job_command(function: Callable[P, Receipt | Undone | None]) -> Callable[P, None]:
    """Make a command of a pipeline's job; its failures are also written to the activity file, as a person's own."""
    return _command(function, recorded=True)


def _command(function: Callable[P, Receipt | Undone | None], *, recorded: bool) -> Callable[P, None]:
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        debug = bool(kwargs.get("debug"))
        _set_up_logging(debug)
        try:
            _refuse_half_characters(kwargs)
            done = function(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            if interrupts.came:  # a library made an error of it
                raise KeyboardInterrupt from error
            if isinstance(error, OSError) and _is_of_printing(error):
                raise
            wrong_usage = isinstance(error, UsageError)
            if recorded and not wrong_usage:
                _remember(kwargs.get("home"), function.__name__, error)
            if debug:
                raise
            sys.stderr.write(error_line(error))
            raise typer.Exit(2 if wrong_usage else 1) from error
        if interrupts.came:  # it was swallowed on the way
            raise KeyboardInterrupt
        if done is None:  # the command printed its answer itself
            return
        receipt, line = (done.receipt, done.line) if isinstance(done, Undone) else (done, None)
        print_receipt_as(receipt, as_json=bool(kwargs.get("as_json")))
        if isinstance(receipt, dict) and any(receipt.get(check) is False for check in _CHECKS):
            line = receipt["reason"]
        if line is not None:
            sys.stderr.write(f"Error: {line}\n")
            raise typer.Exit(1)

    return run


def _is_of_printing(error: OSError) -> bool:
    """Return whether what a command prints could not be written: files are opened by name, and below this room."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    of_command = place is not None and str(place.tb_frame.f_globals.get("__name__")).startswith("p2pcredit.cli.")
    return of_command and error.filename is None


def _remember(home: object, job: str, error: BaseException) -> None:
    try:
        directory = home_directory(home if isinstance(home, Path) else None)
    except HomeError:
        return  # the home is what is wrong
    # its settings may be what is wrong
    ctx = JobContext(Layout(directory), Settings(), "cli", utc_now(), clock=utc_now)
    remember_failed_command(ctx, job, error)


def _refuse_half_characters(arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if isinstance(value, str) and value != value.encode("utf-8", "replace").decode():
            raise UsageError(f"the text given for '{name}' is not UTF-8; write it in UTF-8")


def home_directory(home: Path | None, *, may_be_missing: bool = False, any_format: bool = False) -> Path:
    """Find the home directory that holds for this call, and check that it can be one.

    Args:
        home: What `--home` says.
        may_be_missing: Whether the command makes it where it does not exist.
        any_format: Whether the command works on a home whatever its format, since it reads no table of it.

    Raises:
        MissingHomeError: If it does not exist.
        HomeError: If it cannot be home.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise HomeError("the present directory was removed; change to one that exists and run it again") from error
    directory = resolve_home(home, os.environ, here)
    check_home(directory, may_be_missing=may_be_missing, any_format=any_format)
    return directory


def job_context(
    home: Path | None,
    run_id: str = "cli",
    progress: Progress = no_progress,
    *,
    may_be_missing: bool = False,
    by: str | None = None,
) -> JobContext:
    """Build the context of a job called from the command line: the present instant, and the settings of the home."""
    directory = home_directory(home, may_be_missing=may_be_missing)
    settings = settings_of(directory)
    return JobContext(
        Layout(directory),
        settings,
        run_id,
        utc_now(),
        progress,
        Caller.PERSON,
        clock=utc_now,
        by=by,
        login=login_name(),
    )


def login_name() -> str:
    """Return the name of this account; its number where the system has no name for it, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def utc_now() -> datetime:
    """Read the clock: the present instant, aware, in UTC."""
    return datetime.now(UTC)


def date_range(day: str | None, first: str | None, last: str | None, there: Callable[[], DateRange]) -> DateRange:
    """Return the days of `--date`, or of `--from` and `--to`; an end that is not given is that of what is there.

    Args:
        day, first, last: What the options say.
        there: Gives the days that are there, such as those that have landed; asked only where an end is not given.

    Raises:
        UsageError: If a single day and a range are given, or a range has its end before its beginning.
    """
    if day is not None:
        if first is not None or last is not None:
            raise UsageError("--date names one day and --from and --to a range; give one or the other")
        only = parse_date(day)
        return DateRange(only, only)
    start, end = optional_date(first), optional_date(last)
    if start is not None and end is not None:
        return DateRange(start, end)
    known = there()
    if start is not None and start > known.last:
        raise UsageError(
            f"--from {start} lies after the days there are, {known.first} to {known.last}; choose among them"
        )
    if end is not None and end < known.first:
        raise UsageError(f"--to {end} lies before the days there are, {known.first} to {known.last}; choose among them")
    return DateRange(start or known.first, end or known.last)


def optional_date(text: str | None) -> date | None:
    """Parse a date; None where none was given."""
    return None if text is None else parse_date(text)


class _OneLine(logging.Formatter):
    """Write a record as its level and its message on one line, and what was raised below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return f"{record.levelname:<8} {one_line(record.message, _LONGEST_MESSAGE)}"


_LONGEST_MESSAGE = 10_000


def _set_up_logging(debug: bool) -> None:
    handler: logging.Handler = RichHandler(console=_errors, show_path=False, show_time=False, markup=False)
    if not _errors.is_terminal:  # a file or another program: what is folded for a screen cannot be searched
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_OneLine())
    logger = logging.getLogger("p2pcredit")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
