"""Raw landing files to bronze, silver and gold, every day at 01:00 UTC, for the day that has just ended.

The Airflow DAG `P2PCreditScore_DataPreprocessing`. A feed that has not landed fails its check, which is tried again;
the day counts as complete, and is scored, only once `end` has written its receipt.
Conf `{"snapshot_date": "YYYY-MM-DD"}` works on another day.
"""

from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.orchestration.builder import build

dag = build(PREPROCESSING, __doc__)
