"""`p2pcredit airflow`: a local Airflow with the three DAGs, up and down."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, home_directory

app = typer.Typer(help="A local Airflow with the three DAGs, on this machine only.", no_args_is_help=True)


@app.command()
@command
def up(
    port: Annotated[int, typer.Option("--port", help="Port of the web pages, on 127.0.0.1.")] = 8080,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Start a local Airflow with the three DAGs (SQLite, LocalExecutor, 127.0.0.1), or what has ended of one."""
    from p2pcredit.local_airflow.airflow import up as start

    running = start(home_directory(home, may_be_missing=True), port, progress=say)
    return {
        "url": running.url,
        "user": running.user,
        "password_file": str(running.password_file),
        "home": str(running.home),
        "already_up": running.already_up,
        "brought_back": list(running.brought_back),
    }


@app.command()
@command
def down(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Stop the local Airflow of this home, with every process it started."""
    from p2pcredit.local_airflow.airflow import down as stop

    return {"stopped": stop(home_directory(home, any_format=True), progress=say)}


def say(line: str) -> None:
    """Tell a person how far it has come, on standard error."""
    sys.stderr.write(f"  {line}\n")
