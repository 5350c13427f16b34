"""Gradient boosting with shallow trees, monotone where credit sense is plain, kept in XGBoost's own UBJ format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import BankError, TrainingError
from p2pcredit.models.absence_effects import Absent, Outcomes, with_effects, with_usual_effects
from p2pcredit.models.boosting.counterfactuals import Counterfactuals
from p2pcredit.models.boosting.encoding import LEAST_LEVEL_SHARE, Encoding, learn_encoding
from p2pcredit.models.boosting.trees import Trees, growing
from p2pcredit.models.calibration import Calibration, as_probability
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.family import MODEL_FILE
from p2pcredit.models.files.model_file import write_model_json
from p2pcredit.models.fitting.backend import LOCAL, FitBackend, Matrix, Threads
from p2pcredit.models.fitting.devices import CPU
from p2pcredit.models.ratios import complete_ratios
from p2pcredit.models.reference_borrower import ReferenceBorrower, columns_of
from p2pcredit.models.training_support import (
    AbsenceEffect,
    Support,
    blanks_as_missing,
    learn_support,
    loans_for_reach,
    support_from_json,
    without_missing,
)
from p2pcredit.weak_cache import WeakCache

BOOSTER_FILE = "booster.ubj"
LOANS_FOR_TABLES = 1000
"""From so many loans on, what a change of each feature does is looked up in tables. Making them costs as much as to
predict about as many loans once for each feature."""
CELLS_FOR_ANOTHER_THREAD = 1 << 16
"""From so many cells on rows are predicted on two threads. They wait for each other once, not at every node of a tree
as those of a fit do, so it pays much sooner than there."""
LOANS_TOGETHER = 2048
"""So many loans are summed up at a time, that their sums stay in the processor's cache."""
_TABLES = WeakCache[xgb.Booster, Counterfactuals]()


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as the trees see them, the reference borrower's value in the place of one that is absent.

    Args:
        columns: (rows, columns).
        effects: Place of a feature -> what its absence adds to the margin of each row.
    """

    columns: Matrix
    effects: dict[int, Floats]

    @property
    def effect(self) -> Floats:
        """The effect of the absences of each row on its margin, in the order of the features."""
        total = np.zeros(self.columns.shape[0])
        for added in self.effects.values():
            total += added
        return total


@dataclass(frozen=True, slots=True)
class Stays:
    """What is the same for every row.

    Args:
        usual: The reference borrower as the trees see one, (columns,).
        spans_used: The features that a tree asks for: place among the features, and columns.
    """

    usual: Matrix
    spans_used: tuple[tuple[int, slice], ...]


@dataclass(frozen=True, slots=True)
class BoostingModel:
    """A fitted booster.

    Args:
        target: `matured`, `hazard` or `early_delinquency`.
        encoding: From features to columns.
        booster: The trees.
        offset: Added to their margin: ln of the book's cumulative hazard for the hazard target, else 0.
        calibration: From margin to log-odds of default.
        neutral: The reference borrower: the feature values that reasons compare with, and that stand for absent ones.
        trees: How the booster was grown.
        support: What it was trained on, per feature; empty until there is a reference borrower.
    """

    family: ClassVar[str] = "boosting"
    least_level_share: ClassVar[float] = LEAST_LEVEL_SHARE

    target: str
    encoding: Encoding
    booster: xgb.Booster
    offset: float
    calibration: Calibration
    neutral: ReferenceBorrower
    trees: Trees = field(default_factory=Trees)
    support: Support = field(default_factory=dict)

    @property
    def notes(self) -> dict[str, Any]:
        """Facts on its fit, for its card."""
        return {"trees": asdict(self.trees)}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features it reads, in order."""
        return self.encoding.features

    def margin(self, features: pl.DataFrame) -> Floats:
        """Calculate log-odds of default (hazard target: log cumulative hazard) of each row before calibration."""
        rows = self._rows(features)
        return self.margin_of_columns(rows.columns) + rows.effect

    def predict(self, features: pl.DataFrame) -> Floats:
        """Calculate the probability of default of each row, strictly between 0 and 1."""
        return self.calibration.probability(self.margin(features))

    def predict_with_neutral(self, features: pl.DataFrame) -> tuple[Floats, Floats]:
        """Calculate the probability of default of each row, and its log-odds with each feature at its neutral value.

        The second is what the model itself says of the changed row, so a factor named as a reason is one that would
        have changed the score.
        """
        log_odds, at_neutral = self._log_odds_with_neutral(features)
        return as_probability(log_odds), at_neutral

    def what_stays(self) -> Stays:
        """Give what is the same for every row, for predictions row by row."""
        return Stays(self.encoding.encode(self._neutral_row())[0], tuple(self.spans_used()))

    def contributions(self, features: pl.DataFrame) -> Floats:
        """Calculate the log-odds of default that each feature's value adds over its neutral value, (rows, features)."""
        log_odds, at_neutral = self._log_odds_with_neutral(features)
        return np.asarray(log_odds[:, None] - at_neutral, dtype=np.float64)

    def with_reference(self, neutral: ReferenceBorrower, loans: pl.DataFrame, outcomes: Outcomes) -> BoostingModel:
        """Copy the trees with a reference borrower, and with the effects of absent values in their training loans.

        Args:
            neutral: The reference borrower.
            loans: The loans that the trees were grown on.
            outcomes: What came of them.
        """
        columns = columns_of(loans, self.feature_names)
        frequent = {name: columns[name].filter(columns[name].is_in(levels)) for name, levels in self._levels.items()}
        known = {name: value for name, value in neutral.items() if name not in frequent or value in self._levels[name]}
        usual = {name: str(frequent[name].mode().sort()[0]) for name in frequent if neutral[name] and name not in known}
        plain = replace(
            self,
            neutral={**neutral, **known, **usual},
            support=learn_support(columns, self._levels, outcomes.bads),
        )
        some = loans_for_reach(loans)
        added = plain.calibrated(Calibration()).contributions(some)
        reach = dict(zip(self.feature_names, np.abs(added).max(axis=0, initial=0.0).tolist(), strict=True))
        given = columns_of(blanks_as_missing(some, plain.support), self.feature_names)
        present = given.select(pl.all().is_not_null()).to_numpy()
        usual_effects = with_usual_effects(plain.support, plain.neutral, plain.margin(some), added, present)
        plain = replace(plain, support=usual_effects)
        used = {self.feature_names[place] for place, _ in self.spans_used()}
        absent: Absent = {
            (name, state): where
            for name, state, where in plain._absent(self.encoding.encode(blanks_as_missing(loans, plain.support)))
            if name in used and where.any()
        }
        support = with_effects(plain.support, absent, plain.margin(loans), outcomes)
        return replace(plain, support={name: replace(held, reach=reach[name]) for name, held in support.items()})

    def calibrated(self, calibration: Calibration, neutral: ReferenceBorrower | None = None) -> BoostingModel:
        """Copy the trees with another calibration, and another reference borrower where given."""
        return replace(self, calibration=calibration, neutral=self.neutral if neutral is None else neutral)

    def to_files(self) -> dict[str, bytes]:
        """Write the model as files: file name -> bytes, the same bytes for the same model."""
        own = {
            "features": list(self.encoding.features),
            "levels": {name: list(levels) for name, levels in self.encoding.levels.items()},
            "offset": self.offset,
            "trees": asdict(self.trees),
        }
        return {MODEL_FILE: write_model_json(self, own), BOOSTER_FILE: bytes(self.booster.save_raw("ubj"))}

    @classmethod
    def from_json(cls, content: dict[str, Any], trees: bytes) -> BoostingModel:
        """Read the model of this `model.json` and `booster.ubj`."""
        if not trees.startswith(b"{"):  # an empty file ends the whole process in the library
            raise BankError(f"{BOOSTER_FILE} holds no trees; restore it from a backup or train again")
        booster = xgb.Booster()
        booster.load_model(bytearray(trees))
        levels = {str(name): tuple(str(level) for level in found) for name, found in content["levels"].items()}
        return cls(
            target=str(content["target"]),
            encoding=Encoding(tuple(str(name) for name in content["features"]), levels),
            booster=booster,
            offset=float(content["offset"]),
            calibration=Calibration(**content["calibration"]),
            neutral=dict(content["neutral"]),
            trees=Trees(**content.get("trees", {})),
            support=support_from_json(content.get("support"), content["features"]),
        )

    @property
    def _levels(self) -> dict[str, tuple[str, ...]]:
        return self.encoding.levels

    def _rows(self, features: pl.DataFrame) -> _Rows:
        """Lay out the rows as the trees see them."""
        given = blanks_as_missing(features, self.support)
        columns = self.encoding.encode(complete_ratios(given, without_missing(self.support), self.neutral))
        effects: dict[int, Floats] = {}
        if not self.support or not columns.shape[0]:
            return _Rows(columns, effects)
        usual = self.encoding.encode(self._neutral_row())[0]
        for name, state, where in list(self._absent(columns)):
            if not where.any():
                continue
            place = self.feature_names.index(name)
            span = self.encoding.spans[place]
            columns[where, span] = usual[span]
            effect: AbsenceEffect = getattr(self.support[name], state)
            if effect.effect:
                effects.setdefault(place, np.zeros(columns.shape[0]))[where] = effect.effect
        return _Rows(columns, effects)

    def _absent(self, columns: Matrix) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
        """Find the rows that lack a value of a feature that the reference borrower has: feature, state, rows."""
        for name, span in zip(self.feature_names, self.encoding.spans, strict=True):
            if self.neutral.get(name) is None:  # lacking it is what is usual
                continue
            missing = np.isnan(columns[:, span.start])
            yield name, "missing", missing
            if name in self._levels and not self.support[name].pools_rare(LEAST_LEVEL_SHARE):
                yield name, "rare", ~missing & ~columns[:, span].any(axis=1)

    def _log_odds_with_neutral(self, features: pl.DataFrame) -> tuple[Floats, Floats]:
        """Calculate the log-odds of each row as it is, and with each feature at its neutral value."""
        rows = self._rows(features)
        raw = self._raw_of_columns(rows.columns)
        log_odds = self.calibration.log_odds(raw + self.offset + rows.effect)
        return log_odds, self._at_neutral(rows, raw, log_odds)

    def _at_neutral(self, rows: _Rows, raw: Floats, log_odds: Floats) -> Floats:
        """Return the log-odds of rows with each feature at its neutral value, given those with all as they are.

        Args:
            rows: As the trees see them.
            raw: The sum of the trees of each row.
            log_odds: The log-odds of each row.
        """
        found = np.repeat(log_odds[:, None], len(self.encoding.features), axis=1)
        for place, added in rows.effects.items():
            found[:, place] -= self.calibration.slope * added
        fill_in = self._by_tables if rows.columns.shape[0] >= LOANS_FOR_TABLES else self._by_predicting
        fill_in(rows, raw, found)
        return found

    def _by_tables(self, rows: _Rows, raw: Floats, found: Floats) -> None:
        """Fill in the log-odds of changed rows from tables, which add the trees up for all changes in one pass.

        What a change adds is taken from the tables and added to what the booster gave, so that a loan whose value is
        the neutral one stays exactly as it is.
        """
        stays, effect, slope = self.what_stays(), rows.effect, self.calibration.slope
        tables = self.tables_of(stays)
        places = [place for place, _ in stays.spans_used]
        for first in range(0, rows.columns.shape[0], LOANS_TOGETHER):
            part = slice(first, first + LOANS_TOGETHER)
            sums = tables.sums(rows.columns[part]).astype(np.float64)
            margin = (raw[part, None] + (sums[:, 1:] - sums[:, :1])) + self.offset + effect[part, None]
            changed = self.calibration.log_odds(margin)
            for column, place in enumerate(places):
                if place in rows.effects:
                    changed[:, column] -= slope * rows.effects[place][part]
            found[part, places] = changed

    def tables_of(self, stays: Stays) -> Counterfactuals:
        """Make the tables that add the trees up for all changes of a loan, or give those that were made before."""
        spans = tuple(span for _, span in stays.spans_used)
        state = (stays.usual.tobytes(), tuple((span.start, span.stop) for span in spans))
        return _TABLES.get(self.booster, state, lambda: Counterfactuals(self.booster, stays.usual, spans))

    def _by_predicting(self, rows: _Rows, _raw: Floats, found: Floats) -> None:
        """Fill in the log-odds of changed rows, by predicting them: for few loans, whose tables would cost more.

        A row whose value of a feature is the neutral one is not predicted again for it.
        """
        stays, effect = self.what_stays(), rows.effect
        usual, columns = stays.usual, rows.columns
        changes = [(place, span, _rows_other_than(usual[span], columns[:, span])) for place, span in stays.spans_used]
        if not changes or not columns.size:
            return
        chosen = np.concatenate([which for _, _, which in changes])
        places = np.repeat([place for place, _, _ in changes], [which.size for _, _, which in changes])
        changed = columns[chosen]
        for place, span, _ in changes:
            changed[places == place, span] = usual[span]
        found[chosen, places] = self.calibration.log_odds(self.margin_of_columns(changed) + effect[chosen])

    def spans_used(self) -> list[tuple[int, slice]]:
        """List the features that a tree asks for: place among the features, and columns."""
        used = {int(name[1:]) for name in self.booster.get_score(importance_type="weight")}
        return [
            (place, span) for place, span in enumerate(self.encoding.spans) if used & set(range(span.start, span.stop))
        ]

    def margin_of_columns(self, columns: Matrix) -> Floats:
        """Calculate the margin of rows as the trees see them, (rows, columns), before absences and calibration."""
        return self._raw_of_columns(columns) + self.offset

    def _raw_of_columns(self, columns: Matrix) -> Floats:
        """Add up the trees for rows as they see them, (rows, columns)."""
        if columns.shape[0] == 0:
            return np.zeros(0)
        self.booster.set_param({"nthread": 1 + min(1, columns.size // CELLS_FOR_ANOTHER_THREAD)})
        raw = self.booster.inplace_predict(columns, predict_type="margin", missing=np.nan, validate_features=False)
        return np.asarray(raw, dtype=np.float64)

    def _neutral_row(self) -> pl.DataFrame:
        kinds = {name: pl.String() if name in self.encoding.levels else pl.Float64() for name in self.feature_names}
        values = {name: [self.neutral.get(name)] for name in self.feature_names}
        return pl.DataFrame(values, schema=kinds)


def _rows_other_than(usual: Matrix, columns: Matrix) -> npt.NDArray[np.int64]:
    """Find the rows of (rows, columns) that differ from `usual`, (columns,), somewhere; NaN equals NaN.

    Examples:
        >>> _rows_other_than(np.array([1, np.nan]), np.array([[1, np.nan], [1, 1], [np.nan, np.nan]])).tolist()
        [1, 2]
    """
    other = (columns != usual) & ~(np.isnan(columns) & np.isnan(usual))
    return np.flatnonzero(other.any(axis=1))


def fit_boosting(
    features: pl.DataFrame,
    candidates: tuple[Feature, ...],
    bads: Floats,
    *,
    seed: int,
    threads: Threads,
    expected: Floats | None = None,
    log_cumulative_hazard: float = 0.0,
    trees: Trees | None = None,
    device: str = CPU,
    backend: FitBackend = LOCAL,
) -> BoostingModel:
    """Fit a booster on these loans, not yet calibrated.

    Args:
        features: One row per loan.
        candidates: The features that may enter.
        bads: 1.0 for a loan that turned bad, else 0.0.
        seed: Of the sampling of rows and columns.
        threads: How many processor threads it may use.
        expected: For the hazard target: the default expected of each loan for the time it was watched; positive. The
            trees then learn by what factor a loan's hazard exceeds the book's (Poisson with that exposure).
        log_cumulative_hazard: For the hazard target: the margin of a loan of average risk.
        trees: How to grow it; the defaults where None.
        device: Where to grow it, `cpu` or `cuda`; see `devices.require_device`.
        backend: Grows it.

    Raises:
        TrainingError: If there are no features or one class only.
    """
    total = float(bads.sum())
    if not candidates or not 0.0 < total < bads.size:
        raise TrainingError(f"{len(candidates)} features and {total:g} bads of {bads.size} loans teach no model")
    encoding = learn_encoding(features, candidates)
    grown = trees or Trees()
    with growing(
        encoding,
        encoding.encode(features),
        bads,
        expected,
        candidates=candidates,
        seed=seed,
        threads=threads,
        device=device,
        backend=backend,
    ) as grow:
        booster = grow(grown)
    target = "matured" if expected is None else "hazard"
    return BoostingModel(target, encoding, booster, log_cumulative_hazard, Calibration(), {}, grown)
