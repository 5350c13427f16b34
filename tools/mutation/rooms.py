"""Which modules decide, and which tests can notice a change in each: quick ones first, stopped at the first failure.

The table is written by hand: which tests can notice a change is known to the people who wrote them, and a run of all
tests under a tracer for each module would take longer than it saves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

ROOMS = {
    "retraining": ("retraining/*.py",),
    "monitoring": (
        "monitoring/*.py",
        "monitoring/metrics/*.py",
        "monitoring/policies/*.py",
        "monitoring/feeds/*.py",
    ),
    "models": (
        "models/absence_effects.py",
        "models/calibration.py",
        "models/outside_training.py",
        "models/binning/selection.py",
        "models/champion/challenge.py",
        "models/champion/gate.py",
        "models/champion/guards.py",
        "models/champion/recalibration.py",
        "models/champion/swap_set.py",
        "models/training/candidates.py",
        "models/training/splits.py",
    ),
    "transforms": (
        "transforms/labels.py",
        "transforms/outcomes.py",
        "transforms/unknown_outcomes.py",
        "transforms/features.py",
        "transforms/silver.py",
    ),
    "jobs": (
        "jobs/decisions.py",
        "jobs/gaps/find.py",
        "jobs/monitoring/*.py",
        "jobs/preprocessing/checks/day_checks.py",
        "jobs/preprocessing/catch_up.py",
        "jobs/preprocessing/completeness/*.py",
        "jobs/preprocessing/checks/quarantine_checks.py",
        "jobs/preprocessing/checks/unmatched_rows.py",
        "jobs/answering/landed_rows.py",
        "jobs/scoring/*.py",
        "jobs/training/maturity.py",
        "jobs/training/retrain.py",
        "jobs/training/snapshot.py",
        "jobs/training/comparing/swap_sets.py",
        "jobs/training/unknown_outcomes.py",
    ),
}
"""Globs below the package of each room."""

_GATHERED = ("tests/unit/gathering/*.py",)
_NIGHTS = (
    "tests/unit/jobs/test_handoff_taking_up.py",
    "tests/unit/jobs/test_handoff_unreadable_files.py",
    "tests/unit/jobs/test_handoff_failures_and_kills.py",
    "tests/unit/jobs/test_recalibration_handoff.py",
    "tests/unit/jobs/test_six_defects.py",
)
_WEEK = ("tests/unit/gathering/test_week*.py",)
_GROUND = ("tests/unit/gathering/test_training_ground.py",)
_FUTURE = "tests/robustness/properties/test_future_law.py"
_SWAPS = ("tests/unit/gathering/test_swap_sets.py",)

TESTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "retraining/*.py",
        (
            "tests/unit/retraining",
            "tests/unit/storage/test_ledger.py",
            "tests/unit/jobs/test_handoff_taking_up.py",
            "tests/robustness/protocol/test_found_schedules.py",
        ),
    ),
    ("monitoring/feeds/payments.py", ("tests/unit/monitoring/test_payments.py",)),
    (
        "monitoring/feeds/*.py",
        (
            "tests/unit/monitoring/test_schema_drift.py",
            "tests/unit/monitoring/test_levels.py",
            "tests/unit/monitoring/test_texts.py",
            "tests/unit/monitoring/test_plausibility.py",
            "tests/unit/jobs/test_quarantine_checks.py",
        ),
    ),
    ("monitoring/*.py", ("tests/unit/monitoring/*_by_hand.py", "tests/unit/monitoring")),
    (
        "models/training/candidates.py",
        (
            "tests/unit/models/test_candidates_by_hand.py",
            "tests/unit/models/test_devices.py",
            "tests/unit/models/test_training.py",
            "tests/unit/models/test_selection.py",
            "tests/unit/models/test_unmatured_levels.py",
            "tests/unit/models/test_scoring.py",
        ),
    ),
    (
        "models/calibration.py",
        (
            "tests/unit/models/test_splitting_calibration_hazard.py",
            "tests/unit/models/test_points_table.py",
            "tests/unit/models/test_recalibration.py",
            "tests/unit/models/test_reasons.py",
        ),
    ),
    (
        "models/training/splits.py",
        ("tests/unit/models/test_splitting_calibration_hazard.py", "tests/unit/models/test_unmatured_levels.py"),
    ),
    (
        "models/outside_training.py",
        ("tests/unit/models/test_outside_training.py", "tests/unit/models/test_terms_learned_from.py"),
    ),
    ("models/*.py", ("tests/unit/models/test_{name}_*.py", "tests/unit/models/test_{name}.py")),
    ("transforms/silver.py", ("tests/unit/transforms/test_silver.py", "tests/unit/transforms/test_typing_of_text.py")),
    ("transforms/features.py", ("tests/unit/transforms/test_features.py", _FUTURE)),
    (
        "transforms/*.py",
        ("tests/unit/transforms/test_outcomes.py", "tests/unit/transforms/test_labels.py", _FUTURE),
    ),
    ("jobs/monitoring/matured_loans.py", ("tests/unit/gathering/test_matured_loans.py", *_WEEK, "tests/unit/api")),
    ("jobs/answering/landed_rows.py", ("tests/unit/jobs/test_landed_rows.py", "tests/unit/api")),
    ("jobs/monitoring/week.py", _WEEK),
    ("jobs/monitoring/steps.py", _WEEK),
    ("jobs/monitoring/report.py", _WEEK),
    ("jobs/training/maturity.py", (*_GROUND, "tests/unit/jobs/test_maturity.py")),
    ("jobs/training/snapshot.py", (*_GROUND, *_SWAPS)),
    ("jobs/training/comparing/swap_sets.py", (*_SWAPS, *_GROUND, "tests/unit/jobs/test_serving.py")),
    ("jobs/scoring/score.py", ("tests/unit/gathering/test_catching_up.py", "tests/unit/jobs/test_inference_job.py")),
    (
        "jobs/training/retrain.py",
        ("tests/unit/gathering/test_trainings_in_the_ledger.py", *_NIGHTS, "tests/unit/jobs/test_floor.py"),
    ),
    (
        "jobs/decisions.py",
        (*_NIGHTS, "tests/unit/jobs/test_looking_at_a_home.py", "tests/robustness/hostile/test_decision_files.py"),
    ),
    (
        "jobs/monitoring/alerts.py",
        (
            "tests/unit/gathering/test_alerts.py",
            "tests/unit/jobs/test_alerting.py",
            "tests/robustness/hostile/test_secrets.py",
        ),
    ),
    (
        "jobs/scoring/champions.py",
        (
            "tests/unit/jobs/test_serving.py",
            "tests/unit/gathering/test_swap_sets.py",
            "tests/unit/jobs/test_inference_job.py",
        ),
    ),
    ("jobs/scoring/scored_loans.py", ("tests/unit/jobs/test_scored_loans.py", "tests/unit/jobs/test_inference_job.py")),
    ("jobs/monitoring/review.py", ("tests/unit/gathering/test_week_review.py",)),
    (
        "jobs/training/unknown_outcomes.py",
        (
            "tests/unit/jobs/test_unknown_outcomes.py",
            "tests/unit/jobs/test_leak_detection.py",
            "tests/unit/gathering/test_why_outcomes_are_unknown.py",
        ),
    ),
    (
        "jobs/preprocessing/completeness/day_receipts.py",
        ("tests/unit/gathering/test_day_receipts.py", "tests/unit/jobs/test_values_lost.py"),
    ),
    ("jobs/landing/payments.py", ("tests/unit/jobs/test_landed_payments.py",)),
    ("jobs/landing/sizes.py", ("tests/unit/jobs/test_landed_sizes.py",)),
    ("jobs/gaps/find.py", ("tests/unit/gathering/test_gaps.py", "tests/unit/gathering/test_weeks_passed_over.py")),
    (
        "jobs/preprocessing/catch_up.py",
        ("tests/unit/jobs/test_making_up_days.py", "tests/unit/gathering/test_catching_up.py"),
    ),
    ("jobs/preprocessing/completeness/kept_facts.py", ("tests/unit/jobs/test_kept_facts.py",)),
    (
        "jobs/preprocessing/completeness/*.py",
        ("tests/unit/jobs/test_same_landing_files.py", "tests/unit/jobs/test_reconciliation.py"),
    ),
    (
        "jobs/preprocessing/*.py",
        (
            "tests/unit/jobs/test_{name}.py",
            "tests/unit/jobs/test_values_lost.py",
            "tests/unit/jobs/test_preprocessing_job.py",
        ),
    ),
    ("jobs/*.py", _GATHERED),
)
"""The first glob that a module matches says its tests; `{name}` is the name of the module."""

ON_PURPOSE: tuple[tuple[str, str, str, str], ...] = (
    (
        "jobs/monitoring/week.py",
        "set_aside[feed] - declared[feed]) for feed",
        "0) for feed",
        "quarantined rows are never counted",
    ),
    ("jobs/monitoring/week.py", "max(known, default=", "min(known, default=", "the bads known at the oldest training"),
    (
        "jobs/monitoring/week.py",
        "state().champion_on(self.week_end)",
        "state().champion",
        "today's champion for a past week",
    ),
    (
        "jobs/monitoring/matured_loans.py",
        'unique("loan_id", keep="last"',
        'unique("loan_id", keep="first"',
        "a loan's older label",
    ),
    (
        "transforms/labels.py",
        ">= EARLY_DAYS, ~foretells()",
        "> EARLY_DAYS, ~foretells()",
        "exactly 30 days past due is not late",
    ),
    ("transforms/labels.py", ">= EARLY_DAYS, ~foretells()", ">= EARLY_DAYS", "a sign made from a later status counts"),
    (
        "jobs/scoring/score.py",
        "if state.champion_on(d) and",
        "if state.champion_on(d) == state.champion_on(day) and",
        "missed nights of an earlier champion are never scored",
    ),
    (
        "jobs/scoring/score.py",
        "_scored_loans(state, d) != loans.counts.get(d, 0)",
        "_scored_loans(state, d) == loans.counts.get(d, 0)",
        "missed nights are never scored",
    ),
    (
        "jobs/training/comparing/swap_sets.py",
        "unseen_from = max(",
        "unseen_from = min(",
        "a swap set of loans that one side had seen",
    ),
    (
        "models/champion/recalibration.py",
        "return loans[:cut], loans[cut:]",
        "return loans, loans",
        "a recalibration is judged on the loans it was fitted on",
    ),
)
"""Changes that the operators do not make: module, what stands there, what is put there, and what goes wrong."""


def modules(package: Path, rooms: Sequence[str]) -> list[Path]:
    """List the modules of rooms, or of a glob such as `jobs/monitoring/week.py`, in order.

    Raises:
        ValueError: If a name is neither a room nor a glob with a module.
    """
    found: dict[Path, None] = {}
    for room in rooms or list(ROOMS):
        paths = [path for glob in ROOMS.get(room, (room,)) for path in sorted(package.glob(glob))]
        if not paths:
            raise ValueError(f"no room and no module is called '{room}'; rooms are {', '.join(ROOMS)}")
        found.update(dict.fromkeys(path for path in paths if path.name != "__init__.py"))
    return list(found)


def tests_of(module: str, root: Path) -> list[str]:
    """List the doctests of a module, then the test files that can notice a change in it, in the order of the table.

    Behind those of the table come the tests of the same room that import the module, so that a new file is not missed;
    not those of the jobs, whose tests build homes that take long.

    Args:
        module: Its path below the package, such as `jobs/monitoring/week.py`.
        root: The root of the repository.
    """
    named = next(tests for glob, tests in TESTS if fnmatch(module, glob))
    found: dict[str, None] = {}
    source = root / "src" / "p2pcredit" / module
    if ">>> " in source.read_text():
        found[str(source.relative_to(root))] = None
    for test in named:
        for path in sorted(root.glob(test.format(name=source.stem))):
            if path.is_dir() or path.name.startswith("test_"):
                found[str(path.relative_to(root))] = None
    room, within = module.split("/")[0], source.parent.relative_to(root / "src").as_posix().replace("/", ".")
    imported = re.compile(
        rf"\b{re.escape(within)}\.{source.stem}\b|\bfrom {re.escape(within)} import .*\b{source.stem}\b"
    )
    for path in sorted((root / "tests" / "unit" / room).glob("test_*.py")) if room != "jobs" else ():
        inside = str(path.relative_to(root)) in found or str(path.parent.relative_to(root)) in found
        if not inside and imported.search(path.read_text()):
            found[str(path.relative_to(root))] = None
    return list(found)
