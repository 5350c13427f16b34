"""Expected loss of the loans open on a day, in stages, by scenario and by month: PD x exposure x loss given default.

Stage 3 is in default and not written off; stage 2 is so many days past due, or has a probability of default over what
is left of its term that has grown since the loan was made; stage 1 is the rest. Two allowances stand beside each other:

- *staged*, in the manner of IFRS 9: twelve months' loss in stage 1, what is left of the term in stages 2 and 3, each
  month's loss discounted to the day at the loan's own rate;
- *lifetime*, in the manner of ASC 326 (CECL): the loss over what is left of the term, undiscounted.

A loan that is late today does not default by the curve of loans made: it defaults as often as the book's loans that
were late did, or surely where the book shows too few.

Source:
    IFRS 9, 5.5.3 to 5.5.11 and B5.5.37; FASB ASC 326-20-30. A calculation by stated assumptions, no statement of
    compliance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.economics.expected import expect, stressed
from p2pcredit.models.economics.experience import Experience
from p2pcredit.models.economics.remaining import early_hazards, remaining
from p2pcredit.models.economics.schedule import balances
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.term_structure.structure import TermStructure
from p2pcredit.settings.money import MoneySettings, Scenario, Stress

LATE_BANDS = (30, 60)
"""Days past due from which late loans are looked at by themselves."""
REASONS = {
    "default": "in default",
    "days_past_due": "days past due",
    "pd_shift": "risk has grown since it was made",
    "none": "no sign",
}


@dataclass(frozen=True, slots=True)
class LateLoans:
    """How often loans of the book that were late came to default.

    Args:
        share: Of them, those that did; 1 where there were too few to tell.
        loans: How many there were whose fate is known.
        told: Whether they were enough.
    """

    share: float
    loans: int
    told: bool


def late_loans(loans: pl.DataFrame, least: int) -> dict[int, LateLoans]:
    """Count, of the loans that were ever so late, how many came to default.

    Args:
        loans: One row per loan and band that was reached and has been settled since: `band` (of `LATE_BANDS`), and
            `defaulted`.
        least: From how many on the share is taken.

    Returns:
        Band -> what was seen.
    """
    found = {}
    for band in LATE_BANDS:
        own = loans.filter(pl.col("band") == band)["defaulted"]
        told = own.len() >= least
        found[band] = LateLoans(float(own.cast(pl.Float64).mean()) if told else 1.0, own.len(), told)  # type: ignore[arg-type]
    return found


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What expected losses of open loans rest on, besides the loans.

    Args:
        structures: Term structures by model.
        model_id: The model that serves now.
        experience: Loss given default, early repayments, and the lag of a default.
        late: As `late_loans` gives them.
        to_come: Per product and `all` the share of exposure still to be recovered after so many months in default.
        scenarios: Futures with their weights.
        stress: Applied to every scenario.
        money: When a loan is in stage 2.
    """

    structures: Mapping[str, TermStructure]
    model_id: str
    experience: Experience
    late: Mapping[int, LateLoans]
    to_come: Mapping[str, Sequence[float]]
    scenarios: Sequence[Scenario]
    stress: Stress
    money: MoneySettings


def with_losses(loans: pl.DataFrame, given: Assumptions) -> pl.DataFrame:
    """Calculate stage and expected losses of each loan.

    Args:
        loans: `loan_id`, `term_months`, `seen` (whole months on book), `interest_rate_share`, `outstanding` (principal
            owed; of a loan in default what it owed then), `recovered`, `in_default`, `months_in_default`,
            `days_past_due`, `probability_of_default` (by the model that serves now, within the main window),
            `probability_when_made` and `model_when_made` (null where it was not scored).
        given: What the losses rest on.

    Returns:
        The loans with `stage`, `stage_reason`, `exposure`, `loss_given_default`, `remaining_probability`,
        `remaining_when_made` (null where not known), and over all scenarios `loss_12_months`, `loss_lifetime`,
        `discounted_12_months`, `discounted_lifetime`, `allowance`; per scenario its name with `loss_12_months:`,
        `loss_lifetime:` and `allowance:` before it.
    """
    keys = ["term_months", "seen"]
    by_age = loans.partition_by(keys, as_dict=True, maintain_order=True)
    parts = [_of_one_age(own, int(term), int(seen), given) for (term, seen), own in by_age.items()]
    return pl.concat(parts).sort("loan_id") if parts else loans


