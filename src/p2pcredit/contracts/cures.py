"""How many late loans paid again: where almost none does, an early sign is the default itself, seen sooner.

A sign may stand in for the default, in a target or a metric, only because it is another event that often goes with it.
In a book whose late loans never cure, the sign either was rebuilt from the default, and foretells it, or adds nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LEAST_CURED_SHARE = 0.10
"""Of late loans whose fate is known, the share that must have paid again. A book that is seen day by day lies far above
it, since a missed payment is often made up for; one rebuilt from final statuses lies at 0."""
LEAST_LATE_LOANS = 30
"""With fewer late loans of known fate nothing is said of how many cure, and early delinquency is not used."""


@dataclass(frozen=True, slots=True)
class Cures:
    """What became of the loans that were ever 30 days past due.

    Args:
        late: Those whose fate is known: they paid again, or defaulted.
        cured: Those of them that paid again before any default.
        rebuilt: Loans with a sign that was rebuilt from a later status, which counts for nothing.
    """

    late: int
    cured: int
    rebuilt: int = 0

    @property
    def share(self) -> float | None:
        """The share that paid again, 0 to 1; None without late loans of known fate."""
        return self.cured / self.late if self.late else None

    @property
    def refusal(self) -> str | None:
        """Say why early delinquency may not be used here; None where it may.

        Examples:
            >>> Cures(late=40, cured=12).refusal is None
            True
            >>> print(Cures(late=6431, cured=0).refusal.partition(":")[0])
            0 of 6,431 late loans (0.0%) paid again, 10% needed
            >>> print(Cures(late=12, cured=6).refusal)
            what became of 12 late loans is known, 30 needed to see whether late loans cure
        """
        told = f"; of {self.rebuilt:,} loans the sign was rebuilt from a later status" if self.rebuilt else ""
        if self.late < LEAST_LATE_LOANS:
            return (
                f"what became of {self.late:,} late loans is known, {LEAST_LATE_LOANS} needed to see whether late "
                f"loans cure{told}"
            )
        if self.cured < LEAST_CURED_SHARE * self.late:
            return (
                f"{self.cured:,} of {self.late:,} late loans ({self.cured / self.late:.1%}) paid again, "
                f"{LEAST_CURED_SHARE:.0%} needed: late loans almost never cure here, so being late is the default seen "
                f"sooner{told}"
            )
        return None

    @property
    def metric_refusal(self) -> str | None:
        """Say why the share of late loans may not be shown as an early sign; None where it may.

        A book with few late loans so far may show them, unless signs were rebuilt: then those shown are defaults.
        """
        return self.refusal if self.late >= LEAST_LATE_LOANS or self.rebuilt else None

    def as_json(self) -> dict[str, Any]:
        """Return the counts, the share and the refusal, as the card has them."""
        return {**asdict(self), "cured_share": self.share, "refused_because": self.refusal}


__all__ = ["LEAST_CURED_SHARE", "LEAST_LATE_LOANS", "Cures"]
