"""The three DAG files where Airflow looks for DAGs, straight from the installed package: no copying, no dags folder."""

from __future__ import annotations

import importlib.resources
from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

from p2pcredit.orchestration.bundle_settings import DAGS_PACKAGE


class PackageDagBundle(LocalDagBundle):
    """A bundle of the DAG files that this package ships."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(path=str(importlib.resources.files(DAGS_PACKAGE)), **kwargs)