def _of_one_age(own: pl.DataFrame, term: int, seen: int, given: Assumptions) -> pl.DataFrame:
    product, lag, money = given.experience.of(term), given.experience.lag_months, given.money
    chances = own["probability_of_default"].to_numpy().astype(np.float64)
    ahead = remaining(given.structures[given.model_id], chances, term, seen, product.early, lag)
    early = early_hazards(product.early, term)[-ahead.shape[1] :]
    rates = own["interest_rate_share"].fill_null(0.0).to_numpy().astype(np.float64)
    when_made = _when_made(own, term, seen, given)
    owed, recovered = own["outstanding"].to_numpy().astype(np.float64), own["recovered"].to_numpy().astype(np.float64)
    bad, days = own["in_default"].to_numpy(), own["days_past_due"].fill_null(0).to_numpy()
    now = ahead[:, -1]
    share, is_late = _late_shares(days, given.late)
    chance = np.where(bad, 1.0, np.where(is_late, np.maximum(share, now), now))
    grown = (now >= money.stage_2_pd_ratio * when_made) & (now - when_made >= money.stage_2_pd_added)
    by_days = days >= money.stage_2_days
    stage = np.where(bad, 3, np.where(by_days | grown, 2, 1))
    why = np.where(bad, "default", np.where(by_days, "days_past_due", np.where(grown, "pd_shift", "none")))
    exposure = np.where(bad, np.maximum(owed - recovered, 0.0), owed)
    sums: dict[str, Floats] = {}
    totals = {name: np.zeros(own.height) for name in ("12", "life", "d12", "dlife")}
    for one in given.scenarios:
        both = one.stress * given.stress
        severity = min(product.loss_given_default * both.lgd, 1.0)
        found = expect(ahead, rates, early, lag=lag, stress=both)
        certain = _recovering(own, owed, exposure, product.loss_given_default, severity, given.to_come, term)
        late_chance = stressed(chance[:, None], both)[:, 0]
        parts = {
            "12": found.lost_12_months,
            "life": found.lost,
            "d12": found.lost_12_months_discounted,
            "dlife": found.lost_discounted,
        }
        for name, lost in parts.items():
            loss = np.where(bad, certain, np.where(is_late, late_chance, lost) * owed * severity)
            totals[name] += one.weight * loss
            sums[f"{name}:{one.name}"] = loss
    names = [one.name for one in given.scenarios]
    staged = {name: np.where(stage == 1, sums[f"d12:{name}"], sums[f"dlife:{name}"]) for name in names}
    return own.with_columns(
        pl.Series("stage", stage, dtype=pl.Int8),
        pl.Series("stage_reason", why, dtype=pl.String),
        pl.Series("exposure", exposure),
        pl.lit(product.loss_given_default).alias("loss_given_default"),
        pl.Series("remaining_probability", chance),
        pl.Series("remaining_when_made", when_made).fill_nan(None),
        pl.Series("loss_12_months", totals["12"]),
        pl.Series("loss_lifetime", totals["life"]),
        pl.Series("discounted_12_months", totals["d12"]),
        pl.Series("discounted_lifetime", totals["dlife"]),
        pl.Series("allowance", np.where(stage == 1, totals["d12"], totals["dlife"])),
        *(pl.Series(f"loss_12_months:{name}", sums[f"12:{name}"]) for name in names),
        *(pl.Series(f"loss_lifetime:{name}", sums[f"life:{name}"]) for name in names),
        *(pl.Series(f"allowance:{name}", staged[name]) for name in names),
    )


def losses_by_month(
    loans: pl.DataFrame, structure: TermStructure, experience: Experience, stress: Stress
) -> list[float]:
    """Add up the expected loss of the loans not in default month by month from today, in currency.

    Late loans are among them by the curve of their age, so that the sum is that of the curves.
    """
    months, lag = np.zeros(0), experience.lag_months
    for (term, seen), own in (
        loans.filter(~pl.col("in_default")).partition_by(["term_months", "seen"], as_dict=True).items()
    ):
        product = experience.of(int(term))
        chances = own["probability_of_default"].to_numpy().astype(np.float64)
        ahead = stressed(remaining(structure, chances, int(term), int(seen), product.early, lag), stress)
        left = balances(own["interest_rate_share"].fill_null(0.0).to_numpy(), ahead.shape[1])
        made = np.maximum(np.arange(ahead.shape[1]) - lag, 0)
        owed = own["outstanding"].to_numpy() * min(product.loss_given_default * stress.lgd, 1.0)
        lost = (np.diff(ahead, axis=1, prepend=0.0) * left[:, made] * owed[:, None]).sum(axis=0)
        months = np.pad(months, (0, max(lost.size - months.size, 0)))
        months[: lost.size] += lost
    return [float(month) for month in months]


