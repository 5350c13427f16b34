"""How Airflow is told of the package's DAGs: the value of one setting, made without importing Airflow."""

from __future__ import annotations

import json

DAGS_PACKAGE = "p2pcredit.orchestration.dags"
BUNDLE_NAME = "p2pcredit"
BUNDLE_CLASS = "p2pcredit.orchestration.bundle.PackageDagBundle"
BUNDLE_VARIABLE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"


def bundle_config() -> str:
    """What to set `AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST` to, so that Airflow finds the three DAGs.

    Examples:
        >>> json.loads(bundle_config())[0]["name"]
        'p2pcredit'
    """
    return json.dumps([{"name": BUNDLE_NAME, "classpath": BUNDLE_CLASS, "kwargs": {}}])
