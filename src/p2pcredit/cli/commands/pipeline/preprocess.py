"""`p2pcredit preprocess`: take landed days to the gold tables."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import (
    ByOption,
    DayOption,
    DebugOption,
    FromOption,
    HomeOption,
    JsonOption,
    ToOption,
    date_range,
    job_command,
)
from p2pcredit.errors import UsageError
from p2pcredit.jobs import known_days
from p2pcredit.jobs.preprocessing import stages


@job_command
def preprocess(
    day: DayOption = None,
    first: FromOption = None,
    last: ToOption = None,
    accept_drift: Annotated[
        bool,
        typer.Option(
            "--accept-drift", help="Take columns or feeds that changed as right from these days on; needs --why."
        ),
    ] = False,
    why: Annotated[
        str | None, typer.Option("--why", help="With --accept-drift: the reason, which is recorded.")
    ] = None,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Take landed days through bronze and silver to the gold tables.

    Ends with an error where most rows of a day are set aside, or a day lacks a column that the champion uses.
    """
    if accept_drift != bool(why and why.strip()):
        raise UsageError("--accept-drift and --why TEXT go together: say why the new shape is right")
    with shown_context("preprocess", home, by=by) as ctx:
        days = date_range(day, first, last, partial(known_days.landed_days, ctx.layout))
        done = stages.preprocess(ctx, days, why if accept_drift else None)
    return done if as_json else _with_values_below(done)


def _with_values_below(done: dict[str, Any]) -> dict[str, Any]:
    """Lay out a preprocessing receipt for the terminal: feeds as a table, and below it the columns that lost values."""
    lost = {
        f"{feed}.{column}": count
        for feed, counts in done["feeds"].items()
        for column, count in counts["values_missing"].items()
    }
    feeds = {
        feed: {**counts, "values_missing": sum(counts["values_missing"].values())}
        for feed, counts in done["feeds"].items()
    }
    return {**done, "feeds": feeds, **({"values_missing": lost} if lost else {})}
