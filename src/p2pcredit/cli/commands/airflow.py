"""`p2pcredit airflow`: a local Airflow with the three DAGs, up and down."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt, say
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, home_directory
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.known_days import landed_days
from p2pcredit.local_airflow import airflow as local
from p2pcredit.local_airflow.settings import PAUSED_VARIABLE
from p2pcredit.orchestration.settings.schedules import START_VARIABLE
from p2pcredit.storage.layout import Layout


@command
def up(
    port: Annotated[int, typer.Option("--port", help="Port of the web pages, on 127.0.0.1.")] = 8080,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Start a local Airflow with the three DAGs (SQLite, LocalExecutor, 127.0.0.1), or what has ended of one.

    On a home that holds past days only, new DAGs start paused: the runs of yesterday would fail for want of its files.
    """
    directory = home_directory(home, may_be_missing=True)
    running = local.up(directory, port, extra_env=_paused_on_history(directory), progress=say)
    return {
        "url": running.url,
        "user": running.user,
        "password_file": str(running.password_file),
        "home": str(running.home),
        "already_up": running.already_up,
        "brought_back": list(running.brought_back),
    }


@command
def down(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Stop the local Airflow of this home, with every process it started."""
    return {"stopped": local.down(home_directory(home, any_format=True), progress=say)}


def _paused_on_history(home: Path) -> dict[str, str]:
    """Give variables by which DAGs that Airflow meets for the first time start paused, where yesterday has no files."""
    if os.environ.get(START_VARIABLE, "").strip():
        return {}
    try:
        last = landed_days(Layout(home)).last
    except P2PCreditError:
        return {}  # nothing has landed yet
    if last >= datetime.now(UTC).date() - timedelta(days=1):
        return {}
    say(
        f"days have landed up to {last} only, so DAGs that are new to this Airflow start paused: unpause them once "
        "yesterday's files land, or set P2P_DAG_START and P2P_DAG_END to run past days"
    )
    return {PAUSED_VARIABLE: "True"}
