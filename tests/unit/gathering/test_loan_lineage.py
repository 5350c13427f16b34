"""What a trace gathers of one loan among others, and which of several lines, labels and rows it takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import PREDICTIONS, QUARANTINE, bronze
from p2pcredit.errors import StorageError, UsageError
from p2pcredit.jobs.audit import loan_lineage
from p2pcredit.jobs.audit.files.notice import write_notice
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.models.training_support import Support
from p2pcredit.retraining.events import EventKind


class TwoFeatures:
    """Income pushes towards default by its value, the amount away from it by one."""

    family = "boosting"  # which explains nothing beside the effects
    feature_names = ("annual_income", "loan_amount")
    neutral = {"annual_income": 5.0}  # noqa: RUF012
    support: Support = {}  # noqa: RUF012

    def contributions(self, loans: pl.DataFrame) -> np.ndarray:
        return np.array([[income, -1.0] for income in loans["annual_income"]])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WrittenHome:
    """A loan scored twice, by the early model and by the champion, beside another loan."""
    loaded: list[bytes] = []
    monkeypatch.setattr(loan_lineage, "load_model", lambda files: loaded.append(files["model.json"]) or TwoFeatures())
    monkeypatch.setattr(loan_lineage, "score_loans", score)
    home = written_home(tmp_path)
    home.features(
        ("a", "2022-03-01"),
        ("a", "2022-03-10"),
        ("b", "2022-03-10"),
        annual_income=[1.0, 2.0, 9.0],
        loan_amount=[7.0] * 3,
    )
    home.predictions(
        ("a", "2022-03-01", "early", 0.1), ("a", "2022-03-10", "now", 0.2), ("b", "2022-03-10", "now", 0.9)
    )
    home.labels(
        ("a", 0, "2022-03-01", "2023-04-01"),
        ("a", 1, "2022-03-01", "2023-06-01"),
        ("b", 0, "2022-03-10", "2023-07-01"),
        others=[
            {"loan_id": "a", "definition": "pd36", "label": 0, "origination_date": of("2022-03-01")}
            | {"known_on": of("2025-04-01"), "snapshot_date": of("2025-04-01")}
        ],
    )
    for name, day in (("early", "2022-01-01"), ("now", "2022-03-05")):
        home.model(name)
        home.crown(name, day)
    home.say(EventKind.ROLLED_BACK, model_id="now", effective_on="2022-03-10", why="again")
    home.say(EventKind.ROLLED_BACK, model_id="now", effective_on="2022-03-11", why="too late for this loan")
    for run, model, day in (("r1", "early", "2022-03-01"), ("r2", "now", "2022-03-10"), ("r3", "now", "2022-03-10")):
        home.ctx.ledger.append(
            EventKind.SCORED, at=home.ctx.at, run_id=run, facts={"model_id": model, "days": {day: 1}}
        )
    home.ctx.ledger.append(
        EventKind.SCORED, at=home.ctx.at, run_id="r4", facts={"model_id": "now", "days": {"2022-03-11": 1}}
    )
    source = {"source_file": "f.csv", "source_digest": "d", "snapshot_date": of("2022-03-01")}
    home.put(
        bronze(FEEDS["loan_terms"]),
        [
            {"loan_id": " a ", "row_number": 2, **source},
            {"loan_id": "a", "row_number": 1, **source},
            {"loan_id": "ab", "row_number": 3, **source},
        ],
    )
    home.put(bronze(FEEDS["financial"]), [{"loan_id": "a", "row_number": 4, **source}])
    home.put(
        QUARANTINE,
        [
            {"feed": "financial", "row_number": n, "rules": "r", "kind": "row", "raw": json.dumps({"loan_id": loan})}
            | {"snapshot_date": of("2022-03-01"), "loan_id": None if loan is None else loan.strip()}
            for n, loan in enumerate(("b", " a", None))
        ],
    )
    return home


def score(model: Any, model_id: str, features: pl.DataFrame, settings: Any, structure: Any) -> pl.DataFrame:
    """The probabilities that were given at the time, but for those of the early model's day."""
    chances = [0.2 if day == of("2022-03-10") else 0.3 for day in features["snapshot_date"]]
    return features.select("loan_id").with_columns(pl.Series("probability_of_default", chances))


def test_each_prediction_is_told_with_its_own_day_model_and_reign(home: WrittenHome) -> None:
    first, second = trace_loan(home.ctx, "a")["scored"]
    assert (first["snapshot_date"], first["model_id"], first["probability_of_default"]) == ("2022-03-01", "early", 0.1)
    assert (second["snapshot_date"], second["model_id"], second["probability_of_default"]) == ("2022-03-10", "now", 0.2)
    assert (first["champion_since"], first["champion_because"]) == ("2022-01-01", "test")
    assert (second["champion_since"], second["champion_because"]) == ("2022-03-10", "again")
    assert home.ctx.ledger.events()[second["ledger_line"] - 1].facts["why"] == "again"


