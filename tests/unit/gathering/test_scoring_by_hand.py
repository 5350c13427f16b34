"""Which steps `infer` does of the inference pipeline, on which days, and what it gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import written_home

from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.jobs.scoring import by_hand
from p2pcredit.periods import DateRange

DAYS = DateRange(date(2022, 6, 1), date(2022, 6, 3))


def test_the_days_are_scored_together_and_the_other_steps_done_and_the_receipt_is_that_of_scoring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, done = written_home(tmp_path), []

    def score(*given: Any) -> dict[str, Any]:
        done.append(("run_inference", *given))
        return {"scored": 7}

    def step(ctx: Any, one: Any, days: Any) -> dict[str, Any]:
        done.append((one.name, ctx, days))
        return {}

    monkeypatch.setattr(by_hand, "run_inference", score)
    monkeypatch.setattr(by_hand, "do_step", step)
    assert by_hand.infer(home.ctx, DAYS) == {"scored": 7}
    assert done == [(one.name, home.ctx, DAYS) for one in INFERENCE.by_hand("infer")]
    assert len(done) > 1
