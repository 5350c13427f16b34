"""Build the Airflow setting that names the package's DAGs, without importing Airflow."""

from __future__ import annotations

import json

DAGS_PACKAGE = "p2pcredit.orchestration.dags"
BUNDLE_NAME = "p2pcredit"
BUNDLE_CLASS = "p2pcredit.orchestration.bundle.PackageDagBundle"
BUNDLE_VARIABLE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"


def bundle_config() -> str:
    """Build `AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST`, so that Airflow finds the three DAGs.

    Examples:
        >>> json.loads(bundle_config())[0]["name"]
        'p2pcredit'
    """
    return json.dumps([{"name": BUNDLE_NAME, "classpath": BUNDLE_CLASS, "kwargs": {}}])
