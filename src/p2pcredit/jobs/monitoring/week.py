"""What was known at the end of a monitoring week: everything its measurements, report and decision rest on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from io import BytesIO
from typing import Any

import polars as pl

from p2pcredit.contracts.cures import Cures
from p2pcredit.contracts.feeds import ALL_FEEDS, FEEDS
from p2pcredit.contracts.results import MetricResult
from p2pcredit.contracts.tables import FEATURE_STORE, MONITORING, PREDICTIONS, QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import MonitoringError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.early_statuses import early_statuses, in_words
from p2pcredit.jobs.monitoring.asked import asked_before_landing
from p2pcredit.jobs.monitoring.matured_loans import labels_known, once_each, was_measured
from p2pcredit.jobs.monitoring.over_term import default_over_term
from p2pcredit.jobs.preprocessing.set_aside import DECLARED_UNKNOWN, VALUES_MISSING, values_given
from p2pcredit.jobs.training.maturity import matured_counts
from p2pcredit.jobs.training.unknown_outcomes import commonest_reason, count_of_no_loan
from p2pcredit.monitoring.inputs import MonitoringInputs, PolicyContext
from p2pcredit.monitoring.policies.choose import Verdict, results_from_rows
from p2pcredit.monitoring.policies.choose import decide as decide_remedy
from p2pcredit.periods import DateRange, add_months
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.state.model_bank import REFERENCE_FILE, ModelBank
from p2pcredit.storage.tables.day_receipts import read_receipt
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import late_loans, rebuilt_signs, unknown_outcomes
from p2pcredit.transforms.outcomes import fate_days

_MONTHS_BEFORE = 13
"""How long before the newest days applications are scored: a year to compare with, and a few days."""


@dataclass(frozen=True)
class MonitoringSnapshot:
    """One monitoring week of one home: what was known at its end, read once."""

    ctx: JobContext
    week_end: date

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(self.ctx.layout)

    @cached_property
    def champion_id(self) -> str | None:
        """The model in service at the end of the week."""
        return self.ctx.ledger.state().champion_on(self.week_end)

    @cached_property
    def card(self) -> dict[str, Any]:
        """The champion's card; empty where there is no champion."""
        return {} if self.champion_id is None else ModelBank(self.ctx.layout).get(self.champion_id).card

    @cached_property
    def history(self) -> DateRange:
        """The days whose loans are still measured: the matured window and the vintages before it."""
        labels, monitoring = self.ctx.settings.labels, self.ctx.settings.monitoring
        return DateRange(
            add_months(self.week_end, -(labels.window_months + 2 * monitoring.window_months + 2)), self.week_end
        )

    @cached_property
    def facts(self) -> PolicyContext:
        """The facts that a policy may use besides the metrics."""
        _, known_bads = matured_counts(self.ctx, self.week_end)
        as_of = self.card.get("as_of")
        return PolicyContext(
            self.week_end,
            self.champion_id,
            None if as_of is None else date.fromisoformat(as_of),
            self._bads_known_at(full_only=True),
            known_bads,
            self._bads_known_at(full_only=False),
            self._last_training(),
        )

    @cached_property
    def inputs(self) -> MonitoringInputs:
        """All inputs of a metric."""
        # Not at the top: what only checks or decides a week loads no model.
        from p2pcredit.jobs.monitoring.champion_judged import champion_judged
        from p2pcredit.jobs.scoring.scored_applications import scored_applications

        history, week_end = self.history, self.week_end
        unknown = self._unknown_outcomes()
        known = labels_known(self.lake, self.ctx.settings.labels, history.first, week_end)
        labels = known.join(unknown.lazy().select("loan_id"), on="loan_id", how="anti")
        scored, measured = self.lake.scan(PREDICTIONS, history), was_measured()
        refused = scored.filter(~measured).select("loan_id", "snapshot_date", "outside_training", "decision")
        features = self.lake.scan(FEATURE_STORE, history)
        frames = pl.collect_all([scored.filter(measured), labels, features, refused])
        return MonitoringInputs(
            week_end=week_end,
            champion_id=self.champion_id,
            champion_as_of=self.facts.champion_as_of,
            catalogue=read_own_features(self.ctx.layout),
            predictions=once_each(frames[0]),
            labels=frames[1].sort("origination_date", "loan_id"),
            features=once_each(frames[2]),
            reference=self._reference(),
            early_delinquency=self._late.select("loan_id", pl.col("late_known_on").alias("late_on")),
            feed_quality=self._feed_quality(),
            values_lost=self._values_lost(),
            development_bads=self.facts.development_bads,
            known_bads=self.facts.known_bads,
            unknown_outcomes=unknown,
            events_of_no_loan=count_of_no_loan(self.lake, week_end, history),
            refused=once_each(frames[3]),
            cures=self._cures(unknown),
            asked=asked_before_landing(self.ctx, frames[0], history),
            champion_features=tuple(self.card.get("features", ())),
            over_term=default_over_term(self.ctx, week_end),
            champion_judged=champion_judged(
                None if self.champion_id is None else ModelBank(self.ctx.layout).get(self.champion_id),
                once_each(frames[2]),
                frames[1],
                week_end=week_end,
                settings=self.ctx.settings,
            ),
            applications=scored_applications(
                self.ctx, history, self.champion_id, since=add_months(self._recent.first, -_MONTHS_BEFORE)
            ),
            why_unknown=commonest_reason(self.lake, week_end, history),
            early_statuses=in_words(early_statuses(self.ctx.layout, history)),
        )

    @cached_property
    def results(self) -> list[MetricResult]:
        """The week's measurements as they stand in `gold/monitoring`.

        Raises:
            MonitoringError: If there are none, so that a week that was not measured is neither reported nor decided,
                such as one whose task was marked as success by hand; or if a row is no result.
        """
        if not self.rows:
            raise MonitoringError(
                f"the week to {self.week_end} was not measured: clear task calculate_metrics with those after it, or: "
                f"p2pcredit monitor --week-end {self.week_end}"
            )
        return results_from_rows(self.rows)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The week's rows of `gold/monitoring`, as they stand now."""
        return self.lake.read(MONITORING, DateRange(self.week_end, self.week_end)).to_dicts()

    @cached_property
    def verdict(self) -> Verdict:
        """The policy's verdict on them."""
        return decide_remedy(self.results, self.facts, self.ctx.settings)

    def _bads_known_at(self, *, full_only: bool) -> int | None:
        """Return the matured bads that the newest training knew, whether or not its model became champion.

        A recalibration learns no ranking, so it counts only where `full_only` is False.
        """
        tried = [t for t in self.ctx.ledger.state().trainings if t.facts["snapshot_date"] <= self.week_end.isoformat()]
        if full_only:
            tried = [t for t in tried if t.facts.get("remedy") != "recalibrate"]
        known = [t.facts["matured_bads"] for t in tried if t.facts.get("matured_bads") is not None]
        return max(known, default=self.card.get("matured_bads"))

    def _last_training(self) -> date | None:
        """Return as of when the newest full training took place; where the ledger knows of none, the champion's."""
        days = [
            date.fromisoformat(t.facts["snapshot_date"])
            for t in self.ctx.ledger.state().trainings
            if t.facts.get("remedy") != "recalibrate"
        ]
        as_of = self.card.get("as_of")
        return max((day for day in days if day <= self.week_end), default=as_of and date.fromisoformat(as_of))

    @cached_property
    def _late(self) -> pl.DataFrame:
        """The loans that were ever 30 days past due in the history, as far as known at the end of the week."""
        events = self.lake.frame(silver(FEEDS["loan_performance"]), self.history)
        return collect(late_loans(events, self.ctx.settings.labels)).sort("loan_id")

    def _cures(self, unknown: pl.DataFrame) -> Cures:
        """Count the late loans of known fate, and those that paid again."""
        events = self.lake.frame(silver(FEEDS["loan_performance"]), self.history)
        rebuilt = collect(rebuilt_signs(events)).height
        since = self.week_end - timedelta(days=fate_days(self.ctx.settings.labels))
        fates = self._late.filter(pl.col("late_on") <= since).join(unknown, on="loan_id", how="anti")
        known = fates["late_cured"].drop_nulls()
        return Cures(len(known), int(known.sum()), rebuilt)

    def _unknown_outcomes(self) -> pl.DataFrame:
        """Find the loans of the history whose outcome cannot be known, as far as known at the end of the week."""
        terms = self.lake.frame(silver(FEEDS["loan_terms"]), self.history)
        quarantine = self.lake.frame(QUARANTINE, self.history)
        labels = self.ctx.settings.labels
        found = collect(unknown_outcomes(terms, quarantine, as_of=self.week_end, settings=labels))
        return found.select("loan_id", "set_aside_on").sort("loan_id")

    def _reference(self) -> pl.DataFrame:
        if self.champion_id is None:
            return pl.DataFrame()
        scores = ModelBank(self.ctx.layout).get(self.champion_id).files[REFERENCE_FILE]
        return _development_loans(self.ctx.layout, self.lake.state(FEATURE_STORE), scores)

    @cached_property
    def _recent(self) -> DateRange:
        first = self.week_end - timedelta(days=self.ctx.settings.monitoring.recent_days - 1)
        return DateRange(first, self.week_end)

    @cached_property
    def _counted(self) -> Counter[str]:
        """The counts of the receipts of the recent days, added up."""
        totals: Counter[str] = Counter()
        for day in self._recent:
            totals.update((read_receipt(self.ctx.layout, day) or {}).get("rows", {}))
        return totals

    def _values_lost(self) -> pl.DataFrame:
        """Count the values given in the recent days for each column that lost any, and how many could not be used."""
        counted = {
            tuple(name.removeprefix(VALUES_MISSING).split(":", 1)): count
            for name, count in self._counted.items()
            if name.startswith(VALUES_MISSING)
        }
        rows = [(feed, column, count) for (feed, column), count in sorted(counted.items())]
        lost = pl.DataFrame(rows, schema={"feed": pl.String, "column": pl.String, "lost": pl.Int64}, orient="row")
        read = values_given(self.lake, lost.select("feed", "column").iter_rows(), self._recent)
        return lost.join(read, on=["feed", "column"], maintain_order="left").select(
            "feed", "column", "lost", (pl.col("lost") + pl.col("read")).alias("given")
        )

    def _feed_quality(self) -> pl.DataFrame:
        totals = self._counted
        set_aside = {feed: totals[f"quarantined:{feed}"] for feed in ALL_FEEDS}
        declared = {feed: totals[DECLARED_UNKNOWN + feed] for feed in ALL_FEEDS}
        rows = [(feed, totals[feed] + set_aside[feed], set_aside[feed] - declared[feed]) for feed in ALL_FEEDS]
        rows = [row for row in rows if row[0] in FEEDS or row[1]]
        schema = {"feed": pl.String, "rows_in": pl.Int64, "quarantined": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")


@lru_cache(maxsize=1)
def _development_loans(layout: Layout, state: tuple[str, int] | None, scored: bytes) -> pl.DataFrame:
    """Return the development loans whose scores the bank holds in a file, with features in this state of theirs.

    They stay the same from week to week as long as the champion and its features do.
    """
    scores = pl.read_parquet(BytesIO(scored))
    first, last = scores["snapshot_date"].min(), scores["snapshot_date"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return pl.DataFrame()
    features = Lake(layout).scan(FEATURE_STORE, DateRange(first, last)).collect()
    return features.join(scores, on=["loan_id", "snapshot_date"], how="inner").sort("snapshot_date", "loan_id")
