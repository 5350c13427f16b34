"""What a training sees of a home, counted by hand: features, outcomes, matured loans, flow of rows, champion."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, bronze, silver
from p2pcredit.errors import MissingTableError
from p2pcredit.jobs.training.comparing.swap_sets import newest_loans
from p2pcredit.jobs.training.maturity import enough_matured, matured_counts
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.settings import AlertSettings, LabelSettings, Settings, TrainingSettings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

DAY = "2022-06-01"
SETTINGS = Settings(labels=LabelSettings(window_months=3, reporting_lag_days=0))


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    """Five loans known by the day, one the day after."""
    home = written_home(tmp_path, SETTINGS)
    loans = (
        ("bad", "2022-01-10"),
        ("good", "2022-01-05"),
        ("unknown", "2022-02-01"),  # its window has closed and it has no label
        ("edge", "2022-03-01"),  # its window closes on the very day
        ("open", "2022-03-02"),
        ("after", "2022-06-02"),
    )
    home.features(*loans, annual_income=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    home.labels(
        ("bad", 1, "2022-01-10", "2022-03-20"),
        ("good", 0, "2022-01-05", "2022-04-05"),
        ("edge", 0, "2022-03-01", DAY),
        ("open", 1, "2022-03-02", "2022-05-01"),  # an early bad: its cohort has not matured
        ("unknown", 0, "2022-02-01", "2022-06-02"),
        definition="pd3",
        others=[
            {"loan_id": "unknown", "definition": "pd36", "label": 1, "origination_date": of("2022-02-01")}
            | {"known_on": of("2022-05-01"), "snapshot_date": of("2022-05-01")}
        ],
    )
    home.events(
        ("bad", "2022-03-20", 95), ("good", "2022-02-01", 0), ("open", "2022-05-01", 90), ("edge", "2022-06-02", 90)
    )
    rows = [
        {"loan_id": loan, "origination_date": of(day), "snapshot_date": of(day), "row_number": n}
        for n, (loan, day) in enumerate(loans)
    ]
    home.put(silver(FEEDS["loan_terms"]), rows)
    raw = [
        {"loan_id": loan, "snapshot_date": of(day), "row_number": n, "source_file": f"{loan}.csv"}
        | {"source_digest": f"digest-{day}"}
        for n, (loan, day) in enumerate((*loans, ("broken", "2022-02-01"), ("later", "2022-06-02")))
    ]
    home.put(bronze(FEEDS["loan_terms"]), raw)
    broken = {"loan_id": "broken", "row_number": 6, "kind": "row"}
    home.put(
        QUARANTINE,
        [
            {"feed": "loan_terms", "snapshot_date": of("2022-02-01"), **broken},
            {"feed": "financial", "snapshot_date": of("2022-02-01"), **broken},
            {"feed": "financial", "snapshot_date": of("2022-02-02"), **broken},
            {"feed": "loan_terms", "snapshot_date": of("2022-06-02"), **broken},
        ],
    )
    return home


def snapshot(home: WrittenHome) -> TrainingSnapshot:
    return TrainingSnapshot.as_of(home.ctx, of(DAY))


def test_features_are_those_known_by_the_day_in_order_of_origination(home: WrittenHome) -> None:
    found = snapshot(home).features
    assert found["loan_id"].to_list() == ["good", "bad", "unknown", "edge", "open"]
    assert found["annual_income"].to_list() == [2.0, 1.0, 3.0, 4.0, 5.0]


def test_of_a_loan_that_stands_twice_the_first_row_is_learned_from(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home.features(("b", "2022-05-02"), ("a", "2022-05-02"), annual_income=[9.0, 8.0])
    home.features(("b", "2022-05-01"), annual_income=[7.0])
    found = snapshot(home).features
    assert found.select("loan_id", "annual_income").rows() == [("b", 7.0), ("a", 8.0)]


def test_matured_are_loans_whose_window_has_closed_and_whose_label_was_known(home: WrittenHome) -> None:
    found = snapshot(home).matured
    assert found.select("loan_id", "label", "annual_income").rows() == [
        ("good", 0, 2.0),
        ("bad", 1, 1.0),
        ("edge", 0, 4.0),
    ]
    assert {"snapshot_date", "known_on"}.isdisjoint(found.columns)


def test_a_matured_loan_without_features_teaches_nothing(tmp_path: Path, home: WrittenHome) -> None:
    home.features(("bad", "2022-01-10"))  # takes the place of that day alone
    before = snapshot(home).matured.height
    home.put(
        FEATURE_STORE,
        [{"loan_id": "stranger", "snapshot_date": of("2022-01-05"), "known_on": of("2022-01-05")}],
    )
    assert (before, snapshot(home).matured["loan_id"].to_list()) == (3, ["bad", "edge"])


def test_outcomes_end_at_the_day(home: WrittenHome) -> None:
    rows = {row["loan_id"]: row for row in snapshot(home).outcomes.to_dicts()}
    assert set(rows) == {"good", "bad", "unknown", "edge", "open"}
    assert (rows["bad"]["defaulted_in_month"], rows["open"]["defaulted_in_month"]) == (3, 2)
    assert rows["edge"]["defaulted_in_month"] is None  # its default is seen a day later
    assert [rows[loan]["label"] for loan in ("good", "bad", "edge", "open", "unknown")] == [0, 1, 0, None, None]


def test_the_flow_counts_each_step_by_the_day(home: WrittenHome) -> None:
    assert [(step["step"], step["n"]) for step in snapshot(home).flow] == [
        ("loan rows landed", 6),
        ("rows set aside", 1),
        ("rows kept", 5),
        ("loans", 5),
        ("loans with features", 5),
        ("outcome unknown", 0),
        ("window still open", 1),
        ("window closed, no label", 1),
        ("matured loans", 3),
        ("of them bad", 1),
    ]
    assert snapshot(home).flow[8]["note"] == "label pd3 known"


def test_landed_files_are_counted_by_feed_up_to_the_day_with_one_digest(home: WrittenHome) -> None:
    found = {row["feed"]: row for row in snapshot(home).landing}
    loans = {
        "bad": "2022-01-10",
        "broken": "2022-02-01",
        "edge": "2022-03-01",
        "good": "2022-01-05",
        "open": "2022-03-02",
    }
    files = sorted({**loans, "unknown": "2022-02-01"}.items())
    lines = "\n".join(f"{loan}.csv digest-{day}" for loan, day in files)
    assert found["loan_terms"] == {
        "feed": "loan_terms",
        "files": 6,
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }
    assert found["financial"]["files"] == 0
    assert list(found) == list(FEEDS)


def test_a_file_of_the_day_itself_is_among_the_landed_and_one_of_the_next_is_not(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home.features(("a", DAY))
    home.put(
        bronze(FEEDS["loan_terms"]),
        [
            {"loan_id": "a", "snapshot_date": of(day), "row_number": 1, "source_file": f"{day}.csv"}
            | {"source_digest": "digest"}
            for day in (DAY, "2022-06-02")
        ],
    )
    (terms, *_) = (row for row in snapshot(home).landing if row["feed"] == "loan_terms")
    assert (terms["files"], terms["sha256"]) == (1, hashlib.sha256(f"{DAY}.csv digest".encode()).hexdigest())


def test_the_newest_loans_are_those_of_the_last_ninety_two_days(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home.features(("old", "2022-03-01"), ("edge", "2022-03-02"), ("young", DAY), ("after", "2022-06-02"))
    assert newest_loans(snapshot(home))["loan_id"].to_list() == ["edge", "young"]


def test_a_training_is_held_against_the_champion_of_its_day_and_sees_one_version_of_each_table(
    home: WrittenHome,
) -> None:
    for model_id, day in (("early", "2022-01-01"), ("now", DAY), ("later", "2022-06-02")):
        home.model(model_id)
        home.crown(model_id, day)
    ground = snapshot(home)
    assert ground.champion is not None
    assert ground.champion.model_id == "now"
    assert TrainingSnapshot.as_of(home.ctx, of("2022-05-31")).champion.model_id == "early"  # type: ignore[union-attr]
    assert TrainingSnapshot.as_of(home.ctx, of("2021-12-31")).champion is None
    assert set(ground.versions) == {
        "gold/feature_store",
        "gold/label_store",
        "silver/loan_terms",
        "silver/loan_performance",
        "silver/quarantine",
        "bronze/loan_terms",
    }
    before = ground.versions["gold/feature_store"]
    home.features(("new", "2022-05-31"))
    assert "new" not in ground.features["loan_id"].to_list()
    assert "new" in snapshot(home).features["loan_id"].to_list()
    assert snapshot(home).versions["gold/feature_store"] == before + 1


def test_a_snapshot_made_again_is_that_of_the_card(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    required: list[str] = []
    monkeypatch.setattr(Lake, "require_files", lambda lake, table: required.append(table.name))
    versions = snapshot(home).versions
    settings = SETTINGS.model_copy(update={"labels": LabelSettings(window_months=4)})
    home.model("held")
    card = {
        "as_of": "2022-05-01",
        "settings": settings.model_dump(mode="json", exclude={"alerts"}),
        "delta_versions": versions,
    }
    home.model("first", card)
    home.model("second", {**card, "champion_id": "held"})
    home.features(("new", "2022-04-30"))
    bank = ModelBank(home.ctx.layout)
    first, second = (TrainingSnapshot.from_card(home.ctx, bank.get(name)) for name in ("first", "second"))
    assert (first.day, first.champion, first.settings.labels.window_months) == (of("2022-05-01"), None, 4)
    assert first.settings.alerts == home.ctx.settings.alerts == AlertSettings()
    assert second.champion is not None
    assert second.champion.model_id == "held"
    assert "new" not in first.features["loan_id"].to_list()
    assert sorted(required) == sorted([*versions, *versions])  # a version whose files are gone is refused at once


def test_nothing_preprocessed_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingTableError):
        snapshot(written_home(tmp_path, SETTINGS))


def test_loans_and_bads_mature_on_the_later_of_label_and_end_of_window(home: WrittenHome) -> None:
    counts = {
        day: matured_counts(home.ctx, of(day)) for day in ("2022-04-04", "2022-04-05", "2022-04-09", "2022-04-10")
    }
    assert counts == {"2022-04-04": (0, 0), "2022-04-05": (1, 0), "2022-04-09": (1, 0), "2022-04-10": (2, 1)}
    # 'edge' on the day; 'open', bad since May, when its window closes; 'unknown' a day after
    assert matured_counts(home.ctx, of("2022-05-31")) == (2, 1)
    assert matured_counts(home.ctx, of(DAY)) == (3, 1)
    assert matured_counts(home.ctx, of("2022-06-02")) == (5, 2)


ENOUGH = TrainingSettings(min_matured_loans=60, min_matured_bads=20, min_evaluation_bads=2)


@pytest.mark.parametrize(("bads", "enough"), [(20, True), (19, False)])
def test_a_first_model_needs_as_many_matured_loans_and_bads_as_the_settings_say(
    tmp_path: Path, bads: int, enough: bool
) -> None:
    home = written_home(tmp_path, SETTINGS.model_copy(update={"training": ENOUGH}))
    labels: list[tuple[str, int, str, str]] = []
    for n in range(60):
        born = f"2022-01-{1 + n // 2:02}"
        labels.append((f"l{n:02}", int(n % 3 == 0 and n // 3 < bads), born, f"2022-04-{1 + n // 2:02}"))
    home.labels(*labels, definition="pd3")
    assert enough_matured(home.ctx, of("2022-04-30")) is enough
    assert enough_matured(home.ctx, of("2022-04-29")) is False  # the last two loans are not matured yet
