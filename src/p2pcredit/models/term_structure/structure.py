"""From a probability of default within the main window to the cumulative probability by each month of the term.

A product is a contract term. Each has its own curve: how the cumulative hazard of default grows with months on book,
as a share of that of the main window. A loan that is riskier than is usual for its product stays riskier after the
window, though by less: the excess fades by a power of its own for each band of twelve months.

    L(m) = L(w) * sum over months j <= m of share(j) * (L(w) / typical) ** (power(j) - 1)
    PD(m) = 1 - exp(-L(m)), where L(w) = -ln(1 - PD(w)) and w is the main window

Within the window the shares add up to 1 and the power is 1, so that PD(w) stays what the model says.

The hazard is that of the subdistribution: a loan that was paid off early stays among those watched until its term has
passed, since it can no longer default. So PD(m) is the share of loans that default by month m, as labels count it.

Source:
    Fine & Gray (1999), A proportional hazards model for the subdistribution of a competing risk, JASA 94.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.feeds import MOST_TERM_MONTHS
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.files.side_file import read_side_file, write_side_file

TERM_STRUCTURE_FILE = "term_structure.json"
"""The file of a model that holds it; models of older versions have none."""
SCHEMA_VERSION = 1
BAND_MONTHS = 12
"""The excess risk of a loan fades from band to band of so many months."""

Months = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ProductCurve:
    """How default builds up over the months on book of one contract term.

    Args:
        shares: Cumulative hazard that each month adds, from the first on book, over that of the main window; as many
            as the longer of term and window.
        typical: Mean cumulative hazard within the window of its loans, to which a loan's risk is compared.
        loans: Loans of this term that it was learned from.
        defaults: Defaults of theirs within the term.
        watched_months: The last month on book in which enough of its loans were watched; what lies beyond is carried
            on from other terms, or from the months before.
    """

    shares: tuple[float, ...]
    typical: float
    loans: int
    defaults: int
    watched_months: int

    @property
    def unseen_share(self) -> float:
        """The share of the typical loan's lifetime hazard that lies beyond the months watched, 0 to 1."""
        total = sum(self.shares)
        return sum(self.shares[self.watched_months :]) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How the hazard of the loans of one contract term grows, as far as it is the same for all of them.

    Args:
        shares: Cumulative hazard that each month adds, over that of the main window, (months,).
        bands: The band of each month, (months,).
        powers: Of each band after the window: to which power, less 1, a loan's excess risk is carried on.
        typical: Mean cumulative hazard within the window.
        window_months: The main window.
    """

    shares: Floats
    bands: Months
    powers: tuple[float, ...]
    typical: float
    window_months: int

    def cumulative(self, chances: Floats) -> Floats:
        """Calculate the probability of default by the end of each month, (loans, months), each row non-decreasing.

        Args:
            chances: Probability of default within the window, one per loan.
        """
        hazard = -np.log1p(-np.asarray(chances, dtype=np.float64))
        excess = hazard / self.typical
        carried = np.stack([hazard, *(hazard * excess**power for power in self.powers)], axis=1)
        found = -np.expm1(-np.cumsum(carried[:, self.bands] * self.shares, axis=1))
        found[:, self.window_months - 1] = chances  # to the last bit what the model says
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class TermStructure:
    """The curves of a model's book.

    Args:
        window_months: The main window, within which the model's own probability of default counts.
        products: Contract term in months -> its curve.
        pooled: The curve of all terms together, for a term that was never seen.
        powers: For each band after the window, to which power a loan's excess risk is carried on; 1 is undiminished.
    """

    window_months: int
    products: Mapping[int, ProductCurve]
    pooled: ProductCurve
    powers: tuple[float, ...]

    def curve_of(self, term_months: int) -> ProductCurve:
        """Give the curve of a contract term; the pooled one where no loan of that term was seen."""
        return self.products.get(term_months, self.pooled)

    def horizon_of(self, term_months: int) -> int:
        """Give the months on book within which a loan of this term can default: its term, or the window if longer."""
        return max(int(term_months), self.window_months)

    def cumulative(self, chances: Floats, term_months: int, months: Sequence[int] | None = None) -> Floats:
        """Calculate the probability of default by the end of months on book.

        Args:
            chances: Probability of default within the window, one per loan of this term.
            term_months: Their contract term.
            months: Months on book, each from 1 to the horizon; all of these where None.

        Returns:
            (loans, months), each row non-decreasing.

        Examples:
            >>> curve = ProductCurve((0.5, 0.5, 1.0, 1.0), typical=0.1, loans=9, defaults=1, watched_months=4)
            >>> structure = TermStructure(2, {4: curve}, curve, (1.0,))
            >>> structure.cumulative(np.array([0.19]), 4).round(4).tolist()
            [[0.1, 0.19, 0.3439, 0.4686]]
        """
        found = self.growth_of(term_months).cumulative(chances)
        return found if months is None else found[:, np.asarray(months, dtype=np.int64) - 1]

    def growth_of(self, term_months: int) -> Growth:
        """Prepare what does not depend on the loan: how the hazard of loans of this term grows from month to month."""
        curve, horizon = self.curve_of(term_months), self.horizon_of(term_months)
        bands = band_of(np.arange(1, horizon + 1), self.window_months)
        powers = tuple(self.power_of(band) - 1.0 for band in range(1, int(bands[-1]) + 1))
        return Growth(_extended(np.array(curve.shares), horizon), bands, powers, curve.typical, self.window_months)

    def power_of(self, band: int) -> float:
        """Give the power of a band of months; 1 within the window, and that of the last band beyond it."""
        if band == 0 or not self.powers:
            return 1.0
        return self.powers[min(band, len(self.powers)) - 1]

    def lifetime(self, chances: Floats, terms: pl.Series) -> Floats:
        """Calculate the probability of default within each loan's whole term, never below that within the window.

        Args:
            chances: Probability of default within the window per loan.
            terms: Contract term in months per loan, null where it is not known.

        Returns:
            One per loan; NaN where the term is not known, or longer than any contract's.
        """
        return self.lifetime_of_terms(chances, terms.cast(pl.Float64).fill_null(float("nan")).to_numpy())

    def lifetime_of_terms(self, chances: Floats, months: Floats) -> Floats:
        """Calculate the same by an array of terms, NaN where it is not known."""
        found = np.full(chances.size, np.nan)
        for term in np.unique(months[can_follow(months)]):
            rows = months == term
            found[rows] = self.lifetime_of_term(chances[rows], int(term))
        return found

    def lifetime_of_term(self, chances: Floats, term_months: int) -> Floats:
        """Calculate the same of loans of one term."""
        found = self.cumulative(chances, term_months, [self.horizon_of(term_months)])[:, 0]
        return np.where(np.isfinite(found), np.maximum(found, chances), found)

    def to_bytes(self) -> bytes:
        """Write it as JSON, the same bytes for the same curves."""
        content = {
            "window_months": self.window_months,
            "products": {str(term): _as_json(curve) for term, curve in sorted(self.products.items())},
            "pooled": _as_json(self.pooled),
            "powers": list(self.powers),
        }
        return write_side_file(SCHEMA_VERSION, content)


def read_term_structure(files: Mapping[str, bytes]) -> TermStructure | None:
    """Read the term structure among a model's files; None for a model that an older version made.

    Raises:
        BankError: If the file is not what it should be.
    """
    return read_side_file(files, TERM_STRUCTURE_FILE, SCHEMA_VERSION, _term_structure)


def _term_structure(content: Mapping[str, Any]) -> TermStructure:
    return TermStructure(
        int(content["window_months"]),
        {int(term): _from_json(curve) for term, curve in content["products"].items()},
        _from_json(content["pooled"]),
        tuple(float(power) for power in content["powers"]),
    )


def term_structure_facts(
    structure: TermStructure | None, later: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Describe a term structure for the card: per contract term what it rests on, and what a usual loan's curve is.

    Args:
        structure: The curves; None where there are none.
        later: What the months after the window are known from, as `watched_later` says it.

    Returns:
        `window_months`, `powers`, `later`, `terms`: per term `term_months`, `loans`, `defaults`, `watched_months`,
        `unseen_share` (of the lifetime hazard of a usual loan, what lies beyond the months watched) and `curve`
        (`months_on_book`, `probability_of_default` of a usual loan by then); None where there is none.
    """
    if structure is None:
        return None
    terms = []
    for term, curve in sorted(structure.products.items()):
        chance = np.array([-np.expm1(-curve.typical)])
        built = structure.cumulative(chance, term)[0]
        terms.append(
            {
                "term_months": term,
                "loans": curve.loans,
                "defaults": curve.defaults,
                "watched_months": curve.watched_months,
                "unseen_share": curve.unseen_share,
                "curve": [
                    {"months_on_book": month, "probability_of_default": float(by_then)}
                    for month, by_then in enumerate(built, start=1)
                ],
            }
        )
    told = {"window_months": structure.window_months, "powers": list(structure.powers), "terms": terms}
    return told if later is None else {**told, "later": dict(later)}


