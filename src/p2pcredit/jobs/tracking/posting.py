"""Post the results of weeks to a server for governance: each once, within a deadline, and made up where it was down."""

from __future__ import annotations

import http.client
import ssl
import threading
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from p2pcredit.errors import P2PCreditError, ServiceError, UsageError
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.monitoring.reviewed import decided_weeks
from p2pcredit.jobs.tracking.week_results import WeekResults, week_results
from p2pcredit.storage.files import read_json_or_none, write_json_atomically
from p2pcredit.storage.locks import exclusive_lock

_TAKEN = range(200, 300)
_MOST_KEPT = 60
"""Weeks whose digests are kept: more than a year."""


def post_results(ctx: JobContext, week_end: date) -> Receipt:
    """Send a week's results to `tracking.results_url`, and those of weeks shortly before that were never taken.

    The body is what `week_results` gives; `Idempotency-Key` is its digest. What was taken is not sent again unless it
    changed. Redirections are not followed, so that results go to the address that was set and to no other.

    Returns:
        `sent` (last days of the weeks whose results were taken now), `reason`.

    Raises:
        UsageError: If no address is set, or the week was not measured.
        ServiceError: If the server did not take them within `tracking.deadline_seconds`.
    """
    settings = ctx.settings.tracking
    if not settings.results_url.get_secret_value():
        raise UsageError("no address is set for results; set tracking.results_url")
    sent: list[str] = []
    with exclusive_lock(
        ctx.layout.tracking_lock, "what is told to other servers", wait_seconds=settings.deadline_seconds
    ):
        known = _known(ctx)
        for week in [*_missed(ctx, week_end, known), week_end]:
            results = week_results(ctx, week)
            if known.get(week.isoformat()) == results.digest():
                continue
            _post(ctx, results)
            known[week.isoformat()] = results.digest()
            sent.append(week.isoformat())
            write_json_atomically(ctx.layout.results_sent, dict(sorted(known.items())[-_MOST_KEPT:]))
    receipt: Receipt = {"sent": sent, "reason": None if sent else "the server has these results already"}
    record(ctx, "post_results", {"week_end_date": week_end.isoformat(), **receipt})
    return receipt


def tell_of_week(ctx: JobContext, week_end: date) -> None:
    """Send a week's results if an address is set. It never fails: what went wrong is one warning without an address.

    A replay sends nothing: its weeks lie in the past.
    """
    if not ctx.settings.tracking.results_url.get_secret_value() or ctx.caller is Caller.REPLAY:
        return
    try:
        post_results(ctx, week_end)
    except UsageError:
        return  # nothing was measured, which the alerts of the week say
    except P2PCreditError as error:
        warn(ctx, f"{error}; the next review makes it up, or: p2pcredit results --week-end {week_end} --post")


def _known(ctx: JobContext) -> dict[str, str]:
    sent = read_json_or_none(ctx.layout.results_sent)
    return {str(week): str(digest) for week, digest in sent.items()} if isinstance(sent, dict) else {}


def _missed(ctx: JobContext, week_end: date, known: dict[str, str]) -> list[date]:
    """List the decided weeks shortly before one that the server never took, since the first that it did."""
    if not known:
        return []
    first = max(date.fromisoformat(min(known)), week_end - timedelta(days=ctx.settings.preprocessing.catch_up_days))
    decided = decided_weeks(ctx.ledger.state())
    return sorted(week for week in decided if first <= week < week_end and week.isoformat() not in known)


@dataclass
class _Answer:
    """What came of one request: a status, or the kind of error."""

    status: int | None = None
    trouble: str = ""
    finished: threading.Event = field(default_factory=threading.Event)


def _post(ctx: JobContext, results: WeekResults) -> None:
    settings = ctx.settings.tracking
    seconds, answer = settings.deadline_seconds, _Answer()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": results.digest(),
        "User-Agent": "p2pcredit",
    }
    if token := settings.results_token.get_secret_value():
        headers["Authorization"] = f"Bearer {token}"
    asked = (settings.results_url.get_secret_value(), results.to_bytes(), headers, seconds, answer)
    # A server that answers a byte at a time keeps within every limit of a socket; only a thread can be left behind.
    threading.Thread(target=_send, args=asked, daemon=True, name="post-results").start()
    week = f"the results of the week to {results.week_end_date} were not taken"
    if not answer.finished.wait(seconds):
        raise ServiceError(f"{week}: the server did not answer within {seconds:g} seconds")
    if answer.trouble:
        raise ServiceError(f"{week}: the server cannot be reached ({answer.trouble}; setting tracking.results_url)")
    if answer.status not in _TAKEN:
        raise ServiceError(f"{week}: the server answered {answer.status}")


def _send(url: str, body: bytes, headers: dict[str, str], seconds: float, answer: _Answer) -> None:
    try:
        answer.status = _status_of(url, body, headers, seconds)
    except Exception as error:  # its words may hold the address, so only its kind is said
        answer.trouble = type(error).__name__
    finally:
        answer.finished.set()


def _status_of(url: str, body: bytes, headers: dict[str, str], seconds: float) -> int:
    parts = urlsplit(url)
    host = str(parts.hostname)
    connection: Any = (
        http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=seconds)
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        return int(connection.getresponse().status)
    finally:
        connection.close()


__all__ = ["post_results", "tell_of_week"]
