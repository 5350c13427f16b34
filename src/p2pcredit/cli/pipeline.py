"""Commands that do the daily and weekly work: land, preprocess, train, infer, monitor, replay, export, status."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from p2pcredit.cli.decision import in_short
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.runtime import (
    DebugOption,
    HomeOption,
    JsonOption,
    command,
    date_range,
    job_command,
    job_context,
    optional_date,
)
from p2pcredit.periods import DateRange, parse_date

DayOption = Annotated[str | None, typer.Option("--date", help="One snapshot date, YYYY-MM-DD.", metavar="D")]
FromOption = Annotated[str | None, typer.Option("--from", help="First snapshot date.", metavar="D")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last snapshot date.", metavar="D")]


@job_command
def land(
    platform: Annotated[
        str,
        typer.Argument(
            help="lendingclub, prosper, synthetic, a platform of another package, or a path to a YAML profile."
        ),
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Raw downloads: CSV, plain or gzip, or Parquet.", metavar="FILE")
    ] = None,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Turn a platform's raw download into the five daily feeds."""
    from p2pcredit.jobs.landing.land import land as land_files

    with shown_context("land", home, may_be_missing=True) as ctx:
        return land_files(ctx, platform, files or [], optional_date(first), optional_date(last))


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
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Take landed days through bronze and silver to the gold tables.

    Ends with an error where most rows of a day are set aside, or a day lacks a column that the champion uses.
    """
    from p2pcredit.errors import UsageError
    from p2pcredit.jobs.known_days import landed_days
    from p2pcredit.jobs.preprocessing.stages import preprocess as preprocess_days

    if accept_drift != bool(why and why.strip()):
        raise UsageError("--accept-drift and --why TEXT go together: say why the new shape is right")
    with shown_context("preprocess", home) as ctx:
        days = date_range(day, first, last, partial(landed_days, ctx.layout))
        done = preprocess_days(ctx, days, why if accept_drift else None)
    return done if as_json else _with_values_below(done)


@job_command
def train(
    as_of: Annotated[str, typer.Option("--as-of", help="Train on what was known on this day.", metavar="D")],
    why: Annotated[str | None, typer.Option("--why", help="Reason to train outside the weekly limit.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Train the candidates, and let the best one challenge the champion."""
    from p2pcredit.jobs.known_days import require_known
    from p2pcredit.jobs.training.retrain import train_now

    with shown_context("train", home) as ctx:
        day = parse_date(as_of)
        require_known(ctx.layout, day)
        return train_now(ctx, day, why)


@job_command
def infer(
    day: DayOption = None,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Score the loans of some days, each with the model that was champion on its day."""
    from p2pcredit.jobs.known_days import preprocessed_days, require_preprocessed
    from p2pcredit.jobs.scoring.by_hand import infer as infer_days

    with shown_context("infer", home) as ctx:
        days = date_range(day, first, last, partial(preprocessed_days, ctx.layout))
        require_preprocessed(ctx.layout, days)
        return infer_days(ctx, days)


@job_command
def monitor(
    week_end: Annotated[str, typer.Option("--week-end", help="The last day the week looks at.", metavar="D")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Measure what has matured, write the report and the retraining decision, and send alerts."""
    from p2pcredit.jobs.known_days import require_preprocessed, require_week_of_home
    from p2pcredit.jobs.monitoring.review import monitor as review_week

    ctx, day = job_context(home), parse_date(week_end)
    require_week_of_home(ctx.layout, day, ctx.at.date())  # a mistyped date sends no alert
    receipt = review_week(ctx, day, alert=True)
    require_preprocessed(ctx.layout, DateRange(day, day))
    return receipt


@job_command
def replay(
    first: FromOption = None,
    last: ToOption = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Decide by another policy than the settings say.")
    ] = None,
    reports: Annotated[str, typer.Option("--reports", help="'last' week's report only, or 'all'.")] = "last",
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Walk through history as the three DAGs would have lived it, alerts into a file of the home."""
    from p2pcredit.errors import UsageError
    from p2pcredit.jobs.checked_settings import require_policy
    from p2pcredit.jobs.known_days import landed_days
    from p2pcredit.jobs.replay import replay as replay_days
    from p2pcredit.names import no_such

    if reports not in {"last", "all"}:
        raise UsageError(no_such("choice for --reports", reports, ("last", "all")))
    with shown_context("replay", home, run_id="replay") as ctx:
        if policy is not None:
            require_policy(policy)
            ctx = ctx.with_policy(policy)
        days = date_range(None, first, last, partial(landed_days, ctx.layout))
        return replay_days(ctx, days, all_reports=reports == "all")


@job_command
def export(
    table: Annotated[str, typer.Argument(help="Such as gold/predictions.")],
    out: Annotated[Path, typer.Option("--out", help="A file ending in .parquet or .csv.", metavar="FILE")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Only rows known on this day.", metavar="D")] = None,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Write a table's rows to a Parquet or CSV file."""
    from p2pcredit.jobs.home.export import export as export_table

    ctx = job_context(home)
    known = optional_date(as_of)
    return export_table(ctx, table, out, as_of=known, first=optional_date(first), last=optional_date(last))


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


@command
def status(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Show where this home stands: last days done, champion, waiting decision."""
    from p2pcredit.jobs.home.status import status as home_status

    found = home_status(job_context(home))
    return found if as_json else _at_a_glance(found)


def _at_a_glance(found: dict[str, Any]) -> dict[str, Any]:
    """Shorten a status for the terminal: how days stand, the waiting decision, weeks retrained, what to begin with."""
    waiting, weeks = found["pending_decision"], found["weeks_retrained"]
    short: dict[str, Any] = {}
    for name, value in found.items():
        short[name] = value
        if name == "days" and value is not None:
            kinds = ("complete", "with_holes", "undetermined")
            said = [f"{value[kind]} {kind.replace('_', ' ')}" for kind in kinds if value[kind] or kind == kinds[0]]
            short["days"] = ", ".join(said)
            if value["holes"]:
                short["holes"] = value["holes"]
        if name == "pending_decision" and waiting is not None:
            short["outlook"] = waiting["note"]
    if found["last_preprocessed"] is None:
        short["last_preprocessed"] = "nothing yet; land a loan file, then preprocess its days"
    if waiting is not None:
        remedy = f" ({waiting['remedy']})" if waiting["remedy"] else ""
        short["pending_decision"] = (
            f"{in_short(waiting)}{remedy}, of {waiting['decision_date']}; see 'p2pcredit decision show'"
        )
    short["weeks_retrained"] = f"{len(weeks)}, the last {weeks[-1]}" if weeks else None
    return short
