"""`p2pcredit leakage`: find the raw columns that give the outcome away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.audit import leakage as audit

PlatformOption = Annotated[
    str, typer.Option("--platform", help="The platform whose download it is, or a YAML profile.", metavar="PLATFORM")
]


@command
def leakage(
    file: Annotated[Path, typer.Argument(help="A raw download.", metavar="FILE")],
    platform: PlatformOption = "lendingclub",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Find the columns of a raw download that give away how the loans ended, which no model may see."""
    return find_leaks(file, platform, home, as_json=as_json)


def find_leaks(path: Path, platform: str, home: Path | None, *, as_json: bool) -> Receipt:
    """Find the columns of a raw download that leak, laid out for the terminal or as they are."""
    receipt = audit.detect_leaks(path, platform, job_context(home, may_be_missing=True).settings)
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
