"""What was known of a loan on the day it was originated: one row per loan, from the allow-list and nothing else."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import narwhals as nw

from p2pcredit.contracts.catalogue import landed_name
from p2pcredit.contracts.feature import NEVER_MONTHS, Feature
from p2pcredit.contracts.features import FEATURE_STORE_KEYS, FEATURES, PHRASES, REFERENCE_RATE
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, OWN_COLUMNS
from p2pcredit.contracts.ratios import RATIOS
from p2pcredit.transforms.typing import BLANKS

_KEYS = ["loan_id", "snapshot_date"]
_LOST = "_lost_"
_FEEDS = [feed.name for feed in APPLICATION_FEEDS]
_RECENCY = {feature.name: feature for feature in FEATURES if feature.looked_up_with}
_NOT_THE_BORROWERS = r"Borrower added on [0-9]+/[0-9]+/[0-9]+ ?>|<br ?/?>"
"""What a platform wrote into the borrower's text: LendingClub's notes of when a part was added, and line breaks."""

_NO_SINGLE_SPACE = f"[{BLANKS}]{{2,}}|[{BLANKS.replace(' ', '')}]"
_NO_LETTERS = r"[^A-Za-z]+"


def build_features(
    silver: Mapping[str, nw.LazyFrame[Any]],
    quarantine: nw.LazyFrame[Any] | None = None,
    own: Collection[Feature] = (),
) -> nw.LazyFrame[Any]:
    """Build what a model may see of each loan originated on these days.

    Args:
        silver: The typed rows of the feeds `loan_terms`, `demographic`, `financial` and `credit_history`, by name, for
            the same days. A loan is a row of `loan_terms`; what another feed lacks is missing.
        quarantine: What was set aside on the same days: months since an event that were given and could not be read are
            missing, and never count as no event. None where nothing was set aside.
        own: The lender's own columns, as declared; they are missing where `silver` has no `own_columns`.

    Returns:
        `loan_id`, `snapshot_date`, `known_on` (the snapshot date) and every feature of the contract, own ones last.
    """
    joined = silver["loan_terms"].drop("row_number")
    for name in ("demographic", "financial", "credit_history"):
        other = silver[name].drop("row_number", "origination_date")
        joined = joined.join(other, on=_KEYS, how="left")
    joined = _with_lost_recency(joined, quarantine)
    if own and OWN_COLUMNS.name in silver:
        landed = silver[OWN_COLUMNS.name].drop("row_number", "origination_date")
        joined = joined.join(landed, on=_KEYS, how="left")
    expressions = _expressions() | {one.name: _own(one, given=OWN_COLUMNS.name in silver) for one in own}
    features = (*FEATURES, *own)
    return (
        _with_texts(joined)
        .select(
            *_KEYS,
            nw.col("snapshot_date").alias("known_on"),
            *(_as_contracted(expressions.get(f.name, nw.col(f.name)), f.kind).alias(f.name) for f in features),
        )
        .select(*FEATURE_STORE_KEYS, *(f.name for f in features))
    )


def _expressions() -> dict[str, nw.Expr]:
    return {**_ratios(), **_recency(), **_wording()}


def _ratios() -> dict[str, nw.Expr]:
    income = _positive("annual_income")
    opened, originated = nw.col("earliest_credit_line"), nw.col("origination_date")
    age = (originated.dt.year() - opened.dt.year()) * 12 + (originated.dt.month() - opened.dt.month())
    below = {"annual_income": income, "revolving_utilisation_share": _positive("revolving_utilisation_share")}
    limit = nw.coalesce(nw.col("revolving_limit"), _ratio("revolving_limit", below))
    below["revolving_limit"] = nw.when(limit > 0).then(limit)
    ratios = {name: _ratio(name, below) for name in RATIOS}
    return {
        **ratios,
        "installment_to_income": nw.col("installment") * 12 / income,
        "revolving_limit": limit,
        "credit_age_months": age,
        "fico": (nw.col("fico_low") + nw.col("fico_high")) / 2,
    }


def _own(feature: Feature, *, given: bool) -> nw.Expr:
    """Make the feature of an own column; a date after the loan was issued is no age, and missing."""
    if not given:
        return nw.lit(None, dtype=nw.Float64 if feature.kind == "numeric" else nw.String)
    value = nw.col(landed_name(feature))
    if feature.read_as == "date":
        issued = nw.col("origination_date")
        months = (issued.dt.year() - value.dt.year()) * 12 + (issued.dt.month() - value.dt.month())
        return nw.when(value <= issued).then(months)
    return value.str.len_chars() if feature.read_as == "text" else value


def _ratio(name: str, below: Mapping[str, nw.Expr]) -> nw.Expr:
    """Calculate a ratio, with what it divides by in place of the column where that may be no divisor."""
    found: nw.Expr = RATIOS[name].formula(_payment, *(below.get(one, nw.col(one)) for one in RATIOS[name].inputs))
    return found


def _payment(amount: nw.Expr, term_months: nw.Expr) -> nw.Expr:
    rate = REFERENCE_RATE / 12
    return amount * rate / (1 - (term_months.cast(nw.Float64) * -math.log1p(rate)).exp())


def _recency() -> dict[str, nw.Expr]:
    """Count the months since an event; a loan for which it was looked up and none was found counts as never.

    Months that are missing though the event is counted are not known: never would be the best that there is.
    """
    found = {}
    for name, feature in _RECENCY.items():
        never = ~nw.col(feature.looked_up_with).is_null() & nw.col(f"{_LOST}{name}").is_null()
        for count in feature.counted_by:
            never = never & ~(nw.col(count) > 0).fill_null(value=False)
        found[name] = nw.coalesce(nw.col(name).cast(nw.Float64), nw.when(never).then(nw.lit(NEVER_MONTHS)))
    return found


def _with_lost_recency(joined: nw.LazyFrame[Any], quarantine: nw.LazyFrame[Any] | None) -> nw.LazyFrame[Any]:
    """Add a mark per column of months since an event: 1 where the loan gave a value that could not be read."""
    if quarantine is None:
        return joined.with_columns(nw.lit(None, dtype=nw.Int64).alias(f"{_LOST}{name}") for name in _RECENCY)
    lost = (
        quarantine.filter(
            nw.col("kind") == "value", nw.col("feed").is_in(_FEEDS), nw.col("column").is_in(list(_RECENCY))
        )
        .with_columns(
            nw.when(nw.col("column") == name).then(nw.lit(1)).cast(nw.Int64).alias(f"{_LOST}{name}")
            for name in _RECENCY
        )
        .group_by(_KEYS)
        .agg(nw.col(f"{_LOST}{name}").max() for name in _RECENCY)
    )
    return joined.join(lost, on=_KEYS, how="left")


def _with_texts(joined: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add what the borrower wrote in the forms that are measured below.

    A pattern costs for each place that it matches. So the many single spaces are never matched by one: what is left
    without them holds few places that are no letters, and its letters few capitals.
    """
    text = _written("description").str.replace_all(_NOT_THE_BORROWERS, " ").str.strip_chars(BLANKS)
    return (
        joined.with_columns(text.alias("_text"), _written("title").alias("_title"))
        .with_columns(nw.col("_text").str.replace_all(_NO_SINGLE_SPACE, " ").alias("_spaced"))
        .with_columns(nw.col("_spaced").str.replace_all(" ", "", literal=True).alias("_packed"))
        .with_columns(nw.col("_packed").str.replace_all(_NO_LETTERS, "").alias("_letters"))
    )


