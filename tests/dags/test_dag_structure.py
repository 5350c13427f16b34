"""The three DAGs are those of the specification: ids, schedules, tasks, edges, joins."""

from __future__ import annotations

import importlib.resources
import itertools
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from tests.dags.tasks import task_of
from tests.not_none import not_none

from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.jobs.pipeline_graph import Branch, Pipeline, Step
from p2pcredit.jobs.pipelines import jobs_of
from p2pcredit.orchestration.operators import JobBranchOperator, JobOperator

IDS = {
    "P2PCreditScore_DataPreprocessing": "0 1 * * *",
    "P2PCreditScore_ModelTrainingInference": "0 2 * * *",
    "P2PCreditScore_ModelMonitoring": "0 6 * * 0",
}
JOIN = "none_failed_min_one_success"


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(str(importlib.resources.files("p2pcredit.orchestration.dags")))


def edges(dag: Any) -> set[tuple[str, str]]:
    return {(task.task_id, below) for task in dag.tasks for below in task.downstream_task_ids}


def rules(dag: Any) -> dict[str, str]:
    return {task.task_id: str(task.trigger_rule.value) for task in dag.tasks if task.trigger_rule != "all_success"}


def test_the_dag_files_can_be_read_and_hold_exactly_the_three_dags(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == set(IDS)


@pytest.mark.parametrize(("dag_id", "cron"), IDS.items())
def test_each_dag_runs_on_its_schedule_beside_runs_by_hand_and_does_not_catch_up(
    bag: DagBag, dag_id: str, cron: str
) -> None:
    dag = bag.dags[dag_id]
    assert dag.schedule == cron
    assert str(dag.timezone) == "UTC"
    assert (dag.max_active_runs, dag.catchup, dag.end_date) == (8, False, None)
    assert "p2pcredit" in dag.tags
    assert dag.doc_md
    assert dag.description == dag.doc_md.partition("\n")[0]
    assert {task.owner for task in dag.tasks} == {"p2pcredit"}
    assert {task.retries for task in dag.tasks} == {5}


def test_preprocessing_has_a_task_per_feed_and_table_in_the_order_of_the_layers(bag: DagBag) -> None:
    dag = bag.dags["P2PCreditScore_DataPreprocessing"]
    layers = [
        {"start"},
        *(
            {f"{group}.{feed}" for feed in ALL_FEEDS}
            for group in ("source_data_checks", "bronze_processing", "silver_processing")
        ),
        {"gold_processing.cash_flows", "gold_processing.feature_store", "gold_processing.label_store"},
        {"end"},
    ]
    expected = {(a, b) for above, below in itertools.pairwise(layers) for a in above for b in below}
    assert edges(dag) == expected
    assert set(dag.task_ids) == set().union(*layers)
    assert set(dag.task_group.get_task_group_dict()) - {None} == {
        "source_data_checks",
        "bronze_processing",
        "silver_processing",
        "gold_processing",
    }
    assert rules(dag) == {}


def test_training_and_inference_has_the_edges_of_the_specification(bag: DagBag) -> None:
    dag = bag.dags["P2PCreditScore_ModelTrainingInference"]
    assert edges(dag) == {
        ("wait_for_preprocessing", "check_inference_condition"),
        ("check_inference_condition", "skip_inference"),
        ("check_inference_condition", "check_retraining_needed"),
        ("check_retraining_needed", "skip_retraining"),
        ("check_retraining_needed", "train_model_task"),
        ("skip_retraining", "get_model"),
        ("train_model_task", "get_model"),
        ("get_model", "run_inference"),
        ("run_inference", "clear_decision"),
        ("clear_decision", "log_retraining"),
        ("log_retraining", "end"),
        ("skip_inference", "end"),
    }
    assert rules(dag) == {"get_model": JOIN, "end": JOIN}


def test_monitoring_has_the_edges_of_the_specification(bag: DagBag) -> None:
    dag = bag.dags["P2PCreditScore_ModelMonitoring"]
    assert edges(dag) == {
        ("check_monitoring", "skip_monitoring"),
        ("check_monitoring", "get_week_end_date"),
        ("get_week_end_date", "get_model"),
        ("get_model", "calculate_metrics"),
        ("calculate_metrics", "skip_report"),
        ("calculate_metrics", "generate_report"),
        ("generate_report", "write_retraining_decision"),
        ("write_retraining_decision", "send_alerts"),
        ("send_alerts", "end"),
        ("skip_monitoring", "end"),
        ("skip_report", "end"),
    }
    assert rules(dag) == {"end": JOIN}


def test_each_task_says_what_it_does_in_the_words_of_its_job(bag: DagBag) -> None:
    import importlib

    for dag in bag.dags.values():
        for task in dag.tasks:
            assert task.doc_md, task.task_id
            if job := getattr(task, "job", None):
                module, _, function = job.rpartition(".")
                spoken = getattr(importlib.import_module(f"p2pcredit.jobs.{module}"), function).__doc__
                assert task.doc_md.startswith(" ".join(spoken.partition("\n\n")[0].split())), job
    check = not_none(bag.dags["P2PCreditScore_DataPreprocessing"].get_task("source_data_checks.loan_terms").doc_md)
    assert "until its feed has landed" in check
    assert "`p2pcredit preprocess`" in check


def test_no_dag_triggers_another_or_waits_for_another(bag: DagBag) -> None:
    kinds = {type(task).__name__ for dag in bag.dags.values() for task in dag.tasks}
    assert not {kind for kind in kinds if "TriggerDagRun" in kind or "ExternalTask" in kind}


def test_each_job_that_a_task_names_exists() -> None:
    import importlib

    from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference

    named = {
        task.job
        for module in (data_preprocessing, model_training_inference, model_monitoring)
        for task in module.dag.tasks
        if hasattr(task, "job")
    }
    assert named == set(jobs_of())
    assert len(named) == 20
    for job in sorted(named):
        module, _, function = job.rpartition(".")
        assert callable(getattr(importlib.import_module(f"p2pcredit.jobs.{module}"), function)), job


def test_reading_the_dag_files_imports_no_engine_and_of_the_jobs_only_the_data_of_the_pipelines() -> None:
    script = """
        import sys
        import p2pcredit.orchestration.dags.data_preprocessing
        import p2pcredit.orchestration.dags.model_training_inference
        import p2pcredit.orchestration.dags.model_monitoring
        import p2pcredit.orchestration.dags.further_pipelines
        import p2pcredit.orchestration.triggers, p2pcredit.storage.tables.day_receipts
        heavy = {"polars", "xgboost", "sklearn", "scipy", "pyarrow", "deltalake", "narwhals", "altair"}
        print(sorted(name for name in sys.modules if name in heavy or name.startswith("p2pcredit.jobs")))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=120
    )
    assert (
        done.stdout.splitlines()[-1]
        == "['p2pcredit.jobs', 'p2pcredit.jobs.pipeline_graph', 'p2pcredit.jobs.pipelines']"
    )


def test_the_command_line_can_import_the_local_airflow_without_importing_airflow() -> None:
    script = (
        "import sys, p2pcredit.local_airflow.airflow, p2pcredit.local_airflow.demo; print('airflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_start_end_and_catch_up_come_from_the_environment() -> None:
    from p2pcredit.orchestration.settings.dag_defaults import dag_arguments

    asked = {"P2P_DAG_START": "2011-03-06T03:00:00+00:00", "P2P_DAG_END": "2011-03-10T23:00:00", "P2P_DAG_CATCHUP": "1"}
    made = dag_arguments("monitoring", None, asked)
    assert made["start_date"].isoformat() == "2011-03-06T03:00:00+00:00"
    assert made["end_date"].isoformat() == "2011-03-10T23:00:00+00:00"
    assert made["catchup"] is True


def test_a_fourth_pipeline_is_a_dag_from_its_data_alone() -> None:
    from p2pcredit.orchestration.builder import build

    fourth = Pipeline(
        "P2PCreditScore_Audit",
        "30 4 * * 1",
        "audit",
        (
            Step("find", "decisions.clear_decision", branch=Branch("found", yes="write", no="rest")),
            Step("rest", after=("find",)),
            Step("write", "preprocessing.stages.complete_days", after=("find",), span=True),
            Step("end", after=("write", "rest"), joins=True),
        ),
    )
    dag = build(fourth, "An audit.")
    assert (dag.dag_id, dag.schedule, dag.doc_md) == ("P2PCreditScore_Audit", "30 4 * * 1", "An audit.")
    assert edges(dag) == {("find", "rest"), ("find", "write"), ("write", "end"), ("rest", "end")}
    assert rules(dag) == {"end": JOIN}
    found, write = task_of(dag, "find", JobBranchOperator), task_of(dag, "write", JobOperator)
    assert [(found.job, getattr(found, "span", False)), (write.job, write.span)] == [
        ("decisions.clear_decision", False),
        ("preprocessing.stages.complete_days", True),
    ]
