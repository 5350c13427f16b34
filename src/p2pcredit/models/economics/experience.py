"""What a book has shown of losses and early repayments, product by product, as it was known on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from p2pcredit.models.files.side_file import read_side_file, write_side_file

ECONOMICS_FILE = "economics.json"
"""The file of a model that holds it; models of older versions have none."""
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class ProductExperience:
    """What the loans of one contract term have shown.

    Args:
        loss_given_default: Share of the principal owed at default that does not come back.
        low, high: Its interval; null where it is a setting.
        defaults: That it rests on.
        source: `product`, `book` (of all products, as this one has too few defaults) or `setting`.
        early: Hazard of early repayment in each month on book, from the first to the last of the term; empty where the
            book shows none.
        recovered: Share of the principal owed at default that comes back in each month since; empty for a setting.
    """

    loss_given_default: float
    low: float | None
    high: float | None
    defaults: int
    source: str
    early: tuple[float, ...] = ()
    recovered: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Experience:
    """What a book has shown by a day.

    Args:
        as_of: The day.
        products: Contract term in months -> what its loans have shown.
        pooled: The same of a term that was never seen.
        lag_months: Months from the first missed instalment to default, by the definition of default.
    """

    as_of: date
    products: Mapping[int, ProductExperience]
    pooled: ProductExperience
    lag_months: int

    def of(self, term_months: int) -> ProductExperience:
        """Give what a product has shown; that of all products for one never seen."""
        return self.products.get(term_months, self.pooled)

    def to_bytes(self) -> bytes:
        """Write it as JSON, the same bytes for the same experience."""
        content = {
            "as_of": self.as_of.isoformat(),
            "products": {str(term): asdict(one) for term, one in sorted(self.products.items())},
            "pooled": asdict(self.pooled),
            "lag_months": self.lag_months,
        }
        return write_side_file(SCHEMA_VERSION, content)


def of_setting(loss_given_default: float) -> ProductExperience:
    """Give the experience of a book that has shown nothing: the loss given default of the settings."""
    return ProductExperience(loss_given_default, None, None, 0, "setting")


def read_experience(files: Mapping[str, bytes]) -> Experience | None:
    """Read the experience among a model's files; None for a model that an older version made.

    Raises:
        BankError: If the file is not what it should be.
    """
    return read_side_file(files, ECONOMICS_FILE, SCHEMA_VERSION, _experience)


def _experience(content: Mapping[str, Any]) -> Experience:
    return Experience(
        date.fromisoformat(content["as_of"]),
        {int(term): _from_json(one) for term, one in content["products"].items()},
        _from_json(content["pooled"]),
        int(content["lag_months"]),
    )


def experience_facts(experience: Experience | None) -> dict[str, Any] | None:
    """Describe an experience for the card: what expected losses and returns rest on, product by product.

    Returns:
        `as_of`, `lag_months`, `products`: per contract term `term_months`, `loss_given_default`, `low`, `high`,
        `defaults`, `source`, `usual_early_hazard` (mean over the months of the term); `pooled`, the same of a term that
        was never seen, without the term and the hazard. None where there is none.
    """
    if experience is None:
        return None
    return {
        "as_of": experience.as_of.isoformat(),
        "lag_months": experience.lag_months,
        "products": [
            {
                "term_months": term,
                **_severity_facts(one),
                "usual_early_hazard": sum(one.early) / len(one.early) if one.early else 0.0,
            }
            for term, one in sorted(experience.products.items())
        ],
        "pooled": _severity_facts(experience.pooled),
    }


def _severity_facts(one: ProductExperience) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("loss_given_default", "low", "high", "defaults", "source")}


def _from_json(content: Mapping[str, Any]) -> ProductExperience:
    return ProductExperience(
        float(content["loss_given_default"]),
        None if content["low"] is None else float(content["low"]),
        None if content["high"] is None else float(content["high"]),
        int(content["defaults"]),
        str(content["source"]),
        tuple(float(hazard) for hazard in content["early"]),
        tuple(float(share) for share in content["recovered"]),
    )


__all__ = [
    "ECONOMICS_FILE",
    "Experience",
    "ProductExperience",
    "experience_facts",
    "of_setting",
    "read_experience",
]
