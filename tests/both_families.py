"""A small home with a boosting model beside its scorecard, and a day of odd applications that both scored at night."""

from __future__ import annotations

import csv
import random
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_PERFORMANCE
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, bronze
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.models.absence_effects import Outcomes
from p2pcredit.models.boosting.model import fit_boosting
from p2pcredit.models.boosting.trees import Trees
from p2pcredit.models.calibration import fit_calibration
from p2pcredit.models.economics.experience import ECONOMICS_FILE
from p2pcredit.models.reference_borrower import find_reference_borrower
from p2pcredit.models.term_structure.structure import TERM_STRUCTURE_FILE
from p2pcredit.models.training.usable import usable_features
from p2pcredit.models.training_support import with_terms
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

ODD_DAY = date(2021, 10, 11)
ODD_LOANS = 150
BOOSTING = "boosting-20210531-by-hand"
_BLANK = ["", "n/a", " - ", "NULL"]


@dataclass(frozen=True)
class BothFamilies:
    """Where the home is, its models, and per model what the night run wrote of the odd day, by loan."""

    home: Path
    scorecard: str
    applications: list[dict[str, str]]
    at_night: dict[str, dict[str, dict[str, object]]]

    @property
    def models(self) -> tuple[str, str]:
        return self.scorecard, BOOSTING


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), load_settings(home), "test", datetime(2021, 10, 12, 2, tzinfo=UTC))


