"""What the receipts of days keep of a feed, and what of it was accepted."""

from __future__ import annotations

from datetime import date
from typing import Any

from p2pcredit.jobs.preprocessing.completeness.kept_facts import (
    Seen,
    kept_acceptances,
    receipt_facts,
    seen_in_receipts,
)
from p2pcredit.monitoring.feeds.shapes import FeedDay

FIRST, SECOND, THIRD, FOURTH = (date(2020, 3, n) for n in (1, 2, 3, 4))
SHAPE = FeedDay(3, {"annual_income": 2}, (), ("mood",), 3, 3)
ACCEPTED = {"feed": "financial", "column": "annual_income", "why": "so it is", "by": "Ada", "digest": "abc"}


def test_receipts_that_do_not_keep_the_shape_of_a_feed_are_left_out() -> None:
    whole = {**SHAPE.as_json(), "digest": "abc", "size": 7}
    receipts: dict[date, dict[str, Any]] = {
        FIRST: {"feeds": {"financial": whole}},
        SECOND: {"feeds": {"financial": {"digest": "abc"}}},  # of an older version
        THIRD: {"feeds": ["financial"]},
        FOURTH: {"feeds": {"loan_terms": whole}},
    }
    assert seen_in_receipts(receipts, "financial") == {FIRST: Seen(SHAPE, "abc", 7)}


def test_what_was_accepted_holds_for_the_file_that_came_and_for_no_other() -> None:
    receipt = {"accepted_drift": [ACCEPTED, "torn"]}
    assert kept_acceptances(receipt, {}) == [ACCEPTED]
    assert kept_acceptances(receipt, {"financial": "abc", "loan_terms": "def"}) == [ACCEPTED]
    assert kept_acceptances(receipt, {"financial": "def"}) == []
    assert kept_acceptances(None, {"financial": "abc"}) == []


def test_a_receipt_keeps_what_was_accepted_before_unless_something_is_accepted_now() -> None:
    seen = {"financial": {FIRST: Seen(SHAPE, "abc", 7)}}
    before = {"accepted_drift": [ACCEPTED]}
    kept = {"feeds": {"financial": {**SHAPE.as_json(), "digest": "abc", "size": 7}}}
    assert receipt_facts(seen, FIRST, before, {}) == {**kept, "accepted_drift": [ACCEPTED]}
    newer = {**ACCEPTED, "column": "revolving_balance"}
    assert receipt_facts(seen, FIRST, before, {FIRST: [newer]})["accepted_drift"] == [newer]
    assert "accepted_drift" not in receipt_facts(seen, FIRST, None, {})
    landed_anew = {"financial": {FIRST: Seen(SHAPE, "def", 7)}}
    assert "accepted_drift" not in receipt_facts(landed_anew, FIRST, before, {})
