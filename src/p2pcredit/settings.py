"""Every number that a user may turn, in one frozen, validated tree.

Defaults stand here. A home directory may hold `p2pcredit.toml`; environment variables `P2P_<GROUP>__<NAME>` override
it. Only the command line and the DAGs call `load_settings`; everything below takes a `Settings` as an argument.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnparsableVariableError

from p2pcredit.errors import SettingsError
from p2pcredit.names import perhaps
from p2pcredit.settings_sources import read_settings_file, refuse_unknown_variables, unknown_key, unparsable_variable

Share = Annotated[float, Field(ge=0.0, le=1.0)]

EARLY_DAYS = 30
"""Days past due that are an early sign of default, and no label."""

_LONG_MONTH_DAYS = 31
_LEAST_SHARE_TO_FIT = 0.1
_MOST_GRADES = 26


class _Group(BaseModel):
    # Wrong input is never shown, since it may be the address of a channel; and no number may be NaN or infinite.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError(
                f"{str(value).lower()} is no value here, no setting is a yes or no; write a number or a text"
            )
        return value


class LandingSettings(_Group):
    """When a landing is no success.

    `max_rejected_share`: a raw file of which a larger share of records is rejected is refused.
    """

    max_rejected_share: Share = 0.2


class PreprocessingSettings(_Group):
    """When a day is no success.

    `max_quarantined_share`: a day stops where a larger share of a feed's rows is set aside. One or two rows are too
    many only if they are half of the rows or more, and the day is preprocessed by itself. Days that are preprocessed
    together stop also where a larger share of the rows of a month, or of all of them, is set aside. With 1 none stops.
    `schema_drift`: what a column or feed that was filled before and no longer is does to the day: `report` says so,
    `stop_if_used` stops the day too where nothing is left of what the champion reads, `stop` always stops it. A day is
    taken as it is with `preprocess --accept-drift --why TEXT`.
    `schema_drift_days`: how many complete days before are looked at for what a feed usually holds.
    """

    max_quarantined_share: Share = 0.2
    schema_drift: Literal["report", "stop_if_used", "stop"] = "stop_if_used"
    schema_drift_days: int = Field(28, ge=1, le=366)


def _bads_among_loans(bads: int, loans: int) -> None:
    if bads >= loans:
        raise ValueError(
            f"min_matured_bads is {bads} and min_matured_loans {loans}, which leaves no good loan; raise the loans or "
            "lower the bads"
        )


class LabelTarget(_Group):
    """One definition of a label: default within so many months on book.

    `term_months`: only loans of that contract term have this label; None means loans of every term.
    """

    window_months: int
    default_days: int
    reporting_lag_days: int
    term_months: int | None = None

    @property
    def definition(self) -> str:
        """The label's name, with its horizon in it: `pd12`, `pd36`."""
        return f"pd{self.window_months}"


class LabelSettings(_Group):
    """When a label exists and is known.

    `window_months`: a loan is bad when it is `default_days` past due within so many months on book.
    `reporting_lag_days`: how long after the window closes a good is believed, because servicing reports late.
    `lifetime_terms_months`: loans of these terms get a second label beside it, default within the whole term. Models
    are learned from and judged by the main definition only.
    """

    window_months: int = Field(12, ge=1, le=60)
    default_days: int = Field(90, ge=30, le=180)
    reporting_lag_days: int = Field(30, ge=0, le=120)
    lifetime_terms_months: tuple[Annotated[int, Field(ge=1, le=120)], ...] = (36, 60)

    @model_validator(mode="after")
    def _each_term_is_named_once(self) -> Self:
        terms = self.lifetime_terms_months
        twice = next((term for place, term in enumerate(terms) if term in terms[:place]), None)
        if twice is not None:
            raise ValueError(f"lifetime_terms_months names {twice} twice; name each term once")
        return self

    @property
    def definition(self) -> str:
        """The main label's name, with its horizon in it: `pd12` by default."""
        return f"pd{self.window_months}"

    @property
    def targets(self) -> tuple[LabelTarget, ...]:
        """Every definition in the label store, the main one first; a term as long as its window has none of its own.

        Examples:
            >>> [target.definition for target in LabelSettings().targets]
            ['pd12', 'pd36', 'pd60']
        """
        days = {"default_days": self.default_days, "reporting_lag_days": self.reporting_lag_days}
        terms = sorted(set(self.lifetime_terms_months) - {self.window_months})
        lifetime = (LabelTarget(window_months=term, term_months=term, **days) for term in terms)
        return LabelTarget(window_months=self.window_months, **days), *lifetime


