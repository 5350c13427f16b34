"""Word an error in the one line that a person reads on standard error."""

from __future__ import annotations

from p2pcredit.jobs.failures import domain_error


def error_line(error: BaseException) -> str:
    """Word an error as `Error: what went wrong`, in one line of UTF-8; a fault of the program with its type.

    Examples:
        >>> error_line(KeyError("surprise"))
        "Error: KeyError: 'surprise'; run it with --debug and report it\\n"
    """
    known = domain_error(error)
    what = str(known) if known is not None else f"{type(error).__name__}: {error}; run it with --debug and report it"
    return f"Error: {' '.join(what.split()).encode('utf-8', 'backslashreplace').decode()}\n"
