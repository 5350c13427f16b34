"""The half page in front of an evidence pack: what for, on what, how good, with which limits, and who signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.reporting.evidence.words import between, in_words, number, percent, signed, whole
from p2pcredit.reporting.inventory import person, served_words

Facts = Mapping[str, Any]

_MOST_LIMITS = 5
_ORDER_OF_LIMITS = ("ranking", "calibration", "lifetime", "stability", "data", "groups", "use")


def summary_of(facts: Facts, sign_off: Facts | None) -> list[dict[str, Any]]:
    """Sum a pack up for a committee, from its own facts and from who signed.

    Args:
        facts: The facts of the pack.
        sign_off: Who answers for the model by now; None where the page says nothing of it.

    Returns:
        Five parts, each with `title` and `lines`.
    """
    return [
        {"title": "What it is for", "lines": _purpose(facts)},
        {"title": "On what", "lines": _basis(facts)},
        {"title": "How good", "lines": _quality(facts)},
        {"title": "Limits", "lines": _limits(facts)},
        {"title": "Who signed", "lines": _signatures(facts, sign_off)},
    ]


def _purpose(facts: Facts) -> list[str]:
    definition, cutoff = facts["data"]["definition"], facts["method"]["score"]["approval_cutoff"]
    return [
        f"Probability that a loan is {definition['default_days']} days past due or worse within "
        f"{definition['window_months']} months on book ({definition['name']}), from what was known at application; for "
        f"grading, pricing and declining above {percent(cutoff)}."
    ]


def _basis(facts: Facts) -> list[str]:
    model, matured, periods = facts["model"], facts["data"]["matured"], facts["data"]["periods"]
    used = sum(row["in_model"] for row in facts["features"])
    origin = f"a new calibration of {facts['method']['parent']}" if facts["method"]["parent"] else "trained anew"
    lines = [
        f"{model['family'].capitalize()}, target {in_words(model['target'])}, {origin} as of {model['as_of']}; {used} "
        f"features; {whole(matured['n'])} matured loans with {whole(matured['bads'])} bads."
    ]
    test = periods.get("evaluate")
    if test is not None and test["first"] is not None:
        lines.append(
            f"Judged on {whole(test['n'])} loans of {test['first']} to {test['last']} with {whole(test['bads'])} bads, "
            "later than all that the evaluation model had seen."
        )
    return lines


def _quality(facts: Facts) -> list[str]:
    performance, sure = facts["performance"], f"{facts['model']['confidence']:.0%}"
    auc, ratio = performance["discrimination"]["auc"], performance["calibration"]["ratio"]
    lines = [
        *_within(performance.get("within"), sure),
        f"AUC {number(auc['value'])} ({between(auc['low'], auc['high'])}, {sure} interval), all loans pooled.",
        f"Bads seen over bads expected {number(ratio['value'], 2)} ({between(ratio['low'], ratio['high'], 2)}).",
    ]
    for key, name in (("sub_grade", "the platform's own sub-grade"), ("logistic", "a plain logistic regression")):
        lead = None if performance[key] is None else performance[key]["difference"]
        if lead is not None:
            lines.append(f"AUC against {name} {signed(lead['value'])} ({between(lead['low'], lead['high'])}).")
    gate = facts["verdict"].get("gate")
    if gate is not None:
        lines.append(f"Floor under every model: {gate['status']}.")
        lines += _guards(gate)
    return lines


def _within(within: Facts | None, sure: str) -> list[str]:
    """Say how pairs of one quarter and term are ranked; nothing of packs that an older version made."""
    if within is None:
        return []
    own, lead = within["auc"], within["sub_grade"]
    if own["value"] is None:
        return ["No quarter and term has both bads and goods, so ranking within them is not known."]
    told = f"AUC within quarter and term {number(own['value'])} ({between(own['low'], own['high'])}, {sure} interval)"
    if lead is None or lead["value"] is None:
        return [f"{told}."]
    return [f"{told}, {signed(lead['value'])} ({between(lead['low'], lead['high'])}) against the platform's own grade."]


def _guards(gate: Facts) -> list[str]:
    """Say by which kind of change the model came, and which guards did not pass; nothing of older packs."""
    if not gate.get("guards"):
        return []
    open_ones = [f"{one['name']} ({one['status']})" for one in gate["guards"] if one["status"] != "pass"]
    passed = len(gate["guards"]) - len(open_ones)
    named = f"; {', '.join(open_ones)}" if open_ones else ""
    return [f"Kind of change: {gate['kind']}; {passed} of {len(gate['guards'])} guards pass{named}."]


def _limits(facts: Facts) -> list[str]:
    """Take the first limit of each kind, of at most five kinds; the section lists all."""
    first: dict[str, str] = {}
    for limit in facts["limits"]:
        first.setdefault(limit["about"], limit["text"])
    lines = [first[about] for about in _ORDER_OF_LIMITS if about in first][:_MOST_LIMITS]
    left = len(facts["limits"]) - len(lines)
    return [*lines, f"{left} more under Assumptions and limits."] if left else lines


def _signatures(facts: Facts, sign_off: Facts | None) -> list[str]:
    if sign_off is None:
        return [
            "This page was made when the model was trained, so it can name no person. "
            f"'p2pcredit models evidence {facts['model']['model_id']}' writes it with who signed by now."
        ]
    trained = "" if sign_off["trained_on"] is None else f" on {sign_off['trained_on']}"
    return [
        f"Developed by {person(sign_off['developer'])}; trained by {person(sign_off['trained_by'])}{trained}; role: "
        f"{sign_off['role']}.",
        *_approval(sign_off),
        *_service(sign_off),
        *_findings(sign_off),
        f"As the ledger said on {sign_off['stated_on']}; 'p2pcredit models evidence' writes this page anew.",
    ]


def _approval(sign_off: Facts) -> list[str]:
    given, refused = sign_off["approval"], sign_off["refused"]
    lines = []
    if sign_off["role"] == "waits for approval":
        lines.append(f"Promoted by {person(sign_off['promoted_by'])}; it waits for approval and does not serve.")
    if refused is not None:
        lines.append(f"Refused by {person(refused['by'])} on {refused['on']}: {refused['why']}.")
    if given is None:
        return lines or ["No person has approved it."]
    until = "" if given["until"] is None else f", until {given['until']}"
    lines.append(f"Approved by {given['by']} on {given['on']}{until}: {given['why']}.")
    if given["conditions"] is not None:
        lines.append(f"Conditions: {given['conditions']}.")
    return lines


def _service(sign_off: Facts) -> list[str]:
    lines = [f"Served: {served_words(sign_off)}."] if sign_off["served"] else []
    if sign_off["next_review"] is not None:
        lines.append(f"Next review: {sign_off['next_review']}{', overdue' if sign_off['review_overdue'] else ''}.")
    if sign_off["retired_on"] is not None:
        lines.append(f"Out of use since {sign_off['retired_on']}.")
    return lines


def _findings(sign_off: Facts) -> list[str]:
    still = [f"{one['number']}: {one['text']}" for one in sign_off["findings"] if one["closed_on"] is None]
    if not sign_off["findings"]:
        return []
    named = f" ({'; '.join(still)})" if still else ""
    return [f"Findings: {sign_off['findings_open']} open{named}, {sign_off['findings_closed']} closed."]


__all__ = ["summary_of"]
