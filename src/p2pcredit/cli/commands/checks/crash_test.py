"""`p2pcredit crash-test`: try whether a volume keeps what the jobs write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt, print_receipt_as
from p2pcredit.cli.progress import job_progress
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, home_directory
from p2pcredit.crash_testing import runner
from p2pcredit.errors import StorageError


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
    return try_volume(directory, as_json=as_json)


def try_volume(directory: Path, *, as_json: bool) -> Receipt:
    """Run the crash kit in a directory.

    Raises:
        StorageError: If a job left something that must not be; the receipt is printed before.
    """
    home_directory(directory, may_be_missing=True)
    with job_progress("crash test") as progress:
        receipt = runner.crash_test(directory, progress=progress)
    if not receipt["violations"]:
        return receipt
    print_receipt_as(receipt, as_json=as_json)
    raise StorageError(
        f"{len(receipt['violations'])} violations in {directory}; the homes lie in {receipt['kept']}; "
        "do not put a home on this volume before they are understood"
    )
