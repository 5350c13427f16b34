"""Settings of money: what lending costs, when a loan's risk has risen, and what is assumed of worse times."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from p2pcredit.settings.group import Group, Share

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PART = re.compile(rf"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*:\s*(?P<value>{_NUMBER})\s*")
_EFFECT = re.compile(rf"\s*(?P<what>hazard|lgd|prepayment)\s+(?P<value>{_NUMBER})\s*")
MULTIPLIERS = ("hazard", "lgd", "prepayment")
"""What a stress multiplies: hazards of default, loss given default, hazards of early repayment."""
_MOST = 100.0
NO_SOURCE = "no source stated"


@dataclass(frozen=True, slots=True)
class Stress:
    """By what factors the hazards of default, the loss given default and the hazards of early repayment are other.

    Examples:
        >>> Stress(hazard=1.5) * Stress(hazard=2.0, lgd=1.1)
        Stress(hazard=3.0, lgd=1.1, prepayment=1.0)
    """

    hazard: float = 1.0
    lgd: float = 1.0
    prepayment: float = 1.0

    def __mul__(self, other: Stress) -> Stress:
        """Apply both."""
        return Stress(self.hazard * other.hazard, self.lgd * other.lgd, self.prepayment * other.prepayment)

    def __pow__(self, units: float) -> Stress:
        """Apply so many units of it."""
        return Stress(self.hazard**units, self.lgd**units, self.prepayment**units)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which the future may go, with its weight."""

    name: str
    weight: float
    stress: Stress
    spec: str


class MoneySettings(Group):
    """What lending costs and earns, when a loan's risk has risen, and what is assumed of worse times.

    Rates are shares: 0.05 is 5% a year of the principal outstanding.
    """

    currency: str = Field(
        "", max_length=8, description="The book's currency, such as `EUR`; pages and tables name it beside amounts."
    )
    funding_rate: Share = Field(
        0.0, description="What the money lent costs a year, as a share of the principal outstanding."
    )
    servicing_rate: Share = Field(
        0.0, description="What servicing a loan costs a year, as a share of the principal outstanding."
    )
    origination_fee: Share = Field(
        0.0, description="What the lender earns when a loan is made, as a share of the amount lent."
    )
    cost_per_loan: float = Field(0.0, ge=0.0, description="What it costs to make a loan, in the book's currency.")
    loss_given_default: Share = Field(
        0.9,
        description="Share of the principal owed at default that does not come back, of a book with too few defaults "
        "to tell. The lender's own experience belongs here: the default is, to a tenth, what LendingClub's loans of "
        "2007 to 2010 lost.",
    )
    least_defaults: int = Field(
        30,
        ge=5,
        le=100_000,
        description="Defaults from which on a book, or a product of it, has a loss given default of its own; with "
        "fewer a product takes that of the book, and the book `money.loss_given_default`.",
    )
    stage_2_days: int = Field(
        30,
        ge=1,
        le=180,
        description="Days past due from which a loan is in stage 2 (IFRS 9, 5.5.11: more than 30 days are presumed to "
        "be a significant increase of risk).",
    )
    stage_2_pd_ratio: Annotated[float, Field(gt=1.0, le=100.0)] = Field(
        3.0,
        description="A loan is in stage 2 too where its probability of default over what is left of its term is so "
        "many times what was expected of that stretch when it was made. A choice: IFRS 9 gives no number.",
    )
    stage_2_pd_added: Share = Field(
        0.02,
        description="The least by which that probability must have grown besides, as a difference, so that a safe loan "
        "is not moved by a trifle. A choice too.",
    )
    stress: dict[str, str] = Field(
        {},
        description="What one unit of a cause multiplies, by the cause's name, with the source of the numbers: "
        '`unemployment = "hazard 1.1, lgd 1.02; source: ..."`. Multiplied are `hazard` (of default), `lgd` and '
        "`prepayment`; `--stress unemployment:+2` applies two units.",
    )
    scenarios: dict[str, str] = Field(
        {},
        description="Ways in which the future may go, each with a weight and a stress, that losses are averaged over: "
        '`downturn = "0.2 of unemployment:+2"`, `base = "0.8"`. Weights add up to 1. Empty: the future is as the '
        "book's past.",
    )

    @model_validator(mode="after")
    def _texts_can_be_read(self) -> Self:
        for name in self.stress:
            if name in MULTIPLIERS:
                raise ValueError(f"stress has '{name}', which is a multiplier's own name; give the cause another name")
            _effects_of(name, self.stress[name])
        found = scenarios_of(self)
        total = math.fsum(one.weight for one in found)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the weights of scenarios add up to {total:g}; write weights that add up to 1")
        return self


