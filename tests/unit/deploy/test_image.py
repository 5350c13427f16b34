"""The container file: what a linter says of it, and that it installs what is tested, by digests, naming no index."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from p2pcredit.orchestration.settings.bundle_settings import bundle_config

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def lines(deploy: Path) -> list[str]:
    """The instructions of the container file, each on one line, without comments."""
    text = re.sub(r"^#.*\n", "", (deploy / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def lint(file: Path, packages: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([packages / "bin" / "hadolint", "--no-color", file], capture_output=True, text=True)


def test_the_linter_finds_nothing(deploy: Path, packages: Path) -> None:
    done = lint(deploy / "Dockerfile", packages)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_finds_a_fault_put_in(deploy: Path, packages: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "Dockerfile"
    spoilt.write_text((deploy / "Dockerfile").read_text().replace("USER 50000:0", "USER 0"))
    assert "DL3002" in lint(spoilt, packages).stdout


def test_the_base_is_the_official_image_of_the_locked_airflow(lines: list[str], locked: dict[str, str]) -> None:
    assert lines[0] == f"FROM apache/airflow:slim-{locked['apache-airflow']}-python3.11 AS base"
    assert [line for line in lines[1:] if line.startswith("FROM") and not line.startswith("FROM base")] == []


def test_it_runs_as_a_user_that_is_not_root_in_group_0(lines: list[str]) -> None:
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 50000:0"


def test_every_package_is_installed_by_its_digest_and_no_index_is_named(deploy: Path, lines: list[str]) -> None:
    (run,) = [line for line in lines if "pip install" in line]
    installs = [part for part in run.split("&&") if "pip install" in part]
    assert len(installs) == 2
    assert all("--require-hashes" in part and "--no-deps" in part for part in installs)
    for file in (deploy / "Dockerfile", deploy / "requirements.lock"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"index-url|https?://|find-links (?!/build)", text), file


def test_the_image_has_the_versions_that_the_tests_run_on(deploy: Path, locked: dict[str, str]) -> None:
    image = pins(deploy / "requirements.lock")
    other = {name: version for name, version in image.items() if locked.get(name, version) != version}
    assert other == {}
    assert {"apache-airflow", "apache-airflow-providers-celery", "apache-airflow-providers-cncf-kubernetes"} <= set(
        image
    )
    tested = pins(ROOT / "tools" / "deploy.lock.txt")
    assert {name: version for name, version in tested.items() if image.get(name, version) != version} == {}
    assert set(image) <= set(locked) | set(tested)


def test_the_wheel_is_built_without_a_network_and_installs_by_its_digest(deploy: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, deploy / "make_wheel", tmp_path / "build"], check=True, capture_output=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-cache-dir",
        "--no-deps",
        "--require-hashes",
        "--no-index",
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    command, place = [*pip, "--requirement", "wheel.lock", "--target"], tmp_path / "build"
    subprocess.run([*command, tmp_path / "site"], check=True, capture_output=True, env=environ, cwd=place)
    assert (tmp_path / "site" / "p2pcredit" / "orchestration" / "dags").is_dir()
    lock = place / "wheel.lock"
    lock.write_text(
        re.sub("sha256:.", "sha256:" + ("0" if "sha256:0" not in lock.read_text() else "1"), lock.read_text())
    )
    spoilt = subprocess.run([*command, tmp_path / "other"], capture_output=True, text=True, env=environ, cwd=place)
    assert spoilt.returncode != 0
    assert "HASH" in spoilt.stderr


def test_its_configuration_names_the_packages_dags(deploy: Path) -> None:
    told = configparser.ConfigParser(interpolation=None)
    told.read(deploy / "airflow.cfg")
    assert told["dag_processor"]["dag_bundle_config_list"] == bundle_config()


def test_the_locked_celery_is_one_that_airflows_provider_works_with(packages: Path, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environ |= {"PYTHONPATH": str(packages), "AIRFLOW_HOME": str(tmp_path)}
    program = "from airflow.providers.celery.executors.celery_executor import app; print(app.main)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == "airflow.providers.celery.executors.celery_executor"
