"""Train where a decision asks for it, and score the day's new loans, every day at 02:00 UTC.

The Airflow DAG `P2PCreditScore_ModelTrainingInference`. It waits for the day's tables without holding a worker; where
they do not come within `P2P_WAIT_MINUTES` (default 120) it skips the day and succeeds. It obeys a pending retraining
decision once. A failed training fails the run and leaves the decision for the next one, which also scores the day that
was missed; or clear `train_model_task` to try again at once. Conf `{"snapshot_date": "YYYY-MM-DD"}` works on another
day.
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule, chain

from p2pcredit.orchestration.dag_defaults import dag_arguments
from p2pcredit.orchestration.operators import DayBranchOperator, JobBranchOperator, JobOperator, WaitForDayOperator
from p2pcredit.orchestration.schedules import INFERENCE_CRON, INFERENCE_DAG

JOIN = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS

with DAG(INFERENCE_DAG, schedule=INFERENCE_CRON, **dag_arguments("inference", __doc__)) as dag:
    wait_for_preprocessing = WaitForDayOperator(task_id="wait_for_preprocessing")
    check_inference_condition = DayBranchOperator(
        task_id="check_inference_condition", yes="check_retraining_needed", no="skip_inference"
    )
    skip_inference = EmptyOperator(task_id="skip_inference")

    check_retraining_needed = JobBranchOperator(
        task_id="check_retraining_needed",
        job="training.retrain.check_retraining",
        field="retrain",
        yes="train_model_task",
        no="skip_retraining",
    )
    skip_retraining = EmptyOperator(task_id="skip_retraining")
    train_model_task = JobOperator(task_id="train_model_task", job="training.retrain.train_if_due")

    get_model = JobOperator(task_id="get_model", job="scoring.champions.get_model", trigger_rule=JOIN)
    run_inference = JobOperator(task_id="run_inference", job="scoring.score.score_day")
    clear_decision = JobOperator(task_id="clear_decision", job="decisions.clear_decision")
    log_retraining = JobOperator(task_id="log_retraining", job="training.retrain.log_retraining")
    end = EmptyOperator(task_id="end", trigger_rule=JOIN)

    chain(wait_for_preprocessing, check_inference_condition, [skip_inference, check_retraining_needed])
    chain(check_retraining_needed, [skip_retraining, train_model_task], get_model)
    chain(get_model, run_inference, clear_decision, log_retraining, end)
    chain(skip_inference, end)
