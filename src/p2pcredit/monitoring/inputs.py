"""What a metric may see in one monitoring week, and the guard that nothing in it was known later.

`MonitoringInputs` is the whole world of a metric: it is checked when it is made, so no metric has to check again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.cures import Cures
from p2pcredit.errors import MonitoringError
from p2pcredit.models.population.decisions import SCHEMA as NO_APPLICATIONS
from p2pcredit.periods import add_months
from p2pcredit.settings import LabelSettings, Settings

_COLUMNS = {
    "predictions": ("loan_id", "snapshot_date", "model_id", "probability_of_default", "score", "grade"),
    "labels": ("loan_id", "definition", "label", "origination_date", "known_on"),
    "features": ("loan_id", "snapshot_date", "known_on", "term_months", "platform_sub_grade"),
    "early_delinquency": ("loan_id", "late_on"),
    "feed_quality": ("feed", "rows_in", "quarantined"),
    "values_lost": ("feed", "column", "lost", "given"),
    "unknown_outcomes": ("loan_id", "set_aside_on"),
    "over_term": ("loan_id", "snapshot_date", "term_months", "months", "defaulted", "expected"),
    "champion_judged": ("loan_id", "origination_date", "term_months", "label", "risk", "chance", "matured_since"),
    "applications": tuple(NO_APPLICATIONS),
}
_DATES = {
    "predictions": ("snapshot_date",),
    "labels": ("origination_date", "known_on"),
    "features": ("snapshot_date", "known_on"),
    "reference": ("snapshot_date", "known_on"),
    "early_delinquency": ("late_on",),
    "unknown_outcomes": ("set_aside_on",),
    "refused": ("snapshot_date",),
    "asked": ("snapshot_date",),
    "over_term": ("snapshot_date",),
    "champion_judged": ("origination_date",),
    "applications": ("decided_on",),
}
_KEYS = {
    "predictions": ("loan_id",),
    "labels": ("loan_id", "definition"),
    "features": ("loan_id",),
    "early_delinquency": ("loan_id",),
    "unknown_outcomes": ("loan_id",),
    "refused": ("loan_id",),
    "asked": ("loan_id",),
    "over_term": ("loan_id",),
    "champion_judged": ("loan_id",),
    "applications": ("application_id",),
}
_NONE_REFUSED: dict[str, pl.DataType | type[pl.DataType]] = {
    "loan_id": pl.String,
    "snapshot_date": pl.Date,
    "outside_training": pl.List(pl.String),
    "decision": pl.String,
}
OVER_TERM_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "loan_id": pl.String,
    "snapshot_date": pl.Date,
    "term_months": pl.Int32,
    "months": pl.Int64,
    "defaulted": pl.Int8,
    "expected": pl.Float64,
    "platform_risk": pl.Float64,
}
"""The columns of `over_term`."""
NONE_JUDGED: dict[str, pl.DataType | type[pl.DataType]] = {
    "loan_id": pl.String,
    "origination_date": pl.Date,
    "term_months": pl.Int32,
    "label": pl.Int8,
    "risk": pl.Float64,
    "chance": pl.Float64,
    "matured_since": pl.Boolean,
}
NONE_ASKED: dict[str, pl.DataType | type[pl.DataType]] = {
    "loan_id": pl.String,
    "snapshot_date": pl.Date,
    "model_id": pl.String,
    "score": pl.Int32,
    "decision": pl.String,
}
_NONE_UNKNOWN = {"loan_id": pl.String, "set_aside_on": pl.Date}


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What a policy may know besides the metrics.

    Args:
        week_end: The last day whose data the metrics rest on.
        champion_id: The model in service, None before the first.
        champion_as_of: The day up to which the champion knew labels.
        development_bads: Matured bads that the last training knew, None where unknown.
        known_bads: Matured bads known at `week_end`.
        calibrated_bads: Matured bads that the last training or recalibration knew, None where unknown.
        last_training: As of when the last full training took place, whether or not its model serves; None before.
    """

    week_end: date
    champion_id: str | None
    champion_as_of: date | None
    development_bads: int | None
    known_bads: int
    calibrated_bads: int | None = None
    last_training: date | None = None


