"""Send alerts through Apprise to the channels that are set, or into a file of the home in a replay; log them always."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from p2pcredit.contracts.alerts import SEVERITIES, Alert, Finding, Severity, ordered
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import keep_alert, recent_entries, record, remember_failure, warn, warn_once
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.decision_outlook import outlook_of
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.gaps.gap import Gap, Lack, in_lines
from p2pcredit.jobs.governance.attention import ABOUT_APPROVALS, attention
from p2pcredit.jobs.monitoring.reviewed import decided_weeks
from p2pcredit.jobs.tracking.posting import tell_of_week
from p2pcredit.monitoring.alerts import alerts_of_results, alerts_of_warnings, in_short, lines_of_message
from p2pcredit.monitoring.policies.choose import results_from_rows
from p2pcredit.periods import DateRange
from p2pcredit.retraining.outlook import Standing
from p2pcredit.storage.tables.lake import Lake

logger = logging.getLogger("p2pcredit")
_WATCHED_DAYS = 8
"""One more than a week: what went wrong during the last review is in this one's alert, rather twice than never."""

_TYPES = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}
"""Severity -> the type of notification of Apprise: channels show it as a colour or a sign, and can be routed by it."""

_SPEAKS_OF_ADDRESSES = ("apprise", "urllib3", "requests")
"""Loggers of libraries that would write a channel's address down."""


def send_alerts(ctx: JobContext, week_end: date) -> Receipt:
    """Say what needs a person this week: failed checks, a decision to retrain, missed days, approvals, warnings.

    The most urgent comes first. No channel configured is fine, and said in the log. A channel that does not answer is
    said as a warning; addresses never appear anywhere. A message holds the most urgent lines and counts the others.
    Then the week's results are posted where an address is set. A replay sends nothing: its message, made of what it
    warned of itself, is appended to `logs/replay_alerts.jsonl`.

    Returns:
        `alerts` (lines, all of them), `severities` (of each line, in the same order), `sent` (channels reached),
        `channels`, `reason`.
    """
    week = (*_measured(ctx, week_end), *_decision(ctx, week_end), *_unreported(ctx, week_end), *_missed(ctx, week_end))
    alerts = ordered([*week, *_approvals(ctx), *_warned(ctx)])
    lines, severities = [alert.line for alert in alerts], [str(alert.severity) for alert in alerts]
    channels = len(ctx.settings.alerts.urls)
    sent = 0
    if not lines:
        reason = "nothing to alert"
    elif ctx.caller is Caller.REPLAY:
        keep_alert(ctx, _title(alerts, week_end), _body(ctx, alerts))
        channels, reason = 0, f"{len(lines)} alerts of a replay, kept in {ctx.layout.replay_alerts.name}"
    elif not channels:
        reason = f"{len(lines)} alerts, no alert channel configured (setting alerts.urls)"
        logger.warning("alerts of %s, not sent anywhere: %s", week_end, _body(ctx, alerts).replace("\n", "; "))
    else:
        sent, troubles = _notify(ctx, _title(alerts, week_end), _body(ctx, alerts), alerts[0].severity)
        for trouble in troubles:
            warn(ctx, trouble)
        reason = f"{len(lines)} alerts to {sent} of {channels} channels"
    receipt: Receipt = {
        "alerts": lines,
        "severities": severities,
        "sent": sent,
        "channels": channels,
        "reason": reason,
    }
    record(ctx, "send_alerts", {"week_end_date": week_end.isoformat(), "caller": str(ctx.caller), **receipt})
    tell_of_week(ctx, week_end)
    return receipt


def _title(alerts: list[Alert], week_end: date) -> str:
    counts = Counter(alert.severity for alert in alerts)
    told = ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])
    return f"P2PCreditScore, week to {week_end}: {told}"


def _body(ctx: JobContext, alerts: list[Alert]) -> str:
    rest_in = f"{ctx.layout.activity.relative_to(ctx.layout.home)}, the last line of send_alerts"
    return "\n".join(lines_of_message(alerts, rest_in))


def _measured(ctx: JobContext, week_end: date) -> list[Alert]:
    rows = Lake(ctx.layout).read(MONITORING, DateRange(week_end, week_end))
    return alerts_of_results(results_from_rows(rows.iter_rows(named=True)))


def _decision(ctx: JobContext, week_end: date) -> list[Alert]:
    current = ctx.ledger.state().current
    if current is None or not current.decision.retrain or current.decision.decision_date != week_end:
        return []
    what = "recalibration" if current.decision.remedy == "recalibrate" else "retraining"
    line = f"{what} decided: {in_short(current.decision.reason)}"
    outlook = outlook_of(ctx, current)
    if outlook.standing is Standing.NEVER:
        line += f"; it will not be obeyed: {outlook.note}"
    return [Alert(SEVERITIES[Finding.DECISION_MADE], line)]


