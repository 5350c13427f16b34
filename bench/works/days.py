"""Script of the part `day`: `python -m bench.works.days HOME DATE...`: preprocess and infer day by day in one process.

The first day warms the process up and is not reported.
"""

from __future__ import annotations

import contextlib
import io
import sys
from functools import partial

from bench.works.timing import report, timed


def call(*arguments: str) -> None:
    """Call one of our commands in this process."""
    from p2pcredit.cli.app import main as product

    sys.argv = ["p2pcredit", *arguments, "--json"]
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            product()
        except SystemExit as end:
            if end.code:
                raise


def preprocess_and_infer(day: str, home: str) -> None:
    """Run a day's two commands."""
    for job in ("preprocess", "infer"):
        call(job, "--date", day, "--home", home)


def main() -> None:
    home, *days = sys.argv[1:]
    seconds = []
    for day in days:
        _, taken = timed(partial(preprocess_and_infer, day, home))
        seconds.append(taken)
    report(seconds[1:])


if __name__ == "__main__":
    main()
