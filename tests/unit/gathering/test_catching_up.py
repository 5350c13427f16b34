"""Which missed days a night scores too, and with which model."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.jobs.scoring import score as inference
from p2pcredit.jobs.scoring.score import score_day, score_nights
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind

NIGHT = "2022-03-20"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WrittenHome:
    """Every day of March is complete; the early model serves to the 14th, the champion since."""
    home = written_home(tmp_path)
    home.complete({f"2022-03-{day:02}": {} for day in range(1, 32)})
    home.crown("early", "2022-01-01")
    home.crown("now", "2022-03-15")
    return home


def scored_by(home: WrittenHome, monkeypatch: pytest.MonkeyPatch, night: str = NIGHT) -> list[tuple[int, str | None]]:
    """Days of March that the night scores, in its order, each with the model of its day."""
    seen: list[tuple[int, str | None]] = []

    def run(ctx: Any, days: DateRange, **_: Any) -> dict[str, Any]:
        seen.extend((day.day, ctx.ledger.state().champion_on(day)) for day in days)
        return {"from": days.first.isoformat(), "scored": len(days)}

    monkeypatch.setattr(inference, "run_inference", run)
    assert score_day(home.ctx, of(night)) == {"from": night, "scored": 1, "caught_up": len(seen) - 1}
    return seen


def scored_together(home: WrittenHome, monkeypatch: pytest.MonkeyPatch, *nights: str) -> list[int]:
    """Days of March that these nights score in one go."""
    spans: list[DateRange] = []

    def run(ctx: Any, days: DateRange, **_: Any) -> dict[str, Any]:
        spans.append(days)
        return {"scored": len(days)}

    monkeypatch.setattr(inference, "run_inference", run)
    assert score_nights(home.ctx, [of(night) for night in nights]) == sum(map(len, spans))
    return [day.day for span in spans for day in span]


def scored_before(home: WrittenHome, *days: int, loans: int = 0) -> None:
    """Lines of the ledger; the feature store has no loan of any day unless a test puts some there."""
    home.say(EventKind.SCORED, model_id="early", days={f"2022-03-{day:02}": loans for day in days})


def test_missed_days_of_the_last_fourteen_are_scored_each_by_the_champion_of_its_day(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_before(home, 7, 8, 9, 10, 11, 12, 17)
    assert scored_by(home, monkeypatch) == [
        (6, "early"),
        (13, "early"),
        (14, "early"),
        (15, "now"),
        (16, "now"),
        (18, "now"),
        (19, "now"),
        (20, "now"),
    ]


def test_a_missed_day_that_is_not_complete_waits(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_before(home, *range(6, 18))
    whole, own = home.ctx.layout.month_receipt(of(NIGHT)), home.ctx.layout.day_receipt(of("2022-03-18"))
    assert whole.is_file() != own.is_file()
    whole.unlink()  # of a whole month there is one receipt
    home.complete({"2022-03-19": {}})
    assert [day for day, _ in scored_by(home, monkeypatch)] == [19, 20]


def test_days_before_the_first_champion_are_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = written_home(tmp_path)
    home.complete({f"2022-03-{day:02}": {} for day in range(10, 21)})
    home.crown("now", "2022-03-19")
    assert scored_by(home, monkeypatch) == [(19, "now"), (20, "now")]


def test_a_night_scores_its_own_day_again_and_no_day_twice(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_before(home, *range(6, 21))
    assert scored_by(home, monkeypatch) == [(20, "now")]
    assert of(NIGHT) - timedelta(days=home.ctx.settings.preprocessing.catch_up_days) == of("2022-03-06")


def test_nights_in_one_go_score_what_they_would_one_by_one(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_before(home, *range(1, 13))
    assert scored_together(home, monkeypatch, "2022-03-14", "2022-03-16", "2022-03-17") == [13, 14, 15, 16, 17]


def test_a_day_that_lies_too_far_before_the_next_night_is_scored_by_none(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_before(home, *range(2, 6), *range(7, 15))
    assert scored_together(home, monkeypatch, "2022-03-20", "2022-03-21") == [6, *range(15, 22)]
    assert scored_together(home, monkeypatch, "2022-03-21", "2022-03-22") == list(range(15, 23))


def test_a_day_of_which_the_ledger_counts_other_loans_than_the_feature_store_is_scored_again(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.features(("a", "2022-03-09"), ("b", "2022-03-09"), ("c", "2022-03-10"))
    home.predictions(*((loan, f"2022-03-{day:02}", "early", 0.1) for loan, day in (("a", 9), ("b", 9), ("c", 10))))
    scored_before(home, *range(6, 20))
    scored_before(home, 10, loans=1)
    assert scored_by(home, monkeypatch) == [(9, "early"), (20, "now")]
    assert scored_together(home, monkeypatch, NIGHT, "2022-03-21") == [9, 20, 21]


def test_a_day_of_which_as_many_other_loans_were_scored_is_scored_again(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.features(("new", "2022-03-09"), ("c", "2022-03-10"), ("d", "2022-03-20"))
    home.predictions(("gone", "2022-03-09", "early", 0.1), ("c", "2022-03-10", "early", 0.1))
    scored_before(home, *range(6, 20))
    scored_before(home, 9, 10, loans=1)
    assert scored_by(home, monkeypatch) == [(9, "early"), (20, "now")]
    assert scored_together(home, monkeypatch, NIGHT, "2022-03-21") == [9, 20, 21]


def test_a_mended_day_is_scored_without_the_loans_that_were_scored(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.features(("a", "2022-03-09"))
    scored_before(home, *[day for day in range(6, 20) if day != 12])
    asked = {}

    def run(ctx: Any, days: DateRange, only_missing: bool = False) -> dict[str, Any]:
        asked[days.first.day] = only_missing
        return {"scored": 0}

    monkeypatch.setattr(inference, "run_inference", run)
    score_day(home.ctx, of(NIGHT))
    assert asked == {9: True, 12: False, 20: False}
