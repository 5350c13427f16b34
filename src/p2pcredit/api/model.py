"""A model of the bank that scores frames, with the same numbers as the daily run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.scoring.landed_rows import LANDED, features_of_landed
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.names import perhaps
from p2pcredit.settings import Settings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.text import one_line


@dataclass(frozen=True)
class Model:
    """A model of the bank.

    Attributes:
        id: Its name in the bank.
        card: What it is, learned from, and can do.
    """

    id: str
    card: Mapping[str, Any] = field(repr=False)
    _model: ScoringModel = field(repr=False)
    _settings: Settings = field(repr=False)

    @classmethod
    def read(cls, ctx: JobContext, model_id: str) -> Model:
        """Read a model, every file checked against its digest.

        Raises:
            BankError: If there is none of that name, or it was altered.
        """
        banked = ModelBank(ctx.layout).get(model_id)
        return cls(model_id, banked.card, load_model(banked.files), ctx.settings)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads."""
        return self._model.feature_names

    def score(self, frame: Any) -> pl.DataFrame:
        """Score loans as the daily run does: the same features give the same numbers.

        Args:
            frame: A Polars, pandas or Arrow frame, one row per loan, with `loan_id` and either the features of the
                model (rows of `gold.feature_store`) or the columns of landing files (`origination_date`,
                `loan_amount`, `term` and any others). A landed value that cannot be read counts as missing, with a
                warning that names its column; so does one whose column's name is a slip of the pen.

        Returns:
            In the order of the rows: the columns of `gold.predictions`.

        Raises:
            UsageError: If columns are missing, with the similar one.
            QuarantineError: If a landed row breaks a rule, so that the daily run would set it aside.
        """
        rows = _as_polars(frame)
        try:
            return score_loans(self._model, self.id, self._features(rows), self._settings)
        except pl.exceptions.PolarsError as error:
            raise UsageError(
                f"the frame cannot be scored: {one_line(str(error).partition(chr(10))[0], 200)}; give numbers and text"
            ) from error

    def _features(self, rows: pl.DataFrame) -> pl.DataFrame:
        lacking = [name for name in ("loan_id", *self.feature_names) if name not in rows.columns]
        if not lacking:
            there = "snapshot_date" in rows.columns
            return rows if there else rows.with_columns(pl.lit(None, dtype=pl.Date).alias("snapshot_date"))
        if all(name in rows.columns for name in LOAN_TERMS.required_sources) or "term" in rows.columns:
            found = features_of_landed(rows)
            if found.misspelt:
                slips = ", ".join(f"'{name}'{perhaps(name, LANDED)}" for name in found.misspelt)
                warnings.warn(f"columns that no feed has are passed over: {slips}", stacklevel=3)
            if found.lost:
                lost = ", ".join(f"{name} ({count})" for name, count in found.lost.items())
                warnings.warn(f"values that cannot be read count as missing: {lost}", stacklevel=3)
            return found.features
        raise UsageError(
            f"the frame lacks '{lacking[0]}'{perhaps(lacking[0], rows.columns)}; give the model's features (see "
            f"feature_names) with loan_id, or the columns of landing files ({', '.join(LOAN_TERMS.required_sources)}, "
            "...)"
        )


def _as_polars(frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    try:
        rows: pl.DataFrame = nw.from_native(frame, eager_only=True).to_polars()
    except TypeError as error:
        raise UsageError(
            f"cannot score a {type(frame).__name__}; give a Polars, pandas or Arrow frame, one row per loan"
        ) from error
    return rows


__all__ = ["Model"]
