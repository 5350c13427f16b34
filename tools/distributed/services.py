"""PostgreSQL and Redis as Debian packages them, on this machine only, each with a directory of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from tools.distributed.programs import Program

SECONDS_TO_START = 120.0
DATABASE_USER = "postgres"
"""PostgreSQL refuses to run as root and wants a user that has a name: the one that Debian makes for it."""


def postgres_programs() -> Path | None:
    """Return the directory of the newest PostgreSQL's programs; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


def why_impossible() -> str | None:
    """Return which of the two is missing, and how to get it; None where both are there."""
    if postgres_programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if shutil.which("redis-server") is None:
        return "Redis is not installed (Debian: apt-get install redis-server)"
    return None


def make_postgres(place: Path, port: int, password: str, log: Path) -> Program:
    """Make an empty PostgreSQL whose user `airflow` has this password, and return its program, not yet started."""
    programs, user = postgres_programs(), pwd.getpwnam(DATABASE_USER)
    assert programs is not None
    place.mkdir()
    os.chown(place, user.pw_uid, user.pw_gid)
    secret = place / "password"
    secret.write_text(password)
    os.chown(secret, user.pw_uid, user.pw_gid)
    secret.chmod(0o600)
    made = subprocess.run(
        [programs / "initdb", "-D", place / "data", "-U", "airflow", "-A", "scram-sha-256", "--pwfile", secret,
         "-E", "UTF8", "--locale", "C.UTF-8"],
        user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd=place, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr}")
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        place / "data",
        "-p",
        str(port),
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    command += ["-c", "unix_socket_directories="]
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return Program("postgres", command, environ, place, log, user.pw_uid, user.pw_gid)


def make_redis(place: Path, port: int, configuration: Path, log: Path, user: int, group: int) -> Program:
    """Make a Redis with this configuration, and return its program, not yet started."""
    place.mkdir()
    os.chown(place, user, group)
    command: list[str | Path] = [
        "redis-server",
        configuration,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--dir",
        place,
    ]
    return Program("redis", command, {"PATH": "/usr/bin:/bin"}, place, log, user, group)


def wait_for_postgres(service: Program, port: int) -> None:
    """Wait until PostgreSQL takes connections."""
    programs = postgres_programs()
    assert programs is not None
    _wait(service, [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)], {})


def wait_for_redis(service: Program, port: int, password: str) -> None:
    """Wait until Redis answers, its file of commands read."""
    _wait(service, ["redis-cli", "-p", str(port), "ping"], {"REDISCLI_AUTH": password}, "PONG")


def make_database(port: int, password: str) -> None:
    """Make the database `airflow`, as the official image does at its first start."""
    programs = postgres_programs()
    assert programs is not None
    command: list[str | Path] = [programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow"]
    subprocess.run(command, env={"PGPASSWORD": password, "PATH": "/usr/bin:/bin"}, check=True, capture_output=True)


def _wait(service: Program, command: list[str], environ: dict[str, str], answer: str = "") -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        told = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True)
        if told.returncode == 0 and answer in told.stdout:
            return
        if not service.running or time.monotonic() > deadline:
            raise RuntimeError(f"{service.name} does not come up: {told.stdout}{told.stderr}\n{service.last_lines()}")
        time.sleep(0.2)
