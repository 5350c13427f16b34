"""The values for the official chart: keys of the chart only, one home for all pods, and no secret in them.

The chart's own schema is checked by Helm at each `helm template` and `helm install`; it is no part of this repository.
These are the keys of chart 1.22.0 that the files set, each of which that schema has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_CLASS, BUNDLE_NAME

EXECUTORS = {"celery": "CeleryExecutor", "kubernetes": "KubernetesExecutor"}
KEYS = {
    "airflowHome", "airflowVersion", "apiSecretKeySecretName",
    "apiServer.args", "apiServer.extraVolumeMounts", "apiServer.extraVolumes",
    "config.celery", "config.celery_broker_transport_options", "config.core",
    "createUserJob.enabled", "dagProcessor.dagBundleConfigList",
    "data.brokerUrlSecretName", "data.metadataSecretName", "data.resultBackendSecretName", "defaultAirflowRepository",
    "defaultAirflowTag", "env", "executor", "fernetKeySecretName", "gid", "images.airflow", "jwtSecretName",
    "logs.persistence", "postgresql.enabled", "redis.enabled", "securityContexts.containers", "securityContexts.pod",
    "statsd.enabled", "uid", "volumeMounts", "volumes", "workers.celery", "workers.kubernetes",
}  # fmt: skip


def read(deploy: Path, name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((deploy / "helm" / f"{name}.yaml").read_text(encoding="utf-8")))


def merged(one: Any, other: Any) -> Any:
    """Values of two files as Helm merges them."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    return {**one, **{key: merged(one[key], value) if key in one else value for key, value in other.items()}}


@pytest.fixture(params=sorted(EXECUTORS))
def values(request: pytest.FixtureRequest, deploy: Path) -> dict[str, Any]:
    return {"name": request.param, **merged(read(deploy, "values"), read(deploy, request.param))}


def test_each_file_sets_keys_of_the_chart_only(deploy: Path) -> None:
    for name in ("values", *EXECUTORS):
        told = read(deploy, name)
        groups = {key: value for key, value in told.items() if isinstance(value, dict)}
        flat = {f"{key}.{inner}" for key, group in groups.items() for inner in group} | (told.keys() - groups.keys())
        assert flat <= KEYS, name


def test_the_executor_is_the_one_of_the_files_name(values: dict[str, Any]) -> None:
    assert values["executor"] == EXECUTORS[values["name"]]


def test_the_chart_decides_by_the_airflow_that_the_image_has(values: dict[str, Any], locked: dict[str, str]) -> None:
    assert values["airflowVersion"] == locked["apache-airflow"]


def test_home_is_one_claim_for_all_pods_and_not_where_airflow_deletes_old_logs(values: dict[str, Any]) -> None:
    assert {"name": "P2P_HOME", "value": "/opt/airflow"} in values["env"]
    assert {"name": "home", "mountPath": "/opt/airflow"} in values["volumeMounts"]
    assert {"name": "home", "persistentVolumeClaim": {"claimName": "p2pcredit-home"}} in values["volumes"]
    assert not Path(values["airflowHome"]).is_relative_to("/opt/airflow")


def test_the_dags_are_those_of_the_package(values: dict[str, Any]) -> None:
    assert values["dagProcessor"]["dagBundleConfigList"] == [
        {"name": BUNDLE_NAME, "classpath": BUNDLE_CLASS, "kwargs": {}}
    ]


def test_every_component_has_the_same_secrets_and_no_file_holds_one(values: dict[str, Any]) -> None:
    named = [values[key] for key in ("fernetKeySecretName", "jwtSecretName", "apiSecretKeySecretName")]
    assert all(name.startswith("p2pcredit-") for name in [*named, *values["data"].values()])
    assert not {"fernetKey", "jwtSecret", "apiSecretKey", "webserverSecretKey"} & set(values)
    assert not {"metadataConnection", "resultBackendConnection", "brokerUrl"} & set(values["data"])


def test_pods_run_as_no_root_on_a_read_only_root_file_system(values: dict[str, Any]) -> None:
    assert values["securityContexts"]["pod"]["runAsGroup"] == values["gid"] == 0
    told = values["securityContexts"]["containers"]
    assert (told["runAsNonRoot"], told["readOnlyRootFilesystem"]) == (True, True)
    assert {"name": "tmp", "mountPath": "/tmp"} in values["volumeMounts"]


def test_the_passwords_are_where_they_can_be_written(values: dict[str, Any]) -> None:
    file = values["config"]["core"]["simple_auth_manager_passwords_file"]
    assert file.startswith("/tmp/")
    (mount,) = values["apiServer"]["extraVolumeMounts"]
    assert f"{mount['mountPath']}/passwords.json {file}" in values["apiServer"]["args"][2]
