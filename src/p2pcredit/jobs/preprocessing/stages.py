"""Raw files to bronze, silver and gold, for one day or a span of days. Each stage replaces its days in one commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS, LOAN_PERFORMANCE, OPTIONAL_FEEDS, OWN_COLUMNS
from p2pcredit.contracts.tables import BUILT_FROM_SILVER, FEATURE_STORE, QUARANTINE, bronze, silver
from p2pcredit.errors import IncompleteDayError
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.jobs.lake_engines import as_quarantined, close_month, engine_for
from p2pcredit.jobs.landing.early_statuses import early_statuses, in_words
from p2pcredit.jobs.pipeline_graph import Step
from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.jobs.preprocessing.checks.day_checks import Judged, judge_days
from p2pcredit.jobs.preprocessing.checks.finding_reports import drift_receipt, level_receipt, size_receipt
from p2pcredit.jobs.preprocessing.checks.unmatched_rows import (
    rows_of_no_loan,
    warn_of_repeated_loans,
    warn_of_unmatched_events,
    warn_of_unmatched_rows,
)
from p2pcredit.jobs.preprocessing.completeness.day_counts import Completeness, holes_of
from p2pcredit.jobs.preprocessing.completeness.day_receipts import write_receipts
from p2pcredit.jobs.preprocessing.completeness.kept_facts import Accepted, receipt_facts
from p2pcredit.jobs.preprocessing.completeness.reconciliation import count_days, holes_of_build, incomplete_days
from p2pcredit.jobs.preprocessing.feed_history import SeenInTables, receipts_say, seen_in_tables
from p2pcredit.jobs.preprocessing.label_store import write_labels
from p2pcredit.jobs.preprocessing.optional_feeds import has_nothing, optional_feeds_of
from p2pcredit.jobs.preprocessing.prefetched_feeds import landed_now, prefetch_feeds
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.training.unknown_outcomes import events_set_aside_on
from p2pcredit.jobs.walking import do_step
from p2pcredit.periods import DateRange, joined
from p2pcredit.prefetch import prefetch
from p2pcredit.storage.landing.files import BYTES_TOGETHER, landed_bytes
from p2pcredit.storage.landing.manifest import require_whole_landing
from p2pcredit.storage.landing.notes import forget_landed, note_landed
from p2pcredit.storage.locks import exclusive_lock, shared_lock
from p2pcredit.storage.tables.build_notes import (
    due_notes,
    forget_built,
    note_no_longer_due,
    noted_built,
    noted_due,
)
from p2pcredit.storage.tables.day_receipts import (
    forget_labels_begun,
    read_receipts,
    withdraw,
)
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.silver import refine

if TYPE_CHECKING:
    from p2pcredit.jobs.preprocessing.prefetched_feeds import Landed

_MOST_TOLD = 10
"""How many findings the receipt of one task names, since Airflow keeps it in its database."""

_ATTEMPTS = 3
"""How often the days of a part are done where their counts do not meet: a rival may be between two stages of them."""

_COUNTED = ("events", "of_unknown_loans", "seen_before", "events_before")
_OUTCOMES = ("pass", "undetermined", "fail")


def load_bronze(ctx: JobContext, feed: str, days: DateRange, before: Landed | None = None) -> Receipt:
    """Copy the landed rows of these days into bronze, as text, with where each came from.

    Args:
        ctx: The context.
        feed: Its name.
        days: Their snapshot dates.
        before: What had landed a moment ago; it is read again if it changed since.

    Raises:
        SourceError: If a landing file is missing or cannot be used, or its landing is not whole; nothing is written.
    """
    contract = ctx.feed(feed)
    lake = Lake(ctx.layout)
    table = bronze(contract)
    if has_nothing(ctx, feed, days):
        return {"feed": feed, "rows": 0, "changed": False, "ignored": []}
    with lake.lock(table):
        with shared_lock(ctx.layout.landing_lock, "the landing directory"):
            landed = landed_now(ctx, feed, days, before)
            require_whole_landing(ctx.layout, days)
        if landed.missing:
            check_source(ctx, feed, days)
        with noted_due(ctx.layout, [silver(contract).name], days) as change:
            changed = change.happened = lake.replace(table, landed.frame, days)
        rows = dict(landed.frame.group_by("snapshot_date").len().iter_rows())
        if not receipts_say(ctx, feed, days, landed.files, rows):
            note_landed(ctx.layout, feed, days, landed.files, rows)
        close_month(lake, table, days)
    return {"feed": feed, "rows": landed.frame.height, "changed": changed, "ignored": list(landed.ignored_columns)}


def refine_silver(ctx: JobContext, feed: str, days: DateRange) -> Receipt:
    """Type the bronze rows of a feed for these days, and judge the values and rows that result.

    Broken rows, and values that sound rows lost, are kept in the quarantine.

    Returns:
        `feed`, `rows_in`, `silver`, `quarantined` (rows), `values_missing` (optional column to how many of its values
        could not be read or lay outside their bounds, where any did), `changed`, `schema_status`, `schema_drift` (the
        first ten findings; see `preprocess`), `level_status`, `level_shifts` (likewise), `implausible_sizes`
        (likewise).

    Raises:
        QuarantineError: If too many rows were set aside; bronze, silver and quarantine are written all the same.
        SchemaDriftError: If the feed lacks what it usually has and settings say that this stops the day; likewise.
    """
    receipt = _refine(ctx, feed, days)
    judged = judge_days(ctx, [feed], days)
    return {
        **receipt,
        "schema_status": judged.status,
        "schema_drift": drift_receipt([judged.findings])[:_MOST_TOLD],
        "level_status": judged.level_status,
        "level_shifts": level_receipt([judged.findings])[:_MOST_TOLD],
        "implausible_sizes": size_receipt([judged.findings])[:_MOST_TOLD],
    }


def _refine(ctx: JobContext, feed: str, days: DateRange) -> Receipt:
    contract = ctx.feed(feed)
    lake = Lake(ctx.layout)
    if has_nothing(ctx, feed, days):
        return {"feed": feed, "rows_in": 0, "silver": 0, "quarantined": 0, "values_missing": {}, "changed": False}
    with lake.lock(silver(contract)):
        due = due_notes(ctx.layout, silver(contract).name, days)
        engine = engine_for(ctx, lake, (bronze(contract), days))
        raw = engine.read(bronze(contract), days)
        refined = refine(raw.lazy(), contract)
        sound, faulty = engine.run(refined.sound, refined.faulty)
        quarantined = engine.mapped(faulty.lazy(), partial(as_quarantined, contract), QUARANTINE)
        set_aside = quarantined.counts("kind", "column")
        with noted_due(ctx.layout, BUILT_FROM_SILVER, days) as change:
            changed = engine.replace(silver(contract), sound, days)
            changed |= engine.replace(QUARANTINE, quarantined, days, feed=feed)
            change.happened = changed
        close_month(lake, silver(contract), days)
        note_no_longer_due(ctx.layout, silver(contract).name, days, due)
    return {
        "feed": feed,
        "rows_in": raw.height,
        "silver": sound.height,
        "quarantined": sum(count for (kind, _), count in set_aside.items() if kind == "row"),
        "values_missing": {column: count for (kind, column), count in set_aside.items() if kind == "value"},
        "changed": changed,
    }


def build_feature_store(ctx: JobContext, days: DateRange) -> Receipt:
    """Write what was known of each loan originated on these days.

    Returns:
        `rows`, `changed`, and `without_loan`: feed to how many of its rows are of no loan in `loan_terms` of their day.
    """
    receipt = _build_features(ctx, days)
    warn_of_unmatched_rows(ctx, days, receipt["without_loan"])
    return receipt


def _build_features(ctx: JobContext, days: DateRange) -> Receipt:
    lake = Lake(ctx.layout)
    with lake.lock(FEATURE_STORE), noted_built(ctx.layout, FEATURE_STORE.name, days):
        catalogue = ctx.catalogue
        read = [*APPLICATION_FEEDS, *([catalogue.feed(OWN_COLUMNS.name)] if catalogue.own else [])]
        engine = engine_for(ctx, lake, *((silver(feed), days) for feed in read))
        frames = {feed.name: engine.frame(silver(feed), days) for feed in read}
        (features,) = engine.run(build_features(frames, engine.frame(QUARANTINE, days), catalogue.own))
        changed = engine.replace(catalogue.table(FEATURE_STORE), features, days)
        close_month(lake, FEATURE_STORE, days)
    return {"rows": features.height, "changed": changed, "without_loan": rows_of_no_loan(lake, days)}


def complete_days(
    ctx: JobContext, days: DateRange, accepted: Accepted | None = None, before: SeenInTables | None = None
) -> Receipt:
    """Mark the gold tables of these days complete, with their counts, the rows of each table and each feed's shape.

    A day is complete only where per feed as many rows landed as bronze has, and silver and quarantine together, where
    each loan has its features, and where each table was built of what the tables that it rests on hold. Of a day that
    is not, a receipt of before is taken back.

    Args:
        ctx: The context.
        days: The days.
        accepted: Day -> what was accepted of it by now; what its receipt keeps besides holds for files that did not
            change.
        before: What was seen of these days when they were judged; what changed since is looked at again.

    Raises:
        IncompleteDayError: If a day is not, naming the feed and both numbers, or the table; the others are marked all
            the same.
        SourceError: If what landed has to be counted in its file, and the file cannot be read.
    """
    close_month(Lake(ctx.layout), QUARANTINE, days)
    with exclusive_lock(ctx.layout.completed_days_lock, "the receipts of complete days"):
        # As the tables are now: a rival may have overtaken this run.
        seen = seen_in_tables(ctx, [*FEEDS, *optional_feeds_of(ctx, days)], days, before).seen
        receipts = read_receipts(ctx.layout, days)
        counts = count_days(ctx, days, receipts)
        holes = [hole for day in days for hole in holes_of(day, counts[day]) if hole.kind is Completeness.INCOMPLETE]
        holes = sorted([*holes, *holes_of_build(ctx, days, receipts)], key=lambda hole: hole.day)
        broken = {hole.day for hole in holes}
        kept = {
            day: receipt_facts(seen, day, receipts.get(day), accepted or {}) | {"counts": counts[day].as_json()}
            for day in days
            if day not in broken
        }
        write_receipts(ctx, days, kept)
        if holes:
            withdraw(ctx.layout, broken)
            raise incomplete_days(holes)
        forget_landed(ctx.layout, days)
        forget_built(ctx.layout, days)
    forget_labels_begun(ctx.layout, days)
    return {"complete": len(days)}


def preprocess(ctx: JobContext, days: DateRange, accept_drift: str | None = None, *, nightly: bool = False) -> Receipt:
    """Do all stages for a span of days, as many whole months at a time as memory bears, one commit per table.

    Args:
        ctx: The context.
        days: The days.
        accept_drift: Why columns or feeds that differ from the days before are right from these days on.
        nightly: Whether many days are judged as strictly as the day of a night, and not as those of a book.

    Returns:
        `from`, `to`, `feeds` (feed to `rows_in`, `silver`, `quarantined`, and `values_missing`: optional column to how
        many values it lost), `features`, `labels` (rows; of a further gold table by its name), `unknown_outcomes`
        (loans with an event that was set aside on these days), `of_no_loan` (events set aside that name no loan),
        `of_unknown_loans` (events of loans that have no row in `loan_terms` by then), `without_loan` (feed to rows of
        no loan in `loan_terms` of their day), `seen_before` (rows of `loan_terms` with the id of a loan of an earlier
        day), `events_before` (loans with an event of a day before they were made),
        `early_statuses` (feed to `count` and `example`, id and both dates, of the loans that landed with a status older
        than they are), `schema_status` (`pass`, `fail`, `undetermined`),
        `schema_drift` (per way in which a feed differs: `feed`, `column`, `what`, `today`, `usual`, `likely_name`,
        `first_date`, `last_date`, `days`), `level_status` and `level_shifts` (the same of columns whose numbers are
        `low`, `high` or `constant`, `today` and `usual` being medians; and of categories with `new_texts` or
        `one_text`, being shares of rows, with `texts` and `usual_texts`), `implausible_sizes` (the same of columns
        whose numbers no plausible book has: `one_value`, `too_low`, `too_high`), `levels_undetermined` (columns, as
        `feed.column`, whose level on the last days cannot be judged yet), `accepted_drift`, `landed_anew` (feed to days
        that landed anew since they were preprocessed).

    Raises:
        MissingFeedError: If any feed of any day is missing; nothing is then written.
        QuarantineError: If too many rows of a day were set aside. All feeds are in silver and quarantine by then, gold
            is not built, and the day is not complete.
        SchemaDriftError: If a day lacks what settings say that it must not lack; likewise.
    """
    if accept_drift is not None:
        acting(ctx)  # a name that settings ask for is asked for before the work
    return preprocess_and_judge(ctx, days, accept_drift, nightly=nightly)[0]


def preprocess_and_judge(
    ctx: JobContext, days: DateRange, accept_drift: str | None = None, *, nightly: bool = False
) -> tuple[Receipt, list[Judged]]:
    """Do the same, and give what was found of the days beside the receipt."""
    feeds = [*FEEDS, *optional_feeds_of(ctx, days)]
    checked = {feed: check_source(ctx, feed, days) for feed in feeds}
    counts = {feed: {"rows_in": 0, "silver": 0, "quarantined": 0} for feed in feeds}
    lost: dict[str, Counter[str]] = {feed: Counter() for feed in feeds}
    rows: Counter[str] = Counter()
    without_loan: Counter[str] = Counter()
    events: Counter[str] = Counter()
    judged: list[Judged] = []
    parts = spans_together(ctx, days)
    judge = partial(judge_days, ctx, feeds, accept_drift=accept_drift, nightly=nightly)
    with closing(prefetch(prefetch_feeds(ctx, parts if len(days) > 1 else []))) as landed:
        for part in parts:
            done = _do_part(ctx, part, feeds, landed, judge)
            for feed, refined in done.refined.items():
                for key, total in counts[feed].items():
                    counts[feed][key] = total + refined[key]
                lost[feed].update(refined["values_missing"])
            judged.append(done.judged)
            for name, built in done.built.items():
                without_loan.update(built.get("without_loan", {}))
                events.update({key: built[key] for key in _COUNTED if key in built})
                if "rows" in built:
                    rows[name] += built["rows"]
            ctx.progress(f"{part.last}", (part.last - days.first).days + 1, len(days))
    warn_of_unmatched_rows(ctx, days, without_loan)
    warn_of_unmatched_events(ctx, days, events)
    warn_of_repeated_loans(ctx, days, events)
    receipt: Receipt = {
        "from": days.first.isoformat(),
        "to": days.last.isoformat(),
        "feeds": {feed: {**counts[feed], "values_missing": dict(sorted(lost[feed].items()))} for feed in feeds},
        "features": rows.pop("feature_store"),
        "labels": rows.pop("label_store"),
        **rows,
        "schema_status": max((one.status for one in judged), key=_OUTCOMES.index),
        "schema_drift": drift_receipt(one.findings for one in judged),
        "level_status": max((one.level_status for one in judged), key=_OUTCOMES.index),
        "level_shifts": level_receipt(one.findings for one in judged),
        "implausible_sizes": size_receipt(one.findings for one in judged),
        "levels_undetermined": judged[-1].levels_undetermined,
        "accepted_drift": [entry for one in judged for entries in one.accepted.values() for entry in entries],
        "landed_anew": {feed: done["landed_anew"] for feed, done in checked.items() if done["landed_anew"]},
        **events_set_aside_on(Lake(ctx.layout), days),
        "of_unknown_loans": events["of_unknown_loans"],
        "seen_before": events["seen_before"],
        "events_before": events["events_before"],
        "without_loan": dict(without_loan),
        "early_statuses": _early_statuses(ctx, days),
    }
    record(ctx, "preprocess", receipt)
    return receipt, judged


@dataclass(frozen=True, slots=True)
class _Part:
    """What the stages said of a part of the days: per feed, what was found of it, and per step of all feeds."""

    refined: dict[str, Receipt]
    judged: Judged
    built: dict[str, Receipt]


def _do_part(
    ctx: JobContext,
    part: DateRange,
    feeds: Collection[str],
    landed: Iterator[Landed | None],
    judge: Callable[[DateRange], Judged],
) -> _Part:
    """Do all stages of a part; again where counts do not meet in the end, since a rival was at work on the same days.

    Raises:
        IncompleteDayError: If they never do.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(IncompleteDayError):
            return _do_part_once(ctx, part, feeds, landed, judge)
        landed = iter(())  # what was read ahead was taken; what lies there now is read
    return _do_part_once(ctx, part, feeds, landed, judge)