def test_the_run_that_scored_is_the_last_of_its_model_and_day(home: WrittenHome) -> None:
    assert [scored["scored_by"] for scored in trace_loan(home.ctx, "a")["scored"]] == ["r1", "r3"]


def test_features_are_those_of_the_day_largest_push_first(home: WrittenHome) -> None:
    first, second = trace_loan(home.ctx, "a")["scored"]
    assert [(row["feature"], row["value"], row["log_odds"]) for row in second["known_then"]] == [
        ("annual_income", 2.0, 2.0),
        ("loan_amount", 7.0, -1.0),
    ]
    assert first["known_then"][0]["value"] == 1.0
    assert [row["usual_at_cutoff"] for row in second["known_then"]] == [5.0, None]
    assert (first["known_on"], second["known_on"]) == ("2022-03-01", "2022-03-10")


def test_a_score_that_would_now_be_another_is_said(home: WrittenHome) -> None:
    assert [scored["scores_the_same_now"] for scored in trace_loan(home.ctx, "a")["scored"]] == [False, True]


def test_the_label_is_the_newest_of_the_main_definition_and_its_history_has_all(home: WrittenHome) -> None:
    found = trace_loan(home.ctx, "a")
    assert (found["label"]["label"], found["label"]["known_on"]) == (1, "2023-06-01")
    assert [(row["definition"], row["known_on"]) for row in found["label_history"]] == [
        ("pd12", "2023-04-01"),
        ("pd12", "2023-06-01"),
        ("pd36", "2025-04-01"),
    ]


def test_landed_rows_are_the_loans_own_in_order_whatever_blanks_stand_around_its_id(home: WrittenHome) -> None:
    landed = trace_loan(home.ctx, "a")["landed"]
    assert [(row["feed"], row["row_number"]) for row in landed] == [
        ("loan_terms", 1),
        ("loan_terms", 2),
        ("financial", 4),
    ]
    assert landed[0]["source_file"] == "f.csv"


def test_rows_set_aside_are_the_loans_own(home: WrittenHome) -> None:
    assert [(row["feed"], row["row_number"]) for row in trace_loan(home.ctx, "a")["set_aside"]] == [("financial", 1)]


def test_a_loan_that_never_landed_and_one_whose_features_are_gone_are_said(home: WrittenHome) -> None:
    with pytest.raises(StorageError, match="there is no loan 'z' in the lake"):
        trace_loan(home.ctx, "z")
    home.features(("b", "2022-03-10"))
    with pytest.raises(StorageError, match="loan 'a' was scored on 2022-03-10 and has no features of that day"):
        trace_loan(home.ctx, "a")


def given(home: WrittenHome, decision: str) -> None:
    """Write a prediction of loan a with this decision and two reasons."""
    row = {"loan_id": "a", "snapshot_date": of("2022-03-10"), "model_id": "now", "probability_of_default": 0.2}
    reasons = {"reason_1": "Income is low", "reason_2": "Amount requested is high"}
    home.put(PREDICTIONS, [{**row, **reasons, "score": 480, "decision": decision}])


def test_the_reasons_are_traced_as_the_borrower_reads_them(home: WrittenHome) -> None:
    given(home, "decline")
    (scored,) = [found for found in trace_loan(home.ctx, "a")["scored"] if found["score"] == 480]
    assert scored["reasons"] == ["Income is low", "Amount requested is high"]
    low, amount = scored["adverse_action"]
    assert (low["code"], low["your_value"], low["usual"]) == ("I1", "2", "5")
    assert (amount["code"], amount["your_value"], amount["usual"]) == ("A1", None, None)


def test_the_notice_of_a_declined_loan_is_a_page_with_its_reasons(home: WrittenHome, tmp_path: Path) -> None:
    given(home, "decline")
    receipt, page = write_notice(home.ctx, "a", tmp_path / "notice.html")
    assert (receipt["loan_id"], receipt["date"], receipt["score"], receipt["list_version"]) == (
        "a",
        "2022-03-10",
        480,
        1,
    )
    assert [reason["code"] for reason in receipt["reasons"]] == ["I1", "A1"]
    assert (tmp_path / "notice.html").read_text() == page
    assert "The income that you stated is low." in page
    assert write_notice(home.ctx, "a", None)[0]["path"] is None


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ("approve", "the score approves it, so there is no adverse action"),
        ("refer", "it was left to a person"),
        ("refuse", "no score was given for it"),
    ],
)
def test_a_loan_that_the_score_did_not_decline_gets_no_notice(home: WrittenHome, decision: str, why: str) -> None:
    given(home, decision)
    with pytest.raises(UsageError, match=f"no notice for loan 'a': {why}"):
        write_notice(home.ctx, "a", None)
