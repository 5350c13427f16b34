"""One scorecard and one boosting model of a seeded book, and what each format says of odd rows."""

from __future__ import annotations

import sqlite3
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from tests.odd_features import odd_features
from tests.postgres_here import Postgres, running_postgres

from p2pcredit.contracts.features import FEATURES
from p2pcredit.models.absence_effects import Outcomes
from p2pcredit.models.boosting.model import fit_boosting
from p2pcredit.models.boosting.trees import Trees
from p2pcredit.models.calibration import Calibration
from p2pcredit.models.export.formats.python_file import as_python
from p2pcredit.models.export.formats.sql_query import as_sql
from p2pcredit.models.export.formula import Formula
from p2pcredit.models.export.header import About
from p2pcredit.models.ratios import with_inputs
from p2pcredit.models.reference_borrower import find_reference_borrower
from p2pcredit.models.registry import family_named
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training_support import with_terms
from p2pcredit.settings import Settings

ABOUT = About("model-1", "d" * 64, "scorecard", "2024-01-01", 12, "1.0")
NAMES = (
    "loan_amount", "term_months", "loan_to_income", "annual_income", "debt_to_income_share", "home_ownership",
    "purpose", "fico", "months_since_delinquency", "revolving_balance", "revolving_utilisation_share",
    "revolving_to_income", "revolving_limit", "loan_to_revolving_limit", "debt_to_income_after_share",
)  # fmt: skip
OUTPUTS = ["loan_id", "probability_of_default", "score", "grade", "decision"]
REASONS = [f"reason_{place}" for place in range(1, 5)]


def make_loans(count: int = 4000) -> tuple[pl.DataFrame, Any]:
    rng = np.random.default_rng(7)
    income = np.round(rng.lognormal(10.8, 0.5, count), -2)
    amount = np.round(rng.uniform(1000, 30000, count), -2)
    term = rng.choice([36.0, 60.0], count)
    term[:2] = 48.0  # too few to learn from
    balance = np.round(rng.lognormal(9, 1, count))
    used = rng.beta(2, 2, count).round(3)
    debts = rng.uniform(0, 0.4, count).round(4)
    fico = rng.integers(600, 850, count).astype(float)
    purpose = rng.choice(["CAR", "DEBT", "O'NEILL", "BOAT"], count, p=[0.3, 0.5, 0.195, 0.005])
    risk = (
        -2.2
        - 0.02 * (fico - 700)
        + 0.8 * (used - 0.5)
        + 0.7 * (purpose == "O'NEILL")
        + 3.0 * amount / income
        + 2 * debts
    )
    bads = (rng.random(count) < 1 / (1 + np.exp(-risk))).astype(float)
    lost = rng.random(count)
    payment = amount * 0.01 / (1 - 1.01**-term)
    loans = pl.DataFrame(
        {
            "loan_id": [f"L{place}" for place in range(count)],
            "loan_amount": amount,
            "term_months": term,
            "loan_to_income": amount / income,
            "annual_income": income,
            "debt_to_income_share": debts,
            "home_ownership": [None if one < 0.08 else "RENT" if one < 0.5 else "OWN" for one in lost],
            "purpose": purpose,
            "fico": [None if one < 0.1 else number for one, number in zip(rng.random(count), fico, strict=True)],
            "months_since_delinquency": rng.choice([1200.0, 6.0, 30.0], count, p=[0.7, 0.15, 0.15]),
            "revolving_balance": balance,
            "revolving_utilisation_share": used,
            "revolving_to_income": balance / income,
            "revolving_limit": balance / np.maximum(used, 0.01),
            "loan_to_revolving_limit": amount / (balance / np.maximum(used, 0.01)),
            "debt_to_income_after_share": debts + payment * 12 / income,
        }
    ).with_columns(pl.lit(None, dtype=pl.Date).alias("snapshot_date"))
    return loans, bads


@cache
def book() -> tuple[pl.DataFrame, Any]:
    return make_loans()


@cache
def trained(family: str) -> ScoringModel:
    """Fit a model whose margin is calibrated neither to nothing nor to a round number."""
    loans, bads = book()
    features = tuple(feature for feature in FEATURES if feature.name in NAMES)
    model: Any
    if family == "scorecard":
        model = fit_scorecard(loans, features, bads, scale=PointScale())
    else:
        model = fit_boosting(loans, features, bads, seed=1, threads=1, trees=Trees(rounds=25))
    neutral = find_reference_borrower(loans, model.margin(loans), with_inputs(model.feature_names), cutoff=0.08)
    found = model.with_reference(neutral, loans, Outcomes(bads)).calibrated(Calibration(0.83, -0.41))
    known: ScoringModel = replace(found, support=with_terms(found.support, loans))
    return known


@dataclass
class Case:
    """A model, its formula, odd rows, and what we say of them."""

    model: ScoringModel
    formula: Formula
    rows: pl.DataFrame
    ours: pl.DataFrame

    @property
    def columns(self) -> list[str]:
        return ["loan_id", *(column.name for column in self.formula.columns)]

    def python(self) -> pl.DataFrame:
        module = types.ModuleType("exported")
        exec(compile(as_python(self.formula, ABOUT), "exported.py", "exec"), module.__dict__)
        found = [module.score(row) for row in self.rows.select(self.columns).iter_rows(named=True)]
        told = [dict(zip(REASONS, [*one.pop("reasons"), None, None, None, None], strict=False)) for one in found]
        rows = [{**one, **reasons} for one, reasons in zip(found, told, strict=True)]
        return pl.DataFrame(rows, infer_schema_length=None).with_columns(self.rows["loan_id"])

    def duckdb(self) -> pl.DataFrame:
        with duckdb.connect() as database:
            database.register("feature_store", self.rows.select(self.columns).to_arrow())
            found = database.sql(as_sql(self.formula, ABOUT)).to_arrow_table()
        frame = pl.from_arrow(found)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def sqlite(self) -> pl.DataFrame:
        database = sqlite3.connect(":memory:")
        names = ", ".join(f'"{name}"' for name in self.columns)
        database.execute(f"CREATE TABLE feature_store ({names})")
        places = ", ".join("?" * len(self.columns))
        database.executemany(f"INSERT INTO feature_store VALUES ({places})", self.rows.select(self.columns).iter_rows())
        found = database.execute(as_sql(self.formula, ABOUT))
        named = [column[0] for column in found.description]
        frame = pl.DataFrame(found.fetchall(), schema=named, orient="row", infer_schema_length=None)
        database.close()
        return frame

    def postgres(self, database: Postgres) -> pl.DataFrame:
        database.put("feature_store", self.rows.select(self.columns))
        kinds = {"probability_of_default": pl.Float64, **dict.fromkeys(["grade", "decision", *REASONS], pl.String)}
        return database.ask(as_sql(self.formula, ABOUT), kinds)


@pytest.fixture(scope="session")
def case() -> Callable[..., Case]:
    def make(
        family: str, rows: int = 1500, settings: Settings | None = None, calibration: Calibration | None = None
    ) -> Case:
        chosen, model = settings or Settings(), trained(family)
        model = model if calibration is None else model.calibrated(calibration)
        formula = family_named(family).formula(model, chosen)
        assert formula is not None
        odd = odd_features(formula, book()[0], rows, 3)
        return Case(model, formula, odd, Scorer("model-1", model).score(odd, chosen))

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as database:
        if database is None:
            pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        yield database
