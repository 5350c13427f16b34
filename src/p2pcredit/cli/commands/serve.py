"""`p2pcredit serve`: answer applications and show pages, on this machine unless told otherwise."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, utc_now
from p2pcredit.errors import MissingExtraError, UsageError
from p2pcredit.orchestration.settings.dag_settings import due_after
from p2pcredit.settings import ROLES, roles_of
from p2pcredit.storage.pages_token import read_or_make_token, token_file

try:
    from p2pcredit.serving.app import make_app
    from p2pcredit.serving.process import leave_uncollected, run_server
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("fastapi", "starlette", "uvicorn", "python_multipart"):
        raise
    raise MissingExtraError("the server", "serve") from error

from p2pcredit.serving.access import digest_of, new_token

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@command
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.", metavar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port; 0 for any that is free.", min=0, max=65535)] = 8000,
    name: Annotated[
        str | None,
        typer.Option("--new-token", help="Print a new token of this name and its line for settings.", metavar="NAME"),
    ] = None,
    roles: Annotated[
        str, typer.Option("--roles", help="Roles of the new token: read, score, decide, joined by +.", metavar="R")
    ] = "read",
    for_airflow: Annotated[
        bool,
        typer.Option(
            "--for-airflow", help="Believe this home's Airflow who asks, and what they may: its pages show these."
        ),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt | None:
    """Serve pages and scores of this home over HTTP, on this machine unless --host says otherwise."""
    if name is not None:
        return _new_token(name, roles)
    ctx = job_context(home)
    serving = ctx.settings.serving
    airflow = digest_of(read_or_make_token(token_file(ctx.layout.home, os.environ))) if for_airflow else None
    due_after(ctx.at.date(), os.environ)  # a variable of the schedules that is wrong is said now
    extra = {}
    if not for_airflow and not serving.tokens and not serving.proxy_user_header:
        if host not in _LOOPBACK:
            raise UsageError(
                f"no client could be told from another on {host}: no token is set; set serving.tokens, see --new-token"
            )
        token = new_token()
        extra[digest_of(token)] = (ctx.login or "local", frozenset(ROLES))
        sys.stderr.write(f"No token is set, so this one holds until the server ends: {token}\n")
    due = partial(due_after, environ=os.environ)
    app = make_app(
        ctx.layout.home, ctx.settings, utc_now, tokens=extra, airflow=airflow, due=due, warmed=leave_uncollected
    )
    run_server(app, host, port, debug=debug)
    return None


def _new_token(name: str, roles: str) -> Receipt:
    if not roles_of(roles):
        raise UsageError(f"--roles is '{roles}'; write {', '.join(ROLES)}, joined by +")
    token = new_token()
    return {"token": token, "setting": f"{name} {roles} {digest_of(token)}"}
