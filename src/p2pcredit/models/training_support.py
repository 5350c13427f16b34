"""What a model was trained on, column by column: how many loans had no value, which levels and numbers there were.

A model keeps it in its file. It says what the model cannot know: what a missing value means where none was missing, a
level that no loan had, a number beyond all that were seen, a term that no loan was lent for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.catalogue import FeatureCatalogue, feature_as_json, feature_from_json
from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.features import PRODUCT
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import HIDDEN, ReferenceBorrower, columns_of, feature_named, number_of_blank

LEAST_LOANS = 5
LEAST_SHARE = 0.001
"""Fewer loans without a value than either of these say nothing of what it means to have none."""

SAME_PRODUCT = 0.05
"""Terms at most so far from each other, as a part of the loan's own, are one product: of 36 months those of 35 and 37.
A book that lends for any number of months has few loans of each, and says enough of them together."""

_UNKNOWN = ("counts as the reference value", "counts as the average loan")
"""What an absence that too few loans show counts as: the riskier of the two."""

LOANS_FOR_REACH = 2_000
"""Of how many training loans, at equal distances, it is taken what a feature adds to the margin."""

LEAST_POOL_BADS = 10
"""With fewer bads the rare levels of a category, all together, are not learned like a level."""


@dataclass(frozen=True, slots=True)
class AbsenceEffect:
    """What it does to the margin that a loan has no value, or a level too rare to be learned by itself.

    Args:
        n: Training loans without.
        bads: Bads among them.
        effect: What is added to the margin over that of the reference borrower's value. Where too few loans were
            without: what brings the mean chance to that of the other loans, if that raises the risk, else 0.
        low, high: Bounds of the effect as the loans show it; None where too few loans were without.
    """

    n: int = 0
    bads: int = 0
    effect: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ColumnSupport:
    """What the training loans held in one column.

    Args:
        loans: Training loans.
        missing: Those without a value.
        rare: Those with a level too rare for a place of its own; a level never seen counts as one.
        levels: Of a category: every level seen, by name; None for a number, or where it is not known.
        least, largest: Of a number: between which bounds all values lay; None for a category, or where none is known.
        reach: The most that the column's value moved the margin of a training loan from that of the reference
            borrower's value; None where it is not known.
        blanks: Of a feature that has a number for a blank (`Feature.number_of_blank`): the training loans with it; None
            for other features, or where it is not known.
        terms: Of the contract term: the training loans of each, `(months, loans)`, shortest first; None for all else,
            or where it is not known.
        declared: Of a lender's own column: its contract as the training knew it; None for a feature of this package.
    """

    loans: int
    missing: AbsenceEffect = field(default_factory=AbsenceEffect)
    rare: AbsenceEffect = field(default_factory=AbsenceEffect)
    levels: tuple[str, ...] | None = None
    least: float | None = None
    largest: float | None = None
    reach: float | None = None
    blanks: int | None = None
    terms: tuple[tuple[float, int], ...] | None = None
    declared: Feature | None = None

    @property
    def least_known(self) -> float:
        """How many loans say what their kind means; fewer say nothing."""
        return max(LEAST_LOANS, LEAST_SHARE * self.loans)

    @property
    def knows_blank(self) -> bool:
        """Whether the number that stands for a blank is one that enough loans had, or nothing is known of it.

        Examples:
            >>> ColumnSupport(1000, blanks=3).knows_blank, ColumnSupport(1000).knows_blank
            (False, True)
        """
        return self.blanks is None or self.blanks >= self.least_known

    def knows_term(self, months: float) -> bool:
        """Return whether enough loans had this term or nearly it, or nothing is known of terms.

        Examples:
            >>> held = ColumnSupport(1000, terms=((36.0, 996), (60.0, 4)))
            >>> [held.knows_term(months) for months in (36, 37, 39, 60)], ColumnSupport(1000).knows_term(60)
            ([True, True, False, False], True)
        """
        if self.terms is None:
            return True
        near = sum(loans for term, loans in self.terms if abs(term - months) <= SAME_PRODUCT * months)
        return near >= self.least_known

    @property
    def knows_missing(self) -> bool:
        """Whether enough loans had no value to say what that means.

        Examples:
            >>> ColumnSupport(1000, AbsenceEffect(5)).knows_missing, ColumnSupport(1000).knows_missing
            (True, False)
        """
        return self.missing.n >= self.least_known

    @property
    def knows_rare(self) -> bool:
        """Whether enough loans had a rare level to say what that means."""
        return self.rare.n >= self.least_known

    def pools_rare(self, least_share: float) -> bool:
        """Return whether the rare levels, all together, are so many loans that they were learned like a level.

        Examples:
            >>> ColumnSupport(1000, rare=AbsenceEffect(40, 12)).pools_rare(0.02), ColumnSupport(1000).pools_rare(0.02)
            (True, False)
        """
        return self.rare.n >= least_share * self.loans and self.rare.bads >= LEAST_POOL_BADS


Support = dict[str, ColumnSupport]
"""By feature; by the contract term also where it is none of the model's features."""


