"""Draw what was decided of applications: those that became the portfolio's loans, and riskier ones that did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.platforms.synthetic.loans import Draw, SyntheticSettings

_DECLINED_PER_LOAN = 0.6
_WITHDRAWN_SHARE = 0.1
_OVERRIDDEN_SHARE = 0.3
"""Of those so close to the other side that a person could think otherwise."""
_RISKIEST, _SAFEST = 0.9, 0.1
_OTHER_PEOPLE = 1_000_003


def of_the_declined(settings: SyntheticSettings) -> SyntheticSettings:
    """Give the settings by which those are drawn who got no loan."""
    return replace(
        settings, seed=settings.seed + _OTHER_PEOPLE, loans_per_day=settings.loans_per_day * _DECLINED_PER_LOAN
    )


def decided_applications(
    loans: Draw, others: Draw, seed: int, *, applicants: Callable[[Draw], pl.DataFrame]
) -> pl.DataFrame:
    """Lay out loans as approved applications beside others, declined or withdrawn.

    Args:
        loans, others: As `draw_loans` gives them.
        seed: Of the luck of overrides, withdrawals and lots.
        applicants: Lays out a draw as text: `snapshot_date`, `loan_id` and what is known of the applicant.
    """
    luck = np.random.default_rng([seed, 17])
    shifted = {**others.columns}
    shifted["fico"] = np.clip(shifted["fico"] - 40, 560, 845)
    shifted["debt_to_income"] = np.clip(shifted["debt_to_income"] + 5, 0, 60)
    others = replace(others, columns=shifted, risk=others.risk + 0.9, seen_risk=others.seen_risk + 0.9)
    risky = loans.seen_risk > np.quantile(loans.seen_risk, _RISKIEST)
    against = luck.random(loans.risk.size)
    approved = _with_decision(
        applicants(loans),
        outcome=np.full(loans.risk.size, "APPROVED"),
        overridden=risky & (against < _OVERRIDDEN_SHARE),
        exploration=risky & (against > 1.0 - _OVERRIDDEN_SHARE),
    )
    left = luck.random(others.risk.size) < _WITHDRAWN_SHARE
    safe = others.seen_risk < np.quantile(others.seen_risk, _SAFEST)
    rest = _with_decision(
        applicants(others).with_columns(pl.lit(None, dtype=pl.String).alias("loan_id")),
        outcome=np.where(left, "WITHDRAWN", "DECLINED"),
        overridden=safe & ~left & (luck.random(others.risk.size) < _OVERRIDDEN_SHARE),
        exploration=np.zeros(others.risk.size, dtype=bool),
    )
    both = pl.concat([approved, rest]).with_row_index("_row")
    number = pl.col("_row").rank("ordinal").over("snapshot_date").cast(pl.String).str.zfill(4)
    return both.with_columns(
        (pl.lit("A") + pl.col("snapshot_date").dt.strftime("%Y%m%d") + number).alias("application_id")
    ).drop("_row", "origination_date")


def _with_decision(
    applicants: pl.DataFrame,
    *,
    outcome: npt.NDArray[np.str_],
    overridden: npt.NDArray[np.bool_],
    exploration: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    yes_no = {"overridden": overridden, "exploration": exploration}
    flags = [pl.Series(name, np.where(values, "yes", "no")) for name, values in yes_no.items()]
    reason = pl.when(pl.col("overridden") == "yes").then(pl.lit("JUDGEMENT"))
    declined = pl.when(pl.col("outcome") == "DECLINED").then(pl.lit("SCORE"))
    return applicants.with_columns(
        pl.col("snapshot_date").cast(pl.String).alias("decision_date"),
        pl.col("snapshot_date").dt.offset_by("-2d").cast(pl.String).alias("application_date"),
        pl.Series("outcome", outcome),
        *flags,
    ).with_columns(reason.alias("override_reason"), declined.alias("decline_reason"))


__all__ = ["decided_applications", "of_the_declined"]
