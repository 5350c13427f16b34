"""`p2pcredit doctor`: is this home healthy, does a volume keep its word, which raw columns must no model see?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt, print_receipt_as
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.errors import StorageError
from p2pcredit.storage.home import check_home

CrashTestOption = Annotated[
    Path | None,
    typer.Option(
        "--crash-test",
        help="Try this volume instead: kill every job at each step it takes on disk there, fill the disk at each step.",
        metavar="DIR",
    ),
]

LeaksOption = Annotated[
    Path | None,
    typer.Option(
        "--leaks",
        help="Look at this raw download instead: which of its columns give away how the loans ended?",
        metavar="FILE",
    ),
]
PlatformOption = Annotated[
    str, typer.Option("--platform", help="With --leaks: the platform whose download it is, or a YAML profile.")
]


@command
def doctor(
    crash_test: CrashTestOption = None,
    leaks: LeaksOption = None,
    platform: PlatformOption = "lendingclub",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Check a home directory: tables, ledger, decision file, models. Nothing is changed."""
    if crash_test is not None:
        return _crash_test(crash_test, as_json=as_json)
    if leaks is not None:
        return _detect_leaks(leaks, platform, home, as_json=as_json)
    from p2pcredit.jobs.home.doctor import examine

    return examine(job_context(home))


def _crash_test(directory: Path, *, as_json: bool) -> Receipt:
    from p2pcredit.cli.progress import job_progress
    from p2pcredit.crash_testing.runner import crash_test

    check_home(directory.absolute(), may_be_missing=True)
    with job_progress("crash test") as progress:
        receipt = crash_test(directory, progress=progress)
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
