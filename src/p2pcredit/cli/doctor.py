"""`p2pcredit doctor`, `crash-test` and `leakage`: check a home, test a volume, find raw columns that leak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt, print_receipt_as
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, home_directory, job_context, say_moved
from p2pcredit.errors import StorageError

_OldCrashTest = Annotated[Path | None, typer.Option("--crash-test", metavar="DIR", hidden=True)]
_OldLeaks = Annotated[Path | None, typer.Option("--leaks", metavar="FILE", hidden=True)]
_OldPlatform = Annotated[str, typer.Option("--platform", hidden=True)]
PlatformOption = Annotated[
    str, typer.Option("--platform", help="The platform whose download it is, or a YAML profile.")
]


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
        say_moved("doctor --crash-test DIR", "crash-test DIR")
        return _crash_test(crash_test_directory, as_json=as_json)
    if leaks is not None:
        say_moved("doctor --leaks FILE", "leakage FILE")
        return _detect_leaks(leaks, platform, home, as_json=as_json)
    from p2pcredit.jobs.home.doctor import examine

    return examine(job_context(home))


@command
def crash_test(
    directory: Annotated[Path, typer.Argument(help="A directory on the volume.", metavar="DIR")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Try a volume: kill every job at each step it takes on disk there, and fill the disk at each step.

    It makes homes of its own below DIR and needs none.
    """
    return _crash_test(directory, as_json=as_json)


@command
def leakage(
    file: Annotated[Path, typer.Argument(help="A raw download.", metavar="FILE")],
    platform: PlatformOption = "lendingclub",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Find the columns of a raw download that give away how the loans ended, which no model may see."""
    return _detect_leaks(file, platform, home, as_json=as_json)


def _crash_test(directory: Path, *, as_json: bool) -> Receipt:
    from p2pcredit.cli.progress import job_progress
    from p2pcredit.crash_testing.runner import crash_test as try_volume

    home_directory(directory, may_be_missing=True)
    with job_progress("crash test") as progress:
        receipt = try_volume(directory, progress=progress)
    if not receipt["violations"]:
        return receipt
    print_receipt_as(receipt, as_json=as_json)
    raise StorageError(
        f"{len(receipt['violations'])} violations in {directory}; the homes lie in {receipt['kept']}; "
        "do not put a home on this volume before they are understood"
    )


def _detect_leaks(path: Path, platform: str, home: Path | None, *, as_json: bool) -> Receipt:
    from p2pcredit.jobs.audit.leakage import detect_leaks

    receipt = detect_leaks(path, platform, job_context(home, may_be_missing=True).settings)
    if as_json:
        return receipt
    told = {
        finding["column"]: {
            "AUC": finding["auc"],
            "filled": f"{finding['filled_share']:.0%}",
            "verdict": "must not be used" if finding["forbidden"] else "no objection",
            "because": finding["why"],
        }
        for finding in receipt.pop("columns")
    }
    return {**receipt, "forbidden": len(receipt["forbidden"]), "columns": told}
