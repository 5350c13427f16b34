"""An application answered by itself gets what the frames of the nightly run give it, to the last bit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.both_families import BothFamilies, bits, context, odd_application

from p2pcredit.engines.rows.frame import RowFrame
from p2pcredit.engines.rows.program import RowProgram
from p2pcredit.errors import ApplicationError
from p2pcredit.jobs.answering.answers import answer_applications
from p2pcredit.jobs.answering.given import landed_rows
from p2pcredit.jobs.answering.problems import LANDED
from p2pcredit.jobs.answering.ready import Answered, ReadyModel
from p2pcredit.jobs.answering.scorers import read_scorer
from p2pcredit.models.boosting.counterfactuals import Counterfactuals
from p2pcredit.models.boosting.model import BoostingModel
from p2pcredit.readers.applications import Record, parse_applications

EITHER = pytest.mark.parametrize("family", [0, 1], ids=["scorecard", "boosting"])
NEEDED = ("loan_id", "origination_date", "loan_amount", "term")
HOSTILE = st.one_of(
    st.text(max_size=20).filter(lambda text: text < "\ud800" or text > "\udfff"),
    st.sampled_from(
        [
            "",
            "1e30",
            "-0",
            "0",
            ".5",
            "1.",
            "+7",
            "1,000",
            "1e-9",
            "12 %",
            "1e1%",
            "< 1",
            "10+ years",
            "İ",
            "ß",
            "\u2003x\u2003",
            "ﬁ",
        ]
    ),
)


def applications(seed: int, count: int = 20) -> list[Record]:
    """Invent applications of which every third value is left out."""
    found: list[Record] = []
    for place in range(count):
        luck = random.Random(f"{seed} {place}")
        whole = odd_application(luck, place)
        kept = {name: text for name, text in whole.items() if name in NEEDED or luck.random() < 0.66}
        found.append({**kept, "loan_id": f"ODD-{place}"})
    return found


def exactly(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: exactly(value) for name, value in values.items()}
    if isinstance(values, list):
        return [exactly(value) for value in values]
    return bits(values)


@pytest.fixture(scope="module")
def ready(both: BothFamilies) -> list[ReadyModel]:
    ctx = context(both.home)
    return [ReadyModel(read_scorer(ctx, model_id), ctx.settings) for model_id in both.models]


def by_frames(both: BothFamilies, family: int, records: list[Record]) -> Answered:
    ctx = context(both.home)
    scorer = read_scorer(ctx, both.models[family])
    return Answered.of(answer_applications(scorer, landed_rows(records), ctx.settings, request_id="r"))


@EITHER
@settings(max_examples=6)
@given(seed=st.integers(0, 10**6))
def test_one_by_one_and_together_are_the_same(
    both: BothFamilies, ready: list[ReadyModel], family: int, seed: int
) -> None:
    records = applications(seed, 30)
    expected = by_frames(both, family, records)
    together = ready[family].answer(records, None, "r")
    assert exactly(together.answers) == exactly(expected.answers)
    assert exactly(together.known) == exactly(expected.known)
    alone = [ready[family].answer([record], None, "r") for record in records]
    assert exactly([one.answers[0] for one in alone]) == exactly(expected.answers)
    assert exactly([one.known[0] for one in alone]) == exactly(expected.known)


@settings(max_examples=25)
@given(st.data())
def test_hostile_texts_are_read_or_refused_as_frames_do(
    both: BothFamilies, ready: list[ReadyModel], data: st.DataObject
) -> None:
    record = {**applications(7, 1)[0], **data.draw(st.dictionaries(st.sampled_from(LANDED), HOSTILE, max_size=6))}
    try:
        expected: Any = by_frames(both, 1, [record]).answers
    except ApplicationError as error:
        expected = error.problems
    try:
        found: Any = ready[1].answer([record], None, "r").answers
    except ApplicationError as error:
        found = error.problems
    assert exactly(found) == exactly(expected)


SPOILT = st.lists(
    st.dictionaries(st.sampled_from(LANDED), HOSTILE | st.none() | st.just("-1"), max_size=4), min_size=1, max_size=4
)
"""What takes the place of values of some applications."""


def refusal_of(ask: Callable[[], Any]) -> tuple[str, Any] | None:
    try:
        ask()
    except ApplicationError as error:
        return str(error), error.problems
    return None


@settings(max_examples=40)
@given(spoilt=SPOILT, ids=st.lists(st.sampled_from(["A", "B", " A "]), min_size=4, max_size=4))
def test_a_refusal_is_worded_as_the_frames_word_it_to_the_letter(
    both: BothFamilies, ready: list[ReadyModel], spoilt: list[dict[str, Any]], ids: list[str]
) -> None:
    sound = applications(7, len(spoilt))
    records: list[Record] = [
        {**one, "loan_id": loan_id, **wrong} for one, loan_id, wrong in zip(sound, ids, spoilt, strict=False)
    ]
    expected = refusal_of(lambda: by_frames(both, 0, records))
    assert refusal_of(lambda: ready[0].answer(records, None, "r")) == expected


@pytest.mark.parametrize("changes", [{"annual_income": "-5"}, {"term": "7919"}, {"loan_id": ""}, {"loan_id": "TWICE"}])
def test_a_refusal_plans_no_query(
    ready: list[ReadyModel], changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [{**one, "loan_id": "TWICE"} if not place else one for place, one in enumerate(applications(7, 3))]
    records[1] = {**records[1], "origination_date": records[0]["origination_date"], **changes}

    def no_query(*_: Any, **__: Any) -> Any:
        raise AssertionError("a query was planned")

    for name in ("select", "lazy", "with_columns", "filter"):
        monkeypatch.setattr(pl.DataFrame, name, no_query)
    monkeypatch.setattr(pl.LazyFrame, "collect", no_query)
    with pytest.raises(ApplicationError):
        ready[0].answer(records, None, "r")


def test_numbers_of_json_are_the_texts_of_files(both: BothFamilies, ready: list[ReadyModel]) -> None:
    numbers = {"loan_amount": 12000.10, "term": 36, "annual_income": 58000, "interest_rate": 10.65}
    record = {"loan_id": "A1", "origination_date": "2021-10-11", **numbers}
    texts = {name: str(value) for name, value in record.items()}
    (as_json,) = parse_applications(json.dumps(record).encode(), "json")
    assert exactly(ready[0].answer([as_json], None, "r").answers) == exactly(
        ready[0].answer([texts], None, "r").answers
    )


def test_a_loan_twice_is_refused(ready: list[ReadyModel]) -> None:
    record = applications(3, 1)[0]
    with pytest.raises(ApplicationError, match="application 2, loan_id: duplicate"):
        ready[0].answer([record, record], None, "r")


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        (nw.col("a") / nw.col("b"), (1.0, 0.0), float("inf")),
        (nw.col("a") / nw.col("b"), (-1.0, 0.0), float("-inf")),
        (nw.col("a") / nw.col("b"), (None, 2.0), None),
        (nw.when(nw.col("a") > 1).then(nw.col("b")), (None, 2.0), None),
        (nw.when(nw.col("a") > 1).then(nw.col("b")).otherwise(nw.lit(7)), (0.0, 2.0), 7),
        ((nw.col("a") > 1) & (nw.col("b") > 1), (None, 0.0), False),
        ((nw.col("a") > 1) | (nw.col("b") > 1), (None, 2.0), True),
        (~(nw.col("a") > 1), (None, 0.0), None),
        (nw.coalesce(nw.col("a"), nw.col("b")), (None, 2.0), 2.0),
        (nw.col("a").cast(nw.Int64), (-2.7, 0.0), -2),
    ],
)
def test_operations_keep_what_is_missing_and_what_is_infinite(
    expression: nw.Expr, values: tuple[float | None, ...], expected: object
) -> None:
    program = RowProgram()
    frame = RowFrame(program, {name: program.given(name) for name in "ab"}).select(expression.alias("found"))
    (found,) = program.function([frame.columns["found"]])(dict(zip("ab", values, strict=True)))
    assert exactly(found) == exactly(expected)


def test_an_operation_that_one_row_cannot_answer_is_refused_when_the_program_is_made() -> None:
    program = RowProgram()
    frame = RowFrame(program, {"a": program.given("a")})
    with pytest.raises(NotImplementedError, match="rank of a row by itself"):
        frame.select(nw.col("a").rank())


def test_only_what_is_wanted_is_calculated() -> None:
    program = RowProgram()
    given_a = program.given("a")
    frame = RowFrame(program, {"a": given_a, "b": program.given("b")})
    frame.select((nw.col("b") / 0).alias("never"))
    assert program.function([given_a])({"a": 1}) == (1,)


def test_what_lies_behind_a_condition_that_is_not_met_is_not_calculated() -> None:
    program = RowProgram()
    frame = RowFrame(program, {name: program.given(name) for name in "ab"})
    day = nw.when(nw.col("a") > 1).then(nw.col("b").str.to_date("%Y-%m-%d")).alias("day")
    of = program.function([frame.select(day).columns["day"]])
    assert of({"a": 0.0, "b": "no day"}) == of({"a": None, "b": "no day"}) == of({"a": 2.0, "b": None}) == (None,)
    with pytest.raises(ValueError, match="no day"):
        of({"a": 2.0, "b": "no day"})


def test_a_value_that_others_need_stays_whole_where_one_of_them_is_not_calculated() -> None:
    program = RowProgram()
    frame = RowFrame(program, {name: program.given(name) for name in "abc"})
    doubled = (nw.col("b") + nw.col("b")).alias("doubled")
    frame = frame.with_columns(doubled).with_columns(
        nw.when(nw.col("a") > 1).then(nw.col("doubled")).alias("one"),
        nw.coalesce(nw.col("c"), nw.col("b") * 3, nw.lit(5.0)).alias("first"),
        ((nw.col("a") > 1) | (nw.col("c") > 1) | (nw.col("b") > 1)).alias("any"),
    )
    of = program.function([frame.columns[name] for name in ("one", "doubled", "first", "any")])
    assert of({"a": 0.0, "b": 2.0, "c": None}) == (None, 4.0, 6.0, True)
    assert of({"a": 2.0, "b": None, "c": None}) == (None, None, 5.0, True)
    assert of({"a": None, "b": 0.0, "c": 1.0}) == (None, 0.0, 1.0, None)
    assert of({"a": 0.0, "b": 0.0, "c": 0.0}) == (None, 0.0, 0.0, False)


def test_trees_whose_tables_are_not_the_librarys_to_the_last_bit_are_predicted_by_it(
    both: BothFamilies, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = applications(11, 8)
    expected = by_frames(both, 1, records)
    real, asked = Counterfactuals.of_one, []

    def slightly_other(tables: Counterfactuals, row: Any) -> Any:
        asked.append(row)
        found = real(tables, row)
        return None if found is None else np.nextafter(found, np.float32(9))

    monkeypatch.setattr(Counterfactuals, "of_one", slightly_other)
    ctx = context(both.home)
    model = ReadyModel(read_scorer(ctx, both.models[1]), ctx.settings)
    tried = len(asked)
    assert tried > 1
    alone = [model.answer([record], None, "r").answers[0] for record in records]
    assert len(asked) == tried
    assert exactly(alone) == exactly(expected.answers)


def test_one_loan_is_looked_up_in_tables_and_not_predicted(
    ready: list[ReadyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoostingModel, "margin_of_columns", None)
    assert ready[1].answer(applications(12, 1), None, "r").answers[0]["probability_of_default"] is not None
