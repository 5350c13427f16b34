"""Rate the loans of a book by the model that serves, and by the one that scored each when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.errors import BankError, MissingTableError
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.scoring import load_model
from p2pcredit.models.term_structure.structure import TermStructure, read_term_structure
from p2pcredit.periods import DateRange
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake


@dataclass(frozen=True, slots=True)
class Rated:
    """Loans with their probabilities.

    Args:
        model_id: The model that serves.
        loans: `loan_id`, `probability_of_default` by it, and `model_when_made`, `probability_when_made` (null where
            the loan was not scored when it was made, or its model cannot be read any more).
        structures: Term structure of each of these models.
    """

    model_id: str
    loans: pl.DataFrame
    structures: dict[str, TermStructure]


def rate_loans(ctx: JobContext, loan_ids: pl.Series, day: date) -> Rated:
    """Score loans again by the model that serves on a day, from what was known of them when they were made.

    Raises:
        MissingTableError: If no model serves, or the one that does has no term structure.
    """
    model_id = ctx.ledger.state().champion_on(day)
    if model_id is None:
        raise MissingTableError(f"no model serves on {day}, so that no loan has a probability; run 'p2pcredit train'")
    bank, lake, known = ModelBank(ctx.layout), Lake(ctx.layout), DateRange(EARLIEST_ORIGINATION, day)
    files = bank.get(model_id).files
    serving = read_term_structure(files)
    if serving is None:
        raise MissingTableError(
            f"{model_id} has no term structure: an earlier version made it, or fewer than 10 defaults were known; run "
            "'p2pcredit train'"
        )
    ids = loan_ids.to_frame("loan_id").lazy()
    features = (
        lake.scan(FEATURE_STORE, known)
        .join(ids, on="loan_id", how="semi")
        .collect()
        .sort("snapshot_date", "loan_id")
        .unique("loan_id", keep="first", maintain_order=True)
    )
    chances = pl.Series("probability_of_default", load_model(files).predict(features), dtype=pl.Float64)
    made = (
        lake.scan(PREDICTIONS, known)
        .join(ids, on="loan_id", how="semi")
        .filter(pl.col("probability_of_default").is_not_null())
        .select(
            "loan_id",
            "snapshot_date",
            pl.col("model_id").alias("model_when_made"),
            pl.col("probability_of_default").alias("probability_when_made"),
        )
        .collect()
        .sort("snapshot_date", "loan_id")
        .unique("loan_id", keep="first", maintain_order=True)
        .drop("snapshot_date")
    )
    structures = {model_id: serving}
    for other in made["model_when_made"].unique().to_list():
        found = _structure_of(bank, other)
        if found is not None:
            structures.setdefault(other, found)
    rated = features.select("loan_id").with_columns(chances).join(made, on="loan_id", how="left")
    return Rated(model_id, rated, structures)


def _structure_of(bank: ModelBank, model_id: str) -> TermStructure | None:
    """Read the term structure of a model; None where the model is gone or has none."""
    try:
        return read_term_structure(bank.get(model_id).files)
    except BankError:
        return None


__all__ = ["Rated", "rate_loans"]
