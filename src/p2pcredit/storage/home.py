"""Which directory is home, and whether it can be one: asked once at the edge, by command line and DAGs alike."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from p2pcredit.errors import HomeError, MissingHomeError
from p2pcredit.names import similar_name
from p2pcredit.storage.home_format import check_format

SPECIFIED_HOME = Path("/opt/airflow")
"""The home that the specification draws, used where it exists and nothing else is said."""

FALLBACK_NAME = "p2p-home"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_MOST_BYTES = 3072
"""Of the 4096 that a path may have, the tables need the rest for the names of their files."""
_UNUSABLE = (
    (re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029]"), "a line end or another control character"),
    (re.compile(r"[\ud800-\udfff]"), "bytes that are not UTF-8"),
    (re.compile(r"[\[\]|^]"), "one of the characters [ ] | ^"),
    (re.compile(r"\\"), "a backslash"),
    (re.compile(r"%[0-9A-Fa-f]{2}"), "a percent sign before two digits, which is read as another character"),
)
"""What Delta Lake cannot open a table below: it takes every path through a URL."""


def resolve_home(
    option: str | Path | None, environ: Mapping[str, str], cwd: Path, *, specified: Path = SPECIFIED_HOME
) -> Path:
    """Find the directory that holds data, tables, models and decisions.

    Args:
        option: What the person asked for (`--home`); blank or None means nothing.
        environ: The process's environment; `P2P_HOME` counts before `AIRFLOW_HOME`, and a blank value means unset.
        cwd: Absolute directory that a relative path starts from.
        specified: The directory used where it exists and nothing was asked for.

    Returns:
        An absolute path, which need not exist: the option, else `P2P_HOME`, else `AIRFLOW_HOME`, else `specified` where
        that is a directory, else `p2p-home` under `cwd`.

    Raises:
        HomeError: If it is a URL, or begins with the `~` of a user whom the system does not know.

    Examples:
        >>> resolve_home(None, {"AIRFLOW_HOME": "/srv/airflow", "P2P_HOME": "loans"}, Path("/srv")).as_posix()
        '/srv/loans'
        >>> resolve_home(None, {"P2P_HOME": " "}, Path("/srv"), specified=Path("/nowhere")).as_posix()
        '/srv/p2p-home'
    """
    asked = (option, environ.get("P2P_HOME"), environ.get("AIRFLOW_HOME"))
    for candidate in asked:
        if candidate is not None and str(candidate).strip():
            if _URL.match(str(candidate).strip()):
                raise HomeError(url_refusal(str(candidate)))
            expanded = os.path.expanduser(candidate)
            if str(expanded).startswith("~"):
                raise HomeError(
                    f"the home {shown(candidate)} begins with the ~ of an unknown user; write the whole path, or "
                    f"./{shown(candidate)} for a directory of that name"
                )
            return cwd / expanded
    return specified if specified.is_dir() else cwd / FALLBACK_NAME


def is_url(path: str) -> bool:
    """Return whether the text of a path is a URL.

    Examples:
        >>> is_url("s3://b/x"), is_url("file:///srv/x"), is_url("a:b/x"), is_url("/srv/s3://x")
        (True, True, False, False)
    """
    return bool(_URL.match(path.strip())) and "://" in path


def check_home(home: Path, *, may_be_missing: bool = False, any_format: bool = False) -> None:
    """Check that a directory can be home: its name, with links followed, this user's right to it, and its format.

    Args:
        home: An absolute path.
        may_be_missing: Whether it will be made where it does not exist.
        any_format: Pass over its format: of a home whose tables are not read, but removed or left alone.

    Raises:
        MissingHomeError: If it does not exist, naming directories beside it with a similar name.
        HomeError: If its name cannot be used, it is no directory, this user may not enter it, or another version made
            it in a format that this one does not read.
    """
    _refuse_name(str(home), shown(home))
    try:
        found = home.stat()
        real = os.path.realpath(home)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise HomeError(_refusal(home, error)) from error
        if home.is_symlink():
            raise HomeError(
                f"the home {home} is a link to {os.readlink(home)}, which does not exist; make that or remove the link"
            ) from error
        if not may_be_missing:
            raise MissingHomeError(_missing(home)) from error
        return
    _refuse_name(real, f"{home}, a link to {shown(real)}," if real != str(home) else str(home))
    if not stat.S_ISDIR(found.st_mode):
        raise HomeError(f"the home {home} is a file where a directory belongs; name another, or move the file away")
    if not os.access(home, os.R_OK | os.X_OK):
        raise HomeError(f"this user may not enter the home {home}; give this user the right to it, or name another")
    if not any_format:
        check_format(home)


def check_home_for_airflow(home: Path, *, any_format: bool = False) -> None:
    """Check that a local Airflow can work in a home: it takes a `$` in a path for a variable of the environment.

    Args:
        home: An absolute path.
        any_format: As of `check_home`.

    Raises:
        HomeError: As for any home, and for the dollar sign.
    """
    check_home(home, may_be_missing=True, any_format=any_format)
    if "$" in str(home):
        raise HomeError(
            f"the home {home} has a dollar sign in its path, which Airflow reads as a variable; rename that directory"
        )


def url_refusal(home: str) -> str:
    """Word why a URL is no home, with the URL as it was given."""
    return (
        f"the home {shown(home)} is a URL; object storage is not supported: give the path of a directory, on a file "
        "system that has flock, rename and fsync"
    )


def shown(path: Path | str) -> str:
    """Show a path in one line that any terminal can print: what is no plain character stands as its escape.

    Examples:
        >>> shown("a\\nb")
        'a\\\\nb'
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN // 2]}...{text[-_MOST_SHOWN // 2 :]}"


_MOST_SHOWN = 300


def _refuse_name(path: str, named: str) -> None:
    for pattern, what in _UNUSABLE:
        if pattern.search(path):
            raise HomeError(f"the home {named} has {what} in its path; rename that directory or choose another home")
    length = len(os.fsencode(path))
    if length > _MOST_BYTES:
        raise HomeError(f"the home {named} is a path of {length} bytes; {_MOST_BYTES} are the most, so choose another")


def _refusal(home: Path, error: OSError) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            said = "this user may not enter a directory above it; give this user the right to it, or name another"
        case errno.ENOTDIR:
            said = "a file lies above it where a directory belongs; name another, or move the file away"
        case errno.ELOOP:
            said = "it is a link that leads back to itself; remove the link"
        case errno.ENAMETOOLONG:
            said = "its name is too long for this disk; choose a shorter one"
        case _:
            said = f"{error.strerror or error}; name another directory"
    return f"the home {shown(home)} cannot be used: {said}"


def _missing(home: Path) -> str:
    siblings: list[str] = []
    with suppress(OSError), os.scandir(home.parent) as entries:
        siblings = [entry.name for entry in entries if entry.is_dir()]
    close = similar_name(home.name, siblings)
    meant = "" if close is None else f"; perhaps {shown(home.parent / close)} was meant"
    return f"the home {home} does not exist{meant}; name an existing one with --home, or make one with 'p2pcredit land'"


__all__ = ["FALLBACK_NAME", "SPECIFIED_HOME", "check_home", "check_home_for_airflow", "is_url"]
__all__ += ["resolve_home", "shown", "url_refusal"]
