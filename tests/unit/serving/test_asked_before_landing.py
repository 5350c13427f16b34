"""What the server answered about a loan reaches the week in which it landed: the last answer up to its day."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.asked_server import asked_server
from tests.both_families import BOOSTING, ODD_DAY, BothFamilies, context, crown

from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.jobs.monitoring.asked import asked_before_landing
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake


def test_the_last_answer_up_to_the_day_of_the_loan_counts(both: BothFamilies, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(both.home, home)
    ctx = context(home)
    crown(ctx, BOOSTING, ODD_DAY)  # which scored that day last
    now = [datetime(2021, 10, 10, 9, tzinfo=UTC)]
    asked = both.applications[0]
    later = {**both.applications[2], "loan_id": "ODD-2"}
    with asked_server(home, clock=lambda: now[0]) as server:
        assert server.score({**asked, "annual_income": "1000"}).status_code == 200
        now[0] += timedelta(days=1)
        last = server.score(asked).json()["answers"][0]
        now[0] += timedelta(days=1)
        server.score([{**asked, "annual_income": "2000"}, later])
    predictions = Lake(ctx.layout).read(PREDICTIONS, DateRange(ODD_DAY, ODD_DAY))
    found = asked_before_landing(
        ctx, predictions, DateRange(ODD_DAY - timedelta(days=30), ODD_DAY + timedelta(days=30))
    )
    (row,) = found.to_dicts()
    assert (row["loan_id"], row["snapshot_date"], row["score"]) == ("ODD-0", ODD_DAY, last["score"])
    (night,) = predictions.filter(loan_id="ODD-0").to_dicts()
    assert (row["model_id"], row["score"], row["decision"]) == (night["model_id"], night["score"], night["decision"])


def test_a_home_that_served_nobody_has_no_answers(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    predictions = Lake(ctx.layout).read(PREDICTIONS)
    assert asked_before_landing(ctx, predictions, DateRange(ODD_DAY, ODD_DAY)).is_empty()
