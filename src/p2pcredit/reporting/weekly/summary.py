"""The sentences at the head of the weekly report: what is known, what is not yet known, what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from p2pcredit.models.champion.guards import below_a_bar
from p2pcredit.monitoring.policies.shared import score_in_words
from p2pcredit.reporting.weekly.words import metric_in_words, segment_in_words

MOST_TOLD = 6
_TOLD_HOLES = 3


def summarise(facts: Mapping[str, Any], gaps: Sequence[str], approvals: Sequence[str]) -> dict[str, list[str]]:
    """Write what is known, what is not yet known, and what was decided: sentences for a risk analyst."""
    found = {(row["metric"], row["segment"]): row for row in facts["results"]}
    since = (facts["book"] or {}).get("since")
    of = "the week" if since is None or since >= _first_day(facts) else f"the weeks since {since}"
    days = ([], []) if facts["days"] is None else days_in_words(facts["days"], of)
    return {
        "known": [*_what_is_known(found, facts), *days[0]],
        "unknown": [*_what_is_unknown(found, facts), *days[1], *(f"Passed over: {line}." for line in gaps)],
        "decided": [*_what_was_decided(facts), *(f"{line[:1].upper()}{line[1:]}." for line in approvals)],
    }


def _first_day(facts: Mapping[str, Any]) -> str:
    return (date.fromisoformat(facts["week_end_date"]) - timedelta(days=6)).isoformat()


def days_in_words(found: Mapping[str, Any], of: str) -> tuple[list[str], list[str]]:
    """Say for the report what is known and what is not known of its days.

    Args:
        found: How many days are `complete`, `with_holes`, `undetermined` and `not_taken_in` (named among the gaps), and
            the `holes`, each in a line.
        of: The days, in words.

    Examples:
        >>> week = {"complete": 7, "with_holes": 0, "undetermined": 0, "not_taken_in": 0, "holes": []}
        >>> days_in_words(week, "the week")[0]
        ['All that landed for the 7 days of the week is in the tables.']
        >>> days_in_words({**week, "complete": 5, "not_taken_in": 2}, "the week")[0]
        ['All that landed for the 5 days of the week that were taken in is in the tables.']
    """
    known: list[str] = []
    unknown: list[str] = []
    days = found["complete"] + found["with_holes"] + found["undetermined"]
    if found["not_taken_in"]:
        of = f"{of} that were taken in"
    if found["with_holes"] or found["holes"]:
        named = found["holes"]
        more = f" and {len(named) - _TOLD_HOLES} more" if len(named) > _TOLD_HOLES else ""
        known.append(f"Of the {days} days of {of}, not all is in the tables: {'; '.join(named[:_TOLD_HOLES])}{more}.")
    elif found["complete"] and not found["undetermined"]:
        known.append(f"All that landed for the {days} days of {of} is in the tables.")
    if found["undetermined"]:
        unknown.append(
            f"Of {found['undetermined']} of the {days} days of {of} it is not known whether all that landed is in the "
            "tables."
        )
    return known, unknown


_Found = Mapping[tuple[str, str], Mapping[str, Any]]
"""Metric and segment -> its result."""


def _what_is_known(found: _Found, facts: Mapping[str, Any]) -> list[str]:
    said = [
        *_ranking(found, facts),
        *_defaults_to_date(facts),
        *_over_whole_terms(found),
        *_drift(facts),
        *_rows_and_values(facts),
        *_unknown_outcomes(found),
        *_floor(facts),
        *_outside_training(found),
    ]
    return said or ["Nothing about the model could be measured this week."]


def _ranking(found: _Found, facts: Mapping[str, Any]) -> list[str]:
    """Say how the champion ranked, or else the service as a whole; nothing where neither has matured loans."""
    for segment, who in (("champion", "The champion"), ("all", "The service as a whole")):
        auc = found.get(("auc", segment))
        if auc is None or auc["value"] is None:
            continue
        words = (
            score_in_words(auc["value"], "", facts["thresholds"]["auc"])
            .removeprefix("Performance score ")
            .replace(" ", ", ", 1)
        )
        beyond = {"fail": "beyond its interval", "pass": "", "undetermined": "but not beyond its interval"}
        interval = "" if auc["low"] is None or auc["high"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
        ranked = f"{who} ranked {auc['n']:,} matured loans with an AUC of {words} {beyond[auc['status']]}".rstrip()
        said = [f"{ranked}{interval}."]
        ratio = found.get(("calibration_ratio", segment))
        if ratio is not None and ratio["value"] is not None:
            said.append(f"For each 100 defaults it expected among them, {100 * ratio['value']:.0f} came.")
        own = found.get(("auc_minus_sub_grade", segment))
        if own is not None and own["value"] is not None:
            sure = own["low"] is not None and own["high"] is not None and (own["low"] > 0 or own["high"] < 0)
            place = "above" if own["value"] >= 0 else "below"
            doubt = "" if sure else ", within what chance allows"
            said.append(f"Its AUC lies {abs(own['value']):.3f} {place} that of the platform's own sub-grade{doubt}.")
        return said
    return []


def _defaults_to_date(facts: Mapping[str, Any]) -> list[str]:
    heat = facts["heat"]
    if heat is None or not heat["failed"]:
        return []
    named = _first_of(heat["failed"], "; ")
    return [f"Defaults by now differ from those expected, beyond chance, in {named}."]


def _over_whole_terms(found: _Found) -> list[str]:
    whole = found.get(("lifetime_ratio", "all"))
    if whole is None or whole["value"] is None:
        return []
    came = f"{100 * whole['value']:.0f} defaulted within it for each 100 expected"
    return [f"Of the {whole['n']:,} loans whose term is over, {came}."]


def _drift(facts: Mapping[str, Any]) -> list[str]:
    drift = [row for row in facts["results"] if row["metric"].startswith("psi") and row["value"] is not None]
    alarmed = [metric_in_words(row["metric"]) for row in drift if row["status"] == "fail"]
    if not drift:
        return []
    if not alarmed:
        return [f"None of {len(drift)} columns moved to the alert level."]
    return [
        f"{len(alarmed)} of {len(drift)} columns moved to the alert level or beyond: {', '.join(alarmed[:MOST_TOLD])}."
    ]


def _rows_and_values(facts: Mapping[str, Any]) -> list[str]:
    """Say of which feeds too many rows were set aside, and of which columns values could not be used."""
    said: list[str] = []
    broken = [
        row["segment"] for row in facts["results"] if row["metric"] == "quarantined_share" and row["status"] == "fail"
    ]
    if broken:
        said.append(f"Too many rows were quarantined in {', '.join(segment_in_words(s) for s in broken)}.")
    unusable = [
        f"{segment_in_words(row['segment'])} ({row['note']})"
        for row in facts["results"]
        if row["metric"] == "values_lost_share" and row["value"] is not None
    ]
    if unusable:
        said.append(f"Values could not be used in {_first_of(unusable, ', ')}.")
    return said


def _unknown_outcomes(found: _Found) -> list[str]:
    unknown = found.get(("unknown_outcome_share", "all"))
    if unknown is None or not unknown["value"]:
        return []
    return [f"The outcome of {unknown['value']:.1%} of the scored loans cannot be known: {unknown['note']}."]


def _floor(facts: Mapping[str, Any]) -> list[str]:
    """Say where the champion serves though it does not pass what models must pass to serve."""
    gate = (facts["champion"] or {}).get("gate")
    if gate is None:
        return []
    if gate["status"] != "pass":
        return [f"The champion does not pass the floor that models must pass to serve: {gate['reason']}."]
    if below_a_bar(gate):
        return [f"The champion serves by a person's word; its training kept it back: {gate['ruling']}."]
    return []


def _outside_training(found: _Found) -> list[str]:
    outside = found.get(("outside_training_share", "all"))
    if outside is None or not outside["value"]:
        return []
    return [f"Outside what the model was trained on: {outside['note']}."]


def _first_of(named: Sequence[str], between: str) -> str:
    """Name the first few, and count the others."""
    more = f" and {len(named) - MOST_TOLD} more" if len(named) > MOST_TOLD else ""
    return f"{between.join(named[:MOST_TOLD])}{more}"


def _what_is_unknown(found: _Found, facts: Mapping[str, Any]) -> list[str]:
    said: list[str] = []
    served, own = found.get(("auc", "all")), found.get(("auc", "champion"))
    waiting = 0.0 if served is None or served["matured_share"] is None else 1 - served["matured_share"]
    if waiting > 0:
        said.append(
            f"{waiting:.0%} of the loans scored since the judged window began have no outcome yet: a loan is "
            f"judged {facts['thresholds']['label_months']} months and {facts['thresholds']['label_lag_days']} days "
            "after it began."
        )
    early = found.get(("late30_within_3m", "all"))
    if early is not None:
        said.append(f"Early delinquency tells nothing here: {early['note']}.")
    for row, who in ((served, "the service"), (own, "the champion")):
        if row is not None and row["value"] is None:
            said.append(f"Matured performance of {who} is undetermined: {row['note']}.")
    estimate = found.get(("auc_estimate", "champion")) or found.get(("auc_estimate", "all"))
    if estimate is not None and estimate["value"] is not None:
        said.append(
            f"For the {estimate['n']:,} newest loans the probabilities imply an AUC of {estimate['value']:.3f}: an "
            "estimate, which holds only if they are calibrated."
        )
    open_checks = sum(1 for row in facts["results"] if row["threshold"] is not None and row["status"] == "undetermined")
    if open_checks:
        said.append(f"{open_checks} checks are undetermined; none of them counts as passed.")
    return said


def _what_was_decided(facts: Mapping[str, Any]) -> list[str]:
    decision = facts["decision"]
    if decision is None:
        return ["No decision was taken."]
    remedies = {
        "none": "No action.",
        "repair_data": "Repair the data; no retraining.",
        "watch": "Watch; no retraining.",
        "recalibrate": "Recalibrate; no full retraining.",
        "retrain": "Retrain the model.",
    }
    usual = "Retrain the model." if decision.get("retrain") is True else "No retraining."
    said = [remedies.get(str(decision.get("remedy")), usual), str(decision.get("reason", ""))]
    told = []
    if decision.get("kind") and decision.get("trigger"):
        told.append(f"Asked for: {decision['kind']}, on the trigger {_spaced(decision['trigger'])}.")
    due = decision.get("next_refresh_on")
    if due:
        asked = str(due) <= str(facts["week_end_date"])
        told.append(f"The calendar has asked since {due}." if asked else f"The calendar asks next on {due}.")
    return [*said, " ".join(told)] if told else said


def _spaced(name: object) -> str:
    return str(name).replace("_", " ")
