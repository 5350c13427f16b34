"""Airflow's components as `deploy/compose.yaml` describes them, with PostgreSQL and Redis, on one home."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tools.distributed import containers, services
from tools.distributed.guardian import Guardian
from tools.distributed.programs import Program

from p2pcredit.errors import ServiceError
from p2pcredit.jobs.pipelines import PIPELINES
from p2pcredit.local_airflow.airflow import HEALTHY_PARTS, free_port
from p2pcredit.local_airflow.client import AirflowClient

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PACKAGES = ROOT / ".venv" / "deploy"
GROUP = 61000
USERS = {"worker-1": 61001, "worker-2": 61002}
OTHER_USER = 61003
"""Numbers without a name on any system; the two workers are two users of one group, and the rest a third."""

NOT_AIRFLOW = ("postgres", "redis", "pages")
HOST = "127.0.0.1"
SECONDS_TO_START = 600.0
ANSWER_SECONDS = 300.0
"""A first answer may take long on a busy machine."""

MOST_STARTS = 8
"""A component that ended so often while we waited for it, and is still not healthy, will not become so."""


def why_impossible() -> str | None:
    """Return what this machine lacks for it, and how to get it; None where it lacks nothing."""
    if os.geteuid() != 0:
        return "processes of several users need root"
    if not (PACKAGES / ".ready").is_file():
        return "the providers for Celery and PostgreSQL are not there; add them with: tools/set_up deploy"
    return services.why_impossible() or containers.why_impossible()


class Cluster:
    """The whole topology on a copy of a home.

    Args:
        home: The home that is copied; the copy belongs to the group.
        more: Variables that count before those of the compose file.
    """

    def __init__(self, home: Path, more: Mapping[str, str]) -> None:
        compileall.compile_dir(ROOT / "src", quiet=1)  # the users below may not write beside the sources
        self.place = Path(tempfile.mkdtemp(prefix="p2pcredit-distributed-", dir="/var/tmp"))
        self.place.chmod(0o755)
        self.guardian = Guardian(self.place)
        self.home = Path(shutil.copytree(home, self.place / "home"))
        share(self.home, GROUP)
        (self.place / "logs").mkdir()
        self.ports = {"postgres": free_port(), "redis": free_port(), "api": free_port(), "health": free_port()}
        self.secrets = self._make_secrets()
        self.services = dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"])
        self.more = {
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(self.ports["api"]),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": HOST,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["health"]),
            **more,
        }
        self.programs: dict[str, Program] = {}
        self.down_on_purpose: set[str] = set()

    @property
    def url(self) -> str:
        """Where the API server answers."""
        return f"http://{HOST}:{self.ports['api']}"

    def client(self) -> AirflowClient:
        """Return a client that logs in as the administrator of the secrets."""
        ((user, password),) = json.loads((self.secrets / "passwords.json").read_text()).items()
        return AirflowClient(self.url, user, password, timeout=ANSWER_SECONDS)

    def up(self) -> None:
        """Start everything in the order of the compose file's conditions, and wait until it is healthy."""
        self._start_services()
        init = self._component("init")
        if init.run(SECONDS_TO_START) != 0:
            raise RuntimeError(f"Airflow's database was not made:\n{init.last_lines()}")
        for name in self.services:
            if name not in (*NOT_AIRFLOW, "init"):
                self.programs[name] = self._component(name)
                self.programs[name].start()
        self.wait_healthy()

    def tend(self) -> None:
        """Start what has ended by itself, as the restart policy of the compose file does."""
        for name, program in self.programs.items():
            if name not in self.down_on_purpose and not program.running:
                program.start()

    def kill(self, name: str) -> None:
        """Kill a part whole; it stays down until `bring_back`."""
        self.down_on_purpose.add(name)
        self.programs[name].kill()

    def bring_back(self, name: str) -> None:
        """Start a part again that was killed."""
        self.programs[name].start()
        if name == "postgres":
            services.wait_for_postgres(self.programs[name], self.ports["postgres"])
        self.down_on_purpose.discard(name)

    def wait_healthy(self, timeout: float = SECONDS_TO_START) -> None:
        """Wait until every component reports that it is healthy and the three DAGs are read."""
        deadline, client = time.monotonic() + timeout, self.client()
        missing: set[str] = set(HEALTHY_PARTS)
        before = {name: program.starts for name, program in self.programs.items()}
        while missing:
            self.tend()
            try:
                health = client.health()
                missing = {part for part in HEALTHY_PARTS if health.get(part) != "healthy"}
            except ServiceError:
                missing = set(HEALTHY_PARTS)
            # those of an outage before do not count
            again = max((program.starts - before[name] for name, program in self.programs.items()), default=0)
            if missing and (time.monotonic() > deadline or again > MOST_STARTS):
                told = "\n".join(f"== {name}\n{program.last_lines()}" for name, program in self.programs.items())
                raise RuntimeError(f"not healthy after {timeout:.0f} s: {sorted(missing)}\n{told}")
            time.sleep(0.5)
        client.warm_up()
        client.wait_for_dags([pipeline.dag_id for pipeline in PIPELINES], timeout=timeout)

    def check_health(self, name: str) -> bool:
        """Run the compose file's own health check of one of Airflow's components, in its container."""
        test = list(self.services[name]["healthcheck"]["test"])
        command = ["sh", "-c", test[1]] if test[0] == "CMD-SHELL" else test[1:]
        command = [part.replace("localhost:8080", f"{HOST}:{self.ports['api']}") for part in command]
        command = [part.replace("localhost:8974", f"{HOST}:{self.ports['health']}") for part in command]
        return self._component(name, command, suffix="-health").run(SECONDS_TO_START) == 0

    def down(self) -> None:
        """End everything, by process: workers and schedulers first, the database last.

        Should this process be killed before, its guardian does the same.
        """
        for name in [name for name in self.programs if name not in NOT_AIRFLOW] + ["redis", "postgres"]:
            if name in self.programs:
                self.programs[name].stop()

    def remove(self) -> None:
        """Remove every file of it."""
        self.guardian.dismiss()
        shutil.rmtree(self.place, ignore_errors=True)

    def _make_secrets(self) -> Path:
        place = self.place / "secrets"
        database, broker = f"{HOST}:{self.ports['postgres']}", f"{HOST}:{self.ports['redis']}"
        command: list[str | Path] = [
            sys.executable,
            DEPLOY / "make_secrets",
            place,
            "--database",
            database,
            "--broker",
            broker,
        ]
        subprocess.run(command, check=True, capture_output=True)
        os.chown(place, 0, GROUP)
        place.chmod(0o750)
        for file in place.iterdir():
            os.chown(file, 0, GROUP)
            file.chmod(0o640)
        return place

    def _secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8")

    def _start_services(self) -> None:
        log = self.place / "logs"
        password, broker = self._secret("postgres_password"), self._secret("redis_password")
        postgres = services.make_postgres(
            self.place / "postgres", self.ports["postgres"], password, log / "postgres.log"
        )
        redis = services.make_redis(
            self.place / "redis", self.ports["redis"], self.secrets / "redis.conf", log / "redis.log", 61004, GROUP
        )
        postgres.report = redis.report = self.guardian.watch
        self.programs |= {"postgres": postgres, "redis": redis}
        postgres.start()
        redis.start()
        services.wait_for_postgres(postgres, self.ports["postgres"])
        services.wait_for_redis(redis, self.ports["redis"], broker)
        services.make_database(self.ports["postgres"], password)

    def _component(self, name: str, command: list[str] | None = None, suffix: str = "") -> Program:
        """Build the program of one of Airflow's containers, or of another command in one like it."""
        service: dict[str, Any] = self.services[name]
        place = self.place / "containers" / f"{name}{suffix}"
        place.mkdir(parents=True, exist_ok=True)
        given = self.place / "given" / name
        given.mkdir(parents=True, exist_ok=True)
        for secret in service["secrets"]:
            shutil.copy2(self.secrets / secret, given / secret)
            os.chown(given / secret, 0, GROUP)
        user = USERS.get(name, OTHER_USER)
        mounts = {
            "/opt/airflow": self.home,
            "/opt/p2pcredit/airflow.cfg": DEPLOY / "airflow.cfg",
            "/run/secrets": given,
        }
        given_command = command or list(service["command"])
        inner = given_command if command or given_command[0] == "bash" else ["airflow", *given_command]
        wrapped = containers.contained(inner, place, mounts, user, GROUP, ROOT)
        kept = {key: value for key, value in os.environ.items() if key.startswith("OPENBLAS")}
        told = {key: str(value) for key, value in service["environment"].items()}
        told["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"{self.url}/execution/"
        environ = {
            **kept,
            "PATH": f"{PACKAGES / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(PACKAGES),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "HOME": "/tmp",
            "USER": "airflow",
            "LOGNAME": "airflow",
            **told,
            **self.more,
        }
        log = self.place / "logs" / f"{name}{suffix}.log"
        return Program(name, wrapped, environ, Path("/"), log, report=self.guardian.watch)


def share(home: Path, group: int) -> None:
    """Give a home to a group: its members may write everything, and what they make belongs to the group too."""
    for path in (home, *home.rglob("*")):
        os.chown(path, -1, group)
        path.chmod(0o2775 if path.is_dir() else 0o664)
