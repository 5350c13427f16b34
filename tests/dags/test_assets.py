"""What other DAGs can be scheduled on: the gold tables, the decision and the report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from airflow.sdk import Asset

from p2pcredit.contracts.tables import table_named
from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference

DAGS = (data_preprocessing.dag, model_training_inference.dag, model_monitoring.dag)
DAY = date(2011, 3, 2)

pytestmark = pytest.mark.usefixtures("home")


def test_gold_tables_decision_and_report_are_outlets_of_the_tasks_that_write_them() -> None:
    written = {
        task.task_id: [asset.uri for asset in task.outlets] for dag in DAGS for task in dag.tasks if task.outlets
    }
    assert written == {
        "gold_processing.cash_flows": ["p2pcredit://gold/cash_flows"],
        "gold_processing.feature_store": ["p2pcredit://gold/feature_store"],
        "gold_processing.label_store": ["p2pcredit://gold/label_store"],
        "run_inference": ["p2pcredit://gold/predictions"],
        "clear_decision": ["p2pcredit://decision/retraining"],
        "calculate_metrics": ["p2pcredit://gold/monitoring"],
        "generate_report": ["p2pcredit://report/weekly"],
        "write_retraining_decision": ["p2pcredit://decision/retraining"],
    }
    for uris in written.values():
        name = uris[0].removeprefix("p2pcredit://")
        if name.startswith("gold/"):
            assert table_named(name).name == name


def test_what_a_task_reads_is_written_by_a_task_and_an_asset_made_from_its_uri_is_the_same() -> None:
    written = {asset for dag in DAGS for task in dag.tasks for asset in task.outlets}
    read = {asset for dag in DAGS for task in dag.tasks for asset in task.inlets}
    assert read < written
    assert {Asset(asset.uri) for asset in written} == written


def test_our_dags_are_scheduled_by_the_clock_and_by_no_asset() -> None:
    assert [dag.schedule for dag in DAGS] == ["0 1 * * *", "0 2 * * *", "0 6 * * 0"]


def test_the_event_of_a_table_names_the_day_and_the_rows(
    run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    complete_day(DAY)
    jobs.gives["training.retrain.check_retraining"] = {"retrain": False}
    jobs.gives["scoring.score.score_day"] = {"scored": 41, "reason": "all days scored"}
    ran = run_dag(model_training_inference.dag)
    assert ran.state == "success"
    with create_session() as session:
        events = session.scalars(
            select(AssetEvent)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetModel.uri == "p2pcredit://gold/predictions")
        ).all()
        assert [event.extra.get("scored") for event in events][-1:] == [41]
        assert events[-1].extra["snapshot_date"] == "2011-03-02"
