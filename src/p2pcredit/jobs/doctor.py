"""Is this home healthy? Each check passes, fails, or cannot be determined, and says what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import QUARANTINE, TABLES, silver
from p2pcredit.errors import P2PCreditError
from p2pcredit.handoff.outlook import Standing
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.day_checks import findings_of_day
from p2pcredit.jobs.deliveries import in_short, landed_anew
from p2pcredit.jobs.kept_facts import seen_in_receipts
from p2pcredit.jobs.outlooks import WHAT_TO_DO, Pending, pending_decision
from p2pcredit.jobs.quarantine_checks import commonest_cause, count_set_aside
from p2pcredit.jobs.serving import overridden_floor
from p2pcredit.jobs.set_aside import most_frequent, values_given, values_lost
from p2pcredit.jobs.unknown_outcomes import check_outcomes
from p2pcredit.storage.bank import ModelBank
from p2pcredit.storage.completeness import days_complete, last_complete, read_receipts
from p2pcredit.storage.decision_file import Unreadable, read_decision
from p2pcredit.storage.lake import Lake

_LEAST_FREE_BYTES = 1 << 30
Finding = tuple[Status, str]


def examine(ctx: JobContext) -> Receipt:
    """Check a home directory, change nothing.

    Returns:
        `home`, `healthy` (True only when nothing failed), `reason` (what failed; None where nothing did), `checks`: per
        check `status` and `finding`.
    """
    checks: dict[str, dict[str, str]] = {}
    for name, check in _CHECKS.items():
        try:
            status, finding = check(ctx)
        except P2PCreditError as error:
            status, finding = Status.FAIL, str(error)
        except (OSError, pl.exceptions.PolarsError) as error:
            status, finding = Status.FAIL, f"cannot be read: {' '.join(str(error).split())[:200]}"
        checks[name] = {"status": str(status), "finding": finding}
    failed = [f"{name}: {check['finding']}" for name, check in checks.items() if check["status"] == Status.FAIL]
    reason = f"not healthy: {'; '.join(failed)}" if failed else None
    return {"home": str(ctx.layout.home), "healthy": not failed, "reason": reason, "checks": checks}


def _home(ctx: JobContext) -> Finding:
    home = ctx.layout.home
    if not home.is_dir():
        return Status.UNDETERMINED, f"{home} does not exist yet; the first 'p2pcredit land' makes it"
    if not os.access(home, os.W_OK | os.X_OK):
        return Status.FAIL, f"{home} cannot be written by this user; give it the right"
    return Status.PASS, f"{home} can be written"


def _disk(ctx: JobContext) -> Finding:
    if not ctx.layout.home.is_dir():
        return Status.UNDETERMINED, "no home yet"
    free = shutil.disk_usage(ctx.layout.home).free
    shown = f"{free / 1e9:.1f} GB free"
    return (Status.PASS, shown) if free >= _LEAST_FREE_BYTES else (Status.FAIL, f"{shown}; make room")


def _tables(ctx: JobContext) -> Finding:
    lake = Lake(ctx.layout)
    written = [table for table in TABLES.values() if lake.exists(table)]
    if not written:
        return Status.UNDETERMINED, "no table written yet; run 'p2pcredit preprocess'"
    for table in written:
        lake.scan(table).head(1).collect()
    return Status.PASS, f"{len(written)} of {len(TABLES)} tables written and readable"


def _days(ctx: JobContext) -> Finding:
    last = last_complete(ctx.layout)
    if last is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    return Status.PASS, f"preprocessed up to {last}"


def _rows(ctx: JobContext) -> Finding:
    """Hold the share of rows that were set aside against the limit of each week, over all days."""
    lake, limit = Lake(ctx.layout), ctx.settings.monitoring.quarantined_share_limit
    if not lake.exists(QUARANTINE):
        return Status.UNDETERMINED, "no row has been looked at yet"
    counts = {feed: sum(days.values()) for feed, days in count_set_aside(lake, FEEDS, None).items()}
    rows = dict(counts)
    for name, feed in FEEDS.items():
        if lake.exists(silver(feed)):
            rows[name] += int(lake.scan(silver(feed)).select(pl.len()).collect().item())
    share = {name: counts[name] / found for name, found in rows.items() if found}
    if not share:
        return Status.UNDETERMINED, "no row has come in yet"
    broken = sorted((name for name in share if share[name] > limit), key=lambda name: -share[name])
    if not broken:
        return Status.PASS, f"{sum(counts.values()):,} of {sum(rows.values()):,} rows are in quarantine"
    said = ", ".join(f"{counts[name]:,} of {rows[name]:,} rows of {name}" for name in broken)
    cause = commonest_cause(lake, None, FEEDS)
    because = "" if cause is None else f", {cause.sentence}"
    return Status.FAIL, f"{said} are in quarantine{because}; see silver/quarantine, mend and land again"


def _schema(ctx: JobContext) -> Finding:
    """Compare the newest complete day with those before it, as its preprocessing did."""
    last = last_complete(ctx.layout)
    if last is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    judged = findings_of_day(ctx, last)
    said = [finding.sentence for finding in judged.findings.get(last, ())]
    if judged.status == "fail":
        accept = f"p2pcredit preprocess --date {last} --accept-drift --why TEXT"
        return Status.FAIL, f"{last}: {'; '.join(said[:3])}; mend the file and preprocess again, or accept it: {accept}"
    if judged.status == "undetermined":
        return Status.UNDETERMINED, f"{last}: too few days or rows before to compare with"
    return Status.PASS, f"{last}: {'; '.join(said) if said else 'columns and feeds as in the days before'}"


def _deliveries(ctx: JobContext) -> Finding:
    """Look at every complete day whether its landing files hold what was preprocessed."""
    days = list(days_complete(ctx.layout))
    if not days:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    receipts = read_receipts(ctx.layout, days)
    known = {feed: seen_in_receipts(receipts, feed) for feed in FEEDS}
    anew = {feed: found for feed in FEEDS if (found := landed_anew(ctx, feed, known[feed]))}
    if anew:
        said = "; ".join(f"{feed} of {in_short(days)}" for feed, days in anew.items())
        return Status.FAIL, f"landed anew after they were preprocessed: {said}; preprocess those days again"
    if not all(known.values()):
        return Status.UNDETERMINED, "the receipts of the days do not say which files were preprocessed"
    return Status.PASS, f"{len(days):,} days hold what landed for them"


def _values(ctx: JobContext) -> Finding:
    """Find the column that lost the largest share of the optional values that were given for it."""
    lake, limit = Lake(ctx.layout), ctx.settings.preprocessing.max_quarantined_share
    if not lake.exists(QUARANTINE):
        return Status.UNDETERMINED, "no value has been looked at yet"
    records = values_lost(lake).select("feed", "column", "rules", "raw").collect()
    if records.is_empty():
        if all(lake.scan(silver(feed)).head(1).collect().is_empty() for feed in FEEDS.values()):
            return Status.UNDETERMINED, "no row stands in silver"
        return Status.PASS, "every optional value given could be used"
    lost = records.group_by("feed", "column").len("lost")
    given = values_given(lake, lost.select("feed", "column").iter_rows())
    shares = (
        lost.join(given, on=["feed", "column"])
        .with_columns((pl.col("lost") + pl.col("read")).alias("given"))
        .with_columns((pl.col("lost") / pl.col("given")).alias("share"))
        .sort("share", "lost", "feed", "column", descending=[True, True, False, False])
    )
    worst = shares.row(0, named=True)
    feed, column = worst["feed"], worst["column"]
    own = records.filter(pl.col("feed") == feed, pl.col("column") == column)
    rule, _ = most_frequent(own.lazy(), "rules") or ("", 0)
    example = own.filter(pl.col("rules") == rule).sort("raw")["raw"][0]
    said = (
        f"{worst['lost']:,} of {worst['given']:,} values given for {column} in {feed} could not be used, most for "
        f"'{rule}', such as {example}"
    )
    others = shares.height - 1
    said += f"; {others} other column{'s' if others > 1 else ''} lost values too" if others else ""
    if worst["share"] <= limit:
        return Status.PASS, said
    return Status.FAIL, f"{said}; look at kind 'value' in silver/quarantine, mend the source or its mapping, land again"


def _ledger(ctx: JobContext) -> Finding:
    events = ctx.ledger.events()
    if not events:
        return Status.UNDETERMINED, "the ledger has no line yet"
    state = ctx.ledger.state()
    if state.claim is not None:
        return (
            Status.FAIL,
            f"run {state.claim.run_id} began to train and did not say how it ended; the next run releases it",
        )
    return Status.PASS, f"{len(events)} lines, whole and in order"


def _decision(ctx: JobContext) -> Finding:
    shown = read_decision(ctx.layout.decision_file)
    if isinstance(shown, Unreadable):
        return (
            Status.FAIL,
            f"unreadable: {shown.why}; the next run sets it aside, write it again or use 'decision override'",
        )
    pending = pending_decision(ctx, ctx.ledger.state(), shown)
    if pending is None:
        return Status.PASS, "no decision file" if shown is None else "readable; no decision waits"
    found, asks = pending.outlook, pending.decision.retrain
    told = f"readable; {found.note}"
    if asks and found.standing is Standing.NEVER:
        return Status.FAIL, f"the decision that waits will not be obeyed: {found.note}; {WHAT_TO_DO}"
    if asks and found.dated_ahead:
        return _dated_ahead(ctx, pending)
    return Status.UNDETERMINED if asks and found.standing is Standing.LATE else Status.PASS, told


def _dated_ahead(ctx: JobContext, pending: Pending) -> Finding:
    """A decision dated further ahead than one may serve is a slip; one of the next days may be meant."""
    ahead = (pending.decision.decision_date - ctx.at.date()).days
    slip = ahead > ctx.settings.handoff.valid_days
    return (
        Status.FAIL if slip else Status.UNDETERMINED,
        f"{pending.outlook.note}; where that is not meant, {WHAT_TO_DO}",
    )


def _bank(ctx: JobContext) -> Finding:
    bank = ModelBank(ctx.layout)
    ids = bank.model_ids()
    for model_id in ids:
        bank.get(model_id)
    champion = ctx.ledger.state().champion
    if champion is not None and champion not in ids:
        return Status.FAIL, f"the champion {champion} is not in the bank; restore it or 'p2pcredit models rollback'"
    if not ids:
        return Status.UNDETERMINED, "no model yet"
    said = f"{len(ids)} models, every file as it was written; champion {champion or 'none'}"
    below = None if champion is None else overridden_floor(bank.get(champion).card)
    return Status.PASS, said if below is None else f"{said}, which does not pass the floor ({below})"


def _airflow(_: JobContext) -> Finding:
    if find_spec("airflow") is None:
        return (
            Status.UNDETERMINED,
            "Airflow is not installed here; for the DAGs: pip install 'p2p-credit-score[airflow]'",
        )
    return Status.PASS, "installed"


_CHECKS: dict[str, Callable[[JobContext], Finding]] = {
    "home": _home,
    "disk": _disk,
    "tables": _tables,
    "days": _days,
    "rows": _rows,
    "values": _values,
    "schema": _schema,
    "deliveries": _deliveries,
    "outcomes": check_outcomes,
    "ledger": _ledger,
    "decision_file": _decision,
    "model_bank": _bank,
    "airflow": _airflow,
}
