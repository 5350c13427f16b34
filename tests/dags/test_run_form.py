"""The form of a run by hand: a date that may be left empty, checked where the run is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference

DAGS = (data_preprocessing.dag, model_training_inference.dag, model_monitoring.dag)

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("dag", DAGS, ids=lambda dag: dag.dag_id)
def test_each_dag_asks_for_one_date_that_may_be_left_empty(dag: Any) -> None:
    assert list(dag.params) == ["snapshot_date"]
    param = dag.params.get_param("snapshot_date")
    assert param.value is None
    assert param.schema["format"] == "date"
    assert param.schema["type"] == ["null", "string"]
    assert "in UTC" in param.description


@pytest.mark.parametrize("dag", DAGS, ids=lambda dag: dag.dag_id)
@pytest.mark.parametrize("asked", ["tomorrow", "2011-02-30", 20110302])
def test_a_run_is_not_made_for_what_is_no_date(dag: Any, asked: object) -> None:
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    stored.params.deep_merge({"snapshot_date": "2011-03-02"}).validate()
    stored.params.deep_merge({"snapshot_date": None}).validate()
    with pytest.raises(Exception, match="snapshot_date"):
        stored.params.deep_merge({"snapshot_date": asked}).validate()
    with pytest.raises(ParamValidationError, match="snapshot_date"):
        dag.params.__class__(dag.params)["snapshot_date"] = asked


@pytest.mark.parametrize("conf", [{}, {"snapshot_date": None}], ids=["none", "left empty"])
def test_a_run_without_a_date_works_on_the_day_before_it_fires(run_dag: Any, jobs: Any, conf: dict[str, Any]) -> None:
    from datetime import UTC, date, datetime

    ran = run_dag(data_preprocessing.dag, run_conf=conf, logical_date=datetime(2011, 3, 4, 1, tzinfo=UTC))
    assert ran.state == "success"
    assert jobs.calls[0] == ("preprocessing.catch_up.make_up_days", (date(2011, 3, 3),))
