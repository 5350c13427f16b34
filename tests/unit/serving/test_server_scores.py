"""The server answers as the night run does, follows the champion, and logs each answer before it leaves."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.asked_server import NOON, AskedServer, asked_server
from tests.both_families import BOOSTING, ODD_DAY, ODD_LOANS, BothFamilies, assert_as_at_night, context, crown

from p2pcredit.contracts.tables import SCORE_REQUESTS
from p2pcredit.jobs.answering.request_log import fold_requests
from p2pcredit.serving.scores import Scores
from p2pcredit.settings import ServingSettings, load_settings
from p2pcredit.storage.tables.lake import Lake

SOME = st.lists(st.integers(0, ODD_LOANS - 1), min_size=1, max_size=40, unique=True)
SOUND = {"loan_id": "A1", "origination_date": "2021-10-01", "loan_amount": 12000, "term": 36}


@pytest.fixture(scope="module")
def server(both: BothFamilies) -> Iterator[AskedServer]:
    with asked_server(both.home) as asked:
        yield asked


@pytest.mark.parametrize("family", [0, 1], ids=["scorecard", "boosting"])
@settings(max_examples=8)
@given(chosen=SOME)
def test_the_server_answers_as_the_night_run(
    both: BothFamilies, server: AskedServer, family: int, chosen: list[int]
) -> None:
    model_id = both.models[family]
    crown(context(both.home), model_id, ODD_DAY)
    answer = server.score([both.applications[place] for place in chosen])
    assert answer.status_code == 200
    receipt = answer.json()
    assert receipt["request_id"] == answer.headers["x-request-id"]
    assert [one["loan_id"] for one in receipt["answers"]] == [f"ODD-{place}" for place in chosen]
    for one in receipt["answers"]:
        assert_as_at_night(one, both.at_night[model_id][one["loan_id"]])
        assert one["request_id"] == receipt["request_id"]


def test_one_application_may_come_by_itself_and_a_list_under_its_key(server: AskedServer) -> None:
    alone = server.score(SOUND).json()["answers"]
    under_key = server.score({"applications": [SOUND]}).json()["answers"]
    for (one,) in (alone, under_key):
        assert (one["loan_id"], one["known_on"], one["window_months"]) == ("A1", "2021-10-01", 3)


def test_the_next_request_has_the_next_champion_and_a_rollback_too(both: BothFamilies, server: AskedServer) -> None:
    ctx = context(both.home)
    asked = []
    for model_id in (both.scorecard, BOOSTING, both.scorecard):
        crown(ctx, model_id, ODD_DAY)
        receipt = server.score([{**SOUND, "loan_id": f"{place}"} for place in range(30)]).json()
        asked.append(receipt["model_id"])
        assert {one["model_id"] for one in receipt["answers"]} == {receipt["model_id"]}
    assert asked == [both.scorecard, BOOSTING, both.scorecard]


def test_what_was_asked_known_and_answered_stands_in_the_table_once(both: BothFamilies) -> None:
    with asked_server(both.home) as server:
        receipt = server.score([{**SOUND, "annual_income": 58000.50}, {**SOUND, "loan_id": "A2"}]).json()
    rows = Lake(context(both.home).layout).scan(SCORE_REQUESTS).filter(request_id=receipt["request_id"]).collect()
    assert rows["application"].to_list() == [1, 2]
    row, answer = rows.row(0, named=True), receipt["answers"][0]
    for name in ("probability_of_default", "score", "grade", "decision", "outside_training", "model_id", "loan_id"):
        assert row[name] == answer[name], name
    assert json.loads(row["reasons"]) == answer["reasons"]
    assert json.loads(row["asked"])["annual_income"] == "58000.5"
    assert (row["asked_by"], row["known_on"], row["snapshot_date"]) == ("tester", date(2021, 10, 1), NOON.date())
    assert set(json.loads(row["known"])) == set(context_features(both))


def context_features(both: BothFamilies) -> tuple[str, ...]:
    from p2pcredit.jobs.answering.scorers import read_scorer

    return read_scorer(context(both.home)).model.feature_names


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        ({**SOUND, "term": "soon"}, 422, "term"),
        ({**SOUND, "trm": "36"}, 422, "trm"),
        ({**SOUND, "annual_income": [1]}, 422, "annual_income"),
        ([SOUND, SOUND], 422, "loan_id"),
        ({}, 422, "loan_id"),
    ],
)
def test_wrong_values_are_named_with_what_is_allowed(
    server: AskedServer, content: Any, status: int, field: str
) -> None:
    answer = server.score(content)
    assert answer.status_code == status
    (problem, *_) = answer.json()["error"]["problems"]
    assert problem["field"] == field
    assert set(problem) == {"application", "field", "problem", "allowed"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "no_json"),
        (b"[]", 422, "no_json"),
        (b"{", 422, "no_json"),
        (b"\xff", 422, "no_json"),
        (b'{"loan_id": NaN}', 422, "no_json"),
        (b"[" * 50_000, 422, "no_json"),
        (b'"x"', 422, "no_json"),
        (b" " * 20_000, 413, "too_large"),
        (json.dumps([{**SOUND, "loan_id": f"{n}"} for n in range(4)]).encode(), 413, "too_many"),
    ],
)
def test_bodies_that_are_no_applications_or_too_large_are_refused(
    both: BothFamilies, body: bytes, status: int, code: str
) -> None:
    small = ServingSettings(max_body_kilobytes=16, max_applications=3)
    settings = load_settings(both.home).model_copy(update={"serving": small})
    if len(body) > 16 * 1024 and code != "too_large":
        status, code = 413, "too_large"
    with asked_server(both.home, settings) as server:
        for content in (body, iter_of(body)):
            answer = server.ask("POST", "/v1/score", content=content, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def iter_of(body: bytes) -> Any:
    """Send a body in parts, whose length no header tells."""

    async def parts() -> Any:
        for first in range(0, len(body), 4096):
            yield body[first : first + 4096]

    return parts()


def test_a_body_of_another_kind_and_words_in_the_address_are_refused(server: AskedServer) -> None:
    other = server.ask("POST", "/v1/score", content=b"a,b", headers={"Content-Type": "text/csv"})
    assert (other.status_code, other.json()["error"]["code"]) == (415, "no_json")
    slip = server.score(SOUND, "/v1/score?name=mapping")
    assert (slip.status_code, slip.json()["error"]["problems"][0]["field"]) == (422, "name")
    none = server.score(SOUND, "/v1/score?names=mapping")
    assert (none.status_code, none.json()["error"]["code"]) == (422, "no_mapping")
    assert none.json()["error"]["problems"][0]["allowed"] == "names=feeds"
    assert server.score(SOUND, "/v1/score?names=feeds").status_code == 200


@pytest.mark.parametrize(("mapping", "offered"), [("", ["feeds"]), ("prosper", ["feeds", "mapping"])])
def test_only_names_that_the_server_takes_are_offered(both: BothFamilies, mapping: str, offered: list[str]) -> None:
    settings = load_settings(both.home).model_copy(update={"serving": ServingSettings(mapping=mapping)})
    with asked_server(both.home, settings) as server:
        described = server.ask("GET", "/openapi.json").json()
    (names,) = described["paths"]["/v1/score"]["post"]["parameters"]
    assert names["schema"]["enum"] == offered


def test_a_few_applications_are_scored_where_they_arrive_and_others_aside(
    both: BothFamilies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(both.home, home)  # which other tests may have asked, and crowned a model in
    ctx = context(home)
    fold_requests(ctx)
    before = Lake(ctx.layout).read(SCORE_REQUESTS).height
    crown(ctx, both.scorecard, ODD_DAY)
    aside: list[int] = []
    warmed = threading.Event()
    answer_aside, load = Scores._answer_aside, Scores._warm_up

    def noting(scores: Scores, asked: Any) -> Any:
        aside.append(len(asked.records))
        return answer_aside(scores, asked)

    def warm_up(scores: Scores) -> None:
        load(scores)
        warmed.set()

    monkeypatch.setattr(Scores, "_answer_aside", noting)
    monkeypatch.setattr(Scores, "_warm_up", warm_up)
    with asked_server(home) as server:
        assert warmed.wait(60)
        assert server.score(SOUND).json()["model_id"] == both.scorecard
        assert aside == []
        several = [{**SOUND, "loan_id": f"S{place}"} for place in range(9)]
        assert len(server.score(several).json()["answers"]) == 9
        assert aside == [9]
        crown(ctx, BOOSTING, ODD_DAY)
        assert [server.score(SOUND).json()["model_id"] for _ in range(2)] == [BOOSTING, BOOSTING]
        assert aside == [9, 1]  # the new champion was loaded aside
    assert Lake(ctx.layout).read(SCORE_REQUESTS).height - before == 1 + 9 + 2


def test_names_of_the_mapping_are_taken_where_the_settings_have_one(both: BothFamilies, tmp_path: Path) -> None:
    from tests.unit.serving.test_refused_applications import MAPPED, MAPPING

    path = tmp_path / "lender.yaml"
    path.write_text(MAPPING)
    settings = load_settings(both.home).model_copy(update={"serving": ServingSettings(mapping=str(path))})
    with asked_server(both.home, settings) as server:
        raw = {**MAPPED, "Monatseinkommen": "4.000,25"}
        mapped = server.score(raw, "/v1/score?names=mapping").json()["answers"][0]
        feeds = server.score(
            {
                "loan_id": "7",
                "origination_date": "2021-10-01",
                "loan_amount": 12000.5,
                "term": 36,
                "annual_income": 48003,
            }
        ).json()["answers"][0]
    assert {**mapped, "request_id": ""} == {**feeds, "request_id": ""}


def test_a_home_without_a_champion_answers_none_and_says_no_path(tmp_path: Path) -> None:
    with asked_server(tmp_path) as server:
        answer = server.score(SOUND)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_model")
        assert str(tmp_path) not in answer.text


def test_an_answer_that_cannot_be_logged_does_not_leave(both: BothFamilies, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with asked_server(both.home) as server:
        monkeypatch.setattr(os, "fdatasync", full)
        answer = server.score({**SOUND, "loan_id": "not logged"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_logged")
        monkeypatch.undo()
        assert server.score({**SOUND, "loan_id": "logged"}).status_code == 200
    rows = Lake(context(both.home).layout).read(SCORE_REQUESTS)
    assert not rows.filter(loan_id="not logged").height
    assert rows.filter(loan_id="logged").height == 1


def test_many_at_once_are_each_answered_and_logged_once(both: BothFamilies) -> None:
    wanted = [{**SOUND, "loan_id": f"T-{place}"} for place in range(60)]
    with asked_server(both.home) as server:
        answers = server.together([("POST", "/v1/score", {"json": one}) for one in wanted])
    assert [answer.json()["answers"][0]["loan_id"] for answer in answers] == [one["loan_id"] for one in wanted]
    rows = Lake(context(both.home).layout).read(SCORE_REQUESTS).filter(pl.col("loan_id").str.starts_with("T-"))
    assert sorted(rows["request_id"]) == sorted(answer.json()["request_id"] for answer in answers)
