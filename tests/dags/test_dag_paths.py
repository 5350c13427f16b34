"""Each way through the three DAGs, run by Airflow's own test runner with stand-ins for the jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.errors import MissingFeedError, SettingsError, TooLittleDataError, UnreadableDecisionError
from p2pcredit.jobs.activity import without_values
from p2pcredit.jobs.context import Caller
from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.periods import DateRange

DAY = date(2011, 3, 2)
SCORING = {"get_model", "run_inference", "clear_decision", "log_retraining"}

pytestmark = pytest.mark.usefixtures("home")


def test_preprocessing_does_each_job_once_per_feed_on_the_snapshot_date(run_dag: Any, jobs: Any) -> None:
    ran = run_dag(data_preprocessing.dag)
    assert ran.state == "success"
    assert set(ran.tasks.values()) == {"success"}
    days = DateRange(DAY, DAY)
    for job in (
        "preprocessing.source_checks.check_source",
        "preprocessing.stages.load_bronze",
        "preprocessing.stages.refine_silver",
    ):
        assert sorted(a for name, a in jobs.calls if name == job) == sorted((f, days) for f in ALL_FEEDS)
    assert jobs.calls[0] == ("preprocessing.catch_up.make_up_days", (DAY,)), "before the day itself"
    assert jobs.calls[-1] == ("preprocessing.stages.complete_days", (days,))
    assert sorted(jobs.called()[-4:-1]) == [
        "preprocessing.cash_flows.build_cash_flows",
        "preprocessing.label_store.build_label_store",
        "preprocessing.stages.build_feature_store",
    ]


def test_a_feed_that_comes_late_is_tried_again_and_found(run_dag: Any, jobs: Any) -> None:
    jobs.raises["preprocessing.source_checks.check_source"] = [
        MissingFeedError("feed 'loan_terms' has not landed for 2011-03-02")
    ]
    ran = run_dag(data_preprocessing.dag)
    assert ran.state == "success"
    assert sorted(ran.tries[f"source_data_checks.{feed}"] for feed in ALL_FEEDS) == [*[1] * (len(ALL_FEEDS) - 1), 2]


def test_a_feed_that_never_comes_fails_the_run_and_the_day_is_not_complete(run_dag: Any, jobs: Any) -> None:
    jobs.raises["preprocessing.source_checks.check_source"] = [MissingFeedError("not landed")] * 36
    ran = run_dag(data_preprocessing.dag)
    assert ran.state == "failed"
    assert {ran.tries[f"source_data_checks.{feed}"] for feed in ALL_FEEDS} == {6}
    assert "preprocessing.stages.complete_days" not in jobs.called()


def test_without_data_inference_is_skipped_and_the_run_succeeds(run_dag: Any, jobs: Any) -> None:
    ran = run_dag(model_training_inference.dag)
    assert ran.state == "success"
    assert ran.in_state("success") == {"wait_for_preprocessing", "check_inference_condition", "skip_inference", "end"}
    assert ran.in_state("skipped") == {"check_retraining_needed", "skip_retraining", "train_model_task", *SCORING}
    assert jobs.calls == []


@pytest.mark.parametrize(
    "receipt",
    [
        {"retrain": False, "reason": "no decision", "decision_id": None},
        {"retrain": False, "reason": "the decision says no", "decision_id": "d1"},
        {"retrain": False, "reason": "the decision of 2011-01-01 expired on 2011-01-15", "decision_id": "d1"},
        {"retrain": False, "reason": "no champion and 12 matured loans, 500 are needed", "decision_id": None},
    ],
    ids=["no decision", "decision no", "decision expired", "no model and too little data"],
)
def test_without_a_reason_to_train_the_day_is_scored_all_the_same(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None], receipt: dict[str, Any]
) -> None:
    complete_day(DAY)
    jobs.gives["training.retrain.check_retraining"] = receipt
    jobs.gives["scoring.champions.get_model"] = {"model_id": None, "reason": "no model yet"}
    ran = run_dag(model_training_inference.dag)
    assert ran.state == "success"
    assert ran.in_state("skipped") == {"skip_inference", "train_model_task"}
    assert ran.in_state("success") >= {"skip_retraining", "end", *SCORING}
    assert jobs.calls == [
        ("training.retrain.check_retraining", (DAY,)),
        ("scoring.champions.get_model", (DAY,)),
        ("scoring.score.score_day", (DAY,)),
        ("decisions.clear_decision", (DAY,)),
        ("training.retrain.log_retraining", (DAY,)),
    ]


def test_a_decision_for_retraining_trains_and_then_scores(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    jobs.gives["training.retrain.check_retraining"] = {
        "retrain": True,
        "reason": "0.58 below 0.62",
        "decision_id": "d1",
    }
    ran = run_dag(model_training_inference.dag)
    assert ran.state == "success"
    assert ran.in_state("skipped") == {"skip_inference", "skip_retraining"}
    assert jobs.called() == [
        "training.retrain.check_retraining",
        "training.retrain.train_if_due",
        "scoring.champions.get_model",
        "scoring.score.score_day",
        "decisions.clear_decision",
        "training.retrain.log_retraining",
    ]


@pytest.mark.parametrize("answer", ["yes", 1, None])
def test_only_a_plain_true_leads_to_training(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None], answer: object
) -> None:
    complete_day(DAY)
    jobs.gives["training.retrain.check_retraining"] = {"retrain": answer}
    ran = run_dag(model_training_inference.dag)
    assert "training.retrain.train_if_due" not in jobs.called()
    assert ran.tasks["skip_retraining"] == "success"


def test_an_unreadable_decision_fails_loudly_without_a_second_try(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    jobs.raises["training.retrain.check_retraining"] = [UnreadableDecisionError("not JSON")] * 3
    ran = run_dag(model_training_inference.dag)
    assert ran.state == "failed"
    assert ran.tries["check_retraining_needed"] == 1
    assert jobs.called() == ["training.retrain.check_retraining"]
    ((what, why),) = jobs.told
    assert what.startswith("P2PCreditScore_ModelTrainingInference.check_retraining_needed of ")
    assert why == "not JSON"


def test_a_training_that_fails_fails_the_run_and_clears_nothing(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    jobs.gives["training.retrain.check_retraining"] = {"retrain": True}
    jobs.raises["training.retrain.train_if_due"] = [TooLittleDataError("12 bads, 50 are needed")] * 3
    ran = run_dag(model_training_inference.dag)
    assert ran.state == "failed"
    assert ran.tasks["train_model_task"] == "failed"
    assert ran.tries["train_model_task"] == 1
    assert ran.in_state("upstream_failed") == {*SCORING, "end"}
    assert jobs.called() == ["training.retrain.check_retraining", "training.retrain.train_if_due"]


def test_the_run_after_a_failed_training_can_train_and_score(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    complete_day(DAY + timedelta(days=1))
    jobs.gives["training.retrain.check_retraining"] = {"retrain": True}
    jobs.raises["training.retrain.train_if_due"] = [TooLittleDataError("12 bads, 50 are needed")]
    assert run_dag(model_training_inference.dag).state == "failed"
    assert run_dag(model_training_inference.dag, day="2011-03-03").state == "success"
    assert ("scoring.score.score_day", (date(2011, 3, 3),)) in jobs.calls


def test_an_error_that_nobody_foresaw_is_not_tried_again(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    complete_day(DAY)
    jobs.raises["scoring.score.score_day"] = [KeyError("fico")]
    jobs.gives["training.retrain.check_retraining"] = {"retrain": False}
    ran = run_dag(model_training_inference.dag)
    assert (ran.state, ran.tries["run_inference"]) == ("failed", 1)


def test_data_that_comes_while_waiting_is_scored(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_WAIT_MINUTES", "1440")
    jobs.gives["training.retrain.check_retraining"] = {"retrain": False}
    yesterday = datetime.now(UTC).date() - timedelta(days=1)

    def arrive() -> None:
        threading.Event().wait(1.5)
        complete_day(yesterday)

    arrival = threading.Thread(target=arrive)
    arrival.start()
    ran = run_dag(model_training_inference.dag, day=yesterday.isoformat())
    arrival.join()
    assert ran.state == "success"
    assert "scoring.score.score_day" in jobs.called()


def test_waiting_ends_when_its_time_is_up(run_dag: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_WAIT_MINUTES", "0.01")
    ran = run_dag(model_training_inference.dag, day=datetime.now(UTC).date().isoformat())
    assert ran.state == "success"
    assert ran.tasks["skip_inference"] == "success"
    assert jobs.calls == []


def test_a_run_without_a_logical_date_works_on_yesterday(run_dag: Any, jobs: Any) -> None:
    before = datetime.now(UTC).date()
    ran = run_dag(model_monitoring.dag, day=None, logical_date=None)
    assert ran.state == "success"
    ((_, (day,)),) = [call for call in jobs.calls if call[0] == "monitoring.steps.check_monitoring"]
    assert before - timedelta(days=1) <= day <= datetime.now(UTC).date() - timedelta(days=1)


def test_a_run_with_a_logical_date_works_on_the_day_before_it(run_dag: Any, jobs: Any) -> None:
    run_dag(model_monitoring.dag, day=None, logical_date=datetime(2011, 3, 6, 6, tzinfo=UTC))
    assert jobs.calls[0] == ("monitoring.steps.check_monitoring", (date(2011, 3, 5),))
    assert jobs.contexts[0].run_id.startswith("P2PCreditScore_ModelMonitoring.")
    assert abs(jobs.contexts[0].at - datetime.now(UTC)) < timedelta(minutes=1)


def test_while_the_past_is_replayed_the_clock_of_the_jobs_is_that_of_the_run(
    run_dag: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_DAG_SIMULATED_TIME", "1")
    run_dag(model_monitoring.dag, day=None, logical_date=datetime(2011, 3, 6, 6, tzinfo=UTC))
    assert {ctx.at for ctx in jobs.contexts} == {datetime(2011, 3, 6, 6, tzinfo=UTC)}


@pytest.mark.parametrize("asked", ["02/03/2011", 20110302, ""])
def test_no_run_is_made_by_a_conf_that_is_no_date(run_dag: Any, jobs: Any, asked: object) -> None:
    with pytest.raises(ParamValidationError, match="snapshot_date"):
        run_dag(model_monitoring.dag, run_conf={"snapshot_date": asked})
    assert jobs.calls == []


@pytest.mark.parametrize("dag", [data_preprocessing.dag, model_training_inference.dag, model_monitoring.dag])
def test_a_conf_with_another_key_fails_the_run_before_any_job(run_dag: Any, jobs: Any, dag: Any) -> None:
    ran = run_dag(dag, run_conf={"snapshotdate": "2011-03-02"})
    assert (ran.state, jobs.calls) == ("failed", [])
    assert ["perhaps 'snapshot_date' was meant" in said for _, said in jobs.told] == [True]


def test_monitoring_reports_decides_and_alerts(run_dag: Any, jobs: Any) -> None:
    jobs.gives["monitoring.steps.check_monitoring"] = {"monitor": True}
    jobs.gives["monitoring.steps.calculate_metrics"] = {"metrics": 12, "report": True, "auc": float("nan")}
    ran = run_dag(model_monitoring.dag)
    assert ran.state == "success"
    assert ran.in_state("skipped") == {"skip_monitoring", "skip_report"}
    assert jobs.called() == [
        "monitoring.steps.check_monitoring",
        "scoring.champions.get_monitored_model",
        "monitoring.steps.calculate_metrics",
        "monitoring.report.generate_report",
        "monitoring.steps.write_retraining_decision",
        "monitoring.alerts.send_alerts",
    ]
    assert {arguments for _, arguments in jobs.calls} == {(DAY,)}


def test_with_nothing_scored_monitoring_is_skipped(run_dag: Any, jobs: Any) -> None:
    jobs.gives["monitoring.steps.check_monitoring"] = {"monitor": False, "reason": "nothing scored yet"}
    ran = run_dag(model_monitoring.dag)
    assert ran.state == "success"
    assert ran.in_state("success") == {"check_monitoring", "skip_monitoring", "end"}
    assert jobs.called() == ["monitoring.steps.check_monitoring"]


def test_with_nothing_matured_to_report_no_decision_is_written(run_dag: Any, jobs: Any) -> None:
    jobs.gives["monitoring.steps.check_monitoring"] = {"monitor": True}
    jobs.gives["monitoring.steps.calculate_metrics"] = {"metrics": 0, "report": False, "reason": "nothing matured"}
    ran = run_dag(model_monitoring.dag)
    assert ran.state == "success"
    assert ran.in_state("skipped") == {
        "skip_monitoring",
        "generate_report",
        "write_retraining_decision",
        "send_alerts",
    }
    assert "monitoring.steps.write_retraining_decision" not in jobs.called()


def test_settings_that_are_wrong_fail_in_one_line_and_without_a_second_try(
    run_dag: Any, jobs: Any, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "p2pcredit.toml").write_text("colour = 'red'\n", encoding="utf-8")
    with caplog.at_level(logging.INFO):
        ran = run_dag(model_monitoring.dag)
    assert (ran.state, ran.tries["check_monitoring"], jobs.calls) == ("failed", 1, [])


def test_an_error_becomes_what_airflow_needs_to_know_about_trying_again() -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    from p2pcredit.orchestration.runs.job_calls import raise_for_airflow

    with pytest.raises(AirflowFailException, match=r"^no such setting; mend it$"):
        raise_for_airflow("job", SettingsError("no such setting;\n   mend it"))
    with pytest.raises(MissingFeedError):
        raise_for_airflow("job", MissingFeedError("not landed"))
    with pytest.raises(AirflowFailException, match="job broke: ZeroDivisionError: division"):
        raise_for_airflow("job", ZeroDivisionError("division by zero"))
    away = AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"message": "connection refused"}))
    for of_airflow in (away, AirflowException("no such connection")):
        with pytest.raises(type(of_airflow)) as caught:
            raise_for_airflow("job", of_airflow)
        assert caught.value is of_airflow


def test_the_trigger_can_be_built_again_from_what_it_says_of_itself() -> None:
    from importlib import import_module

    from p2pcredit.orchestration.triggers import DayCompleteTrigger

    path, facts = DayCompleteTrigger("/home", "2011-03-02", "2011-03-03T04:00:00+00:00", 0.5).serialize()
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**facts)
    assert again.serialize() == (path, facts)


def test_each_job_is_told_that_a_scheduled_run_calls_it(run_dag: Any, jobs: Any) -> None:
    run_dag(data_preprocessing.dag)
    assert {ctx.caller for ctx in jobs.contexts} == {Caller.SCHEDULED}


def test_of_an_unforeseen_error_the_alert_names_the_type_alone() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from p2pcredit.orchestration.runs.job_calls import raise_for_airflow

    with pytest.raises(AirflowFailException) as caught:
        raise_for_airflow("scoring.score.score_day", KeyError("Jane Doe"))
    assert "Jane Doe" in str(caught.value)  # in the task's log
    assert without_values(caught.value) == "scoring.score.score_day broke: KeyError; see the task's log"