class TrainingSettings(_Group):
    """What a model learns from and what it must show before it serves.

    `promotion_margin`, `promotion_confidence`: by how much, and how surely, a challenger must rank better to take over.
    `evidence_growth_share`, `noninferiority_margin`: it takes over too if it learned from more defaults than the
    champion by this share, and at the same confidence ranks worse by no more than this margin of AUC; a margin of
    0 asks that it ranks better.
    `preferred_family`: which of two candidates leads that learned from as many defaults and cannot be told apart.
    `device`: where boosting grows its trees, `cpu` or `cuda`; scores are calculated on the processor either way.
    """

    feature_set: Literal["application", "priced"] = "application"
    min_matured_loans: int = Field(500, ge=50)
    min_matured_bads: int = Field(50, ge=10)
    evaluation_share: Share = 0.25
    calibration_share: Share = 0.2
    min_evaluation_bads: int = Field(15, ge=2)
    max_single_feature_auc: float = Field(0.75, gt=0.5, le=1.0)
    promotion_margin: float = Field(0.0, ge=0.0, le=0.2)
    promotion_confidence: float = Field(0.6, ge=0.5, lt=1.0)
    evidence_growth_share: float = Field(0.25, ge=0.0)
    noninferiority_margin: float = Field(0.02, ge=0.0, le=0.2)
    preferred_family: Literal["boosting", "scorecard"] = "boosting"
    seed: int = Field(20, ge=0, lt=1 << 31)
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _something_is_left_to_fit(self) -> Self:
        judged, left = self.evaluation_share, 1 - self.evaluation_share - self.calibration_share
        if not judged:
            raise ValueError("evaluation_share is 0, so no model could be judged; write 0.25 or so")
        if left < _LEAST_SHARE_TO_FIT - 1e-9:
            raise ValueError(
                f"evaluation_share and calibration_share leave {max(left, 0):.0%} of the loans to fit on; together "
                f"they may be {1 - _LEAST_SHARE_TO_FIT} at most"
            )
        _bads_among_loans(self.min_matured_bads, self.min_matured_loans)
        if self.min_evaluation_bads > self.min_matured_bads:
            raise ValueError(
                f"min_evaluation_bads is {self.min_evaluation_bads}, more than all of min_matured_bads, "
                f"{self.min_matured_bads}; lower the first or raise the second"
            )
        return self


class SelectionSettings(_Group):
    """Which features may enter a scorecard.

    `min_information_value`: what the bins of a feature must tell, and never less than chance alone would.
    `max_feature_psi`: how far its bins may have moved between the older and the newer half of the loans.
    `min_half_information_value`: what it must tell of the older and of the newer half of the defaults by the weights of
    the whole; below 0 it ranks the other way round there.
    `max_variance_inflation`: how much of its weights may be said by the others; 2.5 means three fifths.
    """

    min_information_value: float = Field(0.01, ge=0.0)
    max_feature_psi: float = Field(0.25, gt=0.0)
    min_half_information_value: float = 0.0
    max_variance_inflation: float = Field(2.5, gt=1.0)


