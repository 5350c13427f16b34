"""Build an Airflow DAG of each pipeline that has no file of its own in this folder."""

from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PIPELINES, PREPROCESSING
from p2pcredit.orchestration.builder import build

HAVE_THEIR_OWN_FILE = (PREPROCESSING, INFERENCE, MONITORING)

for pipeline in PIPELINES:
    if pipeline not in HAVE_THEIR_OWN_FILE:
        globals()[pipeline.dag_id] = build(pipeline, pipeline.doc or None)
