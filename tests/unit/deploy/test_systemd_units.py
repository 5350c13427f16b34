"""The systemd units: systemd itself finds no fault in them, and all work in one home with the secrets as files."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


def unit(file: Path) -> configparser.RawConfigParser:
    told = configparser.RawConfigParser(strict=False, delimiters=("=",))
    told.optionxform = str  # type: ignore[assignment,method-assign]
    told.read(file)
    return told


def verify(place: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed; the units are read by a parser only")
    units = [*sorted(path.name for path in place.glob("*.service")), "p2pcredit-airflow.target"]
    environ = {**os.environ, "SYSTEMD_UNIT_PATH": f"{place}:"}
    return subprocess.run(["systemd-analyze", "verify", *units], cwd=place, env=environ, capture_output=True, text=True)


@pytest.fixture
def units(deploy: Path, tmp_path: Path) -> Path:
    """A copy of the units whose programs are there."""
    place = Path(shutil.copytree(deploy / "systemd", tmp_path / "units"))
    for file in place.glob("*.service"):
        file.write_text(re.sub(r"/opt/p2pcredit/bin/\w+", "/bin/true", file.read_text()))
    return place


def test_systemd_finds_no_fault(units: Path) -> None:
    done = verify(units)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_a_fault_put_in(units: Path) -> None:
    common = units / "p2pcredit-airflow-.service.d" / "common.conf"
    common.write_text(common.read_text().replace("UMask=", "Umask="))
    assert "Umask" in verify(units).stderr


def test_every_component_comes_back_and_begins_after_the_migration(deploy: Path) -> None:
    for name in COMPONENTS:
        told = unit(deploy / "systemd" / f"p2pcredit-airflow-{name}.service")
        assert told["Service"]["ExecStart"].startswith(f"/opt/p2pcredit/bin/airflow {name}")
        assert told["Service"]["Restart"] == "always"
        assert told["Unit"]["After"] == told["Unit"]["Requires"] == "p2pcredit-airflow-migrate.service"
        assert told["Install"]["WantedBy"] == "p2pcredit-airflow.target"


def test_the_pages_work_in_the_same_home_for_this_airflow_and_are_given_no_secret(deploy: Path) -> None:
    told = unit(deploy / "systemd" / "p2pcredit-pages.service")
    assert told["Service"]["ExecStart"] == "/opt/p2pcredit/bin/p2pcredit serve --for-airflow"
    assert (told["Service"]["Restart"], told["Install"]["WantedBy"]) == ("always", "p2pcredit-airflow.target")
    assert "credential" not in (deploy / "systemd" / "p2pcredit-pages.service").read_text().lower()


def test_no_component_opens_a_server_to_other_machines(deploy: Path) -> None:
    for name in ("scheduler", "triggerer"):
        told = unit(deploy / "systemd" / f"p2pcredit-airflow-{name}.service")
        assert "--skip-serve-logs" in told["Service"]["ExecStart"]
    environ = dict(
        line.split("=", 1)
        for line in (deploy / "systemd" / "airflow.env").read_text().splitlines()
        if not line.startswith("#")
    )
    assert (
        environ["AIRFLOW__API__HOST"]
        == environ["AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST"]
        == "127.0.0.1"
    )
    assert environ["P2P_HOME"] == "/opt/airflow"


def test_every_secret_that_a_setting_reads_is_handed_to_the_unit(deploy: Path) -> None:
    common = (deploy / "systemd" / "p2pcredit-airflow-.service.d" / "common.conf").read_text()
    server = (deploy / "systemd" / "p2pcredit-airflow-api-server.service").read_text()
    for text, count in ((common, 4), (server, 1)):
        handed = re.findall(r"^LoadCredential=([\w.]+):/etc/p2pcredit/secrets/\1$", text, re.MULTILINE)
        assert sorted(re.findall(r"%d/([\w.]+)", text)) == sorted(handed)
        assert len(handed) == count
    assert "UMask=0002" in common
