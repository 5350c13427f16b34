"""The values for the official chart: keys of the chart only, one home for all pods, and no secret in them.

Both files were held against `values.schema.json` of chart 1.22.0 by a validator (2026-11-30: no error). The schema has
800 kB and is no part of this repository; what it says of the keys that the files set stands here. It refuses a wrong
type and takes a slip in the name of a key, at the top and below `workers.celery`, for a value that nothing reads.
`apiServer.extraContainers` came later, by the chart's template of the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_CLASS, BUNDLE_NAME
from p2pcredit.storage.pages_token import DEFAULT_URL

EXECUTORS = {"celery": "CeleryExecutor", "kubernetes": "KubernetesExecutor"}
KEYS = {
    "array": """
        apiServer.extraContainers apiServer.extraVolumeMounts apiServer.extraVolumes
        dagProcessor.dagBundleConfigList env
        securityContexts.containers.capabilities.drop volumeMounts volumes
    """,
    "array or null": """
        apiServer.args
    """,
    "boolean": """
        createUserJob.enabled logs.persistence.enabled postgresql.enabled redis.enabled
        securityContexts.containers.allowPrivilegeEscalation securityContexts.containers.readOnlyRootFilesystem
        securityContexts.containers.runAsNonRoot statsd.enabled
    """,
    "boolean or null": """
        workers.celery.persistence.enabled
    """,
    "integer": """
        gid securityContexts.pod.fsGroup securityContexts.pod.runAsGroup securityContexts.pod.runAsUser uid
    """,
    "integer or null": """
        workers.celery.replicas workers.celery.terminationGracePeriodSeconds
        workers.kubernetes.terminationGracePeriodSeconds
    """,
    "object": """
        apiServer config createUserJob dagProcessor data images images.airflow logs logs.persistence postgresql
        redis securityContexts securityContexts.containers securityContexts.containers.capabilities
        securityContexts.pod statsd workers workers.celery workers.celery.persistence workers.celery.resources
        workers.celery.resources.limits workers.celery.resources.requests workers.kubernetes
        workers.kubernetes.resources workers.kubernetes.resources.limits workers.kubernetes.resources.requests
    """,
    "string": """
        airflowHome airflowVersion defaultAirflowRepository defaultAirflowTag executor
        securityContexts.pod.fsGroupChangePolicy
    """,
    "string or null": """
        apiSecretKeySecretName data.brokerUrlSecretName data.metadataSecretName data.resultBackendSecretName
        fernetKeySecretName images.airflow.repository images.airflow.tag jwtSecretName
        logs.persistence.existingClaim
    """,
}
"""JSON types -> keys of the chart that have them, of those that our files set."""

THEIRS = (
    "config.",
    "securityContexts.containers.capabilities.",
    "workers.celery.resources.",
    "workers.kubernetes.resources.",
)
"""What lies below these is no key of the chart: settings of Airflow, and objects of Kubernetes."""

TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,), "boolean": (bool,), "integer": (int,), "null": (type(None),), "object": (dict,), "string": (str,),
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


def wrong_keys(told: Mapping[str, Any], above: str = "") -> list[str]:
    """List what is no key of the chart, or not of a type that the chart takes there."""
    types = {key: said.split(" or ") for said, keys in KEYS.items() for key in keys.split()}
    found = []
    for name, value in told.items():
        key = above + name
        if key not in types:
            found += [] if key.startswith(THEIRS) else [f"{key} is no key of the chart"]
            continue
        if not any(type(value) in TYPES[one] for one in types[key]):
            found.append(f"{key} is {type(value).__name__}, the chart takes {' or '.join(types[key])}")
        if isinstance(value, dict):
            found += wrong_keys(value, f"{key}.")
    return found


def test_every_value_has_a_key_and_a_type_of_the_chart(values: dict[str, Any]) -> None:
    assert wrong_keys({key: value for key, value in values.items() if key != "name"}) == []


def test_a_slip_that_helm_lets_through_is_found() -> None:
    slips = {
        "executer": "x",
        "workers": {"celery": {"replica": 2}},
        "statsd": {"enabled": "no"},
        "config": {"core": {}},
    }
    assert wrong_keys(slips) == [
        "executer is no key of the chart",
        "workers.celery.replica is no key of the chart",
        "statsd.enabled is str, the chart takes boolean",
    ]


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


def test_the_pages_run_beside_the_server_that_shows_them_with_the_home_and_no_secret(
    values: dict[str, Any], deploy: Path
) -> None:
    (pages,) = values["apiServer"]["extraContainers"]
    compose = yaml.safe_load((deploy / "compose.yaml").read_text(encoding="utf-8"))["services"]["pages"]
    (asked,) = [part for part in pages["args"] if "p2pcredit" in part]
    assert f"{asked} --host 0.0.0.0" in compose["command"], "loopback is enough within one pod"
    image = values["images"]["airflow"]
    assert pages["image"] == f"{image['repository']}:{image['tag']}"
    assert pages["securityContext"] == values["securityContexts"]["containers"]
    assert pages["volumeMounts"] == values["volumeMounts"]
    assert {entry["name"]: entry["value"] for entry in pages["env"]} == {
        name: compose["environment"][name] for name in ("P2P_HOME", "CONNECTION_CHECK_MAX_COUNT")
    }
    assert pages["livenessProbe"]["exec"]["command"][-1] == f"{DEFAULT_URL}/health"
