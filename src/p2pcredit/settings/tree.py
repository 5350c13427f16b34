"""The tree of all settings, and the names in it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from p2pcredit.settings.governance import GovernanceSettings, TrackingSettings
from p2pcredit.settings.group import Group
from p2pcredit.settings.labels import LabelSettings
from p2pcredit.settings.money import MoneySettings
from p2pcredit.settings.operation import (
    AlertSettings,
    HandoffSettings,
    LandingSettings,
    MonitoringSettings,
    PopulationSettings,
    PreprocessingSettings,
    SparkSettings,
)
from p2pcredit.settings.scores import ScoreSettings, ScoringSettings
from p2pcredit.settings.serving import ServingSettings
from p2pcredit.settings.training import SelectionSettings, TrainingSettings


class Settings(Group):
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
    money: MoneySettings = MoneySettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    population: PopulationSettings = PopulationSettings()
    handoff: HandoffSettings = HandoffSettings()
    governance: GovernanceSettings = GovernanceSettings()
    tracking: TrackingSettings = TrackingSettings()
    serving: ServingSettings = ServingSettings()
    alerts: AlertSettings = AlertSettings()
    engine: str = Field(
        "polars",
        description="What runs the transforms and fits: `polars` on one machine, `spark` on many, `auto` for Spark "
        "from `spark.from_rows` rows on and Polars below, or an engine that another package adds by an entry point in "
        "`p2pcredit.engines`.",
    )
    spark: SparkSettings = SparkSettings()
    threads: int = Field(2, ge=1, le=256, description="Threads that the fits of a training share among them.")


def _names_in(kind: Any) -> tuple[str, ...] | None:
    return tuple(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else None


GROUPS = {name: _names_in(field.annotation) for name, field in Settings.model_fields.items()}
"""Every setting or group at the top, with the names in the group; None where it is a plain value."""
