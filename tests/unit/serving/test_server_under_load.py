"""A server process under load: the champion changes between requests, and a kill loses no answer that left."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.both_families import BOOSTING, ODD_DAY, BothFamilies, context, crown
from tests.served_home import Load, served_home

from p2pcredit.contracts.tables import SCORE_REQUESTS
from p2pcredit.jobs.answering.request_log import fold_requests
from p2pcredit.storage.tables.lake import Lake

SOUND = {"origination_date": "2021-10-01", "loan_amount": 12000, "term": 36, "annual_income": 58000}


def three(client: int, number: int) -> list[dict[str, Any]]:
    return [{**SOUND, "loan_id": f"{client}-{number}-{place}"} for place in range(3)]


@pytest.fixture
def home(both: BothFamilies, tmp_path: Path) -> Path:
    shutil.copytree(both.home, tmp_path / "home")
    return tmp_path / "home"


def test_the_champion_changes_between_requests_and_none_is_lost(both: BothFamilies, home: Path) -> None:
    ctx = context(home)
    with served_home(home) as server, Load(server, three).running() as load:
        for model_id in (BOOSTING, both.scorecard) * 3:
            load.await_answers(8)
            crown(ctx, model_id, ODD_DAY)
        load.await_answers(8)
    assert (load.lost, load.refused) == ([], [])
    assert {receipt["model_id"] for receipt in load.answered} == set(both.models)
    for receipt in load.answered:
        assert [answer["model_id"] for answer in receipt["answers"]] == [receipt["model_id"]] * 3


def test_a_kill_loses_no_answer_that_left_and_doubles_none(home: Path) -> None:
    answered: list[dict[str, Any]] = []
    for _ in range(2):
        with served_home(home) as server, Load(server, three).running() as load:
            load.await_answers(40)
            server.kill()
        answered += load.answered
    ctx = context(home)
    first = fold_requests(ctx)
    assert fold_requests(ctx) == {"applications": 0, "segments": 0}
    assert first["segments"] >= 1  # those of the first server were taken in when the second began
    rows = Lake(ctx.layout).read(SCORE_REQUESTS)
    assert rows.select("request_id", "application").n_unique() == rows.height
    logged = {(row["request_id"], row["loan_id"]): row for row in rows.to_dicts()}
    assert len(answered) >= 80
    for receipt in answered:
        for answer in receipt["answers"]:
            row = logged[receipt["request_id"], answer["loan_id"]]
            assert row["probability_of_default"] == answer["probability_of_default"]
            assert row["model_id"] == receipt["model_id"]


def test_a_fold_that_was_killed_before_it_removed_a_segment_doubles_nothing(home: Path) -> None:
    with served_home(home) as server, closing(server.connect()) as connection:
        _, asked = server.ask(connection, three(0, 0))
        server.kill()
    ctx = context(home)
    (segment,) = ctx.layout.score_journal.iterdir()
    kept = segment.read_bytes()
    assert fold_requests(ctx)["applications"] == 3
    segment.write_bytes(kept + b'{"request_id":"torn')
    assert fold_requests(ctx) == {"applications": 0, "segments": 1}
    rows = Lake(ctx.layout).read(SCORE_REQUESTS)  # the home that was copied may have been asked before
    assert rows.filter(pl.col("request_id") == asked["request_id"]).height == 3
