"""Count the weeks of a book with plain arrays, so that thousands of weeks cost little: the same decisions, faster.

Calibration by product and default to date by cell are judged on the counts by the very functions that monitoring uses.
Only in a week in which a trigger may fail, by calibration or because the ranking lies below its threshold, all is
measured as in a home.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.studies.books_by_week import FEED, Book, known_by

from p2pcredit.contracts.results import MetricResult
from p2pcredit.models.evaluation.calibration.segment_ratios import Seen
from p2pcredit.monitoring.inputs import PolicyContext
from p2pcredit.monitoring.lights import judge_together
from p2pcredit.monitoring.matured import matured_window
from p2pcredit.monitoring.metrics.drift import light_of_shift, population_stability_index
from p2pcredit.monitoring.metrics.over_term import judge_cells
from p2pcredit.monitoring.metrics.quality import measure_quality
from p2pcredit.monitoring.metrics.triggers import measure_triggers
from p2pcredit.monitoring.policies.choose import Verdict, decide
from p2pcredit.monitoring.yearly_error import products_off
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings

LIGHTS_EVERY = 4
"""Each so many weeks cells and score are looked at, which decide nothing: the newest 28 days then hold other loans."""
Numbers = npt.NDArray[Any]


class CountedBook:
    """A book as arrays.

    Args:
        book: Loans in order of days, none without a term, all of them scored.
        settings: Window, lag and limits.
    """

    def __init__(self, book: Book, settings: Settings) -> None:
        self.book, self.settings = book, settings
        loans, labels = book.loans, settings.labels
        born = loans["snapshot_date"]
        self.day = born.to_numpy().astype("datetime64[D]").astype(np.int64)
        self.year, self.month, self.dom = (getattr(born.dt, part)().to_numpy().astype(np.int64) for part in _PARTS)
        self.term = loans["term_months"].to_numpy().astype(np.int64)
        self.horizon = np.maximum(self.term, labels.window_months)
        self.default_month = loans["defaulted_in_month"].fill_null(0).to_numpy().astype(np.int64)
        self.own = (loans["model_id"] == book.champion_id).to_numpy()
        labelled = loans.join(book.labels.select("loan_id", "label"), on="loan_id", how="left", maintain_order="left")
        self.bad = labelled["label"].fill_null(0).to_numpy().astype(np.int64)
        closed = born.dt.offset_by(f"{labels.window_months}mo").dt.offset_by(f"{labels.reporting_lag_days}d")
        self.matured_since = (closed > book.champion_as_of).to_numpy()
        again = loans.select("loan_id").join(book.again, on="loan_id", how="left", maintain_order="left")
        self.risk, self.chance = (again[name].to_numpy() for name in ("risk", "chance"))

    @cached_property
    def terms(self) -> list[int]:
        """The terms, in order."""
        return [int(term) for term in np.unique(self.term)]

    def by_now(self, week_end: date) -> tuple[Numbers, Numbers, Numbers]:
        """Give the places of the loans watched for a month, what was seen of each, and what was expected."""
        until = week_end - timedelta(days=self.settings.labels.reporting_lag_days)
        elapsed = (until.year - self.year) * 12 + (until.month - self.month) - (until.day < self.dom)
        months = np.minimum(elapsed, self.horizon)
        at = np.flatnonzero((self.day <= _number(week_end)) & (months >= 1))
        seen = (self.default_month[at] > 0) & (self.default_month[at] <= months[at])
        return at, seen, self.book.curves[at, months[at] - 1]

    def judged(self, week_end: date) -> Numbers:
        """Give the places of the matured loans that judge the champion."""
        after, last = matured_window(week_end, self.settings)
        born = (self.day > _number(after)) & (self.day <= _number(last)) & (self.day >= _number(self.book.unseen_from))
        return np.flatnonzero(born)

    def products(self, week_end: date, *windows: int) -> list[list[Seen]]:
        """Count what `product_ratio_matured` and `product_ratio_to_date` rest on, all products of the week.

        Args:
            week_end: Its last day.
            windows: The months of originations that the second looks at.

        Returns:
            One list per window.
        """
        since = self.judged(week_end)
        since = since[self.matured_since[since]]
        matured = self._by_term(since, self.bad[since], self.chance[since])
        at, seen, expected = self.by_now(week_end)
        found = []
        for months in windows:
            newest = self.own[at] & (self.day[at] > _number(add_months(week_end, -months)))
            found.append([*matured, *self._by_term(at[newest], seen[newest], expected[newest])])
        return found

    def _by_term(self, at: Numbers, seen: Numbers, expected: Numbers) -> list[Seen]:
        parts = [self.term[at] == term for term in self.terms]
        return [Seen(int(p.sum()), int(seen[p].sum()), float(expected[p].sum())) for p in parts if p.any()]

    def cells(self, week_end: date) -> list[MetricResult]:
        """Judge default to date by term and quarter of origination."""
        at, seen, expected = self.by_now(week_end)
        quarter = self.year[at] * 4 + (self.month[at] - 1) // 3
        found = []
        for term in self.terms:
            for one in np.unique(quarter[self.term[at] == term]):
                part = (self.term[at] == term) & (quarter == one)
                name = f"term={term},vintage={one // 4}Q{one % 4 + 1}"
                found.append((name, Seen(int(part.sum()), int(seen[part].sum()), float(expected[part].sum()))))
        return judge_cells(found, self.settings.monitoring)

    def ranking(self, week_end: date) -> float:
        """Calculate the champion's AUC within quarters and terms, of risks without ties."""
        at = self.judged(week_end)
        cohort = (self.year[at] * 4 + (self.month[at] - 1) // 3) * 1000 + self.term[at]
        order = np.lexsort((self.risk[at], cohort))
        cohort, bad = cohort[order], self.bad[at][order]
        ordered = pairs = 0.0
        for one in np.unique(cohort):
            inside = bad[cohort == one]
            bads = int(inside.sum())
            goods = inside.size - bads
            rank = float(np.flatnonzero(inside).sum()) + bads
            ordered, pairs = ordered + rank - bads * (bads + 1) / 2, pairs + bads * goods
        return ordered / pairs if pairs else 1.0

    def newest(self, week_end: date, days: int) -> Book:
        """Take the loans of the newest days alone."""
        first, last = np.searchsorted(self.day, [_number(week_end) - days + 1, _number(week_end) + 1])
        loans = self.book.loans.slice(int(first), int(last - first))
        labels = self.book.labels.clear()
        return replace(self.book, loans=loans, labels=labels, curves=self.book.curves[first:last])


_PARTS = ("year", "month", "day")


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def decide_counted(
    counted: CountedBook, week_end: date, facts: PolicyContext, settings: Settings
) -> tuple[list[MetricResult], Verdict, PolicyContext]:
    """Decide one week as `books_by_week.decide_week` does, at a fraction of its cost.

    Returns:
        Results (those of the triggers only where one may fail), verdict, and the facts of after it.
    """
    book, limits = counted.book, settings.monitoring
    results: list[MetricResult] = []
    if week_end.toordinal() // 7 % LIGHTS_EVERY == 0:
        results += counted.cells(week_end)
        recent = counted.newest(week_end, limits.recent_days).loans["score"]
        found = population_stability_index(book.reference["score"], recent, limits.confidence)
        light = light_of_shift("psi_score", found, len(recent), limits)
        results += judge_together([light], limits.confidence)
    if book.lost.since < book.lost.until:
        few = known_by(counted.newest(week_end, limits.recent_days), week_end, settings)
        results += [result for result in measure_quality(few, settings) if result.segment == f"feed={FEED}"]
    (products,) = counted.products(week_end, limits.to_date_months)
    off = products_off(products, limits.over_term_ratio_bounds, limits.yearly_error)
    if off or counted.ranking(week_end) < limits.within_cohort_auc_threshold:
        results += measure_triggers(known_by(book, week_end, settings), settings)
    _, last = matured_window(week_end, settings)
    known = int(counted.bad[counted.day <= _number(last)].sum())
    facts = replace(facts, week_end=week_end, known_bads=known)
    verdict = decide(results, facts, settings)
    if verdict.trigger == "calendar":
        facts = replace(facts, last_training=week_end, development_bads=known, calibrated_bads=known)
    return results, verdict, facts


__all__ = ["CountedBook", "decide_counted"]
