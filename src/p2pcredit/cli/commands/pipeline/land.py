"""`p2pcredit land`: turn a raw download into the five daily feeds."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.progress import shown_context
from p2pcredit.cli.raw_files import RAW_FILES, QueryOption, raw_files
from p2pcredit.cli.runtime import DebugOption, FromOption, HomeOption, JsonOption, ToOption, job_command, optional_date
from p2pcredit.jobs.landing import land as landing
from p2pcredit.jobs.landing.applications import land_applications


@job_command
def land(
    platform: Annotated[
        str,
        typer.Argument(
            help="A platform that 'p2pcredit platforms' lists, or the path of a YAML mapping.",
            metavar="PLATFORM",
        ),
    ],
    files: Annotated[list[str] | None, typer.Argument(help=f"Raw downloads: {RAW_FILES}.", metavar="RAW")] = None,
    query: QueryOption = None,
    applications: Annotated[
        bool,
        typer.Option(
            "--applications",
            help="The files hold applications, with what was decided of each, as the mapping says; they land as the "
            "optional feed of that name.",
        ),
    ] = False,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Turn a platform's raw download into the five daily feeds, or its applications into the sixth."""
    paths, queries = raw_files(files, query)
    with shown_context("land", home, may_be_missing=True) as ctx:
        if applications:
            return land_applications(ctx, platform, paths, optional_date(first), optional_date(last), queries)
        return landing.land(ctx, platform, paths, optional_date(first), optional_date(last), queries)
