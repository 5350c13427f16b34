"""Measure the scored loans whose outcome is known, report, and decide on retraining, every Sunday at 06:00 UTC.

The Airflow DAG `P2PCreditScore_ModelMonitoring`. It looks at the weeks up to the last snapshot date before it, and
writes a decision that the training DAG obeys once; it triggers nothing itself. Until that date is complete and scored
it waits without holding a worker, for `P2P_MONITORING_WAIT_MINUTES` (default 720); then it skips the week, records it
and alerts, and the next run makes it up. Where it fails, the last valid decision still serves.
Conf `{"snapshot_date": "YYYY-MM-DD"}` ends the week on another day.
"""

from p2pcredit.jobs.pipelines import MONITORING
from p2pcredit.orchestration.builder import build

dag = build(MONITORING, __doc__)