def sums_by(loans: pl.DataFrame, by: Sequence[str], experience: Experience) -> list[dict[str, Any]]:
    """Add up exposure, losses and allowance of each cell, with the bounds that the loss given default leaves.

    Args:
        loans: As `with_losses` gives them.
        by: The columns that make a cell; none for all together.
        experience: Whose intervals of the loss given default bound what is lost.

    Returns:
        Per cell, in order: its columns, `loans`, `exposure`, `loss_12_months`, `loss_lifetime`, `allowance`,
        `allowance_low` and `allowance_high` (null where a loss given default is a setting), `coverage` (allowance over
        exposure; null without exposure).
    """
    terms = [int(term) for term in loans["term_months"].unique().drop_nulls()]
    bounds = pl.DataFrame(
        {
            "term_months": terms,
            "_low": [_bound(experience, term, "low") for term in terms],
            "_high": [_bound(experience, term, "high") for term in terms],
        },
        schema={"term_months": loans.schema["term_months"], "_low": pl.Float64, "_high": pl.Float64},
    )
    bounded = loans.join(bounds, on="term_months", how="left", maintain_order="left")
    amount = pl.col("allowance")
    sums = (
        pl.len().alias("loans"),
        pl.col("exposure", "loss_12_months", "loss_lifetime").sum(),
        amount.sum(),
        (amount * pl.col("_low")).sum().alias("allowance_low"),
        (amount * pl.col("_high")).sum().alias("allowance_high"),
        pl.col("_low").is_null().any().alias("_unbounded"),
    )
    found = bounded.group_by(list(by)).agg(*sums).sort(list(by)) if by else bounded.select(*sums)
    rows = []
    for row in found.iter_rows(named=True):
        unbounded = row.pop("_unbounded")
        exposure = row["exposure"]
        rows.append(
            {
                **{key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()},
                "allowance_low": None if unbounded else round(row["allowance_low"], 2),
                "allowance_high": None if unbounded else round(row["allowance_high"], 2),
                "coverage": row["allowance"] / exposure if exposure else None,
            }
        )
    return rows


def _bound(experience: Experience, term: int, side: str) -> float | None:
    product = experience.of(term)
    bound = getattr(product, side)
    return None if bound is None or not product.loss_given_default else bound / product.loss_given_default


def _when_made(own: pl.DataFrame, term: int, seen: int, given: Assumptions) -> Floats:
    """Give what was expected of the months left when the loan was made; NaN where it was not scored."""
    found = np.full(own.height, np.nan)
    models, chances = own["model_when_made"].to_numpy(), own["probability_when_made"].to_numpy().astype(np.float64)
    for model in own["model_when_made"].drop_nulls().unique().to_list():
        rows = (models == model) & np.isfinite(chances)
        if model in given.structures and rows.any():
            early, lag = given.experience.of(term).early, given.experience.lag_months
            found[rows] = remaining(given.structures[model], chances[rows], term, seen, early, lag)[:, -1]
    return found


def _late_shares(days: Any, late: Mapping[int, LateLoans]) -> tuple[Floats, Any]:
    share, is_late = np.zeros(days.size), days >= LATE_BANDS[0]
    for band in LATE_BANDS:
        share = np.where(days >= band, late[band].share, share)
    return share, is_late


def _recovering(
    own: pl.DataFrame,
    owed: Floats,
    exposure: Floats,
    severity: float,
    stressed_severity: float,
    to_come: Mapping[str, Sequence[float]],
    term: int,
) -> Floats:
    """Give what loans in default still lose: what they owe, less what is still to be recovered at their age."""
    pattern = to_come.get(str(term)) or to_come.get("all")
    if pattern is None:
        ahead = np.maximum((1.0 - severity) * owed - (owed - exposure), 0.0)
    else:
        age = np.minimum(own["months_in_default"].fill_null(0).to_numpy(), len(pattern) - 1)
        ahead = owed * np.asarray(pattern)[age]
    less = (1.0 - stressed_severity) / (1.0 - severity) if severity < 1.0 else 0.0
    return np.maximum(exposure - ahead * less, 0.0)


__all__ = [
    "LATE_BANDS",
    "REASONS",
    "Assumptions",
    "LateLoans",
    "late_loans",
    "losses_by_month",
    "sums_by",
    "with_losses",
]
