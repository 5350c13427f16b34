"""Tell people: through Apprise to whatever channels are set, and in the log always."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.errors import StorageError
from p2pcredit.jobs.activity import record, remember_failure, warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import disk_error
from p2pcredit.storage.lake import Lake

logger = logging.getLogger("p2pcredit")
_WATCHED_DAYS = 8
"""One more than a week, so that what went wrong during the last review is told by this one: rather twice than never."""

_TAIL_BYTES = 8 << 20
_MOST_LINES = 100
_MOST_CHARACTERS = 1_000
_SPEAKS_OF_ADDRESSES = ("apprise", "urllib3", "requests")
"""Loggers of libraries that would write a channel's address down."""


def send_alerts(ctx: JobContext, week_end: date) -> Receipt:
    """Say what needs a person this week: failed checks, a decision to retrain, warnings of the last days.

    No channel configured is fine, and said in the log. A channel that does not answer is said as a warning; addresses
    never appear anywhere.

    Returns:
        `alerts` (lines), `sent` (channels reached), `channels`, `reason`.
    """
    lines = _failed_checks(ctx, week_end) + _decision(ctx, week_end) + _warnings(ctx)
    channels = len(ctx.settings.alerts.urls)
    sent = 0
    if not lines:
        reason = "nothing to alert"
    elif not channels:
        reason = f"{len(lines)} alerts, no alert channel configured (setting alerts.urls)"
        logger.warning("alerts of %s, not sent anywhere: %s", week_end, "; ".join(lines))
    else:
        sent, troubles = _notify(ctx, f"P2PCreditScore, week to {week_end}", "\n".join(lines))
        for trouble in troubles:
            warn(ctx, trouble)
        reason = f"{len(lines)} alerts to {sent} of {channels} channels"
    receipt: Receipt = {"alerts": lines, "sent": sent, "channels": channels, "reason": reason}
    record(ctx, "send_alerts", {"week_end_date": week_end.isoformat(), **receipt})
    return receipt


def _failed_checks(ctx: JobContext, week_end: date) -> list[str]:
    rows = Lake(ctx.layout).read(MONITORING, DateRange(week_end, week_end))
    return [
        f"{row['metric']} ({row['segment']}) failed: {_shown(row['value'])} against {_shown(row['threshold'])},"
        f" n={row['n']}"
        for row in rows.iter_rows(named=True)
        if row["status"] == Status.FAIL and row["segment"] in {"all", "champion", "service"}
    ]


def _decision(ctx: JobContext, week_end: date) -> list[str]:
    current = ctx.ledger.state().current
    if current is None or not current.decision.retrain or current.decision.decision_date != week_end:
        return []
    what = "recalibration" if current.decision.remedy == "recalibrate" else "retraining"
    return [f"{what} decided: {_in_short(current.decision.reason)}"]


def alert_failure(ctx: JobContext, job: str, error: Exception) -> Receipt:
    """Say at once that a job failed: in the activity file, and to every channel. A full disk does not keep it back.

    Returns:
        `message`, `sent` (channels reached), `channels`.
    """
    message = remember_failure(ctx, job, error)
    sent, troubles = _notify(ctx, "P2PCreditScore: a job failed", message)
    for trouble in troubles:
        logger.warning(trouble)
    return {"message": message, "sent": sent, "channels": len(ctx.settings.alerts.urls)}


def _warnings(ctx: JobContext) -> list[str]:
    since = (ctx.at - timedelta(days=_WATCHED_DAYS)).isoformat()
    found: list[str] = []
    for line in _last_lines(ctx.layout.activity):
        try:
            entry: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue  # a line torn by a crash; the next one is whole
        if isinstance(entry, dict) and entry.get("job") == "warning" and since <= str(entry.get("at")):
            found.append(f"warning: {_in_short(entry.get('message'))}")
    if len(found) > _MOST_LINES:
        found = [*found[-_MOST_LINES:], f"warning: {len(found) - _MOST_LINES} earlier ones stand in the activity file"]
    return found


def _last_lines(path: Path) -> list[bytes]:
    """The lines at the end of the file that fit into a few megabytes; none where there is no file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise StorageError(f"{path} is not an ordinary file; move it away, a new one is then begun")
        with path.open("rb") as stream:
            start = max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES)
            stream.seek(start)
            lines = stream.read(_TAIL_BYTES).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error("read", path, error) from error
    return lines[1:] if start else lines  # the first may be half a line


def _notify(ctx: JobContext, title: str, body: str) -> tuple[int, list[str]]:
    """Tell every channel; how many took it, and what is wrong with the others, without their addresses."""
    if not ctx.settings.alerts.urls:
        return 0, []
    import apprise

    reached, troubles = 0, []
    with _addresses_unsaid():
        for number, url in enumerate(ctx.settings.alerts.urls, start=1):
            try:
                channel = apprise.Apprise()
                usable = channel.add(url.get_secret_value())
                taken = usable and bool(channel.notify(title=title, body=body))
                why = "did not take the message" if usable else "is not an address Apprise knows"
            except Exception as error:  # a plug-in of Apprise broke; its own words may hold the address
                taken, why = False, f"broke ({type(error).__name__})"
            reached += taken
            if not taken:
                troubles.append(f"alert channel {number} {why}; see setting alerts.urls")
    return reached, troubles


@contextmanager
def _addresses_unsaid() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _SPEAKS_OF_ADDRESSES]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def _in_short(said: object) -> str:
    return " ".join(str(said).split())[:_MOST_CHARACTERS]


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