def _do_part_once(
    ctx: JobContext,
    part: DateRange,
    feeds: Collection[str],
    landed: Iterator[Landed | None],
    judge: Callable[[DateRange], Judged],
) -> _Part:
    of_feeds, of_days = _steps_in_spans(feeds)
    refined: dict[str, Receipt] = {}
    for step in of_feeds:
        feed = str(step.feed)
        match step.function:
            case "load_bronze":
                load_bronze(ctx, feed, part, None if feed in OPTIONAL_FEEDS else next(landed, None))
            case "refine_silver":
                refined[feed] = _refine(ctx, feed, part)
            case _:
                do_step(ctx, step, part)
    judged = judge(part)
    built: dict[str, Receipt] = {}
    for step in of_days:
        match step.function:
            case "build_feature_store":
                built[step.name] = _build_features(ctx, part)
            case "build_label_store":
                built[step.name] = write_labels(ctx, part)
            case "complete_days":
                built[step.name] = complete_days(ctx, part, judged.accepted, judged.in_tables)
            case _:
                built[step.name] = do_step(ctx, step, part)
    return _Part(refined, judged, built)


def _early_statuses(ctx: JobContext, days: DateRange) -> dict[str, Receipt]:
    """Count per feed the loans of these days that landed with a status older than they are, with the first."""
    found = early_statuses(ctx.layout, days)
    if not found:
        return {}
    warn(ctx, f"{in_words(found)}; the status counts from the first day of its loan; mend the file and land it again")
    return {LOAN_PERFORMANCE.name: {"count": len(found), "example": list(found[0])}}


def _steps_in_spans(feeds: Collection[str]) -> tuple[list[Step], list[Step]]:
    """List the steps below the source checks: those of one feed, feed by feed, and those of all feeds together.

    A feed's raw files are read while the one before it is refined, so all stages of a feed come before the next feed.
    No stage of a feed reads another feed, so the tables are those of the order of the DAG, stage by stage.
    """
    steps = [step for step in PREPROCESSING.by_hand("preprocess") if step.writes]
    of_feeds = [step for feed in feeds for step in steps if step.feed == feed]
    return of_feeds, [step for step in steps if step.feed is None]


def spans_together(ctx: JobContext, days: DateRange, at_most: int = BYTES_TOGETHER) -> list[DateRange]:
    """Cut these days at ends of months, so that each part has no more than so many landed bytes.

    A month that has more stands alone.
    """
    if len(days) == 1:
        return [days]
    return joined(landed_bytes(ctx.layout, days), at_most)
