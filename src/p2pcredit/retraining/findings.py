"""Findings about a model, such as those of a validation: opened and closed by name, numbered per model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

Findings = Mapping[str, "tuple[ModelFinding, ...]"]
"""Model -> its findings, in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class ModelFinding:
    """One finding.

    Args:
        number: Its number among those of the model, from 1.
        text: What was found.
        opened_by, opened_on: Who opened it, and on which day.
        closed_by, closed_on: Who closed it, and on which day; None while it is open.
        closed_why: What was done about it; empty where it is not said.
    """

    number: int
    text: str
    opened_by: str | None
    opened_on: date
    closed_by: str | None = None
    closed_on: date | None = None
    closed_why: str = ""

    @property
    def is_open(self) -> bool:
        """Say whether it is still open."""
        return self.closed_on is None


def opened(findings: Findings, model_id: str, finding: ModelFinding) -> dict[str, tuple[ModelFinding, ...]]:
    """Add a finding to those of a model."""
    return {**findings, model_id: (*findings.get(model_id, ()), finding)}


def closed(
    findings: Findings, model_id: str, number: int, by: str | None, why: str, day: date
) -> dict[str, tuple[ModelFinding, ...]]:
    """Close a finding of a model; one that is closed or not there stays as it is."""
    done = tuple(
        replace(one, closed_by=by, closed_on=day, closed_why=why) if one.number == number and one.is_open else one
        for one in findings.get(model_id, ())
    )
    return {**findings, model_id: done}


__all__ = ["Findings", "ModelFinding", "closed", "opened"]