def band_of(months: Months, window_months: int) -> Months:
    """Find the band of each month on book: 0 within the window, then one for each twelve months.

    Examples:
        >>> band_of(np.array([1, 12, 13, 24, 25]), 12).tolist()
        [0, 0, 1, 1, 2]
    """
    return np.where(months <= window_months, 0, 1 + (months - window_months - 1) // BAND_MONTHS)


def can_follow(terms: Floats) -> npt.NDArray[np.bool_]:
    """Tell which terms a curve can be followed over: numbers of months that a contract may have.

    Examples:
        >>> can_follow(np.array([36.0, 481.0, 1e9, np.nan])).tolist()
        [True, False, False, False]
    """
    return np.isfinite(terms) & (terms <= MOST_TERM_MONTHS)


def _extended(shares: Floats, months: int) -> Floats:
    """Cut shares to so many months, or carry them on at the mean of the last twelve."""
    if shares.size >= months:
        return shares[:months]
    last = float(shares[-BAND_MONTHS:].mean())
    return np.concatenate([shares, np.full(months - shares.size, last)])


def _as_json(curve: ProductCurve) -> dict[str, Any]:
    return {
        "shares": list(curve.shares),
        "typical": curve.typical,
        "loans": curve.loans,
        "defaults": curve.defaults,
        "watched_months": curve.watched_months,
    }


def _from_json(content: Mapping[str, Any]) -> ProductCurve:
    return ProductCurve(
        tuple(float(share) for share in content["shares"]),
        float(content["typical"]),
        int(content["loans"]),
        int(content["defaults"]),
        int(content["watched_months"]),
    )


__all__ = [
    "TERM_STRUCTURE_FILE",
    "Growth",
    "ProductCurve",
    "TermStructure",
    "band_of",
    "can_follow",
    "read_term_structure",
    "term_structure_facts",
]
