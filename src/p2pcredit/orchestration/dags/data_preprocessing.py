"""Raw landing files to bronze, silver and gold, every day at 01:00 UTC, for the day that has just ended.

The Airflow DAG `P2PCreditScore_DataPreprocessing`. `start` first makes up the days before that have landed and are not
complete, up to `preprocessing.catch_up_days` (14) back. A feed that has not landed is waited for without holding a
worker until `P2P_FEED_WAIT_MINUTES` (default 120) after the run was due; then its check fails, and is tried again. The
day counts as complete, and is scored, only once `end` has written its receipt. Conf `{"snapshot_date": "YYYY-MM-DD"}`
works on another day; no other key is allowed.
"""

from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.orchestration.builder import build

dag = build(PREPROCESSING, __doc__)
