"""Train where a decision asks for it, and score the day's new loans, every day at 02:00 UTC.

The Airflow DAG `P2PCreditScore_ModelTrainingInference`. It waits for the day's tables without holding a worker; where
they do not come within `P2P_WAIT_MINUTES` (default 120) it skips the day and succeeds. It obeys a pending retraining
decision once. A failed training fails the run and leaves the decision for the next one, which also scores the day that
was missed; or clear `train_model_task` to try again at once. Conf `{"snapshot_date": "YYYY-MM-DD"}` works on another
day.
"""

from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.orchestration.builder import build

dag = build(INFERENCE, __doc__)