def make_both(small_home: Path, home: Path) -> BothFamilies:
    """Copy the small home, bank a boosting model, and score a day of odd applications with either model at night."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(small_home, home)
    ctx = context(home)
    bank = ModelBank(ctx.layout)
    (scorecard,) = bank.model_ids()
    _bank_boosting(ctx, bank, scorecard)
    applications = _applications(Lake(ctx.layout))
    _land(ctx.layout, applications)
    day = DateRange(ODD_DAY, ODD_DAY)
    preprocess(ctx, day)
    at_night = {}
    for model_id in (scorecard, BOOSTING):
        crown(ctx, model_id, ODD_DAY)
        run_inference(ctx, day)
        rows = Lake(ctx.layout).read(PREDICTIONS, day)
        assert rows["model_id"].unique().to_list() == [model_id]
        at_night[model_id] = {row["loan_id"]: row for row in rows.to_dicts()}
    crown(ctx, scorecard, ODD_DAY)
    return BothFamilies(home, scorecard, applications, at_night)


def crown(ctx: JobContext, model_id: str, day: date) -> None:
    """Make a model champion from a day on."""
    facts = {"model_id": model_id, "effective_on": day.isoformat(), "why": "for the test"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="person", facts=facts)


def _bank_boosting(ctx: JobContext, bank: ModelBank, scorecard: str) -> None:
    lake = Lake(ctx.layout)
    labels = lake.read(LABEL_STORE).filter(definition=ctx.settings.labels.definition).unique("loan_id", keep="last")
    loans = lake.read(FEATURE_STORE).join(labels.select("loan_id", "label"), on="loan_id").sort("loan_id")
    bads = loans["label"].to_numpy().astype(np.float64)
    wanted = tuple(feature for feature in FEATURES if feature.group == "application")
    grown = fit_boosting(loans, usable_features(loans, wanted)[0], bads, seed=1, threads=1, trees=Trees(rounds=30))
    margin = grown.margin(loans)
    neutral = find_reference_borrower(loans, margin, grown.feature_names, cutoff=ctx.settings.scores.approval_cutoff)
    model = grown.with_reference(neutral, loans, Outcomes(bads))
    model = replace(model, support=with_terms(model.support, loans))
    model = model.calibrated(fit_calibration(bads, model.margin(loans)))
    banked = bank.get(scorecard)
    beside = {name: banked.files[name] for name in (TERM_STRUCTURE_FILE, ECONOMICS_FILE)}
    files = {**model.to_files(), **beside}
    card = {**banked.card, "model_id": BOOSTING, "family": "boosting"}
    bank.add(BOOSTING, files, card)


def _applications(lake: Lake) -> list[dict[str, str]]:
    """Take every other application from the days before, as it landed but written anew; invent the others."""
    days = DateRange(date(2021, 10, 1), date(2021, 10, 10))
    rows = lake.read(bronze(APPLICATION_FEEDS[0]), days)
    for feed in APPLICATION_FEEDS[1:]:
        rows = rows.join(lake.read(bronze(feed), days).select("loan_id", *feed.sources[2:]), on="loan_id")
    names = list(dict.fromkeys(name for feed in APPLICATION_FEEDS for name in feed.sources))
    usual = [{name: text or "" for name, text in row.items()} for row in rows.select(names).to_dicts()]
    found = []
    for place in range(ODD_LOANS):
        rng = random.Random(place)
        anew = {**usual[place], "loan_id": f"ODD-{place}", "origination_date": f"{ODD_DAY}"}
        anew["loan_amount"] = rng.choice([anew["loan_amount"], f" {anew['loan_amount']}.00"])
        anew["debt_to_income"] = rng.choice([anew["debt_to_income"], f"{anew['debt_to_income']} %"])
        found.append(odd_application(rng, place) if place % 2 else anew)
    return found


def odd_application(rng: random.Random, place: int) -> dict[str, str]:
    """Invent an application whose values are written in odd ways that the contract allows."""
    columns = {column.source: column for feed in APPLICATION_FEEDS for column in feed.columns}
    values = {name: _odd_value(rng, column) for name, column in columns.items()}
    low = rng.randrange(500, 851)
    values |= {
        "loan_id": f"ODD-{place}",
        "origination_date": f"{ODD_DAY}",
        "earliest_credit_line": rng.choice(["", f"{rng.randrange(1960, 2021)}-{rng.randrange(1, 13):02}-01"]),
        "fico_low": rng.choice(["", f"{low}", f"{low}.0"]),
        "fico_high": rng.choice(["", f"{low + 4}", f"{low + 4.5}"]),
        "annual_income": rng.choice(["1e5", "48000.37", " 61234 ", "+0.01", "999999999", "37000"]),
        "payments": rng.choice(["reported", "SCHEDULED", ""]),
        "home_ownership": rng.choice(["RENT", "own", "Mortgage", "HOUSEBOAT", ""]),
    }
    return values


def _odd_value(rng: random.Random, column: Column) -> str:
    if not column.required and rng.random() < 0.25:
        return rng.choice(_BLANK)
    high = column.maximum or 1.0
    match column.kind:
        case Kind.PERCENT:
            share = rng.random() * min(high, 1.0) * 100
            return rng.choice([f"{share:.2f}%", f"{share!r}", f"{share:.1f} %", "0", "1e1", "0.07"])
        case Kind.NUMBER:
            number = max(rng.random() ** 3 * min(high, 200_000), column.minimum or 0.0)
            return rng.choice([f"{number!r}", f"{number:.2f}", f" {int(number) + 1}", f"{number:.3e}"])
        case Kind.COUNT:
            return rng.choice(["0", "1", "3.0", "7", "2e0", " 12"])
        case Kind.TERM:
            return rng.choice(["36", " 60 months", "36.0", "12 Months", "7"])
        case Kind.YEARS:
            return rng.choice(["10+ years", "< 1 year", "3", "7.5", "1 year"])
        case _:
            return rng.choice(["CA", "debt_consolidation", "Zoë 家", 'a, "b"', "x"])


def _land(layout: Layout, applications: list[dict[str, str]]) -> None:
    for feed in (*APPLICATION_FEEDS, LOAN_PERFORMANCE):
        path = layout.landing / feed.name / f"{feed.name}_{ODD_DAY:%Y_%m_%d}.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, feed.sources, quoting=csv.QUOTE_ALL, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(applications if feed is not LOAN_PERFORMANCE else [])


def bits(value: object) -> object:
    """Give a value so that floats are equal only to the last bit."""
    return value.hex() if isinstance(value, float) else value


def assert_as_at_night(answer: dict[str, object], row: dict[str, object]) -> None:
    """Compare an answer with the row of predictions of the same values."""
    money = ("expected_loss", "expected_annual_return")
    assert all(answer[name] is not None for name in money) or row["expected_loss"] is None
    told = ("model_id", "loan_id", "probability_of_default", "lifetime_probability_of_default", "score", "grade")
    for name in (*told, *money):
        assert bits(answer[name]) == bits(row[name]), name
    assert (answer["decision"], answer["outside_training"]) == (row["decision"], row["outside_training"])
    reasons = [row[f"reason_{place}"] for place in range(1, 5) if row[f"reason_{place}"] is not None]
    assert [reason["reason"] for reason in answer["reasons"]] == reasons  # type: ignore[attr-defined]


__all__ = ["BOOSTING", "ODD_DAY", "BothFamilies", "assert_as_at_night", "bits", "context", "crown", "make_both"]
