"""Runs commands of the program one after the other in this one process, and says what became of each.

Started by the tests as a process of its own, so that it can be another user, have little memory, and be timed out.
Reads a list of argument lists as JSON from standard input; prints one JSON object. Python given as the argument is run
first.
"""

from __future__ import annotations

import json
import resource
import sys
import traceback
import warnings
from pathlib import Path


def peak_kilobytes() -> int:
    """Read the peak of this program's memory; the system's own count begins with the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def main() -> None:
    warnings.simplefilter("ignore")
    exec(sys.argv[1], {})
    from typer.testing import CliRunner

    from p2pcredit.cli.app import app

    outcomes = []
    for arguments in json.load(sys.stdin):
        result = CliRunner().invoke(app, arguments)
        broke = result.exception is not None and not isinstance(result.exception, SystemExit)
        shown = "".join(traceback.format_exception(result.exception)) if broke else ""
        outcomes.append(
            {
                "arguments": arguments,
                "code": result.exit_code,
                "stdout": result.stdout,
                "stderr": result.stderr,
                "traceback": shown,
            }
        )
    print(json.dumps({"outcomes": outcomes, "peak_kilobytes": peak_kilobytes()}))


if __name__ == "__main__":
    main()