def _nothing_lost() -> pl.DataFrame:
    return pl.DataFrame(schema={"feed": pl.String, "column": pl.String, "lost": pl.Int64, "given": pl.Int64})


@dataclass(frozen=True)
class MonitoringInputs:
    """Everything a metric may see, every row of it known by `week_end`.

    Args:
        week_end: The latest snapshot date that the week looks at.
        champion_id: The model in service, None before the first.
        champion_as_of: The day up to which the champion knew labels.
        predictions: `loan_id, snapshot_date, model_id, probability_of_default` (0 to 1), `score, grade`; one row per
            loan, the prediction made on its day, all history.
        labels: `loan_id, definition, label` (1 bad, 0 good), `origination_date, known_on`, known by `week_end`.
        features: Rows of the feature store of scored loans, at least those of the matured and the recent window.
        reference: Rows of the feature store of the champion's development loans with its `score`; may have no columns.
        early_delinquency: `loan_id, late_on`: the first day on which it was known that a loan was 30 days past due or
            more; a sign rebuilt from a later status is none.
        feed_quality: `feed, rows_in, quarantined` of the recent days, one row or more per feed; events that a
            mapping says to be of unknown outcome are in `rows_in` alone.
        development_bads: Matured bads that the last training knew, None where unknown.
        known_bads: Matured bads known at `week_end`.
        values_lost: `feed, column, lost, given`: of the optional values given in the recent days, how many could not be
            used; only columns that lost any.
        unknown_outcomes: `loan_id, set_aside_on` of the loans whose outcome cannot be known, because an event of theirs
            was set aside before their window closed.
        events_of_no_loan: Events set aside by `week_end` whose loan cannot be read.
        why_unknown: The commonest rule that events set aside broke, in words.
        early_statuses: How many loans have a status that is older than they are, in words; empty where none has.
        champion_features: The features that the champion reads, whatever sets the settings name now.
        cures: What became of late loans, as far as known; None where it was not looked at.
        refused: `loan_id, snapshot_date, outside_training, decision` of the loans that got no probability, one row per
            loan, all history; no metric of a probability rests on them.
        over_term: Scored loans watched for a month or more: `loan_id, snapshot_date, term_months, months` on book,
            `defaulted` (0 or 1 by then), `expected` (probability of default by then).
        champion_judged: Matured loans that the champion's evaluation model had not seen, scored again by it: `loan_id,
            origination_date, term_months, label, risk, chance` (as the champion serves), `matured_since` it was set.
        applications: Decided applications as `p2pcredit.models.population.decisions.SCHEMA` has them, scored by the
            champion; none in a home where they do not land.
        catalogue: The features that there are.
        asked: The last answer of the server about a loan, given on or before the day of its prediction: `loan_id,
            snapshot_date` (when asked), `model_id, score, decision`.

    Raises:
        MonitoringError: If a column is missing, a row was known only after `week_end`, a loan stands twice, a label
            belongs to a loan whose outcome cannot be known, or a probability is missing or outside 0 to 1.
    """

    week_end: date
    champion_id: str | None
    champion_as_of: date | None
    predictions: pl.DataFrame
    labels: pl.DataFrame
    features: pl.DataFrame
    reference: pl.DataFrame
    early_delinquency: pl.DataFrame
    feed_quality: pl.DataFrame
    development_bads: int | None
    known_bads: int
    values_lost: pl.DataFrame = field(default_factory=_nothing_lost)
    unknown_outcomes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_NONE_UNKNOWN))
    events_of_no_loan: int = 0
    why_unknown: str = ""
    early_statuses: str = ""
    champion_features: tuple[str, ...] = ()
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_NONE_REFUSED))
    over_term: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OVER_TERM_SCHEMA))
    cures: Cures | None = None
    catalogue: FeatureCatalogue = BUILT_IN
    asked: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NONE_ASKED))
    champion_judged: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NONE_JUDGED))
    applications: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NO_APPLICATIONS))

    def __post_init__(self) -> None:
        """Refuse what no metric may see."""
        for table, columns in _COLUMNS.items():
            self._require_columns(table, columns)
        for table, columns in _DATES.items():
            self._refuse_later_rows(table, columns)
        for table, columns in _KEYS.items():
            self._refuse_duplicates(table, columns)
        resting = self.labels.join(self.unknown_outcomes, on="loan_id", how="semi").height
        if resting:
            raise MonitoringError(
                f"{resting} labels are of loans whose outcome cannot be known, because an event of theirs is in "
                "quarantine; leave them out"
            )
        pd = self.predictions["probability_of_default"].cast(pl.Float64)
        wrong = self.predictions.height - int(pd.is_between(0.0, 1.0).fill_null(False).sum())
        if wrong:
            raise MonitoringError(
                f"{wrong} of {self.predictions.height} predictions have no probability of default between 0 and 1; "
                "score those loans again"
            )

    def of_champion(self, predictions: pl.DataFrame) -> pl.DataFrame:
        """Filter the predictions to those that the champion made; none before the first champion."""
        if self.champion_id is None:
            return predictions.clear()
        return predictions.filter(pl.col("model_id") == self.champion_id)

    def with_knowable_outcome(self, predictions: pl.DataFrame) -> pl.DataFrame:
        """Filter the predictions to those whose loan has an outcome that can be known, now or later."""
        return predictions.join(self.unknown_outcomes, on="loan_id", how="anti", maintain_order="left")

    def recent_predictions(self, settings: Settings) -> pl.DataFrame:
        """Filter the predictions of the newest `recent_days` days."""
        return self.predictions.filter(self._is_recent(settings))

    def recent_refused(self, settings: Settings) -> pl.DataFrame:
        """Filter the loans of the newest `recent_days` days that got no probability."""
        return self.refused.filter(self._is_recent(settings))

    def recent_features(self, settings: Settings) -> pl.DataFrame:
        """Filter the features of the loans of the newest `recent_days` days."""
        return self.features.filter(self._is_recent(settings))

    def _is_recent(self, settings: Settings) -> pl.Expr:
        return pl.col("snapshot_date") > self.week_end - timedelta(days=settings.monitoring.recent_days)

    def _require_columns(self, table: str, columns: Sequence[str]) -> None:
        frame: pl.DataFrame = getattr(self, table)
        missing = sorted(set(columns) - set(frame.columns))
        if missing:
            raise MonitoringError(
                f"the {table} of the week lack the column '{missing[0]}'; they need {', '.join(columns)}"
            )

    def _refuse_later_rows(self, table: str, columns: Sequence[str]) -> None:
        frame: pl.DataFrame = getattr(self, table)
        for column in columns:
            if column not in frame.columns:
                continue
            later = int((frame[column] > self.week_end).sum())
            if later:
                raise MonitoringError(
                    f"{later} rows of {table} have {column} after {self.week_end}; "
                    f"monitoring may see only what was known by then, so leave them out"
                )

    def _refuse_duplicates(self, table: str, columns: Sequence[str]) -> None:
        frame: pl.DataFrame = getattr(self, table)
        doubled = frame.height - int(frame.select(pl.struct(columns).n_unique()).item()) if frame.height else 0
        if doubled:
            raise MonitoringError(
                f"{table} holds {doubled} rows more than it has loans; keep one row for each {' and '.join(columns)}"
            )


def newest_closed_origination(week_end: date, labels: LabelSettings) -> date:
    """Find the newest origination day whose whole label window, and the reporting lag after it, has closed.

    Args:
        week_end: The day on which one asks.
        labels: Window in months and reporting lag in days.

    Returns:
        The greatest day d with `add_months(d, window_months) + reporting_lag_days <= week_end`.

    Examples:
        >>> newest_closed_origination(date(2011, 3, 30), LabelSettings())
        datetime.date(2010, 2, 28)
        >>> newest_closed_origination(date(2013, 3, 30), LabelSettings())
        datetime.date(2012, 2, 29)
    """
    close = week_end - timedelta(days=labels.reporting_lag_days)
    day = add_months(close, -labels.window_months)
    while add_months(day + timedelta(days=1), labels.window_months) <= close:
        day += timedelta(days=1)
    return day