class ScoreSettings(_Group):
    """Points of the score, bands of the grade and the cut-off that reasons speak about.

    Score = base_score at base_odds goods to one bad, `points_to_double_odds` more for each doubling. `grade_bounds` are
    upper bounds of the probability of default of grades A, B, C ...; one more grade lies above the last.
    `loss_given_default` is the share of the amount lent that a default costs; the swap set multiplies with it. Put your
    own experience there: the default is what the charged-off LendingClub loans of 2007 to 2010 lost after recoveries.
    """

    points_to_double_odds: float = Field(20.0, gt=0)
    base_score: float = 600.0
    base_odds: float = Field(50.0, gt=0)
    grade_bounds: tuple[float, ...] = (0.02, 0.035, 0.055, 0.08, 0.115, 0.165)
    approval_cutoff: float = Field(0.08, gt=0.0, lt=1.0)
    loss_given_default: Share = 0.6

    @model_validator(mode="after")
    def _bounds_rise(self) -> Self:
        bounds = self.grade_bounds
        if not bounds or len(bounds) > _MOST_GRADES - 1:
            raise ValueError(f"grade_bounds has {len(bounds)} bounds; write 1 to {_MOST_GRADES - 1}, rising")
        if not all(0 < bound < 1 for bound in bounds):
            raise ValueError("grade_bounds are probabilities of default; write each above 0 and below 1")
        fallen = next(((low, high) for low, high in pairwise(bounds) if low >= high), None)
        if fallen is not None:
            raise ValueError(f"grade_bounds must rise, and {fallen[1]} comes after {fallen[0]}; write them in order")
        if self.approval_cutoff < bounds[0]:
            raise ValueError(
                f"approval_cutoff is {self.approval_cutoff}, below the first of grade_bounds, {bounds[0]}, so that "
                "even grade A holds declined loans; raise it or begin the grades lower"
            )
        return self


class ScoringSettings(_Group):
    """What happens to loans that lie outside what the model was trained on.

    `outside_training`: what is done with a loan of which a value that matters to the model is missing though it never
    was in training, or is of a level never seen: `score` it as usual, `refer` it to a person (probability of default
    given, grade and decision withheld), or `refuse` it (nothing given).
    `max_outside_training_share`: a day with a larger share of such loans is alerted.
    """

    outside_training: Literal["score", "refer", "refuse"] = "refer"
    max_outside_training_share: Share = 0.1


class MonitoringSettings(_Group):
    """What monitoring looks at and when it speaks up."""

    policy: str = "cheapest_remedy_first"
    auc_threshold: float = Field(0.62, gt=0.5, lt=1.0)
    calibration_ratio_bounds: tuple[float, float] = (0.67, 1.5)
    psi_watch: float = Field(0.1, gt=0)
    psi_alert: float = Field(0.25, gt=0)
    quarantined_share_limit: Share = 0.05
    window_months: int = Field(12, ge=1, le=60)
    recent_days: int = Field(28, ge=7, le=366)
    min_recent_loans: int = Field(50, ge=10)
    min_matured_loans: int = Field(100, ge=20)
    min_matured_bads: int = Field(15, ge=2)
    confidence: float = Field(0.9, ge=0.5, lt=1.0)
    retrain_at_new_bads_share: float = Field(0.25, ge=0.0)

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> Self:
        low, high = self.calibration_ratio_bounds
        if not 0 < low < 1 < high:
            raise ValueError(
                f"calibration_ratio_bounds are {low} and {high}; write one above 0 and below 1, then one above 1, such "
                "as [0.67, 1.5]"
            )
        if self.psi_watch >= self.psi_alert:
            raise ValueError(
                f"psi_watch is {self.psi_watch} and must lie below psi_alert, {self.psi_alert}; lower the first or "
                "raise the second"
            )
        _bads_among_loans(self.min_matured_bads, self.min_matured_loans)
        if self.recent_days > self.window_months * _LONG_MONTH_DAYS:
            raise ValueError(
                f"recent_days is {self.recent_days}, longer than window_months, {self.window_months}; make the recent "
                "days fewer or the window longer"
            )
        return self


class HandoffSettings(_Group):
    """How long a retraining decision serves."""

    valid_days: int = Field(14, ge=1, le=366)


class AlertSettings(_Group):
    """Where alerts go: Apprise URLs, kept secret wherever settings are shown."""

    urls: tuple[SecretStr, ...] = ()


class SparkSettings(_Group):
    """Where Spark runs, for `engine = "spark"`.

    `master`: `local[2]`, `spark://host:7077`, `yarn`, `k8s://https://host:443`.
    `python`: the interpreter of the executors, which must have this package; empty means the one that runs this job.
    `tree_workers`: how many tasks grow a booster together; with one its trees are those of this machine, to the byte,
    with more each task draws its own sample of its own loans.
    `conf`: Spark's own settings, such as `"spark.executor.memory" = "8g"`.
    No card holds this group, since some of it may be secret; of it a card names `tree_workers` alone.
    """

    master: str = Field("local[2]", min_length=1)
    python: str = ""
    tree_workers: int = Field(1, ge=1, le=1024)
    conf: dict[str, str] = {}