def loans_for_reach(loans: pl.DataFrame) -> pl.DataFrame:
    """Select up to 2,000 training loans at equal distances, of which it is taken what a feature adds to the margin."""
    return loans.gather_every(1 + (loans.height - 1) // LOANS_FOR_REACH)


def learn_support(columns: pl.DataFrame, own_levels: Mapping[str, Collection[str]], bads: Floats) -> Support:
    """Count what the training loans held in each column, effects still 0.

    The number that stands for a blank counts as missing where too few loans had it to say what a blank means.

    Args:
        columns: The features of a model, as `columns_of` gives them.
        own_levels: Per category the levels that have a place of their own in the model.
        bads: 1.0 for a loan that turned bad, else 0.0.

    Examples:
        >>> loans = pl.DataFrame({"fico": [700.0, None, 640.0]})
        >>> held = learn_support(loans, {}, np.array([0.0, 1.0, 0.0]))["fico"]
        >>> held.missing.n, held.missing.bads, held.least, held.largest
        (1, 1, 640.0, 700.0)
    """
    found: Support = {}
    for given in columns.iter_columns():
        blanks = _count_blanks(given)
        held = {given.name: ColumnSupport(columns.height, blanks=blanks)}
        column = blanks_as_missing(given.to_frame(), held).to_series()
        gone = column.is_null().to_numpy()
        missing = AbsenceEffect(int(gone.sum()), int(bads[gone].sum()))
        if column.dtype != pl.String:
            least, largest = (None, None) if gone.all() else (_number(column.min()), _number(column.max()))
            found[column.name] = ColumnSupport(columns.height, missing, least=least, largest=largest, blanks=blanks)
            continue
        rare = is_rare(column, own_levels.get(column.name, ()))
        levels = sorted(level for level in column.drop_nulls().unique().to_list() if not level.startswith(HIDDEN))
        found[column.name] = ColumnSupport(
            columns.height, missing, AbsenceEffect(int(rare.sum()), int(bads[rare].sum())), tuple(levels)
        )
    return found


def blanks_as_missing(features: pl.DataFrame, support: Support) -> pl.DataFrame:
    """Take a number that stands for a blank as missing where too few training loans had it.

    A text of no characters, or months since an event that never was, say nothing to a model that saw none of them.

    Examples:
        >>> loans = pl.DataFrame({"title_length": [0.0, 12.0]})
        >>> blanks_as_missing(loans, {"title_length": ColumnSupport(1000, blanks=0)})["title_length"].to_list()
        [None, 12.0]
    """
    numbers = {name: number_of_blank(name) for name, held in support.items() if not held.knows_blank}
    return features.with_columns(
        pl.when(pl.col(name) != number).then(pl.col(name)).alias(name)
        for name, number in numbers.items()
        if name in features.columns
    )


def _count_blanks(column: pl.Series) -> int | None:
    number = number_of_blank(column.name)
    return None if number is None else int((column == number).sum())


def is_rare(column: pl.Series, own_levels: Collection[str]) -> npt.NDArray[np.bool_]:
    """Mark the values that are levels without a place of their own in the model; a missing value is none."""
    return (column.is_not_null() & ~column.is_in(list(own_levels))).to_numpy()


def with_levels(support: Support, seen: Mapping[str, Sequence[Any]]) -> Support:
    """Add levels of categories that were seen besides those that the support was learned from."""
    found = dict(support)
    for name, levels in seen.items():
        if name in found and (known := found[name].levels) is not None:
            found[name] = replace(found[name], levels=tuple(sorted({*known, *map(str, levels)})))
    return found


def with_terms(support: Support, loans: pl.DataFrame) -> Support:
    """Add for how many months the training loans were lent, whether or not the model reads it.

    A term is a product: a model that learned from one knows nothing of another, and where all its loans had the same
    term it does not even read it.

    Args:
        support: Of the model's features.
        loans: The training loans.

    Returns:
        The support with `terms` of the contract term; as it was where no loan's term is known. A term that is no
        feature has a reach of 0: it moves no score.
    """
    if PRODUCT not in loans.columns:
        return support
    given = columns_of(loans, [PRODUCT])[PRODUCT]
    counts = given.drop_nulls().value_counts().sort(PRODUCT)
    if counts.is_empty():
        return support
    missing = AbsenceEffect(given.null_count())
    months = given.drop_nulls()
    held = support.get(
        PRODUCT,
        ColumnSupport(given.len(), missing, least=_number(months.min()), largest=_number(months.max()), reach=0.0),
    )
    return {**support, PRODUCT: replace(held, terms=tuple((float(term), int(n)) for term, n in counts.iter_rows()))}


def with_declared(support: Support, features: Collection[Feature]) -> Support:
    """Add the contracts of the lender's own columns among the features, so that the model explains itself alone."""
    own = {feature.name: feature for feature in features if feature.is_own and feature.name in support}
    return {**support, **{name: replace(support[name], declared=feature) for name, feature in own.items()}}


def contract_of(support: Support, name: str) -> Feature:
    """Return the contract of a feature of a model: as it was declared, or that of this package.

    Raises:
        UsageError: If there is none of that name.
    """
    held = support.get(name)
    return feature_named(name) if held is None or held.declared is None else held.declared


def catalogue_of(support: Support) -> FeatureCatalogue:
    """Return the features that a model knows: those of this package, and the own columns that it learned from."""
    return FeatureCatalogue(tuple(held.declared for held in support.values() if held.declared is not None))


def term_facts(support: Support) -> list[dict[str, Any]]:
    """List for how many months a model's training loans were lent, for its card; none where it is not known.

    Returns:
        `term_months`, `n` training loans, and `known`, whether they are enough to say what the term means.
    """
    held = support.get(PRODUCT)
    terms = () if held is None else held.terms or ()
    return [{"term_months": term, "n": n, "known": held is not None and held.knows_term(term)} for term, n in terms]


def absence_facts(support: Support, neutral: ReferenceBorrower, slope: float) -> list[dict[str, Any]]:
    """Describe per feature the effect of a missing value, or a rare level, and on how many loans that rests.

    Args:
        support: Of a model.
        neutral: Its reference borrower.
        slope: Of its calibration, which makes margins log-odds.

    Returns:
        `feature`, `state` (`missing` or `rare`), `n` training loans with `bads`, `effect` on the log-odds over the
        reference borrower's value with `low` and `high`, and `note`. Where too few loans say what the effect is it has
        no bounds, and is 0 or more: what makes the mean chance that of the training loans. It is None where the model
        learned it like a value. Features that move no loan are left out.
    """
    rows = []
    for name, held in support.items():
        states = (("missing", held.missing, held.knows_missing), ("rare", held.rare, held.knows_rare))
        for state, found, known in states:
            if held.reach == 0.0 or (state == "rare" and not found.n):
                continue
            learned = found.low is None and known
            note = "learned like a value" if learned else "" if known else _UNKNOWN[found.effect > 0.0]
            rows.append(
                {
                    "feature": name,
                    "state": state,
                    "n": found.n,
                    "bads": found.bads,
                    "effect": None if learned else slope * found.effect,
                    "low": None if found.low is None else slope * found.low,
                    "high": None if found.high is None else slope * found.high,
                    "reference": neutral.get(name),
                    "note": note,
                }
            )
    return rows


def without_missing(support: Support) -> list[str]:
    """Name the columns of which no training loan, or too few, had no value."""
    return [name for name, held in support.items() if not held.knows_missing]


def support_as_json(support: Support) -> dict[str, Any]:
    """Return it as plain JSON values."""
    found = {}
    for name, held in support.items():
        plain = {key: value for key, value in asdict(held).items() if key != "declared"}
        found[name] = plain if held.declared is None else {**plain, "declared": feature_as_json(held.declared)}
    return found


def support_from_json(content: Mapping[str, Any] | None, names: Collection[str]) -> Support:
    """Read the support that `support_as_json` gave.

    A file written before models kept it says nothing: each column then counts as one of which no value was missing.
    """
    if content is None:
        return {name: ColumnSupport(0) for name in names}
    return {name: _column(held) for name, held in content.items()}


def _column(held: Mapping[str, Any]) -> ColumnSupport:
    effects = {state: AbsenceEffect(**held[state]) for state in ("missing", "rare")}
    levels = None if held["levels"] is None else tuple(str(level) for level in held["levels"])
    terms = held.get("terms")  # models written before they kept it say nothing of terms
    counts = None if terms is None else tuple((float(term), int(n)) for term, n in terms)
    declared = held.get("declared")
    own = None if declared is None else feature_from_json(declared)
    return ColumnSupport(**{**held, **effects, "levels": levels, "terms": counts, "declared": own})


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