def _unreported(ctx: JobContext, week_end: date) -> list[Alert]:
    """Say that the report of a scheduled run is not there: its task was marked as success by hand."""
    if ctx.caller is not Caller.SCHEDULED or ctx.layout.report(week_end).is_file():
        return []
    gap = Gap(Lack.NOT_REPORTED, DateRange(week_end, week_end), Status.FAIL)
    return [Alert(SEVERITIES[Finding.DAY_MISSED], gap.line)] if week_end in decided_weeks(ctx.ledger.state()) else []


def _missed(ctx: JobContext, week_end: date) -> list[Alert]:
    """List the gaps up to the end of the week, those that are surely ones first."""
    gaps = find_gaps(ctx, week_end)
    kinds = ((Finding.DAY_MISSED, Status.FAIL), (Finding.NOTHING_LANDED, Status.UNDETERMINED))
    return [
        Alert(SEVERITIES[finding], line)
        for finding, status in kinds
        for line in in_lines([gap for gap in gaps if gap.status is status])
    ]


def _approvals(ctx: JobContext) -> list[Alert]:
    return [Alert(SEVERITIES[one.finding], one.line) for one in attention(ctx, ctx.ledger.state())]


def alert_once(ctx: JobContext, about: str, message: str, finding: Finding) -> bool:
    """Warn of a thing, unless it was warned of before, and say it to every channel at once.

    A person who runs a job reads it in the log; a replay keeps it in `logs/replay_alerts.jsonl`.

    Args:
        ctx: The context.
        about: The thing warned of, such as a day; one alert for each.
        message: One line without a borrower's values.
        finding: Its kind, which gives its severity.

    Returns:
        Whether it was said now.
    """
    if not warn_once(ctx, about, message, finding):
        return False
    title = f"P2PCreditScore: {SEVERITIES[finding]}"
    if ctx.caller is Caller.REPLAY:
        keep_alert(ctx, title, message)
    elif ctx.caller is Caller.SCHEDULED:
        _, troubles = _notify(ctx, title, message, SEVERITIES[finding])
        for trouble in troubles:
            logger.warning(trouble)
    return True


def alert_failure(ctx: JobContext, job: str, error: Exception) -> Receipt:
    """Say at once that a job failed: in the activity file, and to every channel. A full disk does not keep it back.

    A replay sends to no channel; its message goes into `logs/replay_alerts.jsonl`.

    Returns:
        `message`, `sent` (channels reached), `channels`.
    """
    message = remember_failure(ctx, job, error)
    title = "P2PCreditScore: a job failed"
    if ctx.caller is Caller.REPLAY:
        keep_alert(ctx, title, message)
        return {"message": message, "sent": 0, "channels": 0}
    sent, troubles = _notify(ctx, title, message, SEVERITIES[Finding.JOB_FAILED])
    for trouble in troubles:
        logger.warning(trouble)
    return {"message": message, "sent": sent, "channels": len(ctx.settings.alerts.urls)}


def _warned(ctx: JobContext) -> list[Alert]:
    """List the warnings since eight days ago, or since the last review where that is longer ago.

    A replay looks at what replays warned of, and every other review at what they did not. A warning dated after the
    present instant is one of another clock and waits for its own week.
    """
    warnings: list[tuple[datetime, dict[str, Any]]] = []
    reviewed = since = ctx.at - timedelta(days=_WATCHED_DAYS)
    replayed = ctx.caller is Caller.REPLAY
    for entry in recent_entries(ctx, "send_alerts", "warning"):
        at = _instant(entry.get("at"))
        if at is None or at > ctx.at or (entry.get("caller") == Caller.REPLAY) is not replayed:
            continue
        if str(entry.get("about", "")).startswith(ABOUT_APPROVALS):
            continue  # what it says is looked at anew, and may be over
        if entry.get("job") == "send_alerts":
            reviewed = at
        elif entry.get("job") == "warning":
            warnings.append((at, entry))
    since = min(since, reviewed)
    return alerts_of_warnings(entry for at, entry in warnings if at >= since)


def _instant(said: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _notify(ctx: JobContext, title: str, body: str, severity: Severity) -> tuple[int, list[str]]:
    """Send to every channel; return how many took it, and what is wrong with the others, without their addresses."""
    if not ctx.settings.alerts.urls:
        return 0, []
    import apprise

    reached, troubles = 0, []
    with _addresses_unsaid():
        for number, url in enumerate(ctx.settings.alerts.urls, start=1):
            try:
                channel = apprise.Apprise()
                usable = channel.add(url.get_secret_value())
                taken = usable and bool(channel.notify(title=title, body=body, notify_type=_TYPES[severity]))
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
