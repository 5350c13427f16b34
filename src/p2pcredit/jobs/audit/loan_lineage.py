"""Which model scored a loan, what was known of it then, why, and what became of it: all from lake, ledger and bank."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS, FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, QUARANTINE, bronze, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import MissingLoanError, StorageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.preprocessing.set_aside import rows_set_aside, values_lost
from p2pcredit.models.economics.experience import Experience, read_experience
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.registry import family_named
from p2pcredit.models.scoring import REASONS, load_model, score_loans
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.term_structure.structure import TermStructure, read_term_structure
from p2pcredit.models.training_support import catalogue_of
from p2pcredit.reporting.notice import borrower_reasons
from p2pcredit.retraining.events import EventKind
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import unknown_outcomes
from p2pcredit.transforms.typing import BLANKS, plain_id


def trace_loan(ctx: JobContext, loan_id: str) -> Receipt:
    """Trace a loan: the model that scored it, and what was known then.

    Returns:
        `loan_id`; `scored`, per prediction: `snapshot_date`, `model_id`, `probability_of_default`,
        `lifetime_probability_of_default`, `expected_loss`, `expected_annual_return`, `economics` (what these two rest
        on: as of which day, loss given default of the term and its source), `default_curve` (by the end of every
        half-year on book), `score`, `grade`,
        `decision`, `outside_training` (each value outside what the model was trained on), `reasons`, `adverse_action`
        (the same reasons as the borrower reads them: `code`, `text`, `advice`, `form`, `your_value`, `usual`),
        `champion_since` and `champion_because` with `ledger_line`, `scored_by` (run), `known_then` (each
        feature of the model as known that day, its effect on the log-odds against the usual borrower at the cut-off,
        and for a scorecard its bin and points) and `scores_the_same_now`; `label` (newest row of the main definition,
        with `known_on`; None while undetermined) and `label_history`; `landed` (per feed and row: `source_file`,
        `row_number`, `source_digest`); `set_aside` (rows in quarantine); `values_missing` (values that were given and
        could not be used: `feed`, `snapshot_date`, `row_number`, `column`, `text`, `rules`); `unknown_since` (the day
        on which an event of it was set aside, so that its outcome cannot be known and no model learns from it or is
        judged by it; else None); `reason`, one line.

    Raises:
        MissingLoanError: If the lake holds no such loan.
        BankError: If the model that scored it is gone or was altered.
    """
    lake, loan_id = Lake(ctx.layout), plain_id(loan_id)
    landed = _landed(lake, loan_id)
    if not landed:
        raise MissingLoanError(f"there is no loan '{loan_id}' in the lake; give the platform's id as it was landed")
    predictions = _rows(_of(lake, PREDICTIONS, loan_id))
    scored = [_scored(ctx, lake, row) for row in predictions]
    labels = _rows(_of(lake, LABEL_STORE, loan_id).sort("known_on"))
    main = [row for row in labels if row["definition"] == ctx.settings.labels.definition]
    unknown_since = _unknown_since(ctx, lake, loan_id)
    said = "no model scored it: no champion served on its day, or its day has not been scored"
    if scored:
        said = "; ".join(
            f"scored on {s['snapshot_date']} by {s['model_id']}, champion since {s['champion_since']}" for s in scored
        )
    if unknown_since is not None:
        said += f"; its outcome cannot be known, since an event of it was set aside on {unknown_since}"
    return {
        "loan_id": loan_id,
        "scored": scored,
        "label": _plain(main[-1]) if main and unknown_since is None else None,
        "label_history": [_plain(row) for row in labels],
        "landed": landed,
        "set_aside": _set_aside(lake, loan_id),
        "values_missing": _values_missing(lake, loan_id),
        "unknown_since": None if unknown_since is None else unknown_since.isoformat(),
        "reason": said,
    }


def _scored(ctx: JobContext, lake: Lake, row: dict[str, Any]) -> dict[str, Any]:
    day, model_id = row["snapshot_date"], row["model_id"]
    periods = [r for r in ctx.ledger.state().champion_periods if r.model_id == model_id and r.effective_on <= day]
    period = max(periods, key=lambda r: (r.effective_on, r.number), default=None)
    scoring = [
        event
        for event in ctx.ledger.events()
        if event.kind is EventKind.SCORED
        and event.facts["model_id"] == model_id
        and day.isoformat() in event.facts["days"]
    ]
    features = _of(lake, FEATURE_STORE, row["loan_id"]).filter(pl.col("snapshot_date") == day).collect()
    files = ModelBank(ctx.layout).get(model_id).files
    model, structure = load_model(files), read_term_structure(files)
    if features.is_empty():
        raise StorageError(
            f"loan '{row['loan_id']}' was scored on {day} and has no features of that day; preprocess that day again"
        )
    again = _scored_again(ctx, model, features, structure)
    known = _known_then(ctx, model, features)
    reasons = [row[f"reason_{place + 1}"] for place in range(REASONS) if row[f"reason_{place + 1}"]]
    return {
        "snapshot_date": day.isoformat(),
        "model_id": model_id,
        "probability_of_default": row["probability_of_default"],
        "lifetime_probability_of_default": row["lifetime_probability_of_default"],
        "expected_loss": row["expected_loss"],
        "expected_annual_return": row["expected_annual_return"],
        "economics": _economics(read_experience(files), features["term_months"][0]),
        "default_curve": _default_curve(structure, row["probability_of_default"], features["term_months"][0]),
        "score": row["score"],
        "grade": row["grade"],
        "decision": row["decision"],
        "outside_training": list(row["outside_training"] or []),
        "reasons": reasons,
        "adverse_action": borrower_reasons(reasons, known, catalogue_of(model.support)),
        "champion_since": None if period is None else period.effective_on.isoformat(),
        "champion_because": None if period is None else period.why,
        "ledger_line": None if period is None else period.number,
        "scored_by": scoring[-1].run_id if scoring else None,
        "scores_the_same_now": _is_same(again, row),
        "known_on": features["known_on"][0].isoformat(),
        "known_then": known,
    }


def _economics(experience: Experience | None, term: float | None) -> dict[str, Any] | None:
    """Say what the expected loss of a loan of this term rests on; None without a term, or where the model has none."""
    if experience is None or term is None:
        return None
    product = experience.of(int(term))
    return {
        "as_of": experience.as_of.isoformat(),
        "lag_months": experience.lag_months,
        "loss_given_default": product.loss_given_default,
        "defaults": product.defaults,
        "source": product.source,
    }


def _default_curve(structure: TermStructure | None, chance: float | None, term: float | None) -> list[dict[str, Any]]:
    """Give the probability of default by the end of every half-year on book and of the term; none where unknown."""
    if structure is None or chance is None or term is None:
        return []
    last = structure.horizon_of(int(term))
    months = sorted({*range(6, last + 1, 6), last})
    built = structure.cumulative(np.array([chance]), int(term), months)[0]
    return [
        {"months_on_book": month, "probability_of_default": float(by_then)}
        for month, by_then in zip(months, built, strict=True)
    ]


def _scored_again(
    ctx: JobContext, model: ScoringModel, features: pl.DataFrame, structure: TermStructure | None
) -> dict[str, Any]:
    """Score again with the model as it is now, with the probability whatever the settings withhold."""
    scoring = ctx.settings.scoring.model_copy(update={"outside_training": "score"})
    settings = ctx.settings.model_copy(update={"scoring": scoring})
    return score_loans(model, "", features, settings, structure).row(0, named=True)


def _is_same(again: dict[str, Any], row: dict[str, Any]) -> bool:
    """Return whether a loan would be scored as it was; for a refused one, whether the same lies outside training."""
    if row["probability_of_default"] is None:
        return bool(again["outside_training"] == row["outside_training"])
    return bool(abs(again["probability_of_default"] - row["probability_of_default"]) < 1e-12)


def _known_then(ctx: JobContext, model: ScoringModel, features: pl.DataFrame) -> list[dict[str, Any]]:
    """List the model's features as known that day, the largest push towards default first."""
    effects = model.contributions(features)[0]
    values = columns_of(features, model.feature_names).row(0, named=True)
    explained = family_named(model.family).explain(model, features, ctx.settings.scores)
    rows = [
        {
            "feature": name,
            "value": values[name],
            "usual_at_cutoff": model.neutral.get(name),
            "log_odds": float(effect),
            **explained.get(name, {}),
        }
        for name, effect in zip(model.feature_names, effects, strict=True)
    ]
    return sorted(rows, key=lambda found: -float(found["log_odds"]))


