"""Secrets are drawn once, one file each, and every one that the compose file names is among them."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from pathlib import Path

import yaml


def make(deploy: Path, place: Path, *more: str) -> list[str]:
    command = [sys.executable, str(deploy / "make_secrets"), str(place), *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_every_secret_of_the_compose_file_is_made_in_a_closed_directory(deploy: Path, tmp_path: Path) -> None:
    make(deploy, tmp_path / "secrets")
    compose = yaml.safe_load((deploy / "compose.yaml").read_text(encoding="utf-8"))
    wanted = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert {file.name for file in (tmp_path / "secrets").iterdir()} == wanted
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_second_call_keeps_what_is_there_and_makes_what_is_lost(deploy: Path, tmp_path: Path) -> None:
    make(deploy, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert make(deploy, tmp_path) == []
    (tmp_path / "broker_url").unlink()
    assert make(deploy, tmp_path) == [str(tmp_path / "broker_url")]
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_addresses_bear_the_passwords_of_the_services(deploy: Path, tmp_path: Path) -> None:
    make(deploy, tmp_path, "--database", "127.0.0.1:5433", "--broker", "127.0.0.1:6380")
    told = {file.name: file.read_text() for file in tmp_path.iterdir()}
    password = told["postgres_password"]
    assert told["database_url"] == f"postgresql+psycopg2://airflow:{password}@127.0.0.1:5433/airflow"
    assert told["broker_url"] == f"redis://:{told['redis_password']}@127.0.0.1:6380/0"
    assert f"requirepass {told['redis_password']}\n" in told["redis.conf"]
    assert len(base64.urlsafe_b64decode(told["fernet_key"])) == 32
    assert list(json.loads(told["passwords.json"])) == ["admin"]
