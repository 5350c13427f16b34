"""The three DAG files where Airflow looks for DAGs, straight from the installed package: no copying, no dags folder."""

from __future__ import annotations

import importlib.resources
from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

from p2pcredit.errors import SettingsError
from p2pcredit.orchestration.settings.bundle_settings import DAGS_PACKAGE


class PackageDagBundle(LocalDagBundle):
    """A bundle of the DAG files that this package ships.

    Raises:
        SettingsError: If the bundle's settings name a path; the DAG files lie in the package.
    """

    def __init__(self, **kwargs: Any) -> None:
        if "path" in kwargs:
            raise SettingsError(
                f"the DAG bundle {kwargs.get('name')} names the path {kwargs['path']}; its DAG files lie in the "
                "package: leave 'path' out of its kwargs, and name the home by P2P_HOME, a directory on a file system "
                "that has flock, rename and fsync; object storage is not supported"
            )
        super().__init__(path=str(importlib.resources.files(DAGS_PACKAGE)), **kwargs)
