"""`p2pcredit doctor`: is this home healthy, and which columns of a raw file must no model see?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.edge import DebugOption, HomeOption, JsonOption, Receipt, command, job_context

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
    leaks: LeaksOption = None,
    platform: PlatformOption = "lendingclub",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Check a home directory: tables, ledger, decision file, models. Nothing is changed."""
    if leaks is not None:
        return _detect_leaks(leaks, platform, home, as_json=as_json)
    from p2pcredit.jobs.doctor import examine

    return examine(job_context(home))


def _detect_leaks(path: Path, platform: str, home: Path | None, *, as_json: bool) -> Receipt:
    from p2pcredit.jobs.leak_detection import detect_leaks

    receipt = detect_leaks(path, platform, job_context(home).settings)
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
