"""Select the scored loans that can be judged: those whose label window has closed, and count those that wait.

The loans in question are those scored in the newest `monitoring.window_months` of originations that have matured, and
all scored since: the second part is what the share matured is a share of. Loans whose outcome cannot be known are left
out of both; `monitoring.metrics.quality` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from p2pcredit.models.evaluation.platform_grades import grade_ranks
from p2pcredit.monitoring.inputs import MonitoringInputs, newest_closed_origination
from p2pcredit.periods import add_months
from p2pcredit.settings import Settings
from p2pcredit.transforms.vintages import quarter_name
from p2pcredit.weak_cache import WeakCache


@dataclass(frozen=True)
class JudgedLoans:
    """The loans of one segment that can be judged, and how many were scored.

    Args:
        segment: `all`, `champion`, or such as `vintage=2010Q1`.
        label: 1 bad, 0 good, one for each judged loan.
        risk: Probability of default on the day the loan was scored, 0 to 1.
        sub_grade: The platform's own sub-grade as a number that grows with risk, NaN where there is none.
        scored: Loans scored since the window began, judged or not.
    """

    segment: str
    label: NDArray[np.int8]
    risk: NDArray[np.float64]
    sub_grade: NDArray[np.float64]
    scored: int

    @property
    def n(self) -> int:
        """The number of loans that can be judged."""
        return int(self.label.size)

    @property
    def bads(self) -> int:
        """The number of them that went bad."""
        return int(self.label.sum())

    @property
    def matured_share(self) -> float | None:
        """Share of the scored loans that can be judged; None where none was scored."""
        return self.n / self.scored if self.scored else None


def matured_window(week_end: date, settings: Settings) -> tuple[date, date]:
    """Give the bounds of the originations judged: after the first date, up to and including the second.

    Examples:
        >>> matured_window(date(2011, 3, 30), Settings())
        (datetime.date(2009, 2, 28), datetime.date(2010, 2, 28))
    """
    last = newest_closed_origination(week_end, settings.labels)
    return add_months(last, -settings.monitoring.window_months), last


def scored_loans(inputs: MonitoringInputs, settings: Settings) -> pl.DataFrame:
    """Gather the loans scored since the window of judged originations began, with what came of them.

    Loans whose outcome cannot be known are left out.

    Returns:
        One row per loan: `loan_id, snapshot_date, model_id, probability_of_default, score, grade, label` (null where
        the loan cannot be judged yet), `vintage` (such as `2010Q1`), `term_months, platform_sub_grade`,
        `sub_grade_rank` (grows with the platform's risk, null where it has no order).
    """
    state = settings.labels, settings.monitoring
    return _of_inputs.get(inputs, state, lambda: _find_scored_loans(inputs, settings))


_of_inputs: WeakCache[MonitoringInputs, pl.DataFrame] = WeakCache()
"""Several metrics of a week ask for its scored loans."""


def _find_scored_loans(inputs: MonitoringInputs, settings: Settings) -> pl.DataFrame:
    after, last = matured_window(inputs.week_end, settings)
    scored = inputs.with_knowable_outcome(inputs.predictions).lazy().filter(pl.col("snapshot_date") > after)
    return join_outcomes(scored, inputs.labels, inputs.features, last=last, definition=settings.labels.definition)


def join_outcomes(
    predictions: pl.DataFrame | pl.LazyFrame,
    labels: pl.DataFrame,
    features: pl.DataFrame,
    *,
    last: date,
    definition: str,
) -> pl.DataFrame:
    """Join predictions with what came of the loans: a label only where the whole label window of the loan has closed.

    A bad is known on the day it defaults, a good only when its window has closed: labels of open windows would give
    early bads without the goods of their cohort.

    Args:
        predictions: One row per loan, those of unknown outcome left out.
        labels: `loan_id, definition, label, origination_date`, one row per loan and definition.
        features: `loan_id, term_months, platform_sub_grade`, one row per loan.
        last: The newest origination whose window has closed.
        definition: The label's name, such as `pd12`.

    Returns:
        The predictions by day and loan, with `label` (null where the loan cannot be judged yet), `vintage`,
        `term_months`, `platform_sub_grade`, `sub_grade_rank`.
    """
    known = (
        labels.lazy()
        .filter(
            (pl.col("definition") == definition) & (pl.col("origination_date") <= last) & pl.col("label").is_not_null()
        )
        .select("loan_id", pl.col("label").cast(pl.Int8))
    )
    ranks = grade_ranks(features["platform_sub_grade"].drop_nulls().unique().to_list())
    rank = pl.col("platform_sub_grade").replace_strict(ranks, default=None, return_dtype=pl.Float64)
    about = features.lazy().select("loan_id", "term_months", "platform_sub_grade", sub_grade_rank=rank)
    return (
        predictions.lazy()
        .join(known, on="loan_id", how="left")
        .join(about, on="loan_id", how="left")
        .with_columns(
            label=pl.when(pl.col("snapshot_date") <= last).then("label"),
            vintage=quarter_name("snapshot_date"),
        )
        .sort("snapshot_date", "loan_id")
        .collect()
    )


def whole_segments(scored: pl.DataFrame, champion_id: str | None) -> list[JudgedLoans]:
    """Give the loans served as a whole, `all`, and by the champion alone, `champion`; both always, empty or not.

    Args:
        scored: What `scored_loans` gives.
        champion_id: The model in service, None before the first.
    """
    of_champion = scored.filter(pl.col("model_id") == champion_id) if champion_id else scored.clear()
    return [
        _segment("all", _judged(scored), scored.height),
        _segment("champion", _judged(of_champion), of_champion.height),
    ]


def part_segments(scored: pl.DataFrame) -> list[JudgedLoans]:
    """Split the loans served by vintage quarter and by term, where a loan can be judged, in order.

    Args:
        scored: What `scored_loans` gives.
    """
    judged = _judged(scored)
    segments: list[JudgedLoans] = []
    for name, column in (("vintage", "vintage"), ("term", "term_months")):
        served = dict(scored[column].value_counts().iter_rows())
        parts = judged.filter(pl.col(column).is_not_null()).partition_by(column, as_dict=True)
        for (level,), part in sorted(parts.items()):
            text = f"{level:g}" if isinstance(level, float) else str(level)
            segments.append(_segment(f"{name}={text}", part, served[level]))
    return segments


def _judged(scored: pl.DataFrame) -> pl.DataFrame:
    return scored.filter(pl.col("label").is_not_null())


def _segment(name: str, judged: pl.DataFrame, scored: int) -> JudgedLoans:
    return JudgedLoans(
        name,
        judged["label"].to_numpy().astype(np.int8),
        judged["probability_of_default"].cast(pl.Float64).to_numpy(),
        judged["sub_grade_rank"].fill_null(float("nan")).to_numpy(),
        scored,
    )
