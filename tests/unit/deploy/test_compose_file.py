"""The compose file: valid by the specification's schema, and each component sees what it needs and no more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

SERVERS = {"api-server", "scheduler", "dag-processor", "triggerer"}
WORKERS = {"worker-1", "worker-2"}


@pytest.fixture(scope="module")
def compose(deploy: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((deploy / "compose.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(compose["services"])


def faults(compose: dict[str, Any], packages: Path) -> list[str]:
    schema = json.loads(
        (packages / "check_jsonschema" / "builtin_schemas" / "vendor" / "compose-spec.json").read_bytes()
    )
    checker = jsonschema.validators.validator_for(schema)(schema)
    return [error.message for error in checker.iter_errors(compose)]


def test_the_schema_of_the_compose_specification_finds_nothing(compose: dict[str, Any], packages: Path) -> None:
    assert faults(compose, packages) == []


def test_the_schema_finds_a_fault_put_in(compose: dict[str, Any], packages: Path) -> None:
    assert len(faults({**compose, "services": {"redis": {"restrat": "always"}}}, packages)) == 1


def test_every_part_is_there_and_comes_back_by_itself(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == SERVERS | WORKERS | {"postgres", "redis", "init", "pages"}
    assert {name for name, service in services.items() if service["restart"] != "unless-stopped"} == {"init"}
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"init"}


def test_no_container_of_airflow_is_root_or_writes_its_root_file_system(services: dict[str, dict[str, Any]]) -> None:
    for name in SERVERS | WORKERS | {"init", "pages"}:
        service = services[name]
        assert service["user"] == "${AIRFLOW_UID:-50000}:0"
        assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
        assert service["volumes"] == ["home:/opt/airflow"]
        assert service["environment"]["P2P_HOME"] == "/opt/airflow"


def test_workers_are_in_no_network_with_the_database_and_have_no_secret_of_it(
    services: dict[str, dict[str, Any]],
) -> None:
    for name in WORKERS:
        assert "database" not in services[name]["networks"]
        assert not {"database_url", "postgres_password"} & set(services[name]["secrets"])
        told = {key: value for key, value in services[name]["environment"].items() if "__DATABASE__" in key}
        assert told == {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////tmp/airflow.db"}
    assert services["postgres"]["networks"] == ["database"]


def test_the_pages_have_no_secret_and_no_port_and_the_api_server_alone_reaches_them(
    services: dict[str, dict[str, Any]], compose: dict[str, Any]
) -> None:
    pages = services["pages"]
    assert not {"secrets", "ports"} & set(pages)
    assert pages["networks"] == ["pages"]
    assert compose["networks"]["pages"] == {"internal": True}
    assert {name for name, service in services.items() if "pages" in service["networks"]} == {"pages", "api-server"}
    assert services["api-server"]["environment"]["P2P_PAGES_URL"] == "http://pages:8000"
    assert "serve --for-airflow" in pages["command"][2]


def test_every_component_signs_and_encrypts_with_the_same_secrets(services: dict[str, dict[str, Any]]) -> None:
    for name in SERVERS | WORKERS | {"init"}:
        told = services[name]["environment"]
        assert told["AIRFLOW__API_AUTH__JWT_SECRET_CMD"] == "cat /run/secrets/jwt_secret"
        assert told["AIRFLOW__CORE__FERNET_KEY_CMD"] == "cat /run/secrets/fernet_key"


def test_every_secret_that_a_container_reads_is_one_that_it_is_given(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    for name, service in services.items():
        told = [*service.get("environment", {}).values(), *service.get("command", [])]
        told += service.get("healthcheck", {}).get("test", [])
        read = {name for part in map(str, told) for name in re.findall(r"/run/secrets/([\w.]+)", part)}
        assert read <= set(service.get("secrets", [])), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name


def test_the_web_pages_answer_on_this_machine_only(services: dict[str, dict[str, Any]]) -> None:
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "api-server": ["127.0.0.1:8080:8080"]
    }


def test_airflows_own_files_lie_where_no_back_up_of_home_takes_them(services: dict[str, dict[str, Any]]) -> None:
    for name in SERVERS | WORKERS:
        assert services[name]["environment"]["AIRFLOW_HOME"] == "/opt/airflow/airflow"
        assert services[name]["environment"]["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] == "/opt/airflow/airflow/logs"


def test_the_passwords_are_where_they_can_be_written(services: dict[str, dict[str, Any]]) -> None:
    file = services["api-server"]["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]
    assert file.startswith("/tmp/")
    assert f"/run/secrets/passwords.json {file}" in services["api-server"]["command"][2]
