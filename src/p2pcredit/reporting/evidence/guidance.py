"""Which section of the pack speaks to which part of model-risk guidance and of the EU AI Act. A map, not a claim.

Source:
    Federal Reserve SR 26-2 / OCC Bulletin 2026-13 (17 April 2026), Revised Guidance on Model Risk Management, which
    replaced SR 11-7 of 2011 and keeps its order of development and use, validation, and governance; Regulation (EU)
    2024/1689, Annex IV (technical documentation; credit scoring of natural persons is named in Annex III, 5b).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Mapped:
    """A section, and what it speaks to.

    Args:
        section: Its key, which is also its anchor in the page.
        title: Its heading.
        model_risk: The part of model-risk guidance.
        annex_iv: The points of Annex IV.
    """

    section: str
    title: str
    model_risk: str
    annex_iv: str


MAPPING: tuple[Mapped, ...] = (
    Mapped("purpose", "Purpose and use", "Development and use: purpose, intended use", "1 general description"),
    Mapped("data", "Data", "Development: data quality, relevance, and origin", "2(d) data and its provenance"),
    Mapped(
        "method",
        "Methodology",
        "Development: design, theory and logic; validation: conceptual soundness",
        "2(a), 2(b) methods, design choices, architecture; 2(e) oversight",
    ),
    Mapped("limits", "Assumptions and limits", "Development and validation: limitations", "3 capabilities and limits"),
    Mapped(
        "performance",
        "Performance",
        "Validation: outcomes analysis, benchmarking, back-testing",
        "2(g) validation and testing; 4 appropriateness of metrics",
    ),
    Mapped("groups", "Approval rates by group", "Validation: outcomes analysis", "2(g) discriminatory impacts; 3"),
    Mapped(
        "monitoring",
        "Stability and ongoing monitoring",
        "Validation: ongoing monitoring",
        "3 monitoring and control; 9 post-market monitoring (the plan is the operator's)",
    ),
    Mapped(
        "governance",
        "Governance: champion, swap set, provenance",
        "Governance: approval, change, documentation, inventory",
        "6 changes through the lifecycle; 2(h) security of files by digest",
    ),
)

NOT_COVERED: tuple[tuple[str, str], ...] = (
    ("Annex IV, 5", "The risk management system of Article 9 is the operator's; this pack is an input to it."),
    ("Annex IV, 7", "No harmonised standard is applied or claimed."),
    ("Annex IV, 8", "No declaration of conformity: compliance is not claimed."),
    ("Model risk", "Independent validation, approval and the model inventory are acts of people, not of this file."),
)


def guidance_facts() -> dict[str, list[dict[str, str]]]:
    """Give the map as plain JSON values: `mapping`, and `not_covered` with what this pack does not speak to."""
    return {
        "mapping": [asdict(row) for row in MAPPING],
        "not_covered": [{"point": point, "text": text} for point, text in NOT_COVERED],
    }
