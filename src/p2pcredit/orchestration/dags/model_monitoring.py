"""Measure the scored loans whose outcome is known, report, and decide on retraining, every Sunday at 06:00 UTC.

The Airflow DAG `P2PCreditScore_ModelMonitoring`. It looks at the weeks up to the last snapshot date before it, and
writes a decision that the training DAG obeys once; it triggers nothing itself. Where it fails, the last valid decision
still serves. Conf `{"snapshot_date": "YYYY-MM-DD"}` ends the week on another day.
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule, chain

from p2pcredit.orchestration.dag_defaults import dag_arguments
from p2pcredit.orchestration.operators import JobBranchOperator, JobOperator, SnapshotDateOperator
from p2pcredit.orchestration.schedules import MONITORING_CRON, MONITORING_DAG

with DAG(MONITORING_DAG, schedule=MONITORING_CRON, **dag_arguments("monitoring", __doc__)) as dag:
    check_monitoring = JobBranchOperator(
        task_id="check_monitoring",
        job="monitoring.steps.check_monitoring",
        field="monitor",
        yes="get_week_end_date",
        no="skip_monitoring",
    )
    skip_monitoring = EmptyOperator(task_id="skip_monitoring")

    get_week_end_date = SnapshotDateOperator(task_id="get_week_end_date")
    get_model = JobOperator(task_id="get_model", job="scoring.champions.get_monitored_model")
    calculate_metrics = JobBranchOperator(
        task_id="calculate_metrics",
        job="monitoring.steps.calculate_metrics",
        field="report",
        yes="generate_report",
        no="skip_report",
    )
    skip_report = EmptyOperator(task_id="skip_report")

    generate_report = JobOperator(task_id="generate_report", job="monitoring.report.generate_report")
    write_retraining_decision = JobOperator(
        task_id="write_retraining_decision", job="monitoring.steps.write_retraining_decision"
    )
    send_alerts = JobOperator(task_id="send_alerts", job="monitoring.alerts.send_alerts")
    end = EmptyOperator(task_id="end", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)

    chain(check_monitoring, [skip_monitoring, get_week_end_date])
    chain(get_week_end_date, get_model, calculate_metrics, [skip_report, generate_report])
    chain(generate_report, write_retraining_decision, send_alerts, end)
    chain([skip_monitoring, skip_report], end)
