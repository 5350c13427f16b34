"""What open loans are still expected to pay and to lose, by the book's own hazards of default and of early repayment.

Per contract term, the hazards of each month on book are those of all loans that have been through it: defaults, and
loans paid off early, over the loans still open when the month began. Months that no loan has been through have the mean
of the last twelve. A cell's defaults are carried on at the level that it has shown against the book, shrunk to one by
five defaults. An open loan pays its annuity; in a month it defaults and loses what it owes, or is paid off, or goes on.

A term of which the book has not lived through half is not projected: what comes late in it is not known.

No downturn is in it that no vintage has shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.portfolio.vintage_curves import PRIOR_EVENTS, event_month, months_seen

CARRIED_MONTHS = 12
LEAST_REACHED_SHARE = 0.5
"""Of the months of a term, the share that some loan must have been through."""


@dataclass(frozen=True, slots=True)
class Experience:
    """Hazards by month on book, of one contract term.

    Args:
        default, early: Of a loan still open when the month begins, from month 1 to the term.
        reached: Months that some loan has been through.
    """

    default: Floats
    early: Floats
    reached: int

    @property
    def suffices(self) -> bool:
        """Whether the book has lived through enough of the term for its end to be projected."""
        return self.reached >= LEAST_REACHED_SHARE * self.default.size


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is expected of the open loans of a cell until their ends, in currency.

    Args:
        principal, interest, lost: To be received, and to be lost before recoveries.
        years: Principal at work, times years.
    """

    principal: float = 0.0
    interest: float = 0.0
    lost: float = 0.0
    years: float = 0.0


def with_months(loans: pl.DataFrame, until: pl.Expr) -> pl.DataFrame:
    """Add whole months on book (`seen`), the month in which a loan ended (`ended`, 0 for none), and `bad` (by default).

    A loan that was paid off in the last month of its term or later was not paid off early: it ends with its term.
    """
    born = pl.col("origination_date")
    bad = pl.col("defaulted_on").is_not_null()
    ended = event_month(born, pl.coalesce("defaulted_on", "paid_off_on")).fill_null(0)
    found = loans.with_columns(months_seen(born, until).alias("seen"), ended.alias("ended"), bad.alias("bad"))
    return found.with_columns(
        pl.when(~pl.col("bad") & (pl.col("ended") >= pl.col("term_months"))).then(0).otherwise("ended").alias("ended")
    )


def experience_of(loans: pl.DataFrame) -> dict[int, Experience]:
    """Estimate the hazards of each contract term.

    Args:
        loans: As `with_months` gives them.

    Returns:
        Term in months -> its hazards.
    """
    found = {}
    for (term,), own in loans.partition_by("term_months", as_dict=True).items():
        at_risk, defaults, early = _life_table(own, int(term))
        found[int(term)] = Experience(_hazards(defaults, at_risk), _hazards(early, at_risk), int((at_risk > 0).sum()))
    return found


def level_of(loans: pl.DataFrame, experience: Mapping[int, Experience]) -> float:
    """Give by what factor the defaults of a cell exceed those of the book at the same ages, shrunk to one."""
    came = expected = 0.0
    for (term,), own in loans.partition_by("term_months", as_dict=True).items():
        at_risk, defaults, _ = _life_table(own, int(term))
        came += float(defaults.sum())
        expected += float((at_risk * experience[int(term)].default).sum())
    return (came + PRIOR_EVENTS) / (expected + PRIOR_EVENTS)


def ahead_of(loans: pl.DataFrame, experience: Mapping[int, Experience], level: float) -> Ahead | None:
    """Project the open loans of a cell to their ends; None where some are of a term that is too new for it.

    Args:
        loans: As `with_months` gives them, with `outstanding` and `interest_rate_share`.
        experience: The hazards of each term.
        level: By what factor the cell's hazard of default exceeds the book's.
    """
    open_ones = loans.filter(pl.col("outstanding") > 0)
    rate = pl.col("interest_rate_share").fill_null(0.0)
    groups = open_ones.group_by("term_months", "seen").agg(
        pl.col("outstanding").sum(), ((rate * pl.col("outstanding")).sum() / pl.col("outstanding").sum()).alias("rate")
    )
    if not all(experience[int(term)].suffices for term in groups["term_months"].unique()):
        return None
    total = np.zeros(4)
    for term, seen, owed, yearly in groups.sort("term_months", "seen").iter_rows():
        total += _project(float(owed), float(yearly), int(term), int(seen), experience[int(term)], level)
    return Ahead(*(float(part) for part in total))


def _project(owed: float, yearly: float, term: int, seen: int, experience: Experience, level: float) -> Floats:
    """Project principal, interest, losses and years at work of what loans of one age owe."""
    left = max(term - seen, 1)
    growth, monthly = 1.0 + yearly / 12.0, yearly / 12.0
    months = np.arange(left + 1)
    balance = owed * (1.0 - months / left)
    if yearly > 0:
        balance = np.asarray(owed * (growth**left - growth**months) / (growth**left - 1.0), dtype=np.float64)
    alive, sums = 1.0, np.zeros(4)
    for month in range(1, left + 1):
        place = min(seen + month, term) - 1
        bad = min(level * experience.default[place], 1.0)
        early = experience.early[place] if month < left else 0.0
        before, after = alive * balance[month - 1], alive * balance[month]
        sums += (
            (1.0 - bad) * (before - (1.0 - early) * after),
            (1.0 - bad) * before * monthly,
            bad * before,
            before / 12.0,
        )
        alive *= (1.0 - bad) * (1.0 - early)
    return sums


def _life_table(loans: pl.DataFrame, term: int) -> tuple[Floats, Floats, Floats]:
    """Count per month the loans open when it began that have been through it, the defaults, and those paid early."""
    seen, ended = loans["seen"].to_numpy(), loans["ended"].to_numpy()
    bad = loans["bad"].to_numpy()
    counted = np.where((ended > 0) & (ended <= np.minimum(seen, term)), ended, 0)
    months = np.arange(1, term + 1)
    on_book = np.array([(seen >= month).sum() for month in months], dtype=np.float64)
    gone = np.array([((counted > 0) & (counted < month) & (seen >= month)).sum() for month in months], dtype=np.float64)
    defaults = np.bincount(counted[bad & (counted > 0)], minlength=term + 1)[1:].astype(np.float64)
    early = np.bincount(counted[~bad & (counted > 0)], minlength=term + 1)[1:].astype(np.float64)
    return on_book - gone, defaults, early


def _hazards(events: Floats, at_risk: Floats) -> Floats:
    """Divide, and carry the mean of the last months on where no loan has been."""
    hazards = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
    reached = int((at_risk > 0).sum())
    if 0 < reached < hazards.size:
        last = slice(max(0, reached - CARRIED_MONTHS), reached)
        hazards[reached:] = events[last].sum() / at_risk[last].sum()
    return hazards


__all__ = ["Ahead", "Experience", "ahead_of", "experience_of", "level_of", "with_months"]