def _wording() -> dict[str, nw.Expr]:
    """Measure simple facts of what the borrower wrote, whatever the language; the phrases are English."""
    text, title, employer = nw.col("_text"), nw.col("_title"), _written("employment_title")
    spaces = nw.col("_spaced").str.len_chars() - nw.col("_packed").str.len_chars()
    whole = nw.concat_str(title, text, separator=" ").str.to_lowercase()
    found = {f"mentions_{topic}": _begins_a_word(whole, words.replace(", ", "|")) for topic, words in PHRASES.items()}
    return {
        "description_length": text.str.len_chars(),
        "description_words_count": nw.when(text == "").then(nw.lit(0)).otherwise(spaces + 1),
        "description_capitals_share": _capitals_share(nw.col("_letters")),
        "title_length": title.str.len_chars(),
        "title_capitals_share": _capitals_share(title.str.replace_all(_NO_LETTERS, "")),
        "employer_length": employer.str.len_chars(),
        "employer_given": employer.str.len_chars() > 0,
        **found,
    }


def _begins_a_word(text: nw.Expr, phrases: str) -> nw.Expr:
    """Test whether any of these phrases stands in the text, with no letter before it.

    Where none stands at all is found many times faster, and is mostly so.
    """
    candidate = nw.when(text.str.contains(phrases)).then(text).otherwise(nw.lit(""))
    return candidate.str.contains(f"(^|[^a-z])({phrases})")


def _written(column: str) -> nw.Expr:
    return nw.col(column).fill_null("").str.strip_chars(BLANKS)


def _capitals_share(letters: nw.Expr) -> nw.Expr:
    """Calculate the share of capitals among letters of A to Z; missing where there are none."""
    count = letters.str.len_chars()
    small = letters.str.replace_all(r"[A-Z]+", "").str.len_chars()
    return (count - small) / nw.when(count > 0).then(count)


def _positive(column: str) -> nw.Expr:
    """Keep the column where it is above zero, else missing: a ratio to it is then missing and not infinite."""
    return nw.when(nw.col(column) > 0).then(nw.col(column))


def _as_contracted(expression: nw.Expr, kind: str) -> nw.Expr:
    return expression.cast(nw.Float64) if kind == "numeric" else expression
