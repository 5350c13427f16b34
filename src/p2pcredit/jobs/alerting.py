"""Tell people: through Apprise to whatever channels are set, and in the log always."""

from __future__ import annotations

import json
import logging
from datetime import date, timedelta
from typing import Any

from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.periods import DateRange
from p2pcredit.storage.lake import Lake

logger = logging.getLogger("p2pcredit")
_WATCHED_DAYS = 7


def send_alerts(ctx: JobContext, week_end: date) -> Receipt:
    """Say what needs a person this week: failed checks, a decision to retrain, warnings of the last seven days.

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
        sent = _notify(ctx, f"P2PCreditScore, week to {week_end}", "\n".join(lines))
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
    return [f"{what} decided: {current.decision.reason}"]


def _warnings(ctx: JobContext) -> list[str]:
    since = (ctx.at - timedelta(days=_WATCHED_DAYS)).isoformat()
    try:
        text = ctx.layout.activity.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found: list[str] = []
    for line in text.splitlines():
        try:
            entry: Any = json.loads(line)
        except ValueError:
            continue  # a line torn by a crash; the next one is whole
        if isinstance(entry, dict) and entry.get("job") == "warning" and since <= str(entry.get("at")):
            found.append(f"warning: {entry.get('message')}")
    return found


def _notify(ctx: JobContext, title: str, body: str) -> int:
    import apprise

    reached = 0
    for number, url in enumerate(ctx.settings.alerts.urls, start=1):
        channel = apprise.Apprise()
        usable = channel.add(url.get_secret_value())
        if usable and channel.notify(title=title, body=body):
            reached += 1
        else:
            why = "did not take the message" if usable else "is not an address Apprise knows"
            warn(ctx, f"alert channel {number} {why}; see setting alerts.urls")
    return reached


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