def _landed(lake: Lake, loan_id: str) -> list[dict[str, Any]]:
    found = []
    spellings = f"^{re.escape(loan_id)}" + (r"(\.0*)?$" if loan_id.isascii() and loan_id.isdigit() else "$")
    for feed in ALL_FEEDS.values():
        rows = lake.scan(bronze(feed)).filter(pl.col("loan_id").str.strip_chars(BLANKS).str.contains(spellings))
        wanted = rows.select("snapshot_date", "source_file", "row_number", "source_digest")
        found += [{"feed": feed.name, **_plain(row)} for row in _rows(wanted.sort("snapshot_date", "row_number"))]
    return found


def _set_aside(lake: Lake, loan_id: str) -> list[dict[str, Any]]:
    """List the loan's rows that broke a rule, with every rule they broke."""
    named = pl.col("loan_id").is_null() | (pl.col("loan_id") == loan_id)  # records of old homes do not name their loan
    rows = _rows(rows_set_aside(lake).filter(named).sort("snapshot_date", "feed", "row_number"))
    own = [row for row in rows if row["loan_id"] or plain_id(json.loads(row["raw"]).get("loan_id") or "") == loan_id]
    return [_plain({key: row[key] for key in ("feed", "snapshot_date", "row_number", "rules")}) for row in own]


def _values_missing(lake: Lake, loan_id: str) -> list[dict[str, Any]]:
    """List the values that were given for the loan and could not be used, as they were written."""
    own = values_lost(lake).filter(pl.col("loan_id") == loan_id).sort("snapshot_date", "feed", "row_number", "column")
    told = ("feed", "snapshot_date", "row_number", "column")
    return [
        _plain(
            {**{key: row[key] for key in told}, "text": json.loads(row["raw"])[row["column"]], "rules": row["rules"]}
        )
        for row in _rows(own)
    ]


def _unknown_since(ctx: JobContext, lake: Lake, loan_id: str) -> date | None:
    """Return the day on which the loan's outcome became unknown by the main definition; None where it can be known."""
    own = nw.col("loan_id") == loan_id
    terms, quarantine = lake.frame(silver(FEEDS["loan_terms"])).filter(own), lake.frame(QUARANTINE).filter(own)
    found = collect(unknown_outcomes(terms, quarantine, as_of=date.max, settings=ctx.settings.labels))
    return None if found.is_empty() else found["set_aside_on"][0]


def _of(lake: Lake, table: Any, loan_id: str) -> pl.LazyFrame:
    return lake.scan(table).filter(pl.col("loan_id") == loan_id)


def _rows(frame: pl.LazyFrame) -> list[dict[str, Any]]:
    return frame.collect().to_dicts()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}
