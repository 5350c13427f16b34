"""The pipelines' data checks itself, and a walk gives each task the state that a scheduler would."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from p2pcredit.errors import TrainingError
from p2pcredit.jobs.context import Receipt
from p2pcredit.jobs.pipeline_graph import Branch, Group, Pipeline, Step
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PIPELINES, PREPROCESSING, due_after, jobs_of
from p2pcredit.jobs.walking import State, walk

SATURDAY = date(2024, 1, 13)


def states(pipeline: Pipeline, receipts: dict[str, Receipt], failing: str | None = None) -> dict[str, str]:
    """How the tasks end where steps give these receipts and one of them fails."""

    def do(step: Step) -> Receipt:
        if step.name == failing:
            raise TrainingError("no")
        return receipts.get(step.name, {})

    return {task: str(state) for task, state in walk(pipeline, do, lambda *_: None).states.items()}


def test_the_schedules_are_those_of_the_nights_after_a_snapshot_date() -> None:
    assert [(pipeline.tag, at) for pipeline, at in due_after(SATURDAY)] == [
        ("preprocessing", datetime(2024, 1, 14, 1, tzinfo=UTC)),
        ("inference", datetime(2024, 1, 14, 2, tzinfo=UTC)),
        ("monitoring", datetime(2024, 1, 14, 6, tzinfo=UTC)),
    ]
    assert [pipeline.tag for pipeline, _ in due_after(date(2024, 1, 14))] == ["preprocessing", "inference"]
    assert [pipeline.weekday for pipeline in PIPELINES] == [None, None, 6]


@pytest.mark.parametrize(
    ("parts", "cron", "words"),
    [
        ((Step("a"), Step("a")), "0 1 * * *", "list a once"),
        ((Step("a", after=("b",)), Step("b")), "0 1 * * *", "list a once, below b"),
        ((Step("a", branch=Branch("x", "b", "c")), Step("b", after=("a",))), "0 1 * * *", "b and c must come after a"),
        ((Step("a"),), "0 1 1 * *", "not of the form"),
        ((Step("a"),), "@daily", "not of the form"),
    ],
    ids=["twice", "before what it comes after", "a branch to nowhere", "once a month", "no fields"],
)
def test_a_pipeline_that_contradicts_itself_is_refused(parts: tuple[Any, ...], cron: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pipeline("Fourth", cron, "fourth", parts)


def test_a_group_comes_after_all_tasks_of_the_group_before_it() -> None:
    pipeline = Pipeline(
        "P", "0 1 * * *", "p", (Group("a", (), (Step("x"), Step("y"))), Group("b", ("a",), (Step("x"),)))
    )
    assert [(task.task_id, task.upstream) for task in pipeline.tasks] == [
        ("a.x", ()),
        ("a.y", ()),
        ("b.x", ("a.x", "a.y")),
    ]


def test_a_night_without_data_skips_to_the_end() -> None:
    ended = states(INFERENCE, {"check_inference_condition": {"complete": False}})
    succeeded = {task for task, state in ended.items() if state == "success"}
    assert succeeded == {"wait_for_preprocessing", "check_inference_condition", "skip_inference", "end"}
    assert set(ended.values()) == {"success", "skipped"}


def test_a_night_without_a_training_scores_all_the_same() -> None:
    ended = states(INFERENCE, {"check_inference_condition": {"complete": True}})
    assert [task for task, state in ended.items() if state == "skipped"] == ["skip_inference", "train_model_task"]


def test_what_comes_after_a_failed_training_does_not_run() -> None:
    receipts: dict[str, Receipt] = {
        "check_inference_condition": {"complete": True},
        "check_retraining_needed": {"retrain": True},
    }
    ended = states(INFERENCE, receipts, failing="train_model_task")
    assert ended["train_model_task"] == State.FAILED
    below = {"get_model", "run_inference", "clear_decision", "log_retraining", "end"}
    assert {task for task, state in ended.items() if state == "upstream_failed"} == below


@pytest.mark.parametrize("answer", ["yes", 1, None])
def test_only_a_plain_true_takes_the_branch(answer: object) -> None:
    assert states(MONITORING, {"check_monitoring": {"monitor": answer}})["skip_monitoring"] == "success"


def test_a_failure_ends_a_walk_that_does_not_expect_one() -> None:
    def fails(step: Step) -> Receipt:
        raise TrainingError(step.name)

    with pytest.raises(TrainingError, match="start"):
        walk(PREPROCESSING, fails)


def test_a_fourth_pipeline_and_a_further_gold_table_are_steps_like_the_others() -> None:
    table = Step("vintages", "preprocessing.vintages.build_vintages", span=True, command="preprocess")
    fourth = Pipeline(
        "Fourth",
        "30 1 * * 5",
        "fourth",
        (Step("start"), Group("gold", ("start",), (table,)), Step("end", after=("gold",))),
    )
    assert states(fourth, {}) == {"start": "success", "gold.vintages": "success", "end": "success"}
    assert list(jobs_of((fourth,))) == ["preprocessing.vintages.build_vintages"]
    assert fourth.by_hand("preprocess") == [table]
    assert fourth.fires_after(date(2024, 1, 11)) == datetime(2024, 1, 12, 1, 30, tzinfo=UTC)


def test_the_commands_run_their_part_of_the_pipelines_in_the_order_of_the_dag() -> None:
    assert [step.name for step in INFERENCE.by_hand("train", below="train_model_task")] == [
        "clear_decision",
        "log_retraining",
    ]
    assert [step.name for step in INFERENCE.by_hand("infer")] == ["get_model", "run_inference"]
    without = {step.job for pipeline in PIPELINES for step in pipeline.steps if step.job and step.command is None}
    assert without == {"preprocessing.catch_up.make_up_days"}, "a person says which days to preprocess"
