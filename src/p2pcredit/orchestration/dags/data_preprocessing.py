"""Raw landing files to bronze, silver and gold, every day at 01:00 UTC, for the day that has just ended.

The Airflow DAG `P2PCreditScore_DataPreprocessing`. A feed that has not landed fails its check, which is tried again;
the day counts as complete, and is scored, only once `end` has written its receipt.
Conf `{"snapshot_date": "YYYY-MM-DD"}` works on another day.
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, chain

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.orchestration.dag_defaults import dag_arguments
from p2pcredit.orchestration.operators import JobOperator
from p2pcredit.orchestration.schedules import PREPROCESSING_CRON, PREPROCESSING_DAG

with DAG(PREPROCESSING_DAG, schedule=PREPROCESSING_CRON, **dag_arguments("preprocessing", __doc__)) as dag:
    start = EmptyOperator(task_id="start")

    with TaskGroup("source_data_checks") as source_data_checks:
        for feed in FEEDS:
            JobOperator(task_id=feed, job="preprocessing.source_checks.check_source", feed=feed, span=True)

    with TaskGroup("bronze_processing") as bronze_processing:
        for feed in FEEDS:
            JobOperator(task_id=feed, job="preprocessing.stages.load_bronze", feed=feed, span=True)

    with TaskGroup("silver_processing") as silver_processing:
        for feed in FEEDS:
            JobOperator(task_id=feed, job="preprocessing.stages.refine_silver", feed=feed, span=True)

    with TaskGroup("gold_processing") as gold_processing:
        JobOperator(task_id="feature_store", job="preprocessing.stages.build_feature_store", span=True)
        JobOperator(task_id="label_store", job="preprocessing.stages.build_label_store", span=True)

    end = JobOperator(task_id="end", job="preprocessing.stages.complete_days", span=True)

    chain(start, source_data_checks, bronze_processing, silver_processing, gold_processing, end)
