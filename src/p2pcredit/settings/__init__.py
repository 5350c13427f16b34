"""Every number that a user may turn, in one frozen, validated tree, and where it is read from.

Defaults stand in the groups. A home directory may hold `p2pcredit.toml`; environment variables `P2P_<GROUP>__<NAME>`
override it. Only the command line, the DAGs and `open_home` call `load_settings`; everything below takes a `Settings`
as an argument. `describe_settings` lists every setting with its type, default, bounds and meaning.
"""

from p2pcredit.settings.governance import GovernanceSettings, TrackingSettings
from p2pcredit.settings.labels import EARLY_DAYS, LONGEST_WINDOW_MONTHS, LabelSettings, LabelTarget
from p2pcredit.settings.load import load_settings
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
from p2pcredit.settings.serving import ROLES, Role, ServingSettings, roles_of
from p2pcredit.settings.training import SelectionSettings, TrainingSettings
from p2pcredit.settings.tree import Settings

__all__ = [
    "EARLY_DAYS",
    "LONGEST_WINDOW_MONTHS",
    "ROLES",
    "AlertSettings",
    "GovernanceSettings",
    "HandoffSettings",
    "LabelSettings",
    "LabelTarget",
    "LandingSettings",
    "MoneySettings",
    "MonitoringSettings",
    "PopulationSettings",
    "PreprocessingSettings",
    "Role",
    "ScoreSettings",
    "ScoringSettings",
    "SelectionSettings",
    "ServingSettings",
    "Settings",
    "SparkSettings",
    "TrackingSettings",
    "TrainingSettings",
    "load_settings",
    "roles_of",
]
