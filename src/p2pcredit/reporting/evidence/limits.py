"""The known weaknesses of a model, said from its own facts: nothing here is written by hand for one model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

FEW_BADS = 200
SHORT_HISTORY_MONTHS = 24
OVERFIT_GAP = 0.1
MUCH_UNSEEN = 0.25
FEW_DEFAULTS_OF_TERM = 50
MOST_TERMS = 3
QUARTERS_OF_A_CYCLE = 20

Facts = Mapping[str, Any]


def limits_of(facts: Facts) -> list[dict[str, str]]:
    """List what a reader must know before relying on this model.

    Args:
        facts: The facts of the pack, all sections but the limits.

    Returns:
        `about` (`data`, `ranking`, `calibration`, `lifetime`, `stability`, `groups`, `use`) and `text`, one sentence or
        two each.
    """
    found = [
        *_data(facts),
        *_ranking(facts),
        *_calibration(facts),
        *_lifetime(facts),
        *_stability(facts),
        *_groups(facts),
        *_use(facts),
    ]
    return [{"about": about, "text": text} for about, text in found]


def _data(facts: Facts) -> list[tuple[str, str]]:
    said = []
    bads = facts["performance"]["population"]["bads"]
    if bads < FEW_BADS:
        said.append(f"Only {bads} bads judge the model; every interval is wide, and small differences cannot be seen.")
    months = _months(facts["data"]["periods"])
    if months is not None and months < SHORT_HISTORY_MONTHS:
        said.append(f"The matured loans span {months} months of origination; no full credit cycle has been seen.")
    steps = {row["step"]: int(row["n"]) for row in facts["data"]["flow"]}
    unknown, loans = steps.get("outcome unknown", 0), steps.get("loans", 0)
    if unknown:
        said.append(
            f"The outcome of {unknown:,} of {loans:,} loans cannot be known, as an event of theirs is in quarantine. "
            "They taught and judged nothing; had they ended worse than the others, the probabilities would be too low."
        )
    absent = [f["name"] for f in facts["features"] if f["missing_share"] == 1.0]
    if absent:
        said.append(f"{len(absent)} allowed features are not given by the platform: {', '.join(absent)}.")
    said.append(
        "Only loans that were funded are in the data. How declined applicants would have paid is not known, so the "
        "probabilities hold for borrowers like those funded."
    )
    return [("data", text) for text in said]


def _ranking(facts: Facts) -> list[tuple[str, str]]:
    said, performance = [], facts["performance"]
    within = (performance.get("within") or {}).get("sub_grade")
    if within is not None and within["high"] is not None and within["high"] < 0:
        worse_by = f"{within['value']:+.3f} ({within['low']:+.3f} to {within['high']:+.3f})"
        said.append(
            "Among loans of one quarter and term it ranks worse than the platform's own grade, beyond the interval: "
            f"{worse_by}. The floor goes by all loans pooled."
        )
    auc = performance["discrimination"]["auc"]
    if auc["status"] != "pass":
        shown = "is by its interval below" if auc["status"] == "fail" else "is not shown to reach"
        said.append(f"The AUC of {_three(auc['value'])} {shown} the threshold of {auc['threshold']:.2f}.")
    gate = facts["verdict"].get("gate")
    if gate is not None and gate["status"] != "pass":
        said.append(f"It does not pass the floor ({gate['status']}): {gate['reason']}.")
    earlier = performance["earlier"]
    gap = (earlier or {}).get("value")
    if gap is not None and auc["value"] is not None and gap - auc["value"] > OVERFIT_GAP:
        said.append(
            f"It ranks the loans it learned from much better (AUC {gap:.3f}) than later ones ({auc['value']:.3f}): "
            "part of what it learned was chance, or the loans have changed."
        )
    for key, name in (("sub_grade", "the platform's own sub-grade"), ("logistic", "a plain logistic regression")):
        other = performance[key]
        lead = None if other is None else other["difference"]
        if lead is None:
            said.append(f"It could not be compared with {name}.")
        elif lead["high"] is not None and lead["high"] < 0:
            said.append(f"It ranks worse than {name}, beyond the interval.")
        elif lead["low"] is None or lead["low"] <= 0:
            said.append(f"It is not shown to rank better than {name}: the interval of the difference holds zero.")
    open_parts = [p["part"] for p in (*performance["vintages"], *performance["terms"]) if p["auc"] is None]
    if open_parts:
        said.append(f"Too few bads to say how it ranks within {', '.join(open_parts)}.")
    return [("ranking", text) for text in said]


def _calibration(facts: Facts) -> list[tuple[str, str]]:
    said, calibration = [], facts["performance"]["calibration"]
    ratio, slope = calibration["ratio"], calibration["slope"]
    if ratio["status"] != "pass":
        low, high = ratio["bounds"]
        told = "unknown" if ratio["value"] is None else f"{ratio['value']:.2f}"
        said.append(
            f"Bads seen over bads expected are {told}, {_against(ratio['status'])} the bounds {low:g} to {high:g}."
        )
    if slope["value"] is None:
        said.append("The calibration slope could not be measured.")
    elif slope["high"] < 1:
        said.append(
            f"The calibration slope is {slope['value']:.2f}: high probabilities are too high, low ones too low."
        )
    elif slope["low"] > 1:
        said.append(f"The calibration slope is {slope['value']:.2f}: the probabilities lie too close together.")
    return [("calibration", text) for text in said]


def _lifetime(facts: Facts) -> list[tuple[str, str]]:
    structure = facts["term_structure"]
    if structure is None:
        return [("lifetime", "Too few defaults were seen to say how default builds up over the term.")]
    said = []
    for term in structure["terms"]:
        if term["unseen_share"] > MUCH_UNSEEN:
            said.append(
                f"Loans of {term['term_months']} months were watched for {term['watched_months']}; "
                f"{term['unseen_share']:.0%} of their default over the term is carried on from elsewhere, not seen."
            )
        elif term["defaults"] < FEW_DEFAULTS_OF_TERM:
            said.append(
                f"The lifetime default of loans of {term['term_months']} months rests on {term['defaults']} defaults."
            )
    if len(said) > MOST_TERMS:
        said = [*said[:MOST_TERMS], f"The same holds for {len(said) - MOST_TERMS} other terms."]
    return [("lifetime", text) for text in (*_few_quarters(structure), *said)]


def _few_quarters(structure: Facts) -> list[str]:
    """Say where the later months are known from fewer quarters than a cycle takes; nothing of older packs."""
    later, window = structure.get("later"), structure["window_months"]
    longest = max((term["term_months"] for term in structure["terms"]), default=0)
    if later is None or later["quarters"] >= QUARTERS_OF_A_CYCLE or longest <= window:
        return []
    if not later["quarters"]:
        return [f"No loan was watched beyond month {window}: all default after it is carried on, none was seen."]
    quarters = f"{later['quarters']} quarters of origination, {later['first']} to {later['last']}"
    if later["quarters"] == 1:
        quarters = f"one quarter of origination, {later['first']}"
    return [
        f"Default after month {window} is known from {quarters}, and {later['defaults']} defaults. Five years are the "
        "least that a cycle takes: a curve learned in bad years is too high in good ones, and the other way round."
    ]


def _stability(facts: Facts) -> list[tuple[str, str]]:
    stability = facts["stability"]
    if stability["undetermined"]:
        return [("stability", f"Stability is undetermined: {stability['undetermined']}.")]
    moved = [c["name"] for c in stability["columns"] if c["status"] == "fail" and c["in_model"]]
    return [("stability", f"Moved beyond the alert level among the newest loans: {', '.join(moved)}.")] if moved else []


def _groups(facts: Facts) -> list[tuple[str, str]]:
    groups = [(part["by"], row) for part in facts["fairness"]["by"] for row in part["groups"]]
    failing = [f"{by} {row['group']}" for by, row in groups if row["status"] == "fail"]
    undetermined = sum(row["status"] == "undetermined" for _, row in groups)
    said = [
        "The data hold no protected attribute (sex, race, religion, disability, age). Fair treatment of those groups "
        "cannot be tested here; the table shows groups that the data do hold."
    ]
    if failing:
        said.append(f"Approval rate below four fifths of the highest group, beyond the interval: {', '.join(failing)}.")
    if undetermined:
        said.append(f"For {undetermined} of {len(groups)} groups the four-fifths ratio is undetermined.")
    return [("groups", text) for text in said]


def _use(facts: Facts) -> list[tuple[str, str]]:
    method = facts["method"]
    if method["origin"] == "recalibrated":
        first = (
            f"The ranking is that of {method['parent']}; only the map from its margin to a probability is new. It was "
            "set on the older half of the loans and judged on the newer."
        )
    else:
        first = (
            "The figures are those of the fit that had not seen the loans that judge it. The model that serves was "
            "fitted again with everything known by the training date; it is expected, not proven, to be as good."
        )
    redlining = method["redlining"]
    missing = [name for name, detail in method["details"].items() if "missing_because" in detail]
    said = [first]
    wording = [f["name"] for f in facts["features"] if f["in_model"] and f["set"] in ("wording", "prohibited")]
    if wording:
        said.append(
            f"It rests on how and what borrowers write: {', '.join(wording)}. No permitted basis is known for that."
        )
    if redlining is not None and redlining["status"] != "pass":
        said.append(
            f"The state was asked for and left out: redlining test {redlining['status']}, {redlining['reason']}."
        )
    if missing:
        said.append(f"Candidates that could not be fitted: {', '.join(name.replace('_', ' ') for name in missing)}.")
    said += [f"{text[:1].upper()}{text[1:]}." for text in method.get("limits", [])]
    return [("use", text) for text in said]


def _months(periods: Mapping[str, Any]) -> int | None:
    days = [date.fromisoformat(p[end]) for p in periods.values() for end in ("first", "last") if p[end] is not None]
    return None if not days else (max(days).year - min(days).year) * 12 + max(days).month - min(days).month + 1


def _against(status: str) -> str:
    return "by the whole interval outside" if status == "fail" else "and not shown to lie within"


def _three(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