class Settings(_Group):
    """All settings. Build it plainly in code and tests; load it with `load_settings` at the edge.

    Examples:
        >>> Settings().labels.definition
        'pd12'
    """

    landing: LandingSettings = LandingSettings()
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    labels: LabelSettings = LabelSettings()
    training: TrainingSettings = TrainingSettings()
    selection: SelectionSettings = SelectionSettings()
    scores: ScoreSettings = ScoreSettings()
    scoring: ScoringSettings = ScoringSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    handoff: HandoffSettings = HandoffSettings()
    alerts: AlertSettings = AlertSettings()
    engine: Literal["polars", "spark"] = "polars"
    spark: SparkSettings = SparkSettings()
    threads: int = Field(2, ge=1, le=256)


def load_settings(home: Path) -> Settings:
    """Read the settings of a home directory: environment over `p2pcredit.toml` over defaults.

    Raises:
        SettingsError: One line naming the first setting that is wrong, and the file or variable to mend.
    """
    file = home / "p2pcredit.toml"
    try:
        content = read_settings_file(file)
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}; mend it or move it away") from error
    _refuse_unknown_keys(file, content)
    refuse_unknown_variables(os.environ, _GROUPS)

    class _Loaded(BaseSettings, Settings):
        model_config = SettingsConfigDict(
            env_prefix="P2P_", env_nested_delimiter="__", extra="ignore", frozen=True, hide_input_in_errors=True
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, init_settings

    try:
        loaded = _Loaded(**content)
        return Settings(**{name: getattr(loaded, name) for name in Settings.model_fields})
    except ValidationError as error:
        raise SettingsError(f"{_told(error)}; mend it in {file} or in P2P_* variables") from error
    except UnparsableVariableError as error:
        raise SettingsError(_unparsable(error)) from None


_SAID = {
    "tuple_type": "it is no list; write a list, such as [36, 60]",
    "model_type": "it is a group of settings; write them under its name in brackets, each in a line",
    "model_attributes_type": "it is a group of settings; write them under its name in brackets, each in a line",
    "dict_type": "it is no group of names and values; write one",
}
"""What pydantic says in words of Python, by its type."""


def _told(error: ValidationError) -> str:
    """Say the first thing that is wrong: of a choice what was found and what there is, of others no value."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    where = ".".join(place)
    if first["type"] == "extra_forbidden" and len(place) == 2:
        return unknown_key(place[0], place[1], _GROUPS.get(place[0]) or ())
    if first["type"] == "literal_error":
        known = str(first["ctx"]["expected"])
        meant = perhaps(str(first["input"]), re.findall(r"'([^']*)'", known))
        return f"setting '{where}' is {str(first['input'])[:60]!r}{meant}; write {known}"
    said = _SAID.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ")
    return f"setting '{where}': {said}" if where else f"settings: {said}"


def _unparsable(error: UnparsableVariableError) -> str:
    group = re.search(r'for field "(\w+)"', str(error))
    variable = None if group is None else unparsable_variable(os.environ, group[1])
    if variable is None:
        return f'{error}; write lists in P2P_* variables as JSON, such as ["..."]'
    return f'the variable {variable} is not JSON; write a list such as [36, 60] or ["..."], a group as {{"name": 1}}'


def _refuse_unknown_keys(file: Path, content: dict[str, Any]) -> None:
    unknown = sorted(set(content) - set(_GROUPS))
    if unknown:
        meant = perhaps(unknown[0], _GROUPS).replace(",", ";", 1)
        raise SettingsError(f"{file}: unknown setting '{unknown[0]}'; known are {', '.join(sorted(_GROUPS))}{meant}")


def _names_in(kind: Any) -> tuple[str, ...] | None:
    return tuple(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else None


_GROUPS = {name: _names_in(field.annotation) for name, field in Settings.model_fields.items()}
"""Every setting or group at the top, with the names in the group; None where it is a plain value."""
