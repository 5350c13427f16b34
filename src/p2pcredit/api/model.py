"""A model of the bank that scores frames, with the same numbers as the daily run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.errors import UsageError
from p2pcredit.jobs.answering.landed_rows import LANDED, features_for
from p2pcredit.jobs.audit.files.model_export import export_model
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.scoring import TERM
from p2pcredit.models.term_structure.structure import TermStructure
from p2pcredit.models.training_support import catalogue_of
from p2pcredit.names import perhaps
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.text import one_line

_CURVE = {"loan_id": pl.String, "months_on_book": pl.Int64, "probability_of_default": pl.Float64}


@dataclass(frozen=True)
class Model:
    """A model of the bank.

    Attributes:
        id: Its name in the bank.
        card: What it is, learned from, and can do.
    """

    id: str
    card: Mapping[str, Any] = field(repr=False)
    _scorer: Scorer = field(repr=False)
    _ctx: JobContext = field(repr=False)

    @classmethod
    def read(cls, ctx: JobContext, model_id: str) -> Model:
        """Read a model, every file checked against its digest.

        Raises:
            BankError: If there is none of that name, or it was altered.
        """
        banked = ModelBank(ctx.layout).get(model_id)
        return cls(model_id, banked.card, Scorer.read(model_id, banked.files), ctx)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads."""
        return self._scorer.model.feature_names

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
        rows = as_polars(frame)
        try:
            features = self._features(rows)
            if TERM not in features.columns:
                warnings.warn(f"without '{TERM}' there is no lifetime probability of default", stacklevel=2)
            return self._scorer.score(features, self._ctx.settings)
        except pl.exceptions.PolarsError as error:
            raise UsageError(
                f"the frame cannot be scored: {one_line(str(error).partition(chr(10))[0], 200)}; give numbers and text"
            ) from error

    def export(self, form: str, out: str | os.PathLike[str] | None = None) -> bytes:
        """Write the model as a file that another program scores with, as `p2pcredit models export` does.

        Args:
            form: `onnx`, `pmml`, `sql` or `python`.
            out: Where to write it too; None to write nothing.

        Returns:
            The bytes of the file.

        Raises:
            UsageError: If the format is another, or the model's family cannot be exported.
            MissingExtraError: If the extra of a format is not installed.
            StorageError: If the disk refuses.
        """
        return export_model(self._ctx, self.id, form, None if out is None else Path(out))[1]

    def default_curve(self, frame: Any) -> pl.DataFrame:
        """Calculate for each loan the probability of default by the end of each month on book, to the end of its term.

        Args:
            frame: As for `score`, with `term_months` where it holds features.

        Returns:
            `loan_id`, `months_on_book` (from 1), `probability_of_default` (cumulative, non-decreasing), ordered by row
            and month. At the main window it is that of `score`, at the last month the lifetime one. Loans without a
            probability or a term have no rows.

        Raises:
            UsageError: If columns are missing, or the model was made by a version that learned no curve.
            QuarantineError: If a landed row breaks a rule, so that the daily run would set it aside.
        """
        structure = self._scorer.structure
        if structure is None:
            raise UsageError(f"model {self.id} has no term structure; train a model with this version")
        features = self._features(as_polars(frame))
        if TERM not in features.columns:
            raise UsageError(f"the frame lacks '{TERM}'; add the contract term in months")
        scored = self._scorer.score(features, self._ctx.settings)
        known = scored.with_columns(features[TERM].cast(pl.Float64)).filter(
            pl.col(TERM).is_not_null(), pl.col("probability_of_default").is_not_null()
        )
        parts = [self._curves_of(loans, structure) for _, loans in known.with_row_index().group_by(TERM)]
        if not parts:
            return pl.DataFrame(schema=_CURVE)
        return pl.concat(parts).sort("index", "months_on_book").drop("index").match_to_schema(_CURVE)

    @staticmethod
    def _curves_of(loans: pl.DataFrame, structure: TermStructure) -> pl.DataFrame:
        """Lay out the curves of loans of one term, a row per loan and month."""
        built = structure.cumulative(loans["probability_of_default"].to_numpy(), int(loans[TERM][0]))
        months = built.shape[1]
        return (
            loans.select("index", "loan_id")
            .select(pl.all().repeat_by(months).explode())
            .with_columns(
                pl.Series("months_on_book", list(range(1, months + 1)) * loans.height, dtype=pl.Int64),
                pl.Series("probability_of_default", built.reshape(-1), dtype=pl.Float64),
            )
        )

    def _features(self, rows: pl.DataFrame) -> pl.DataFrame:
        found = features_for(self.feature_names, rows, catalogue=catalogue_of(self._scorer.model.support))
        if found.misspelt:
            slips = ", ".join(f"'{name}'{perhaps(name, LANDED)}" for name in found.misspelt)
            warnings.warn(f"columns that no feed has are passed over: {slips}", stacklevel=3)
        if found.lost:
            lost = ", ".join(f"{name} ({count})" for name, count in found.lost.items())
            warnings.warn(f"values that cannot be read count as missing: {lost}", stacklevel=3)
        return found.features


def as_polars(frame: Any) -> pl.DataFrame:
    """Take a Polars, pandas or Arrow frame.

    Raises:
        UsageError: If it is anything else.
    """
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    try:
        rows: pl.DataFrame = nw.from_native(frame, eager_only=True).to_polars()
    except TypeError as error:
        raise UsageError(
            f"cannot score a {type(frame).__name__}; give a Polars, pandas or Arrow frame, one row per loan"
        ) from error
    return rows


__all__ = ["Model", "as_polars"]
