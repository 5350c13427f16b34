"""The printed scorecard: whole points that add up to the score, and the same as SQL, CSV and JSON."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sqlite3
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scorecard.points_table import as_csv, as_sql, as_table, points_text
from p2pcredit.models.scoring import load_model, score_loans
from p2pcredit.models.training.candidates import TrainingRun
from p2pcredit.settings import ScoreSettings, Settings

Book = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture(params=["matured", "hazard"])
def card(request: pytest.FixtureRequest, run: TrainingRun) -> ScorecardModel:
    found = next(c.model for c in run.candidates if (c.family, c.target) == ("scorecard", request.param))
    assert isinstance(found, ScorecardModel)
    return found


def _odd_loans(features: pl.DataFrame, card: ScorecardModel) -> pl.DataFrame:
    """The book, and loans that lie on a bound, lack everything, or have levels never seen."""
    parts = [features]
    for binning in card.binnings:
        column = pl.col(binning.feature)
        if binning.kind == "numeric":
            values = [
                v for edge in binning.edges for v in (edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf))
            ]
            odd = pl.Series([*values, -1e12, 1e12, None], dtype=pl.Float64)
        else:
            odd = pl.Series([*binning.levels, "O'NEILL\"; DROP", "", "debt", None], dtype=pl.String)
        some = features.head(odd.len()).with_columns(odd.alias(binning.feature))
        parts.append(some.with_columns(column))
    parts.append(features.head(1).with_columns(pl.lit(None, features.schema[n]).alias(n) for n in card.feature_names))
    loans = pl.concat(parts)
    return loans.with_columns(pl.Series("loan_id", [f"X{i}" for i in range(loans.height)]))


def _ask_sqlite(query: str, loans: pl.DataFrame, names: tuple[str, ...]) -> list[int]:
    columns = ["loan_id", *names]
    base = sqlite3.connect(":memory:")
    try:
        base.execute(f"CREATE TABLE feature_store ({', '.join(columns)})")
        base.executemany(f"INSERT INTO feature_store VALUES ({', '.join('?' * len(columns))})", loans[columns].rows())
        return [score for _, score in sorted(base.execute(query).fetchall(), key=lambda row: int(row[0][1:]))]
    finally:
        base.close()


def test_the_query_gives_every_loan_the_score_of_the_model(card: ScorecardModel, book: Book) -> None:
    loans = _odd_loans(book[0], card)
    query = points_text("sql", "m-1", card, PointScale.of(ScoreSettings()))
    scored = score_loans(card, "m-1", loans, Settings())
    assert loans.height > 4000
    assert _ask_sqlite(query, loans, card.feature_names) == scored["score"].to_list()


def test_the_query_holds_on_another_scale_too(card: ScorecardModel, book: Book) -> None:
    loans = _odd_loans(book[0], card)
    scores = ScoreSettings(points_to_double_odds=37, base_score=512.3, base_odds=19)
    scored = score_loans(card, "m-1", loans, Settings(scores=scores))
    found = _ask_sqlite(as_sql("m-1", card, PointScale.of(scores)), loans, card.feature_names)
    assert found == scored["score"].to_list()


def test_whole_points_of_the_printed_bins_add_up_to_the_score(card: ScorecardModel, book: Book) -> None:
    loans = book[0].head(300)
    rows = card.points_rows(PointScale())
    assert all(isinstance(row.points, int) for row in rows)
    total = np.zeros(300)
    for binning in card.binnings:
        printed = [row.points for row in rows if row.feature == binning.feature]
        total += np.array([*printed, 0.0])[binning.bin_of(loans[binning.feature])]
    assert total.tolist() == score_loans(card, "m-1", loans, Settings())["score"].to_list()


def test_a_riskier_bin_never_gives_more_points(card: ScorecardModel) -> None:
    for binning in card.binnings:
        rows = [row for row in card.points_rows(PointScale()) if row.feature == binning.feature]
        ordered = sorted(rows, key=lambda row: row.weight_of_evidence)
        assert all(first.points >= second.points for first, second in itertools.pairwise(ordered))


def test_rounding_to_whole_points_moves_a_loan_little_and_the_mean_loan_by_half_a_point_at_most(
    card: ScorecardModel, book: Book
) -> None:
    exact = replace(card, scale=None)
    scores = [PointScale().points(np.log(pd / (1 - pd))) for pd in (card.predict(book[0]), exact.predict(book[0]))]
    assert 0.0 < np.abs(scores[0] - scores[1]).max() <= len(card.binnings)
    assert abs((scores[0] - scores[1]).mean()) <= 0.6
    assert exact.predict(book[0]) == pytest.approx(card.calibration.probability(card.margin(book[0])), rel=1e-9)


def test_levels_that_no_database_can_hold_are_not_printed() -> None:
    rng = np.random.default_rng(7)
    levels = rng.choice(["CAR", "DEBT", "\0NOT MATURED", "A\nB"], 1200)
    bads = (rng.random(1200) < np.where(levels == "CAR", 0.4, 0.1) + 0.4 * (levels == "\0NOT MATURED")).astype(float)
    loans = pl.DataFrame({"purpose": levels, "loan_id": [f"X{i}" for i in range(1200)]})
    card = fit_scorecard(loans, (Feature("purpose", "category", 0, "", ""),), bads, scale=PointScale())
    texts = [points_text(form, "m-1", card, PointScale()) for form in ("table", "json", "csv", "sql")]
    assert not any("\0" in text or "\\u0000" in text for text in texts)
    assert "A?B" in texts[0]
    known = loans.filter(pl.col("purpose") != "\0NOT MATURED")
    scores = PointScale().points(np.log(card.predict(known) / (1 - card.predict(known)))).round().astype(int)
    assert _ask_sqlite(texts[3], known, ("purpose",)) == scores.tolist()


def test_csv_and_json_tell_the_same_bins_as_the_rows(card: ScorecardModel) -> None:
    rows = card.points_rows(PointScale())
    lines = list(csv.DictReader(io.StringIO(as_csv(card, PointScale()))))
    assert [(line["feature"], line["bin"], float(line["points"])) for line in lines] == [
        (row.feature, row.bin, row.points) for row in rows
    ]
    content = json.loads(points_text("json", "m-1", card, PointScale()))
    assert content["whole_points"] is True
    assert content["points_to_double_odds"] == 20.0
    told = [(one["feature"], bin_["bin"], bin_["points"]) for one in content["features"] for bin_ in one["bins"]]
    assert told == [(row.feature, row.bin, row.points) for row in rows]
    table = as_table(card, PointScale())
    assert card.points_table(ScoreSettings())["points"].to_list() == [row.points for row in rows]
    assert all(name in table.splitlines() for name in card.feature_names)


def test_points_come_back_from_the_files_and_follow_a_new_calibration(card: ScorecardModel, book: Book) -> None:
    again = load_model(card.to_files())
    assert again.points_rows(PointScale()) == card.points_rows(PointScale())  # type: ignore[attr-defined]
    milder = card.calibrated(Calibration(card.calibration.slope, card.calibration.intercept - 0.7))
    assert milder.predict(book[0]).mean() < 0.7 * card.predict(book[0]).mean()
    assert all(isinstance(row.points, int) for row in milder.points_rows(PointScale()))
