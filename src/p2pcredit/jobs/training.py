"""Train, judge and bank a model as of a day. Whether one is due is for `retraining` to say."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, Table, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import TooLittleDataError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.maturity import matured_counts
from p2pcredit.models.comparison import Comparison, compare_models
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.training import Candidate, TrainingRun, beats_base_rate, train_candidates
from p2pcredit.settings import Settings
from p2pcredit.storage.bank import ModelBank
from p2pcredit.storage.lake import Lake
from p2pcredit.transforms.labels import labels_as_of
from p2pcredit.transforms.outcomes import build_outcomes

SOURCES: tuple[Table, ...] = (
    FEATURE_STORE,
    LABEL_STORE,
    silver(FEEDS["loan_terms"]),
    silver(FEEDS["loan_performance"]),
)
REFERENCE_FILE = "reference.parquet"
"""Beside the model: the loans it was developed on, with the score it gives them, for monitoring to compare with."""
JUDGED = "judged-"
"""Prefix of the files of the fit that was judged in this model's place."""
_LIBRARIES = ("p2p-credit-score", "numpy", "polars", "scikit-learn", "scipy", "xgboost-cpu")


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that was trained and banked, and whether it earned its place.

    `promoted` is True where it takes over; `reason` says why or why not, in one line.
    """

    model_id: str
    promoted: bool
    reason: str
    metrics: dict[str, Any]
    matured_bads: int | None = None


def train_model(ctx: JobContext, day: date) -> Trained:
    """Train all candidates as of a day, compare the best with the champion, and put it into the bank.

    Raises:
        TooLittleDataError: If too few loans have matured, in one line with the numbers found and needed.
        LeakError: If a single feature predicts too well to be honest.
    """
    now = Lake(ctx.layout)
    now.require(FEATURE_STORE)
    versions = {table.name: version for table in SOURCES if (version := now.version(table)) is not None}
    lake = Lake(ctx.layout, pinned=versions)  # what others commit meanwhile is not what the card says was seen
    features = known_features(lake, day)
    run, best = train_as_of(lake, features, day, ctx.settings)
    files = best.model.to_files()
    model_id = name_model(best, day, files)
    comparison = _against_champion(ctx, features, best, day)
    promoted, reason = _verdict(best, comparison)
    card = _card(model_id, run, best, day, versions, comparison, ctx.settings)
    loans, bads = matured_counts(ctx, day)
    reference = _reference(lake, features, best, day, ctx.settings)
    card |= {"matured_loans": loans, "matured_bads": bads}
    judged = {JUDGED + name: data for name, data in best.judged.to_files().items()}
    ModelBank(ctx.layout).add(model_id, {**files, **judged, REFERENCE_FILE: reference}, card)
    return Trained(model_id, promoted, reason, dict(best.metrics), bads)


def known_features(lake: Lake, day: date) -> pl.DataFrame:
    """The features known by a day, each loan once, in order of origination."""
    features = lake.scan(FEATURE_STORE).filter(pl.col("known_on") <= day).collect().sort("snapshot_date", "loan_id")
    return features.unique("loan_id", keep="first", maintain_order=True)


def train_as_of(lake: Lake, features: pl.DataFrame, day: date, settings: Settings) -> tuple[TrainingRun, Candidate]:
    """Train all candidates on what the lake knew by a day, `features` being its `known_features`; the best comes too.

    Raises:
        TooLittleDataError: If too few loans have matured.
    """
    outcomes = collect(
        build_outcomes(
            lake.frame(silver(FEEDS["loan_terms"])),
            lake.frame(silver(FEEDS["loan_performance"])),
            lake.frame(LABEL_STORE),
            as_of=day,
            settings=settings.labels,
        )
    )
    run = train_candidates(features, outcomes, as_of=day, settings=settings)
    if not run.candidates:
        raise TooLittleDataError(
            f"no candidate could be fitted on what was known on {day}; wait for more matured loans"
        )
    return run, run.candidates[0]


def name_model(best: Candidate, day: date, files: Mapping[str, bytes]) -> str:
    """The model's name: family, date and the digest of its files, so that equal models have equal names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return f"{best.family}-{day:%Y%m%d}-{digest.hexdigest()[:8]}"


def _reference(lake: Lake, features: pl.DataFrame, best: Candidate, day: date, settings: Settings) -> bytes:
    """The matured loans with the score that the model gives them, as Parquet bytes: equal inputs give equal bytes."""
    matured = collect(labels_as_of(lake.frame(LABEL_STORE), day, settings.labels)).select("loan_id")
    loans = features.join(matured, on="loan_id", how="semi", maintain_order="left")
    scored = score_loans(best.model, "reference", loans, settings)
    buffer = BytesIO()
    scored.select("loan_id", "snapshot_date", "score").write_parquet(buffer)
    return buffer.getvalue()


def _against_champion(ctx: JobContext, features: pl.DataFrame, best: Candidate, day: date) -> Comparison | None:
    champion_id = ctx.ledger.state().champion_on(day)
    if champion_id is None:
        return None
    champion = load_model(_judged_files(ModelBank(ctx.layout).get(champion_id).files))
    judged = best.evaluation
    loans = judged.select("loan_id").join(features, on="loan_id", how="left", maintain_order="left")
    return compare_models(
        judged["label"].to_numpy(),
        judged["probability_of_default"].to_numpy(),
        np.asarray(champion.predict(loans)),
        ctx.settings.training,
    )


def _judged_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the model that stands for a banked one where loans judge it.

    A model is kept as fitted with everything known by then, in hazard form also on young loans that mature later and
    then judge its challengers. So that neither side has seen the loans that decide, each is held to the fit that was
    judged at its own training.
    """
    return {name.removeprefix(JUDGED): data for name, data in files.items() if name.startswith(JUDGED)}


def _verdict(best: Candidate, comparison: Comparison | None) -> tuple[bool, str]:
    if comparison is not None:
        return comparison.promote, comparison.reason
    if beats_base_rate(best):
        return True, f"first model: AUC {best.metrics['auc']:.3f} on later loans, better than the base rate"
    return False, "the first model does not beat the base rate on later loans; nothing serves yet"


def _card(
    model_id: str,
    run: TrainingRun,
    best: Candidate,
    day: date,
    versions: Mapping[str, int],
    comparison: Comparison | None,
    settings: Settings,
) -> dict[str, Any]:
    candidates = [{"family": c.family, "form": c.form, "metrics": dict(c.metrics)} for c in run.candidates]
    return {
        "model_id": model_id,
        "family": best.family,
        "form": best.form,
        "definition": settings.labels.definition,
        "as_of": day.isoformat(),
        "metrics": dict(best.metrics),
        "periods": run.periods,
        "dropped_features": run.dropped,
        "features": list(best.model.feature_names),
        "candidates": candidates,
        "details": run.details,
        "platform_baseline": run.baseline,
        "compared_with_champion": None if comparison is None else comparison.as_json(),
        "delta_versions": dict(versions),
        "settings": settings.model_dump(mode="json", exclude={"alerts"}),
        "environment": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
    }
