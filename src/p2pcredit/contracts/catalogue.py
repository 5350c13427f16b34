"""The features of a home: those of this package, and the columns that its lender declared as features of its own.

Pure code takes a catalogue as an argument. Where a home has no declarations it is `BUILT_IN`, and every feed, table
and model is as if there were no such thing. A model keeps the declarations that it learned from in its own file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feature import OWN_PREFIX, Feature, OwnKind
from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import OWN_COLUMNS, Feed, feed_named
from p2pcredit.contracts.plausible import PLAUSIBLE, Plausible
from p2pcredit.contracts.reviews import FEATURE_SETS, FeatureSet, Review
from p2pcredit.contracts.tables import FEATURE_STORE, Table, TableColumn, bronze, silver
from p2pcredit.errors import UsageError
from p2pcredit.names import no_such

_KINDS: Mapping[OwnKind, Kind] = {
    "number": Kind.NUMBER,
    "category": Kind.CATEGORY,
    "date": Kind.DATE,
    "text": Kind.TEXT,
}
_SUFFIX: Mapping[OwnKind, str] = {"number": "", "category": "", "date": "_months", "text": "_length"}
_LARGEST = 1e12
_BUILT_IN = {feature.name: feature for feature in FEATURES}
GIVEN_BY: Mapping[str, str] = {
    "borrower": "the borrower, in the application",
    "bureau": "the credit bureau's report",
    "platform": "the platform",
}
"""Who may say the value of an own column."""


def declare(
    name: str,
    kind: OwnKind,
    *,
    direction: int,
    reason: str,
    basis: str,
    description: str = "",
    given_by: str = "borrower",
    available_since: str = "not said",
    text: str = "",
    advice: str = "",
    plausible: tuple[float, float] | None = None,
    group: FeatureSet = "application",
) -> Feature:
    """Make the contract of a lender's own column.

    Args:
        name: As the mapping calls it, without the prefix.
        kind: What its values are.
        direction: +1 where more means riskier, -1 where more means safer, 0 where credit sense does not say. Of a date
            more means longer ago.
        reason, text, advice: The few words of a reason, what the borrower is told, and can do.
        basis: Why it may be used in a credit decision.
        description: What it is; by default the name in words.
        given_by: One of `GIVEN_BY`.
        available_since: Since when loans have it.
        plausible: Between which bounds most values of a number lie.
        group: The set of features it belongs to.

    Examples:
        >>> declare("customer_since", "date", direction=-1, reason="New customer", basis="experience").name
        'own_customer_since_months'
    """
    landed = f"{OWN_PREFIX}{name}"
    return Feature(
        f"{landed}{_SUFFIX[kind]}",
        "category" if kind == "category" else "numeric",
        1 if direction > 0 else -1 if direction < 0 else 0,
        reason,
        description or f"{name.replace('_', ' ').capitalize()}{_UNIT[kind]}.",
        group,
        made_of=(landed,),
        review=Review(GIVEN_BY[given_by], available_since, basis),
        read_as=kind,
        text=text,
        advice=advice,
        plausible=plausible,
    )


_UNIT: Mapping[OwnKind, str] = {
    "number": "",
    "category": "",
    "date": ", in months before the loan was issued",
    "text": ", in characters",
}


def landed_name(feature: Feature) -> str:
    """Return the column of an own feature in the feed `own_columns`."""
    return feature.made_of[0]


def feature_as_json(feature: Feature) -> dict[str, Any]:
    """Return the contract of an own feature as plain JSON values."""
    return {
        **asdict(feature),
        "made_of": list(feature.made_of),
        "counted_by": list(feature.counted_by),
        "plausible": feature.plausible and [*feature.plausible],
    }


def feature_from_json(content: Mapping[str, Any]) -> Feature:
    """Read what `feature_as_json` gave."""
    bounds = content.get("plausible")
    return Feature(
        **{
            **content,
            "made_of": tuple(content["made_of"]),
            "counted_by": tuple(content.get("counted_by", ())),
            "review": Review(**content["review"]),
            "plausible": None if bounds is None else (float(bounds[0]), float(bounds[1])),
        }
    )


def digest_of(features: Collection[Feature]) -> str:
    """Calculate the SHA-256 of declarations, whatever their order."""
    plain = sorted((feature_as_json(one) for one in features), key=lambda one: str(one["name"]))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FeatureCatalogue:
    """The features that there are.

    Args:
        own: The contracts of the lender's own columns, in the order in which they were declared.
    """

    own: tuple[Feature, ...] = ()

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features, those of this package first."""
        return (*FEATURES, *self.own)

    def named(self, name: str) -> Feature | None:
        """Return the contract of a feature; None where there is none.

        Examples:
            >>> BUILT_IN.named("fico").reason, BUILT_IN.named("own_shoe_size")
            ('Bureau score is low', None)
        """
        return _BUILT_IN.get(name) or next((one for one in self.own if one.name == name), None)

    def of_sets(self, feature_sets: Collection[str]) -> tuple[Feature, ...]:
        """List the features of some sets, or of the one that is named: what a model may learn from.

        Raises:
            UsageError: If there is no such set.

        Examples:
            >>> [f.name for f in BUILT_IN.of_sets("price")]
            ['interest_rate_share', 'installment_to_income', 'platform_grade', 'platform_sub_grade']
        """
        names = {feature_sets} if isinstance(feature_sets, str) else set(feature_sets)
        unknown = sorted(names - set(FEATURE_SETS))
        if unknown:
            raise UsageError(no_such("set of features", unknown[0], FEATURE_SETS))
        return tuple(feature for feature in self.features if feature.group in names)

    def to_compare_with(self, feature_sets: Collection[str]) -> tuple[Feature, ...]:
        """List the features of a plain benchmark beside a model of these sets: all but the state, under test."""
        return self.of_sets(set(feature_sets) - {"state"})

    def with_own(self, own: Collection[Feature]) -> FeatureCatalogue:
        """Add own columns, such as those that a model learned from; of one that is there already, these words hold."""
        found = {feature.name: feature for feature in (*self.own, *own)}
        return FeatureCatalogue(tuple(found.values()))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The own columns as they land."""
        return tuple(
            Column(
                landed_name(one),
                _KINDS[one.read_as],
                minimum=-_LARGEST if one.read_as == "number" else None,
                maximum=_LARGEST if one.read_as == "number" else None,
                description=one.description,
            )
            for one in self.own
            if one.read_as
        )

    def feed(self, name: str) -> Feed:
        """Look up the contract of a feed as this home has it.

        Raises:
            UsageError: If there is no feed of that name.
        """
        found = feed_named(name)
        return replace(found, columns=(*found.columns, *self.columns)) if name == OWN_COLUMNS.name else found

    def table(self, table: Table) -> Table:
        """Give the contract of a table as this home has it: the own columns stand after all others."""
        if not self.own:
            return table
        if table.name == FEATURE_STORE.name:
            there = {column.name for column in table.columns}
            new = (
                TableColumn(one.name, "Float64" if one.kind == "numeric" else "String", one.description)
                for one in self.own
                if one.name not in there
            )
            return replace(table, columns=(*table.columns, *new))
        made = {f"bronze/{OWN_COLUMNS.name}": bronze, f"silver/{OWN_COLUMNS.name}": silver}.get(table.name)
        return table if made is None else made(self.feed(OWN_COLUMNS.name))

    @property
    def plausible(self) -> Mapping[tuple[str, str], Plausible]:
        """Feed and column -> between which bounds the numbers of most loans lie."""
        declared = {
            (OWN_COLUMNS.name, landed_name(one)): Plausible(*one.plausible, 1.0, "As the mapping says.")
            for one in self.own
            if one.plausible is not None
        }
        return {**PLAUSIBLE, **declared} if declared else PLAUSIBLE


MAY_HAVE_OWN_COLUMNS = frozenset({FEATURE_STORE.name, f"bronze/{OWN_COLUMNS.name}", f"silver/{OWN_COLUMNS.name}"})
"""The tables that have more columns where a home declares own ones."""

BUILT_IN = FeatureCatalogue()
"""The features of a home without own columns."""

__all__ = [
    "BUILT_IN",
    "GIVEN_BY",
    "MAY_HAVE_OWN_COLUMNS",
    "FeatureCatalogue",
    "declare",
    "digest_of",
    "feature_as_json",
    "feature_from_json",
    "landed_name",
]
