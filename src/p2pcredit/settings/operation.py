"""Settings of the daily and weekly work: landing, preprocessing, monitoring, hand-off, alerts, Spark."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from p2pcredit.settings.group import Group, Share, check_bads_among_loans

_LONG_MONTH_DAYS = 31


class LandingSettings(Group):
    """When a landing is no success."""

    max_rejected_share: Share = Field(
        0.2, description="Share of a raw file's records that may be rejected; above it the file is refused."
    )


class PreprocessingSettings(Group):
    """When a day is no success."""

    max_quarantined_share: Share = Field(
        0.2,
        description="Share of a feed's rows that may be set aside; above it the day stops. One or two rows are too "
        "many only if they are half of the rows or more, and the day is preprocessed by itself. Days that are "
        "preprocessed together stop also where a larger share of the rows of a month, or of all of them, is set "
        "aside. With 0 a single row stops, with 1 none.",
    )
    schema_drift: Literal["report", "stop_if_used", "stop"] = Field(
        "stop_if_used",
        description="What a column or feed that was filled before and no longer is does to the day: `report` reports "
        "it, `stop_if_used` stops the day too where nothing is left of what the champion reads, `stop` always stops "
        "it. `preprocess --accept-drift --why TEXT` takes a day as it is.",
    )
    catch_up_days: int = Field(
        14,
        ge=0,
        le=366,
        description="How many days before its own the daily run looks back for days that landed and are not complete, "
        "that landed anew, or are complete and not scored, and for weeks not monitored, and makes them up. With 0 it "
        "works on its own day alone.",
    )
    schema_drift_days: int = Field(
        28, ge=1, le=366, description="How many complete days before show what a feed usually holds."
    )
    level_shift: Literal["report", "stop_if_used", "stop"] = Field(
        "report",
        description="What a column does to the day whose numbers are nearly all smaller or larger than usual, or all "
        "the same, or a category whose texts are new or all the same: `report` reports it, `stop_if_used` stops the "
        "day too where the champion reads the column, `stop` always stops it.",
    )
    level_shift_chance: float = Field(
        1e-5,
        gt=0,
        le=0.001,
        description="Numbers of another size, and other texts of a category, are reported where they come by chance "
        "less often than this.",
    )
    own_sizes: tuple[str, ...] = Field(
        (),
        description="Columns, as `feed.column`, whose numbers are right though no other book has them so large, so "
        "small or all the same: they are not held against what is plausible.",
    )


class MonitoringSettings(Group):
    """What monitoring looks at and when it speaks up."""

    book: str = Field(
        "", max_length=80, description="What reports call the book; empty for the name of the platform it came from."
    )
    policy: str = Field(
        "refresh_and_triggers",
        description="The policy that turns results into a decision, by its name: `refresh_and_triggers`, "
        "`cheapest_first`, `never`, `calendar:N` (months), `threshold:X` (score), `psi:X`, or one of another package.",
    )
    refresh_months: int = Field(
        6, ge=1, le=120, description="How many months after the last full training the default policy refreshes."
    )
    yearly_error: Share = Field(
        0.1,
        description="In which share of quiet years the triggers of the default policy may raise a false alarm; each "
        "week spends one part in 53 of it.",
    )
    within_cohort_auc_threshold: float = Field(
        0.58,
        gt=0.5,
        lt=1.0,
        description="AUC within quarters of origination and terms below which the champion's ranking fails, beyond a "
        "week's part of `yearly_error`.",
    )
    auc_threshold: float = Field(
        0.62,
        gt=0.5,
        lt=1.0,
        description="AUC from which ranking passes, if its whole interval lies above, and below which it fails, if its "
        "whole interval lies below, beyond chance for the number of checks.",
    )
    calibration_ratio_bounds: tuple[float, float] = Field(
        (0.67, 1.5),
        description="Observed over expected defaults within which calibration passes, if its whole interval lies "
        "within, and outside which it fails, if that lies outside, beyond chance for the number of checks; one bound "
        "above 0 and below 1, one above 1.",
    )
    over_term_ratio_bounds: tuple[float, float] = Field(
        (0.8, 1.25),
        description="Defaults seen over those expected by now, of a contract term and vintage, outside which it fails "
        "beyond chance; one bound above 0 and below 1, one above 1.",
    )
    to_date_months: int = Field(
        12,
        ge=1,
        le=120,
        description="Months of originations, the newest, whose loans scored by the champion trigger the default policy "
        "by their defaults to date; older loans have matured and are judged by what came within the whole window.",
    )
    psi_watch: float = Field(
        0.1,
        gt=0,
        description="PSI of score or feature below which it passes, if its interval lies below `psi_alert`; less than "
        "`psi_alert`.",
    )
    psi_alert: float = Field(
        0.25,
        gt=0,
        description="PSI of score or feature from which it fails, if its interval lies above `psi_watch`, beyond "
        "chance for the number of columns.",
    )
    quarantined_share_limit: Share = Field(
        0.05,
        description="Share of a feed's rows in quarantine, or of a column's values lost, above which data quality "
        "fails.",
    )
    serving_skew_limit: Share = Field(
        0.05,
        description="Share of the recent loans that the server answered and the nightly run scored otherwise, above "
        "which what is sent is not what lands.",
    )
    window_months: int = Field(
        12, ge=1, le=60, description="Months of originations, the newest that have matured, whose loans are judged."
    )
    recent_days: int = Field(
        28, ge=7, le=366, description="Newest days whose loans are looked at for drift, data quality and alerts."
    )
    min_recent_loans: int = Field(
        50,
        ge=10,
        description="Fewest recent loans for a result on drift or early delinquency; below it is undetermined.",
    )
    min_matured_loans: int = Field(
        100, ge=20, description="Fewest matured loans for a result on performance; below it is undetermined."
    )
    min_matured_bads: int = Field(
        15, ge=2, description="Fewest defaults among them for a result on performance; below it is undetermined."
    )
    confidence: float = Field(
        0.9, ge=0.5, lt=1.0, description="Confidence of the intervals in reports, cards and evidence."
    )
    retrain_at_new_bads_share: float = Field(
        0.25,
        ge=0.0,
        description="By which share the known defaults must have grown since the last training for the policy "
        "`cheapest_first` to retrain; with 0 growth alone never retrains.",
    )

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> Self:
        for name, usual in (("calibration_ratio_bounds", "[0.67, 1.5]"), ("over_term_ratio_bounds", "[0.8, 1.25]")):
            low, high = getattr(self, name)
            if not 0 < low < 1 < high:
                raise ValueError(
                    f"{name} are {low} and {high}; write one above 0 and below 1, then one above 1, such as {usual}"
                )
        if self.psi_watch >= self.psi_alert:
            raise ValueError(
                f"psi_watch is {self.psi_watch} and must lie below psi_alert, {self.psi_alert}; lower the first or "
                "raise the second"
            )
        check_bads_among_loans(self.min_matured_bads, self.min_matured_loans)
        if self.recent_days > self.window_months * _LONG_MONTH_DAYS:
            raise ValueError(
                f"recent_days is {self.recent_days}, longer than window_months, {self.window_months}; make the recent "
                "days fewer or the window longer"
            )
        return self


class PopulationSettings(Group):
    """What is looked at of applications, where they land, and how groups are compared."""

    max_override_share: Share = Field(
        0.1,
        description="Share of the applications that the policy would decline (low side) or approve (high side) above "
        "which overrides fail, if the whole interval lies above, both sides together.",
    )
    max_override_default_ratio: float = Field(
        2.0,
        ge=1.0,
        description="How many times as often as loans that the policy approved those approved against it may default; "
        "above it overrides fail, if the whole interval lies above.",
    )
    min_override_bads: int = Field(
        5,
        ge=1,
        description="Fewest defaults on each side for a result on how overrides paid; below it is undetermined.",
    )
    reject_factors: tuple[float, ...] = Field(
        (1.0, 2.0, 4.0),
        min_length=1,
        description="How many times as bad as their score says declined applicants are taken to be, for the band of "
        "what a cut-off would let in; from 1 on, rising.",
    )
    cutoffs: int = Field(
        9, ge=1, le=99, description="How many cut-offs, each with as many applicants between, groups are compared at."
    )

    @model_validator(mode="after")
    def _factors_rise(self) -> Self:
        factors = self.reject_factors
        if min(factors) < 1 or list(factors) != sorted(set(factors)):
            raise ValueError(
                f"reject_factors are {', '.join(f'{one:g}' for one in factors)}; write factors from 1 on that rise, "
                "such as [1, 2, 4]"
            )
        return self


class HandoffSettings(Group):
    """How long a retraining decision serves."""

    valid_days: int = Field(
        14, ge=1, le=366, description="Days after its date for which a decision holds that names no `expires_on`."
    )


class AlertSettings(Group):
    """Where alerts go."""

    urls: tuple[SecretStr, ...] = Field(
        (), description="Apprise URLs of the channels, kept secret wherever settings are shown."
    )


class SparkSettings(Group):
    """Where Spark runs, for `engine = "spark"` and `engine = "auto"`.

    No card holds this group, since some of it may be secret; of it a card names `tree_workers` alone.
    """

    master: str = Field(
        "local[2]",
        min_length=1,
        description="Where Spark runs: `local[2]`, `spark://host:7077`, `yarn`, `k8s://https://host:443`.",
    )
    from_rows: int = Field(
        24_000_000,
        ge=0,
        description='From how many rows on `engine = "auto"` takes Spark for a span; below it Polars works on this '
        "machine and no session is started. Counted are the rows of the files that the work reads.",
    )
    python: str = Field(
        "",
        description="Interpreter of the executors, which must have this package; empty means the one that runs the "
        "job.",
    )
    tree_workers: int = Field(
        1,
        ge=1,
        le=1024,
        description="How many tasks grow a booster together. With one its trees are those of one machine, to the byte; "
        "with more each task draws its own sample of its own loans.",
    )
    conf: dict[str, str] = Field({}, description='Spark\'s own settings, such as `"spark.executor.memory" = "8g"`.')
