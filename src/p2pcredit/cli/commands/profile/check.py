"""`p2pcredit profile check`: what would become of a book, by the pipeline itself, in a home that is thrown away."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.raw_files import RAW_FILES, QueryOption, raw_files
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, Undone, command
from p2pcredit.jobs.landing.trial import check_mapping


@command
def check(
    mapping: Annotated[
        str, typer.Argument(help="The path of a YAML mapping, or a platform's name.", metavar="MAPPING")
    ],
    files: Annotated[list[str], typer.Argument(help=f"What would be landed: {RAW_FILES}.", metavar="RAW")],
    query: QueryOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt | Undone:
    """Say what would become of a book before it lands; exit code 1 where it would be ruined.

    The files go through landing and preprocessing in a directory that is thrown away, under the settings of the home.
    """
    paths, queries = raw_files(files, query)
    with shown_context("profile check", home, may_be_missing=True) as ctx:
        receipt = check_mapping(ctx, mapping, paths, queries)
    shown = receipt if as_json else _laid_out(receipt)
    return shown if receipt["sound"] else Undone(shown, receipt["reason"])


def _laid_out(receipt: dict[str, Any]) -> dict[str, Any]:
    """Lay the facts out for the terminal: tables of quarters, events and features, the rest line by line."""
    landing = receipt["landing"]
    told: dict[str, Any] = {"sound": receipt["sound"]}
    if receipt["warnings"]:
        told["look at"] = receipt["warnings"]
    if landing is not None:
        told |= {name: landing[name] for name in ("rows_in", "rows_landed", "rows_rejected", "first_date", "last_date")}
    told["settings"] = receipt["settings"]
    if receipt["quarters"]:
        told["by quarter"] = {
            quarter: {**one, "matured_share": f"{one['matured_share']:.0%}"}
            for quarter, one in receipt["quarters"].items()
        }
    if receipt["events"]:
        told["events"] = receipt["events"]
    quarters = list(receipt["quarters"])
    if receipt["features"]:
        ends = list(dict.fromkeys([quarters[0], quarters[len(quarters) // 2], quarters[-1]]))
        told["filled features"] = {
            name: {quarter: f"{shares[quarter]:.0%}" for quarter in ends}
            for name, shares in receipt["features"].items()
        }
        told["never filled"] = receipt["empty_features"]
    for title, found in (("rejected", receipt["rejected"]), ("set aside", receipt["set_aside"])):
        if found:
            told[title] = {
                reason: {"count": one["count"], "such as": _example(one["examples"])} for reason, one in found.items()
            }
    return told


def _example(examples: list[Any]) -> str:
    shown = [f"{one['file']}, row {one['row_number']}" if isinstance(one, dict) else str(one) for one in examples]
    return "; ".join(shown)
