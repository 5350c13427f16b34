"""Features of applications given with the columns of landing files, by the transforms that daily runs use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.contracts.tables import QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.errors import QuarantineError, UsageError
from p2pcredit.jobs.answering.problems import (
    LANDED,
    FieldProblem,
    columns_of_home,
    feeds_of_application,
    in_order_of,
    refuse,
)
from p2pcredit.jobs.lake_engines import as_quarantined
from p2pcredit.names import perhaps, similar_name
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.silver import refine
from p2pcredit.transforms.typing import BLANKS


@dataclass(frozen=True)
class LandedFeatures:
    """Features of landed rows, and the optional values that could not be read.

    Attributes:
        features: Rows of the feature store, in the order of the landed rows.
        lost: Column -> how many of its values break a rule and count as missing.
        misspelt: Columns of the frame that no feed has, and whose name is like one that the frame lacks.
    """

    features: pl.DataFrame
    lost: dict[str, int]
    misspelt: tuple[str, ...]


def features_for(
    names: Sequence[str], rows: pl.DataFrame, *, strict: bool = False, catalogue: FeatureCatalogue = BUILT_IN
) -> LandedFeatures:
    """Give the features of rows that have either the columns of landing files or those of the feature store.

    Rows with every column that a landing file needs are landed rows, whatever else they have.

    Args:
        names: The features that the model reads.
        rows: One loan each.
        strict: As of `features_of_landed`.
        catalogue: The features that the model knows.

    Raises:
        UsageError: If columns are missing, with the similar one.
        QuarantineError: If a landed row breaks a rule, so that the daily run would set it aside.
        ApplicationError: If `strict`, and a landed row or value breaks a rule.
    """
    landed = all(name in rows.columns for name in LOAN_TERMS.required_sources)
    lacking = [name for name in ("loan_id", *names) if name not in rows.columns]
    if not lacking and not landed:
        there = "snapshot_date" in rows.columns
        found = rows if there else rows.with_columns(pl.lit(None, dtype=pl.Date).alias("snapshot_date"))
        found = found.with_columns(
            pl.col(one.name).cast(pl.Float64 if one.kind == "numeric" else pl.String)
            for one in catalogue.own
            if one.name in found.columns
        )
        return LandedFeatures(found, {}, ())
    if landed or "term" in rows.columns:
        return features_of_landed(rows, strict=strict, catalogue=catalogue)
    raise UsageError(
        f"the frame lacks '{lacking[0]}'{perhaps(lacking[0], rows.columns)}; give the model's features (see "
        f"feature_names) with loan_id, or the columns of landing files ({_needed()}, ...)"
    )


def features_of_landed(
    rows: pl.DataFrame, *, strict: bool = False, catalogue: FeatureCatalogue = BUILT_IN
) -> LandedFeatures:
    """Build the features of rows that have the columns of the four application feeds side by side.

    Args:
        rows: One loan each, with the columns of landing files (`loan_id`, `origination_date`, `loan_amount`, `term` and
            any others), as text or typed. Columns that no feed names are left aside.
        strict: Refuse values and names that would otherwise count as missing, all problems at once.
        catalogue: The features that there are; own columns bear their names with the prefix.

    Raises:
        UsageError: If a required column is not there.
        QuarantineError: If a row breaks a rule, so that preprocessing would set it aside.
        ApplicationError: If `strict`: in place of both.
    """
    lacking = [name for name in LOAN_TERMS.required_sources if name not in rows.columns]
    if lacking:
        meant = perhaps(lacking[0], rows.columns)
        raise UsageError(f"the frame lacks the column '{lacking[0]}'{meant}; loans need {_needed()}")
    known = columns_of_home(catalogue)
    absent = [name for name in known if name not in rows.columns]
    misspelt = tuple(name for name in rows.columns if name not in known and similar_name(name, absent))
    silver, quarantine = _refined(rows, catalogue)
    if strict:
        refuse(_problems(quarantine, misspelt, absent, list(known)))
    broken = quarantine.filter(pl.col("kind") == "row").sort("row_number")
    if broken.height:
        first = broken.row(0, named=True)
        count = broken["row_number"].n_unique()
        raise QuarantineError(
            f"{count} of {rows.height} rows cannot be scored, the first is row {first['row_number']}: "
            f"{first['rules']}; mend or leave out such rows"
        )
    frames = {name: nw.from_native(frame.lazy()) for name, frame in silver.items()}
    features = collect(build_features(frames, nw.from_native(quarantine.lazy()), catalogue.own))
    order = silver[LOAN_TERMS.name].select("loan_id", "snapshot_date", "row_number")
    ordered = features.join(order, on=["loan_id", "snapshot_date"], how="left").sort("row_number").drop("row_number")
    lost = quarantine.filter(pl.col("kind") == "value").group_by("column").len().sort("column")
    return LandedFeatures(ordered, dict(lost.iter_rows()), misspelt)


def _refined(rows: pl.DataFrame, catalogue: FeatureCatalogue) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Type landed rows feed by feed as preprocessing does: the sound rows, and what the quarantine would keep."""
    texts = rows.select(_as_text(rows, source) for source in columns_of_home(catalogue))
    day = pl.col(LOAN_TERMS.date_column).str.strip_chars(BLANKS).str.to_date("%Y-%m-%d", strict=False)
    raw = texts.with_columns(day.alias("snapshot_date"), pl.lit(None, dtype=pl.String).alias("unparsed"))
    raw = raw.with_row_index("row_number", offset=1).with_columns(pl.col("row_number").cast(pl.Int64))
    silver, set_aside = {}, []
    for feed in feeds_of_application(catalogue):
        given = raw.select("snapshot_date", "row_number", "unparsed", *feed.sources)
        refined = refine(nw.from_native(given.lazy()), feed)
        silver[feed.name] = collect(refined.sound)
        set_aside.append(as_quarantined(feed, collect(refined.faulty)))
    return silver, pl.concat(set_aside).select(*QUARANTINE.schema)


def _problems(
    quarantine: pl.DataFrame, misspelt: Sequence[str], absent: Sequence[str], known: Sequence[str]
) -> list[FieldProblem]:
    """List what is wrong, row by row in the order of the contract; a rule of several feeds counts once."""
    found = {
        FieldProblem(row, *rule.partition(": ")[::2])
        for row, rules in quarantine.select("row_number", "rules").iter_rows()
        for rule in rules.split("; ")
    }
    slips = [FieldProblem(None, name, f"no column of a feed{perhaps(name, absent)}") for name in misspelt]
    return slips + in_order_of(known, found)


def _as_text(rows: pl.DataFrame, source: str) -> pl.Expr:
    """Write a column as a landing file would have it: missing where the frame lacks it."""
    if source not in rows.columns:
        return pl.lit(None, dtype=pl.String).alias(source)
    column, dtype = pl.col(source), rows.schema[source]
    if dtype.is_float():
        whole = column == column.round()
        plain = column.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole & plain.is_not_null()).then(plain).otherwise(column.cast(pl.String)).alias(source)
    return column.cast(pl.String).alias(source)


def _needed() -> str:
    return ", ".join(LOAN_TERMS.required_sources)


__all__ = ["LANDED", "LandedFeatures", "features_for", "features_of_landed"]
