"""Every format says of a loan what we say: gaps, levels never seen, extremes and values on every border."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.conftest import Torture
from tests.postgres_here import Postgres

from p2pcredit.models.calibration import Calibration
from p2pcredit.models.export.formats.onnx_graph import as_onnx
from p2pcredit.models.export.formats.pmml_file import as_pmml
from p2pcredit.models.scorer import Scorer
from p2pcredit.settings import Settings

from .conftest import ABOUT, OUTPUTS, REASONS, Case, book

FAMILIES = ("scorecard", "boosting")
LAST_DIGITS = 1e-12
"""Of the log-odds, where a sum is the same but exp and ln are of another library."""
SINGLE = 1e-5
"""Of the log-odds, where trees are added as 64-bit numbers."""
Make = Callable[..., Case]


def differences(case: Case, theirs: pl.DataFrame, names: list[str]) -> tuple[float, int]:
    """Return the largest difference of the log-odds, and how many loans differ in anything else."""
    ours = case.ours.sort("loan_id")
    found = theirs.sort("loan_id")
    assert ours["loan_id"].to_list() == found["loan_id"].to_list()
    pair = [frame["probability_of_default"].cast(pl.Float64).to_numpy() for frame in (ours, found)]
    assert np.array_equal(np.isnan(pair[0]), np.isnan(pair[1]))
    log_odds = [np.log(chances) - np.log1p(-chances) for chances in pair]
    most = float(np.nanmax(np.abs(log_odds[0] - log_odds[1]), initial=0.0))
    unlike = pl.Series([False] * ours.height)
    for name in names:
        unlike |= ~ours[name].eq_missing(found[name].cast(ours[name].dtype))
    return most, int(unlike.sum())


def onnx_of(case: Case) -> pl.DataFrame:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(as_onnx(case.formula, ABOUT), providers=["CPUExecutionProvider"])
    kinds = {column.name: column.kind for column in case.formula.columns}
    fed: dict[str, Any] = {}
    for one in session.get_inputs():
        values = case.rows[one.name]
        told = (
            values.to_numpy()
            if kinds[one.name] == "numeric"
            else np.array(values.fill_null("").to_list(), dtype=object)
        )
        fed[one.name] = told.reshape(-1, 1)
    chances, scores, grades, decisions = (found[:, 0] for found in session.run(None, fed))
    return pl.DataFrame(
        {
            "loan_id": case.rows["loan_id"],
            "probability_of_default": pl.Series(chances).fill_nan(None),
            "score": pl.Series(scores).fill_nan(None),
            "grade": [grade or None for grade in grades.tolist()],
            "decision": decisions.tolist(),
        }
    )


def pmml_of(case: Case, place: Path) -> pl.DataFrame:
    """Ask PMML4S in a process of its own: a JVM keeps threads, and signals of its own."""
    pytest.importorskip("pypmml")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed, which reads PMML (Debian: apt-get install default-jre-headless)")
    (place / "model.pmml").write_text(as_pmml(case.formula, ABOUT))
    names = [column.name for column in case.formula.columns]
    rows = case.rows.with_columns(pl.selectors.float().fill_nan(None)).select(names).rows()
    (place / "rows.json").write_text(json.dumps(rows))
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("read_pmml.py"), place / "model.pmml", place / "rows.json",
         json.dumps(names)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    frame = pl.DataFrame(found["rows"], schema=found["names"], orient="row", infer_schema_length=None)
    return frame.with_columns(case.rows["loan_id"])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", ["as set", "scored all", "refused", "other points", "recalibrated"])
def test_python_and_sql_equal_our_own(case: Make, family: str, way: str) -> None:
    settings, calibration = Settings(), None
    if way == "scored all":
        usual = case(family, 400, settings, calibration).ours["probability_of_default"].median()
        settings = Settings.model_validate(
            {
                "scoring": {"outside_training": "score", "beyond_range": "score"},
                "scores": {"approval_cutoff": usual},
            }
        )
    if way == "refused":
        settings = Settings.model_validate({"scoring": {"outside_training": "refuse", "beyond_range": "score"}})
    if way == "other points":
        settings = Settings.model_validate(
            {"scores": {"points_to_double_odds": 35.0, "base_score": 480.0, "base_odds": 9.0}}
        )
    if way == "recalibrated":
        calibration = Calibration(1.21, 0.37)
    made = case(family, 400, settings, calibration)
    assert made.ours["decision"].n_unique() > 1
    most, unlike = differences(made, made.python(), ["score", "grade", "decision", *REASONS])
    assert most <= LAST_DIGITS
    assert unlike == 0
    names = ["score", "grade", "decision", *(REASONS if family == "scorecard" else [])]
    most, unlike = differences(made, made.duckdb(), names)
    assert most <= LAST_DIGITS
    assert unlike == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_term_not_learned_from_is_referred_as_we_refer_it(case: Make, family: str) -> None:
    made = case(family, 1)
    borders = [term / (1 + sign * 0.05) for term in (36.0, 48.0, 60.0) for sign in (1, -1)]
    terms = [None, 36.0, 47.0, 48.0, 60.0, 480.0, 1e9]
    for border in borders:
        terms += [np.nextafter(border, toward) for toward in (0.0, border, np.inf)]
    loan = book()[0].drop_nulls(["fico", "home_ownership"]).filter(term_months=36).head(1)
    rows = pl.concat([loan] * len(terms)).with_columns(
        term_months=pl.Series(terms, dtype=pl.Float64), loan_id=pl.Series([f"L{place}" for place in range(len(terms))])
    )
    ours = Scorer("model-1", made.model).score(rows, Settings())
    assert ours["decision"].head(7).eq("refer").to_list() == [True, False, True, True, False, True, True]
    made = Case(made.model, made.formula, rows, ours)
    for theirs in (made.python(), made.duckdb(), made.sqlite(), onnx_of(made)):
        assert differences(made, theirs, OUTPUTS[2:])[1] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_sqlite_equals_our_own(case: Make, family: str) -> None:
    made = case(family)
    most, unlike = differences(made, made.sqlite(), OUTPUTS[2:])
    assert most <= (LAST_DIGITS if family == "scorecard" else SINGLE)
    assert unlike == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_postgresql_equals_our_own(case: Make, postgres: Postgres, family: str) -> None:
    made = case(family)
    names = [*OUTPUTS[2:], *(REASONS if family == "scorecard" else [])]
    most, unlike = differences(made, made.postgres(postgres), names)
    assert most <= LAST_DIGITS
    assert unlike == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_onnx_equals_our_own(case: Make, family: str) -> None:
    made = case(family)
    most, unlike = differences(made, onnx_of(made), OUTPUTS[2:])
    assert most <= LAST_DIGITS
    assert unlike == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_pmml_equals_our_own(case: Make, family: str, tmp_path: Path) -> None:
    made = case(family, 400)
    most, unlike = differences(made, pmml_of(made, tmp_path), OUTPUTS[2:])
    assert most <= (LAST_DIGITS if family == "scorecard" else SINGLE)
    assert unlike == 0


@pytest.mark.torture
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", ["DuckDB", "ONNX", "PostgreSQL", "SQLite", "Python", "PMML"])
def test_every_format_equals_our_own_over_many_rows(
    case: Make, request: pytest.FixtureRequest, torture: Torture, form: str, family: str, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"scoring": {"outside_training": "score", "beyond_range": "score"}})
    rows = torture.times(300, 100_000)
    made = case(family, rows, settings)
    ways: dict[str, Callable[[], pl.DataFrame]] = {
        "DuckDB": made.duckdb,
        "ONNX": lambda: onnx_of(made),
        "PostgreSQL": lambda: made.postgres(request.getfixturevalue("postgres")),
        "SQLite": made.sqlite,
        "Python": made.python,
        "PMML": lambda: pmml_of(made, tmp_path),
    }
    theirs = ways[form]()
    most, unlike = differences(made, theirs, OUTPUTS[2:])
    single = family == "boosting" and form in ("SQLite", "PMML")
    note = f"log-odds differ by at most {most:.1e}"
    torture.record(f"a {family} model exported as {form}", rows, unlike, note)
    assert most <= (SINGLE if single else LAST_DIGITS)
    assert unlike <= (rows // 10_000 if single else 0)
