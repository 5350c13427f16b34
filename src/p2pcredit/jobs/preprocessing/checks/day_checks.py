"""Judge days whose silver is written, before they count as complete: rows set aside, and drift of the schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from p2pcredit.contracts.feature_sources import columns_behind
from p2pcredit.contracts.feeds import ALL_FEEDS, Feed
from p2pcredit.contracts.plausible import Plausible
from p2pcredit.errors import SchemaDriftError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.jobs.preprocessing.checks.finding_reports import say_findings
from p2pcredit.jobs.preprocessing.checks.quarantine_checks import require_few_set_aside
from p2pcredit.jobs.preprocessing.completeness.kept_facts import Acceptance, Seen, kept_acceptances, seen_in_receipts
from p2pcredit.jobs.preprocessing.feed_history import SeenInTables, seen_in_tables
from p2pcredit.monitoring.feeds.findings import DRIFT, LEVELS, LOSSES, Finding
from p2pcredit.monitoring.feeds.levels import UsualLevels, compare_levels, sized
from p2pcredit.monitoring.feeds.plausibility import implausible
from p2pcredit.monitoring.feeds.schema_drift import compare_schema
from p2pcredit.monitoring.feeds.shapes import FURTHEST, UsualDays
from p2pcredit.monitoring.feeds.texts import UsualTexts, compare_texts
from p2pcredit.periods import DateRange
from p2pcredit.settings import PreprocessingSettings
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import Facts, last_complete_before, read_receipts

_HALF = 0.5


@dataclass
class Judged:
    """What was found of some days.

    Args:
        seen: Feed -> day -> what is known of it.
        findings: Day -> how it differs from the days before.
        accepted: Day -> what of that was accepted.
        undetermined: Whether there was too little to compare a feed with, on its last day that has rows.
        levels_undetermined: Columns, as `feed.column`, whose level on the feed's last day with rows cannot be judged
            yet.
        in_tables: What the tables said, where they were asked.
    """

    seen: dict[str, dict[date, Seen]]
    findings: dict[date, list[Finding]] = field(default_factory=dict)
    accepted: dict[date, list[Acceptance]] = field(default_factory=dict)
    undetermined: bool = False
    levels_undetermined: list[str] = field(default_factory=list)
    in_tables: SeenInTables | None = None

    @property
    def level_status(self) -> str:
        """Return `fail` where a column was at another level, `undetermined` where one cannot be judged, else `pass`."""
        if any(finding.what in LEVELS for findings in self.findings.values() for finding in findings):
            return "fail"
        return "undetermined" if self.levels_undetermined or not self.seen else "pass"

    @property
    def status(self) -> str:
        """`fail` where anything vanished, else `undetermined` where too little was known, else `pass`."""
        found = (finding for findings in self.findings.values() for finding in findings)
        if any(finding.what in DRIFT and not finding.harmless for finding in found):
            return "fail"
        return "undetermined" if self.undetermined else "pass"


def judge_days(
    ctx: JobContext,
    feeds: Collection[str],
    days: DateRange,
    accept_drift: str | None = None,
    *,
    nightly: bool = False,
) -> Judged:
    """Compare each of the days with those before it, say what differs, and stop where settings ask for it.

    Shapes (which columns are filled), levels (how large their numbers are) and the texts of categories are compared.

    Args:
        ctx: The context.
        feeds: The feeds to judge; silver of these is written, and bronze of all.
        days: The days, in which each is compared with those before it too.
        accept_drift: Why the new shape is right. What is found is then accepted from its day on.
        nightly: Whether many days are judged as strictly as the day of a night, and not as those of a book.

    Raises:
        QuarantineError: If too many rows of a day were set aside.
        SchemaDriftError: If a day lacks what settings say that it must not lack.
    """
    nightly = nightly or len(days) == 1
    in_tables = seen_in_tables(ctx, feeds, days)
    judged = Judged(in_tables.seen, in_tables=in_tables)
    rows = {feed: {day: seen.shape.rows for day, seen in of_feed.items()} for feed, of_feed in judged.seen.items()}
    require_few_set_aside(ctx, days, rows, nightly=nightly)
    _compare(ctx, judged, list(days), accept_drift)
    by_itself = len(days) == 1 or not nightly
    if by_itself:
        say_findings(ctx, judged.findings)
    for day in days:
        require_what_is_used(ctx, day, judged.findings.get(day, ()), historic=not nightly)
    if not by_itself:  # where a night stops, each is done by itself and says what was found of it
        say_findings(ctx, judged.findings)
    return judged


def findings_of_recent_days(ctx: JobContext, last: date) -> Judged:
    """Compare each of the last complete days up to one with those before it, by their receipts alone.

    As many days are judged as show what a feed usually holds (`preprocessing.schema_drift_days`).
    """
    number = ctx.settings.preprocessing.schema_drift_days
    days = [*last_complete_before(ctx.layout, last, number - 1), last][-number:]
    receipts = read_receipts(ctx.layout, days)
    seen = {feed: found for feed in ALL_FEEDS if (found := seen_in_receipts(receipts, feed))}
    judged = Judged(seen, undetermined=not any(last in of_feed for of_feed in seen.values()))
    _compare(ctx, judged, days, None)
    return judged


def require_what_is_used(ctx: JobContext, day: date, findings: Collection[Finding], *, historic: bool = False) -> None:
    """Make sure that a day lacks nothing that settings say it must not lack.

    Args:
        ctx: The context.
        day: The day.
        findings: How it differs from the days before.
        historic: Whether many days are done at once, as in a replay. By default a column that fades out of a book, and
            was filled in less than half of the rows before its last, is then said and stops nothing.

    Raises:
        SchemaDriftError: If it does, in one line.
    """
    easy_on_fading = historic or ctx.caller is Caller.REPLAY
    settings = ctx.settings.preprocessing
    for name, setting, kinds, losses in (
        ("schema_drift", settings.schema_drift, DRIFT, LOSSES),
        ("level_shift", settings.level_shift, LEVELS, LEVELS),
    ):
        touching = [finding for finding in findings if not finding.harmless and finding.what in kinds]
        champion = None
        if touching and setting == "stop_if_used":
            champion = ctx.ledger.state().champion_on(day)
            used = (
                columns_behind(_features(ctx, champion), read_own_features(ctx.layout))
                if champion is not None
                else frozenset()
            )
            touching = [finding for finding in touching if finding.what in losses and _is_among(finding, used)]
            touching = [finding for finding in touching if not (easy_on_fading and _fades(finding))]
        if setting == "report" or not touching:
            continue
        used_by = f", which champion {champion} uses" if setting == "stop_if_used" else ""
        more = f" (and {len(touching) - 1} more)" if len(touching) > 1 else ""
        raise SchemaDriftError(
            f"{day}: {touching[0].sentence}{used_by}{more}; mend the file, land it and preprocess the day again, or "
            f"accept it from that day on: p2pcredit preprocess --date {day} --accept-drift --why TEXT "
            f"(setting preprocessing.{name} is '{setting}')"
        )


def _compare(ctx: JobContext, judged: Judged, days: Sequence[date], accept_drift: str | None) -> None:
    settings = ctx.settings.preprocessing
    accepting = None if accept_drift is None else {"why": accept_drift, "by": acting(ctx)["by"] or ""}
    before = _receipts_before(ctx, judged.seen, days[0], settings.schema_drift_days)
    own = read_receipts(ctx.layout, days)
    for feed in judged.seen:
        _compare_feed(judged, ctx.feed(feed), days, before, own, settings, accepting, ctx.catalogue.plausible)


def _receipts_before(ctx: JobContext, feeds: Collection[str], day: date, number: int) -> dict[date, Facts]:
    """Read the receipts of the last days before a day; of more, where a feed had rows on too few of them."""
    found: dict[date, Facts] = {}
    asked = number
    while True:
        days = last_complete_before(ctx.layout, day, min(asked, FURTHEST))
        found |= read_receipts(ctx.layout, [one for one in days if one not in found])
        enough = all(_usual_days(found, feed, number).reaches_far_enough for feed in feeds)
        if enough or len(days) < asked:
            return found
        asked *= 4


def _usual_days(before: Mapping[date, Facts], feed: str, number: int) -> UsualDays:
    earlier = seen_in_receipts(before, feed)
    return UsualDays(number, ((day, seen.shape) for day, seen in sorted(earlier.items())))


def _compare_feed(
    judged: Judged,
    contract: Feed,
    days: Sequence[date],
    before: Mapping[date, Facts],
    own: Mapping[date, Facts],
    settings: PreprocessingSettings,
    accepting: Mapping[str, str] | None,
    plausible: Mapping[tuple[str, str], Plausible],
) -> None:
    feed = contract.name
    number = settings.schema_drift_days
    usual = _usual_days(before, feed, number)
    levels, texts = UsualLevels(sized(contract), number, usual.days), UsualTexts(number, usual.days)
    unsized: tuple[str, ...] = ()
    accepted: dict[str, date] = {}
    unsure = False
    for day, facts in sorted(before.items()):
        accepted |= {entry["column"]: day for entry in kept_acceptances(facts, {}) if entry["feed"] == feed}
    for day in days:
        seen = judged.seen[feed].get(day)
        if seen is None:
            continue  # its receipt says nothing of the feed
        entries = [e for e in kept_acceptances(own.get(day), {feed: seen.digest}) if e["feed"] == feed]
        accepted |= {entry["column"]: day for entry in entries}
        comparison = compare_schema(contract, day, seen.shape, usual, accepted)
        compared = compare_levels(feed, day, seen.shape, levels, settings.level_shift_chance, accepted)
        worded = compare_texts(feed, day, seen.shape, texts, settings.level_shift_chance, accepted)
        recent = [shape for _, shape in levels.days]
        sizes = [
            finding
            for finding in implausible(feed, seen.shape, recent, settings.level_shift_chance, plausible)
            if f"{feed}.{finding.column}" not in settings.own_sizes
        ]
        findings = [*comparison.findings, *compared.findings, *worded, *sizes]
        usual.add(day, seen.shape)
        levels.add(day, seen.shape)
        texts.add(day, seen.shape)
        if accepting is not None:
            made = [f.column for f in findings if f.what in DRIFT | LEVELS]
            entries += [{"feed": feed, "column": c, **accepting, "digest": seen.digest} for c in made]
            accepted |= dict.fromkeys(made, day)
            findings = sizes
        if findings:
            judged.findings.setdefault(day, []).extend(findings)
        if entries:
            judged.accepted.setdefault(day, []).extend(entries)
        if seen.shape.rows:
            unsure = bool(comparison.undetermined) or not comparison.has_history
            unsized = compared.undetermined
    judged.undetermined |= unsure
    judged.levels_undetermined += [f"{feed}.{column}" for column in unsized]


def _fades(finding: Finding) -> bool:
    return finding.what == "empty" and finding.usual is not None and finding.usual < _HALF


def _is_among(finding: Finding, used: frozenset[tuple[str, str]]) -> bool:
    if finding.column:
        return (finding.feed, finding.column) in used
    return any(feed == finding.feed for feed, _ in used)


def _features(ctx: JobContext, model_id: str) -> list[str]:
    names: Any = ModelBank(ctx.layout).get(model_id).card.get("features")
    return [str(name) for name in names] if isinstance(names, list) else []


__all__ = ["Judged", "findings_of_recent_days", "judge_days", "require_what_is_used"]
