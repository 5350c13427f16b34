"""How a local Airflow is set up: one machine, one person, reachable from this machine only."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from p2pcredit.orchestration.settings.bundle_settings import BUNDLE_VARIABLE, bundle_config

HOST = "127.0.0.1"
USER = "admin"
PARALLELISM = 2
"""Tasks at a time. Measured on two cores: four make a day's preprocessing a third shorter and cost 280 MB more."""

LOCK_WAIT_SECONDS = 60
"""How long a component waits for another to let go of the database."""

PAUSED_VARIABLE = "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"
"""Whether a DAG starts paused that this Airflow's database does not know yet."""


@dataclass(frozen=True, slots=True)
class LocalPaths:
    """Where a local Airflow keeps its things, under `airflow/` of the home directory."""

    home: Path

    @property
    def root(self) -> Path:
        """Airflow's own home: database, configuration, logs."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """Output of the components, one file each; logs of tasks below it."""
        return self.root / "logs"

    @property
    def processes(self) -> Path:
        """The record of running processes, for `down`."""
        return self.root / "processes.json"

    @property
    def lock(self) -> Path:
        """The lock held while Airflow is started or stopped, so that two people do not do it at once."""
        return self.root / "processes.lock"

    @property
    def passwords(self) -> Path:
        """The login, readable by its owner only."""
        return self.root / "passwords.json"

    @property
    def signing_key(self) -> Path:
        """The key with which components sign tokens, readable by its owner only."""
        return self.root / "signing_key"


def login(paths: LocalPaths) -> tuple[str, str]:
    """Return user name and password of the local Airflow; the password is drawn at random the first time."""
    if not paths.passwords.is_file():
        write_secret(paths.passwords, json.dumps({USER: secrets.token_urlsafe(16)}))
    return USER, str(json.loads(paths.passwords.read_text(encoding="utf-8"))[USER])


def database_url(paths: LocalPaths) -> str:
    """Write the address of Airflow's SQLite file, with `?`, `%` and `#` of the path escaped, and how long to wait.

    A scheduler ends when the file stays locked for longer, which SQLite's own five seconds are too short for where many
    runs are made at once on a busy machine.

    Examples:
        >>> database_url(LocalPaths(Path("/srv/a?b")))
        'sqlite:////srv/a%3Fb/airflow/airflow.db?timeout=60'
    """
    return f"sqlite:///{quote(str(paths.root / 'airflow.db'))}?timeout={LOCK_WAIT_SECONDS}"


def local_environment(
    paths: LocalPaths, port: int, inherited: Mapping[str, str], extra: Mapping[str, str]
) -> dict[str, str]:
    """Build the environment in which the components of a local Airflow run.

    Settings of another Airflow that stand in the inherited environment (`AIRFLOW__...`, with it perhaps the database of
    a production system) are left out.

    Args:
        paths: Where it keeps its things; login and signing key are made here where missing.
        port: Port of the web server on this machine.
        inherited: The environment of the process that starts it.
        extra: Variables that count before all others.
    """
    login(paths)
    if not paths.signing_key.is_file():
        write_secret(paths.signing_key, secrets.token_hex(32))
    key = paths.signing_key.read_text(encoding="ascii")
    base = f"http://{HOST}:{port}"
    kept = {name: value for name, value in inherited.items() if not name.startswith("AIRFLOW__")}
    return {
        **kept,
        "P2P_HOME": str(paths.home),
        "AIRFLOW_HOME": str(paths.root),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": key,
        "AIRFLOW__API_AUTH__JWT_SECRET": key,
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        PAUSED_VARIABLE: "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(paths.passwords),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(paths),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        BUNDLE_VARIABLE: bundle_config(),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(paths.logs / "tasks"),
        # How soon it is noticed that a task's process or a scheduler is dead: 5 minutes each by default, because
        # schedulers and workers on many machines lose sight of each other for a while, which these cannot.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # A task whose process ends a moment after its sockets close is noticed at the next heartbeat only, and holds
        # its slot until then: 5 s by default, so that a day's preprocessing took 20 s where it takes 7.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        **extra,
    }


def make_private(directory: Path) -> None:
    """Make a directory that its owner alone can look into: database, logs and keys of Airflow lie there."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)


def write_secret(file: Path, text: str) -> None:
    """Make a file that its owner only can read."""
    make_private(file.parent)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        os.fchmod(handle.fileno(), 0o600)
        handle.write(text)
