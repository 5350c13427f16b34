"""Give drawn loans the shape of the public file: few descriptions, and columns that begin on the way.

The loans that can be drawn from are of 2007 to 2010: four in five have a description, and what the platform asked for
later stands empty in all of them, also once they are moved to 2018. In the public file about one loan in eighteen has a
description, none after March 2014, and columns that were added from 2012 on are empty before and filled after. So text
weighs less there, and numbers more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

DESCRIPTION = "desc"
LAST_DESCRIBED = date(2014, 3, 1)
DESCRIBED_SHARE = 1 / 18
"""Of all loans of the public file, those with a description."""
SPRING, SUMMER, AUTUMN, SECOND = date(2012, 4, 1), date(2012, 8, 1), date(2012, 10, 1), date(2015, 12, 1)
PLACES = (0.0, 0.05, 0.5, 0.95, 1.0)


@dataclass(frozen=True)
class Added:
    """A column of numbers that the platform began to fill in some month.

    Args:
        since: The first month.
        sizes: About a twentieth, half and nineteen twentieths of the numbers lie below these; none below 0.
        filled: The share of loans from then on that have one.
        decimals: Digits that are kept after the point; whole numbers are written with one, as in the file.
        most: No number lies above it; half as much again as the last of the sizes where None.
    """

    since: date
    sizes: tuple[float, float, float]
    filled: float = 0.996
    decimals: int = 0
    most: float | None = None

    def draw(self, rows: int, rng: np.random.Generator) -> pl.Series:
        """Draw so many texts, missing where a loan has none."""
        low, middle, high = self.sizes
        most = 1.5 * high + 1.0 if self.most is None else self.most
        numbers = np.round(np.interp(rng.random(rows), PLACES, (0.0, low, middle, high, most)), self.decimals)
        texts = pl.Series(numbers).cast(pl.String)
        return texts.set(pl.Series(rng.random(rows) >= self.filled), None)


ADDED: Mapping[str, Added] = {
    **{
        name: Added(SPRING, sizes, filled, decimals)
        for name, sizes, filled, decimals in (
            ("acc_open_past_24mths", (1, 4, 10), 1.0, 0),
            ("bc_open_to_buy", (170, 5400, 45000), 0.99, 0),
            ("bc_util", (8, 60, 98), 0.99, 1),
            ("mort_acc", (0, 1, 5), 1.0, 0),
            ("mths_since_recent_bc", (2, 14, 88), 0.99, 0),
            ("mths_since_recent_inq", (0, 6, 19), 0.91, 0),
            ("mths_since_recent_revol_delinq", (5, 31, 75), 0.32, 0),
            ("num_bc_sats", (1, 4, 10), 1.0, 0),
            ("num_sats", (4, 11, 22), 1.0, 0),
            ("total_bal_ex_mort", (7000, 39000, 139000), 1.0, 0),
            ("total_bc_limit", (2100, 16000, 71000), 1.0, 0),
        )
    },
    **{
        name: Added(SUMMER, sizes, decimals=decimals)
        for name, sizes, decimals in (
            ("avg_cur_bal", (1200, 7200, 41000), 0),
            ("mo_sin_old_il_acct", (29, 129, 218), 0),
            ("mo_sin_old_rev_tl_op", (44, 162, 356), 0),
            ("mo_sin_rcnt_rev_tl_op", (1, 9, 45), 0),
            ("mo_sin_rcnt_tl", (1, 6, 23), 0),
            ("num_accts_ever_120_pd", (0, 0, 3), 0),
            ("num_actv_bc_tl", (1, 3, 8), 0),
            ("num_actv_rev_tl", (2, 5, 11), 0),
            ("num_bc_tl", (2, 7, 16), 0),
            ("num_il_tl", (1, 6, 22), 0),
            ("num_op_rev_tl", (3, 7, 17), 0),
            ("num_rev_accts", (4, 12, 29), 0),
            ("num_rev_tl_bal_gt_0", (2, 5, 11), 0),
            ("num_tl_120dpd_2m", (0, 0, 0), 0),
            ("num_tl_30dpd", (0, 0, 0), 0),
            ("num_tl_90g_dpd_24m", (0, 0, 0), 0),
            ("num_tl_op_past_12m", (0, 2, 5), 0),
            ("tot_coll_amt", (0, 0, 600), 0),
            ("tot_cur_bal", (9000, 77000, 423000), 0),
            ("tot_hi_cred_lim", (19000, 113000, 492000), 0),
            ("total_il_high_credit_limit", (0, 34000, 123000), 0),
            ("total_rev_hi_lim", (6000, 26000, 96000), 0),
        )
    },
    "percent_bc_gt_75": Added(SPRING, (0, 33, 100), 0.99, decimals=1, most=100.0),
    "pct_tl_nvr_dlq": Added(SUMMER, (76, 99, 100), decimals=1, most=100.0),
    "mths_since_last_major_derog": Added(AUTUMN, (9, 46, 76), 0.26),
    "mths_since_recent_bc_dlq": Added(AUTUMN, (5, 36, 78), 0.23),
    **{
        name: Added(SECOND, sizes, 0.988)
        for name, sizes in (
            ("all_util", (21, 58, 90)),
            ("inq_fi", (0, 1, 4)),
            ("inq_last_12m", (0, 1, 7)),
            ("max_bal_bc", (460, 4400, 17000)),
            ("open_acc_6m", (0, 1, 3)),
            ("open_act_il", (0, 2, 9)),
            ("open_il_12m", (0, 0, 3)),
            ("open_il_24m", (0, 1, 5)),
            ("open_rv_12m", (0, 1, 4)),
            ("open_rv_24m", (0, 2, 7)),
            ("total_bal_il", (0, 24000, 119000)),
            ("total_cu_tl", (0, 0, 7)),
        )
    },
    "il_util": Added(SECOND, (23, 71, 101), 0.854),
    "mths_since_rcnt_il": Added(SECOND, (2, 13, 66), 0.964),
}
"""Column of the public file that was added on the way -> since when and what it holds, rounded from its own summary."""


def described_share(loans: pl.DataFrame, months: pl.Series, share: Sequence[float]) -> float:
    """Calculate which share of the descriptions drawn until March 2014 stays, so that one loan in eighteen has one.

    Args:
        loans: The loans to draw from.
        months: The months over which they are spread.
        share: How many loans of all each month gets.
    """
    if DESCRIPTION not in loans.columns:
        return 1.0
    has_one = (loans[DESCRIPTION].str.len_bytes().fill_null(0) > 0).mean()
    early = sum(part for month, part in zip(months, share, strict=True) if month <= LAST_DESCRIBED)
    found = float(has_one or 0.0) * early if isinstance(has_one, float) else 0.0
    return min(1.0, DESCRIBED_SHARE / found) if found else 1.0


def like_public(loans: pl.DataFrame, issued: pl.Series, described: float, seed: int) -> pl.DataFrame:
    """Give loans the shape of the public file.

    Args:
        loans: Loans under the names of the public file, every column as text.
        issued: Their months.
        described: The share of descriptions until March 2014 that stay.
        seed: Of the draws.

    Returns:
        The same loans: descriptions thinned, and none later; columns that were added empty before their first month
        and filled from then on, with a loan's own value where it has one. Columns that a file lacks are not added.
    """
    rng = np.random.default_rng(seed)
    changed = []
    if DESCRIPTION in loans.columns:
        stays = pl.Series(rng.random(loans.height) < described) & (issued <= LAST_DESCRIBED)
        changed.append(loans[DESCRIPTION].set(~stays, None))
    for name, column in ADDED.items():
        if name not in loans.columns:
            continue
        drawn = column.draw(loans.height, rng)
        own = loans[name].cast(pl.String).replace("", None)
        filled = own.zip_with(own.is_not_null(), drawn)
        changed.append(filled.set(issued < column.since, None).alias(name))
    return loans.with_columns(changed)


__all__ = ["ADDED", "described_share", "like_public"]
