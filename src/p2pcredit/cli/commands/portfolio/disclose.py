"""`p2pcredit disclose`: the default rates that a platform publishes for a year."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from p2pcredit.cli.commands.portfolio.options import AsOfOption, OutOption
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.jobs.portfolio.disclosure import write_disclosure
from p2pcredit.reporting.disclosure import percent


@command
def disclose(
    year: Annotated[int, typer.Option("--year", help="The financial year, January to December.", metavar="Y")],
    regime: Annotated[
        Literal["ecspr", "uk"],
        typer.Option("--regime", help="EU: Regulation 2020/1503, Article 20. UK: for COBS 18.12, by the same method."),
    ] = "ecspr",
    default_days: Annotated[
        int | None,
        typer.Option("--default-days", help="Days past due from which a loan is in default; else the setting."),
    ] = None,
    target_rate: Annotated[
        float | None, typer.Option("--target-rate", help="The yearly rate offered to investors, such as 0.05.")
    ] = None,
    as_of: AsOfOption = None,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Calculate the default rates that EU or UK law has a platform publish for a year; write a page and a CSV file."""
    found = write_disclosure(
        job_context(home),
        year,
        out,
        regime=regime,
        as_of=optional_date(as_of),
        default_days=default_days,
        target_rate=target_rate,
    )
    if as_json:
        return found
    told = {key: found[key] for key in ("page", "csv", "law", "as_of", "history_months")}
    return {
        **told,
        "average_one_year_rate": percent(found["rate"]),
        "windows": [
            {key: window[key] for key in ("from", "to", "denominator", "numerator")} | {"rate": percent(window["rate"])}
            for window in found["windows"]
        ],
        **{
            f"by_{whose}_grade": [
                {
                    "category": row["category"],
                    "expected": percent(row["expected"]),
                    "loans": row["denominator"],
                    "defaults": row["numerator"],
                    "actual": percent(row["rate"]),
                }
                for row in rows
            ]
            for whose, rows in found["by_category"].items()
        },
    }
