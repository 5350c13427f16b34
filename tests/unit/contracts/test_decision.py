from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.contracts.decision import MAX_DECISION_BYTES, Decision, parse_decision, unknown_fields_in_words
from p2pcredit.errors import UnreadableDecisionError

FOUR = {"decision_date": "2024-01-15", "performance_score": 0.65, "retrain": True, "reason": "0.65 below 0.70"}


def parse(**changes: Any) -> Decision:
    return parse_decision(json.dumps({**FOUR, **changes}).encode())


def test_the_four_fields_alone_are_a_decision() -> None:
    decision = parse()
    assert decision.decision_date == date(2024, 1, 15)
    assert (decision.performance_score, decision.retrain, decision.reason) == (0.65, True, "0.65 below 0.70")
    assert decision.decision_id is None


@pytest.mark.parametrize(
    ("slip", "meant"), [("expire_on", "expires_on"), ("Expires-on", "expires_on"), ("treshold", "threshold")]
)
def test_an_unknown_field_that_is_a_slip_of_a_known_one_is_refused_by_both_names(slip: str, meant: str) -> None:
    with pytest.raises(UnreadableDecisionError, match=f"'{slip}' is unknown, perhaps '{meant}' was meant"):
        parse(**{slip: "2024-02-01"})


def test_fields_of_others_are_left_aside_and_named() -> None:
    decision = parse(ticket="R-7", approved_by="kim", expires_on="2024-02-01")
    assert decision.expires_on == date(2024, 2, 1)
    assert decision.unknown_fields == ("approved_by", "ticket")
    assert parse(unknown_fields=["reason"]).unknown_fields == ("unknown_fields",)


def test_of_many_unknown_fields_the_first_are_named() -> None:
    assert unknown_fields_in_words([*"abcdefg", "x" * 90]).startswith(
        "the fields 'a', 'b', 'c', 'd', 'e' and 3 others are unknown and say nothing to any run; known are "
    )
    assert "'" + "x" * 37 + "...' is unknown" in unknown_fields_in_words(["x" * 90])
    assert unknown_fields_in_words([]) == ""


@pytest.mark.parametrize("score", [None, 0, 1, 0.5, -0.1])
def test_a_score_is_a_number_or_null(score: float | None) -> None:
    assert parse(performance_score=score).performance_score == score


def test_fields_that_nobody_knows_are_passed_over() -> None:
    assert parse(comment="hello", nested={"a": [1]}).as_json() == parse().as_json()


@pytest.mark.parametrize("field", list(FOUR))
def test_each_of_the_four_fields_must_be_there(field: str) -> None:
    content = {key: value for key, value in FOUR.items() if key != field}
    with pytest.raises(UnreadableDecisionError, match=f"'{field}' is missing"):
        parse_decision(json.dumps(content).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"retrain": None},
        {"retrain": "true"},
        {"retrain": 1},
        {"retrain": []},
        {"reason": None},
        {"reason": 3},
        {"performance_score": "0.6"},
        {"performance_score": False},
        {"performance_score": []},
        {"decision_date": "15/01/2024"},
        {"decision_date": "2024-02-30"},
        {"decision_date": "2024-W03-1"},
        {"decision_date": "2024-01-15T00:00:00"},
        {"decision_date": 20240115},
        {"decision_date": None},
        {"expires_on": "soon"},
        {"threshold": "0.7"},
    ],
)
def test_a_field_of_another_type_makes_the_file_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableDecisionError, match=next(iter(changes))) as caught:
        parse(**changes)
    assert "\n" not in str(caught.value)


def test_a_megabyte_is_read_and_a_byte_more_is_not() -> None:
    raw = json.dumps(FOUR).encode()
    padded = raw + b" " * (MAX_DECISION_BYTES - len(raw))
    assert parse_decision(padded) == parse()
    with pytest.raises(UnreadableDecisionError, match="at most 1048576"):
        parse_decision(padded + b" ")


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, date(2024, 1, 29)),
        ({"expires_on": "2024-01-20"}, date(2024, 1, 20)),
        ({"decision_date": "9999-12-30"}, date.max),
    ],
)
def test_a_decision_holds_until_it_expires(changes: dict[str, Any], last: date) -> None:
    assert parse(**changes).valid_until(14) == last


def test_the_digest_names_the_four_fields_and_nothing_else() -> None:
    same = parse(decision_id="x", model_id="m", evidence=["a"], expires_on="2024-02-01", threshold=0.7)
    assert same.content_digest() == parse().content_digest()
    others = [
        parse(decision_date="2024-01-16"),
        parse(performance_score=0.66),
        parse(retrain=False),
        parse(reason="other"),
        parse(performance_score=None),
    ]
    assert len({decision.content_digest() for decision in [same, *others]}) == 6


@given(
    st.builds(
        Decision,
        decision_date=st.dates(),
        performance_score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        retrain=st.booleans(),
        reason=st.text(),
        evidence=st.lists(st.text(), max_size=3).map(tuple),
        expires_on=st.none() | st.dates(),
    )
)
def test_what_is_written_is_read_back(decision: Decision) -> None:
    raw = json.dumps(decision.as_json(), ensure_ascii=False).encode()
    again = parse_decision(raw)
    assert again == decision
    assert again.content_digest() == decision.content_digest()


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_anything_but_parse_or_say_why(raw: bytes) -> None:
    try:
        found: object = parse_decision(raw)
    except UnreadableDecisionError as error:
        found = str(error)
    assert isinstance(found, Decision) or (isinstance(found, str) and found != "" and "\n" not in found)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("retrain", '"true"', "field 'retrain': write true or false, without quotes"),
        ("retrain", "1", "field 'retrain': write true or false, without quotes"),
        ("reason", "7", "field 'reason': write a text, in quotes"),
        ("decision_date", '"15.01.2024"', "field 'decision_date': must be a date written YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_read_is_told_by_what_to_write(field: str, text: str, said: str) -> None:
    fields = {"decision_date": '"2024-01-15"', "performance_score": "0.5", "retrain": "true", "reason": '"low"'}
    content = ", ".join(f'"{name}": {value}' for name, value in (fields | {field: text}).items())
    with pytest.raises(UnreadableDecisionError) as raised:
        parse_decision(f"{{{content}}}".encode())
    assert str(raised.value) == said


def test_a_slip_in_a_field_that_must_be_there_names_it() -> None:
    text = b'{"decision_date": "2024-01-15", "performance_score": 0.5, "Retrain": true, "reason": "low"}'
    with pytest.raises(UnreadableDecisionError, match="'Retrain' is unknown, perhaps 'retrain' was meant"):
        parse_decision(text)
