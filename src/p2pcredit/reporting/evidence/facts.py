"""All facts of a model's evidence as one plain dict of JSON values; the page is made from nothing else."""

from __future__ import annotations

import json
from typing import Any

from p2pcredit.contracts.reviews import FEATURE_SETS
from p2pcredit.models.champion.realised import summed_up
from p2pcredit.reporting.evidence.development import data_facts, feature_facts, method_facts
from p2pcredit.reporting.evidence.guidance import guidance_facts
from p2pcredit.reporting.evidence.limits import limits_of
from p2pcredit.reporting.evidence.outcomes import fairness_facts, performance_facts, stability_facts
from p2pcredit.reporting.evidence.subject import Subject
from p2pcredit.reporting.plain import plain

SCHEMA_VERSION = 3
_OF_VERDICT = ("promoted", "reason", "gate", "champion_id", "comparison", "recalibration")


def build_evidence(subject: Subject) -> dict[str, Any]:
    """Collect the facts for and against a model.

    Returns:
        A dict of JSON values without NaN: `schema_version`, `model`, `data`, `features`, `method`, `limits`,
        `term_structure` (None where too few defaults taught one), `performance`, `fairness`, `stability`, `monitoring`,
        `verdict`, `past_promotions`, `swap_set`, `provenance`, `guidance`. Every number follows from the lake at the
        Delta versions named in `provenance`, the settings, the models named and the code.
    """
    limits = subject.settings.monitoring
    facts: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "model": {
            **{key: subject.card[key] for key in ("model_id", "family", "target", "origin", "as_of", "definition")},
            "feature_sets": [
                {"name": name, "about": FEATURE_SETS[name]} for name in subject.settings.training.feature_sets
            ],
            "confidence": subject.confidence,
        },
        "data": data_facts(subject),
        "features": feature_facts(subject),
        "method": method_facts(subject),
        "term_structure": subject.card["term_structure"],
        "performance": performance_facts(subject),
        "fairness": fairness_facts(subject),
        "stability": stability_facts(subject),
        "monitoring": {
            "policy": limits.policy,
            "auc_threshold": limits.auc_threshold,
            "calibration_ratio_bounds": list(limits.calibration_ratio_bounds),
            "psi_watch": limits.psi_watch,
            "psi_alert": limits.psi_alert,
            "window_months": limits.window_months,
        },
        "verdict": {key: subject.card[key] for key in _OF_VERDICT},
        "past_promotions": {
            "promotions": [dict(one) for one in subject.promotions],
            "summary": summed_up(subject.promotions),
        },
        "swap_set": subject.swap_set,
        "provenance": dict(subject.provenance),
        "guidance": guidance_facts(),
    }
    facts["limits"] = limits_of(facts)
    told: dict[str, Any] = json.loads(json.dumps(plain(facts), sort_keys=True))
    return told  # in the order in which the file holds them, so that the page is the same from either
