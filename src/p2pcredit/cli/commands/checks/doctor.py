"""`p2pcredit doctor`: check a home directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, say_moved
from p2pcredit.jobs.home import doctor as checks

_OldCrashTest = Annotated[Path | None, typer.Option("--crash-test", metavar="DIR", hidden=True)]
_OldLeaks = Annotated[Path | None, typer.Option("--leaks", metavar="FILE", hidden=True)]
_OldPlatform = Annotated[str, typer.Option("--platform", hidden=True, metavar="PLATFORM")]


@command
def doctor(
    crash_test_directory: _OldCrashTest = None,
    leaks: _OldLeaks = None,
    platform: _OldPlatform = "lendingclub",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Check a home directory: tables, ledger, decision file, models. Nothing is changed."""
    if crash_test_directory is not None:
        from p2pcredit.cli.commands.checks.crash_test import try_volume  # an old spelling; most doctors need neither

        say_moved("doctor --crash-test DIR", "crash-test DIR")
        return try_volume(crash_test_directory, as_json=as_json)
    if leaks is not None:
        from p2pcredit.cli.commands.checks.leakage import find_leaks

        say_moved("doctor --leaks FILE", "leakage FILE")
        return find_leaks(leaks, platform, home, as_json=as_json)
    return checks.examine(job_context(home))
