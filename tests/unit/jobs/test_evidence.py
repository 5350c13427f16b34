"""The evidence pack of a trained model: complete, true to the lake, found out when altered, the same anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.not_none import not_none
from tests.unit.jobs.evidence_home import TRAININGS, build_home, context

from p2pcredit.errors import BankError, StorageError
from p2pcredit.jobs.audit.evidence import find_evidence, verify_evidence
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.governance.approvals import approve
from p2pcredit.jobs.scoring.champions import rollback
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.jobs.training.train import recalibrate_champion
from p2pcredit.models.scoring import load_model
from p2pcredit.reporting.evidence.guidance import MAPPING
from p2pcredit.reporting.evidence.page import render_evidence
from p2pcredit.storage.state.model_bank import ModelBank


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("evidence") / "home"
    build_home(home)
    return home


@pytest.fixture(scope="module")
def newest(home: Path) -> str:
    trained: str = context(home).ledger.state().trainings[-1].facts["model_id"]
    return trained


@pytest.fixture(scope="module")
def facts(home: Path, newest: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ModelBank(context(home).layout).attachment(newest, "evidence.json"))
    return found


@pytest.fixture
def copied(home: Path, tmp_path: Path) -> Path:
    """The same home somewhere else, to be altered."""
    copy = tmp_path / "other place" / "home"
    shutil.copytree(home, copy)
    return copy


def test_every_section_is_there_and_counts_its_loans(facts: dict[str, Any]) -> None:
    assert set(facts) == {
        *("schema_version", "model", "data", "features", "method", "limits", "performance", "fairness", "stability"),
        "term_structure",
        *("monitoring", "verdict", "past_promotions", "swap_set", "provenance", "guidance"),
    }
    flow = {row["step"]: row["n"] for row in facts["data"]["flow"]}
    assert flow["loan rows landed"] == flow["rows kept"] + flow["rows set aside"]
    assert flow["loans"] == flow["window still open"] + flow["window closed, no label"] + flow["matured loans"]
    periods = facts["data"]["periods"]
    assert sum(part["n"] for part in periods.values()) == flow["matured loans"]
    assert sum(part["bads"] for part in periods.values()) == flow["of them bad"]
    population = facts["performance"]["population"]
    assert (population["n"], population["bads"]) == (periods["evaluate"]["n"], periods["evaluate"]["bads"])


def test_no_number_of_the_outcomes_stands_without_its_n(facts: dict[str, Any]) -> None:
    performance = facts["performance"]
    measures = [*performance["discrimination"].values(), *performance["calibration"].values()]
    for measure in measures:
        assert {"value", "low", "high", "n", "bads"} <= set(measure)
    for key in ("sub_grade", "logistic"):
        assert performance[key]["difference"]["n"] > 0
    rows = [*performance["lift"], *performance["reliability"], *performance["vintages"], *performance["terms"]]
    assert all({"n", "bads"} <= set(row) for row in rows)
    for parts in ("lift", "reliability", "vintages"):
        assert sum(row["n"] for row in performance[parts]) == performance["population"]["n"]


def test_card_and_pack_hold_the_model_against_grade_logistic_and_the_last_champion(
    home: Path, newest: str, facts: dict[str, Any]
) -> None:
    card = ModelBank(context(home).layout).get(newest).card
    held = {one["key"]: one for one in card["benchmarks"]}
    assert set(held) == {"sub_grade", "logistic", "champion"}
    for key, one in held.items():
        told = facts["performance"][key]["difference"]
        assert (told["value"], told["n"], told["bads"]) == (pytest.approx(one["difference"]), one["n"], one["bads"])
    assert facts["performance"]["champion"]["model_id"] == held["champion"]["model_id"] == card["champion_id"]
    page = render_evidence(facts)
    assert "the champion of that day" in page
    older = json.loads(json.dumps(facts))
    del older["performance"]["champion"]
    assert "It could not be compared with the champion of that day." in render_evidence(older)


def test_ranking_within_quarter_and_term_is_that_of_its_pairs(home: Path, newest: str, facts: dict[str, Any]) -> None:
    """Counted pair by pair on the loans that judged the model, by its evaluation model."""
    bank = ModelBank(context(home).layout).get(newest)
    snapshot = TrainingSnapshot.from_card(context(home), bank)
    judged = facts["data"]["periods"]["evaluate"]
    loans = snapshot.matured.filter(pl.col("origination_date") >= date.fromisoformat(judged["first"]))
    assert loans.height == judged["n"]
    model = load_model(bank.evaluation_files)
    loans = loans.with_columns(risk=pl.Series(model.predict(loans)), place=pl.col("platform_sub_grade").rank("dense"))
    right = {"risk": 0.0, "place": 0.0}
    pairs = 0
    quarter = [pl.col("origination_date").dt.year().alias("y"), pl.col("origination_date").dt.quarter().alias("q")]
    for _, part in loans.with_columns(quarter).group_by("y", "q", "term_months"):
        bads, goods = (part.filter(pl.col("label") == label) for label in (1, 0))
        pairs += bads.height * goods.height
        for column in right:
            right[column] += sum((b > g) + 0.5 * (b == g) for b in bads[column] for g in goods[column])
    within = facts["performance"]["within"]
    assert within["auc"]["value"] == pytest.approx(right["risk"] / pairs)
    assert within["sub_grade"]["value"] == pytest.approx((right["risk"] - right["place"]) / pairs)
    assert "AUC within quarter and term" in render_evidence(facts)
    older = json.loads(json.dumps(facts))
    del older["performance"]["within"]
    assert "AUC within quarter and term" not in render_evidence(older)


def test_the_figures_of_the_pack_are_those_of_the_card(home: Path, newest: str, facts: dict[str, Any]) -> None:
    card = ModelBank(context(home).layout).get(newest).card
    auc, ratio = facts["performance"]["discrimination"]["auc"], facts["performance"]["calibration"]["ratio"]
    assert (auc["value"], auc["low"], auc["n"]) == (
        card["metrics"]["auc"],
        card["metrics"]["auc_low"],
        card["metrics"]["n"],
    )
    assert ratio["value"] == pytest.approx(card["metrics"]["calibration_ratio"])


def test_limits_are_said_from_the_facts(facts: dict[str, Any]) -> None:
    said = " ".join(limit["text"] for limit in facts["limits"])
    assert "no protected attribute" in said
    assert f"Only {facts['performance']['population']['bads']} bads judge the model" in said
    assert "Only loans that were funded" in said


def test_the_digests_are_those_of_the_files_as_they_lie(home: Path, newest: str, facts: dict[str, Any]) -> None:
    directory = context(home).layout.model(newest)
    for name, digest in facts["provenance"]["files"].items():
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == digest
    card = json.loads((directory / "card.json").read_bytes())
    for name, digest in card["evidence"].items():
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == digest


def test_the_page_is_whole_and_fetches_nothing(home: Path, newest: str, facts: dict[str, Any]) -> None:
    page = ModelBank(context(home).layout).attachment(newest, "evidence.html").decode()
    assert page.startswith("<!doctype html>")
    for row in MAPPING:
        assert f'<section id="{row.section}">' in page
    order = [page.index(f'<section id="{row.section}">') for row in MAPPING]
    assert order == sorted(order)
    for landmark in ("flow", "features", "measures", "benchmarks", "lift", "parts", "candidates", "guards", "mapping"):
        assert f'id="{landmark}"' in page
    for chart in ("samples", "roc", "reliability", "vintages", "information", "stability"):
        assert f'id="chart-{chart}"' in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert page.index('<section id="summary"') < page.index('id="chart-samples"') < page.index('id="verdict"')
    assert "not a claim of compliance" in " ".join(page.split())
    assert render_evidence(facts) == page


def test_text_of_the_data_is_escaped_in_the_page(facts: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(facts))
    hostile["fairness"]["by"][0]["groups"][0]["group"] = "<script>alert(1)</script>"
    assert "<script" not in render_evidence(hostile)


def test_the_ledger_keeps_how_the_challenger_stood(home: Path) -> None:
    first, second = (event.facts for event in context(home).ledger.state().trainings)
    assert (first["comparison"], first["recalibration"], first["remedy"]) == (None, None, "retrain")
    comparison = second["comparison"]
    assert set(comparison) == {
        *("difference", "low", "high", "n", "bads", "promote", "reason"),
        *("challenger_calibration", "champion_calibration", "margin", "confidence"),
        *("challenger_defaults", "champion_defaults", "against", "benefit"),
    }
    assert (first["kind"], second["kind"] in ("refresh", "redevelopment")) == ("first", True)
    assert comparison["champion_defaults"] > 0
    assert comparison["low"] <= comparison["difference"] <= comparison["high"]
    assert second["champion_before"] == first["model_id"]
    assert second["recalibration"]["reason"]


def test_the_swap_set_counts_every_loan_of_the_evaluation(facts: dict[str, Any]) -> None:
    swap = facts["swap_set"]["matured"]
    population = facts["performance"]["population"]
    for rule in ("equal_cutoff", "equal_approval_rate"):
        cells = swap[rule]["cells"].values()
        assert sum(cell["n"] for cell in cells) == population["n"]
        assert sum(cell["observed_bads"] for cell in cells) == population["bads"]
    assert {cell["observed_n"] for cell in facts["swap_set"]["newest"]["equal_cutoff"]["cells"].values()} == {0}


@pytest.mark.parametrize("place", [0, 1])
def test_every_number_follows_from_the_lake(home: Path, place: int) -> None:
    model_id = context(home).ledger.state().trainings[place].facts["model_id"]
    found = verify_evidence(context(home), model_id)
    assert (found["verified"], found["differing"]) == (True, [])
    assert found["checked"] > 500


def test_an_altered_number_and_an_altered_word_are_found(copied: Path, newest: str) -> None:
    path = context(copied).layout.model(newest) / "evidence.json"
    content = json.loads(path.read_bytes())
    honest = content["performance"]["discrimination"]["auc"]["value"]
    content["performance"]["discrimination"]["auc"]["value"] = honest + 0.001
    content["performance"]["lift"][0]["bads"] += 1
    content["limits"][0]["text"] = "None."
    path.write_text(json.dumps(content))
    found = verify_evidence(context(copied), newest)
    assert found["verified"] is False
    told = {row["path"]: row for row in found["differing"]}
    assert set(told) == {"performance.discrimination.auc.value", "performance.lift[0].bads", "limits[0].text"}
    row = told["performance.discrimination.auc.value"]
    assert (row["stored"], row["recomputed"]) == pytest.approx((honest + 0.001, honest))


def test_an_altered_page_or_swap_set_is_found_and_a_broken_one_said(copied: Path, newest: str) -> None:
    directory = context(copied).layout.model(newest)
    with (directory / "evidence.html").open("a") as stream:
        stream.write(" ")
    swap = json.loads((directory / "swap_set.json").read_bytes())
    swap["matured"]["n"] += 1
    (directory / "swap_set.json").write_text(json.dumps(swap))
    found = verify_evidence(context(copied), newest)
    assert {row["path"] for row in found["differing"]} == {"evidence.html", "swap_set.json: matured.n"}
    (directory / "evidence.json").write_text("{")
    with pytest.raises(BankError, match="is no JSON"):
        verify_evidence(context(copied), newest)
    (directory / "evidence.json").unlink()
    with pytest.raises(BankError, match=r"lacks its file evidence\.json"):
        find_evidence(context(copied), newest)


def test_evidence_is_found_and_written_anew(home: Path, newest: str, tmp_path: Path) -> None:
    there = find_evidence(context(home), newest)
    again = find_evidence(context(home), newest, tmp_path / "out")
    for key in ("signed", "html", "json", "swap_set"):
        assert Path(again[key]).read_bytes() == Path(there[key]).read_bytes()


def test_the_pack_is_written_with_who_signed_and_the_one_beside_the_model_stays(copied: Path, newest: str) -> None:
    ctx = context(copied)
    beside = ctx.layout.model(newest) / "evidence.html"
    before = beside.read_bytes()
    approve(replace(ctx, by="Ada Lovelace"), newest, "report 7", conditions="36 months <only>")
    signed = Path(find_evidence(ctx, newest)["signed"]).read_text()
    assert "Approved by Ada Lovelace on 2022-01-01: report 7." in signed
    assert "Conditions: 36 months &lt;only&gt;." in signed
    assert "Ada" not in before.decode()
    assert beside.read_bytes() == before
    assert verify_evidence(ctx, newest)["verified"] is True


def test_no_page_is_signed_whose_numbers_were_altered(
    copied: Path, newest: str, caplog: pytest.LogCaptureFixture
) -> None:
    context(copied).layout.signed_evidence(newest).unlink(missing_ok=True)
    path = context(copied).layout.model(newest) / "evidence.json"
    path.write_bytes(path.read_bytes().replace(b'"confidence": 0.9', b'"confidence": 0.99'))
    assert find_evidence(context(copied), newest)["signed"] is None
    assert "evidence.json of model" in caplog.text
    assert not context(copied).layout.signed_evidence(newest).exists()


def test_a_rollback_writes_who_is_approved_or_declined_anew(copied: Path, newest: str) -> None:
    ctx = context(copied)
    assert ctx.ledger.state().champion == newest
    receipt = rollback(ctx, "for the test")
    found = json.loads(Path(receipt["swap_set"]).read_bytes())
    assert (found["model_id"], found["champion_id"]) == (receipt["model_id"], newest)
    cells = found["matured"]["equal_cutoff"]["cells"].values()
    assert sum(cell["n"] for cell in cells) == found["matured"]["n"] > 0
    assert {cell["observed_n"] - cell["n"] for cell in cells} == {0}


def test_damaged_evidence_stops_no_scoring(copied: Path, newest: str) -> None:
    (context(copied).layout.model(newest) / "evidence.html").write_text("")
    assert ModelBank(context(copied).layout).get(newest).model_id == newest


def test_a_copied_home_reproduces_every_byte_in_another_environment(copied: Path, home: Path) -> None:
    """Another path, time zone, language, hash seed and number of threads, in fresh processes."""
    kernels = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    environment = {
        **kernels,  # which instructions sum, and so the last digits
        "PATH": os.environ["PATH"],
        "TZ": "Pacific/Auckland",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "4711",
        "POLARS_MAX_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    for event in context(copied).ledger.state().trainings:
        model_id = event.facts["model_id"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "p2pcredit.cli.app",
                "models",
                "reproduce",
                model_id,
                "--home",
                str(copied),
                "--json",
            ],
            capture_output=True,
            text=True,
            env=environment,
            cwd="/",
            timeout=1200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["identical"], found["differing"]) == (True, []), found
        assert found["checked"] >= 6
    bank = ModelBank(context(home).layout)
    assert bank.get(model_id) == ModelBank(context(copied).layout).get(model_id)


def test_other_code_is_said_to_be_why_only_its_evidence_differs(
    home: Path, newest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pcredit.jobs.training.environment.code_digest", lambda: "0" * 64)
    found = reproduce(context(home), newest)
    assert found["differing"] == ["card.json", "evidence.html", "evidence.json"]
    assert found["reason"].endswith(
        "differ; the files that score are identical; the code is another than when it was made"
    )


@pytest.mark.parametrize("broken", ["{", "[]", "{}"])
def test_evidence_that_was_altered_differs_and_blames_no_code(copied: Path, newest: str, broken: str) -> None:
    (context(copied).layout.model(newest) / "evidence.json").write_text(broken)
    found = reproduce(context(copied), newest)
    assert found["differing"] == ["evidence.json"]
    assert "the files that score are identical" in found["reason"]
    assert "code" not in found["reason"]


def test_a_recalibrated_champion_is_a_model_of_its_own_that_can_be_made_again(copied: Path) -> None:
    ctx = context(copied)
    parent = not_none(ctx.ledger.state().champion_on(TRAININGS[1]))
    ctx_now = context(copied)
    (done,) = recalibrate_champion(ctx_now, TRAININGS[1])
    card = ModelBank(ctx.layout).get(done.model_id).card
    assert (card["origin"], card["parent"]) == ("recalibrated", parent)
    assert card["target"] == ModelBank(ctx.layout).get(parent).card["target"]
    assert set(card) == set(ModelBank(ctx.layout).get(parent).card)
    assert set(card["metrics"]) == set(ModelBank(ctx.layout).get(parent).card["metrics"])
    assert (again := reproduce(ctx_now, done.model_id))["identical"] is True, again
    assert verify_evidence(ctx_now, done.model_id)["verified"] is True


def test_a_loan_is_traced_to_the_model_that_scored_it_and_to_the_rows_it_came_from(home: Path) -> None:
    from p2pcredit.contracts.tables import PREDICTIONS
    from p2pcredit.storage.tables.lake import Lake

    ctx = context(home)
    row = Lake(ctx.layout).read(PREDICTIONS).row(0, named=True)
    found = trace_loan(ctx, row["loan_id"])
    scored = found["scored"][0]
    assert (scored["model_id"], scored["score"], scored["grade"]) == (row["model_id"], row["score"], row["grade"])
    assert scored["scores_the_same_now"] is True
    period = ctx.ledger.state().champion_periods[0]
    assert (scored["champion_since"], scored["champion_because"]) == (period.effective_on.isoformat(), period.why)
    assert scored["ledger_line"] == period.number
    assert scored["known_on"] <= scored["snapshot_date"]
    assert len(scored["known_then"]) == len(ModelBank(ctx.layout).get(row["model_id"]).card["features"])
    points = [feature["points"] for feature in scored["known_then"] if "points" in feature]
    if points:
        assert round(sum(points)) == row["score"]
    assert {line["feed"] for line in found["landed"]} >= {"loan_terms", "demographic", "financial", "credit_history"}
    assert all(line["row_number"] > 0 and len(line["source_digest"]) == 64 for line in found["landed"])
    assert json.loads(json.dumps(found)) == found


def test_a_loan_that_no_model_scored_says_so_and_an_unknown_one_is_an_error(home: Path) -> None:
    from p2pcredit.contracts.tables import LABEL_STORE
    from p2pcredit.storage.tables.lake import Lake

    ctx = context(home)
    early = Lake(ctx.layout).read(LABEL_STORE)["loan_id"][0]
    found = trace_loan(ctx, early)
    assert (found["scored"], found["label"]["definition"]) == ([], "pd3")
    assert "no model scored it" in found["reason"]
    with pytest.raises(StorageError, match="there is no loan 'nobody'"):
        trace_loan(ctx, "nobody")
