"""What is shown where a page cannot be: nothing is served, no one is signed in, a right is lacking, a DAG of others."""

from __future__ import annotations

import shlex
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
_SHEETS = (("p2pcredit.reporting", "templates/style.css"), ("p2pcredit.serving.pages", "static/pages.css"))


def nothing_served(home: Path, url: str, token: Path | None) -> HTMLResponse:
    """Say that no server answers, and what to start.

    Args:
        home: The home of the DAGs.
        url: Where it was looked for.
        token: The file of the token, where it is not there yet.
    """
    lacks = f" The file <code>{_said(token)}</code>, by which the two know each other, is not there." if token else ""
    return _notice(
        503,
        "Nothing is served yet",
        "<p>A server of its own gives these pages, so that Airflow loads none of its libraries. "
        "Start it in the home of the DAGs, on a machine that this API server reaches:</p>"
        f"<pre><code>{_said(command_for(home, url))}</code></pre>"
        f"<p>It was looked for at <code>{_said(url)}</code>; <code>P2P_PAGES_URL</code> names another address.{lacks} "
        "Then load this page again.</p>",
    )


def command_for(home: Path, url: str) -> str:
    """Give the command that starts the server where it is looked for.

    Examples:
        >>> command_for(Path("/opt/airflow"), "http://127.0.0.1:8000")
        'p2pcredit serve --for-airflow --home /opt/airflow'
        >>> command_for(Path("/opt/airflow"), "http://pages:8001")
        'p2pcredit serve --for-airflow --home /opt/airflow --host 0.0.0.0 --port 8001'
    """
    parts = urlsplit(url)
    host = "" if parts.hostname in ("127.0.0.1", "localhost", "::1") else " --host 0.0.0.0"
    port = f" --port {parts.port}" if parts.port not in (None, 8000) else ""
    return f"p2pcredit serve --for-airflow --home {shlex.quote(str(home))}{host}{port}"


def not_believed(url: str, token: Path) -> HTMLResponse:
    """Say that the server does not believe this Airflow."""
    return _notice(
        503,
        "The server does not know this Airflow",
        f"<p>What answers at <code>{_said(url)}</code> does not take this Airflow's word on who asks. Start it with "
        f"<code>--for-airflow</code>, with the token of <code>{_said(token)}</code>: "
        "<code>P2P_PAGES_TOKEN_FILE</code> names one file for both.</p>",
    )


def broke_off(url: str) -> HTMLResponse:
    """Say that the server ended while it answered, or took too long."""
    return _notice(
        503,
        "The server did not answer",
        f"<p>What listens at <code>{_said(url)}</code> took the request and gave no answer. Load this page again; its "
        "log says more.</p>",
    )


def misset(line: str) -> HTMLResponse:
    """Say which variable is wrong."""
    return _notice(503, "A setting is wrong", f"<p>{_said(line)}</p>")


def not_signed_in(login: str) -> HTMLResponse:
    """Ask to sign in to Airflow."""
    return _notice(401, "Sign in", f'<p>You are not signed in to Airflow. <a href="{_said(login)}">Sign in</a></p>')


def right_lacking(dag_ids: tuple[str, ...]) -> HTMLResponse:
    """Say which rights these pages need."""
    named = "".join(f"<li><code>{_said(one)}</code></li>" for one in dag_ids)
    return _notice(
        403, "Not allowed", f"<p>Who may read all of these DAGs in Airflow may see these pages:</p><ul>{named}</ul>"
    )


def no_dag_of_ours(dag_id: str, under: str) -> HTMLResponse:
    """Say that a DAG is none of ours."""
    return _notice(
        404,
        "Not a DAG of P2PCreditScore",
        f'<p><code>{_said(dag_id)}</code> scores no loans. <a href="{_said(under)}/">To the pages</a></p>',
    )


def not_there(under: str) -> HTMLResponse:
    """Say that there is no such page."""
    return _notice(404, "Not there", f'<p>There is nothing here. <a href="{_said(under)}/">To the first page</a></p>')


def _notice(status: int, heading: str, body: str) -> HTMLResponse:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(heading)} · P2PCreditScore</title><style>{_sheet()}</style></head>"
        f'<body><div class="under"><main id="content"><h1>{escape(heading)}</h1>{body}</main></div></body></html>'
    )
    return HTMLResponse(page, status, {"content-security-policy": _POLICY, "cache-control": "no-store"})


@cache
def _sheet() -> str:
    return "\n".join(files(package).joinpath(path).read_text(encoding="utf-8") for package, path in _SHEETS)


def _said(value: object) -> str:
    return escape(str(value))


__all__ = [
    "broke_off",
    "command_for",
    "misset",
    "no_dag_of_ours",
    "not_believed",
    "not_signed_in",
    "not_there",
    "nothing_served",
    "right_lacking",
]