def stress_of(spec: str, causes: Mapping[str, str]) -> Stress:
    """Read a stress such as `unemployment:+2` or `hazard:1.5, lgd:1.1`.

    A multiplier takes the factor; a cause that `money.stress` names takes so many units.

    Args:
        spec: The text; empty for none.
        causes: Name of a cause -> what a unit of it multiplies.

    Raises:
        ValueError: In one line, with what to write.

    Examples:
        >>> stress_of("hazard:1.5, lgd:1.1", {})
        Stress(hazard=1.5, lgd=1.1, prepayment=1.0)
        >>> stress_of("unemployment:+2", {"unemployment": "hazard 1.1; source: none"}).hazard
        1.2100000000000002
    """
    found = Stress()
    for part in spec.split(",") if spec.strip() else []:
        read = _PART.fullmatch(part)
        if read is None:
            raise ValueError(f"'{part.strip()}' is no stress; write NAME:VALUE such as hazard:1.5 or unemployment:+2")
        name, value = read["name"], float(read["value"])
        if name in MULTIPLIERS:
            found = found * Stress(**{name: _checked(name, value)})
        elif name in causes:
            found = found * _effects_of(name, causes[name]) ** value
        else:
            known = ", ".join((*MULTIPLIERS, *sorted(causes)))
            raise ValueError(
                f"there is no stress '{name}', there are {known}; name it in p2pcredit.toml under [money.stress], such "
                f'as {name} = "hazard 1.1; source: ..."'
            )
    for what in MULTIPLIERS:
        _checked(what, getattr(found, what))
    return found


def source_of(cause: str, causes: Mapping[str, str]) -> str:
    """Give the source that a setting states for a cause.

    Examples:
        >>> source_of("a", {"a": "hazard 1.1; source: our own book, 2008"}), source_of("b", {"b": "lgd 1.1"})
        ('our own book, 2008', 'no source stated')
    """
    _, _, told = causes[cause].partition(";")
    return told.strip().removeprefix("source:").strip() or NO_SOURCE


def stress_as_json(spec: str, causes: Mapping[str, str]) -> dict[str, Any]:
    """Return a stress as plain JSON values: what was asked for, its factors, and the source of each cause in it.

    Examples:
        >>> causes = {"rate": "hazard 1.2; source: a", "jobless_rate": "lgd 1.1; source: b"}
        >>> stress_as_json("jobless_rate:+1", causes)["sources"]
        {'jobless_rate': 'b'}
    """
    named = [read["name"] for part in spec.split(",") if (read := _PART.fullmatch(part))]
    return {
        "asked": spec.strip(),
        **asdict(stress_of(spec, causes)),
        "sources": {cause: source_of(cause, causes) for cause in causes if cause in named},
    }


def scenarios_of(settings: MoneySettings) -> tuple[Scenario, ...]:
    """Read the scenarios; one as the book's past where none is set.

    Raises:
        ValueError: If one cannot be read.
    """
    if not settings.scenarios:
        return (Scenario("base", 1.0, Stress(), ""),)
    found = []
    for name, text in settings.scenarios.items():
        weight, _, spec = text.partition(" of ")
        try:
            share = float(weight)
        except ValueError:
            share = math.nan
        if not 0.0 <= share <= 1.0:
            raise ValueError(f'scenario \'{name}\' is "{text}"; write a weight and a stress, "0.2 of hazard:1.5"')
        found.append(Scenario(name, share, stress_of(spec, settings.stress), spec.strip()))
    return tuple(found)


def _effects_of(cause: str, text: str) -> Stress:
    effects, _, _ = text.partition(";")
    found: dict[str, float] = {}
    for part in effects.split(","):
        read = _EFFECT.fullmatch(part)
        if read is None or read["what"] in found:
            raise ValueError(
                f'stress \'{cause}\' is "{text}"; write what one unit multiplies, "hazard 1.1, lgd 1.02; source: ..."'
            )
        found[read["what"]] = _checked(read["what"], float(read["value"]))
    return Stress(**found)


def _checked(what: str, factor: float) -> float:
    if not 1.0 / _MOST <= factor <= _MOST:
        raise ValueError(f"{what} would be multiplied by {factor:g}; give a factor from {1 / _MOST:g} to {_MOST:g}")
    return factor


__all__ = [
    "MULTIPLIERS",
    "MoneySettings",
    "Scenario",
    "Stress",
    "scenarios_of",
    "source_of",
    "stress_as_json",
    "stress_of",
]
