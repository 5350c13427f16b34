"""A local Airflow in the background, on this machine only: start it, wait until it is healthy, take it down whole.

Four components are started one by one. `airflow standalone` is not used: its log servers listen on every interface, and
stopping it leaves processes behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from p2pcredit.errors import MissingExtraError, ServiceError, UsageError
from p2pcredit.orchestration.client import AirflowClient
from p2pcredit.orchestration.local_settings import HOST, LocalPaths, local_environment, login, make_private
from p2pcredit.orchestration.processes import StartedProcess, is_running, members, start_process, stop_processes
from p2pcredit.orchestration.schedules import INFERENCE_DAG, MONITORING_DAG, PREPROCESSING_DAG

HEALTHY_PARTS = frozenset({"metadatabase", "scheduler", "triggerer", "dag_processor"})
DAG_IDS = (PREPROCESSING_DAG, INFERENCE_DAG, MONITORING_DAG)
MIGRATION_SECONDS = 180.0
LOCK_SECONDS = 120.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LocalAirflow:
    """A local Airflow that is up.

    Args:
        home: The home directory it works in.
        url: Where its web pages are.
        port: The port of these pages.
        user: Who to log in as.
        password_file: Where the password stands.
        already_up: Whether it was up before.
    """

    home: Path
    url: str
    port: int
    user: str
    password_file: Path
    already_up: bool

    def client(self) -> AirflowClient:
        """A client that is logged in."""
        return AirflowClient(self.url, *login(LocalPaths(self.home)))


def up(
    home: Path,
    port: int = 8080,
    *,
    extra_env: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    progress: Progress | None = None,
) -> LocalAirflow:
    """Start a local Airflow with the three DAGs, and return once it is healthy.

    Its login is in `<home>/airflow/passwords.json`, its output under `<home>/airflow/logs`. Where it is up already
    nothing is done. Where it cannot be brought up, whatever was started is stopped again.

    Args:
        home: The home directory that the DAGs work in.
        port: Port for web pages and REST interface, on this machine only.
        extra_env: Variables that count before all others, such as `P2P_DAG_START`.
        timeout: Seconds until it must be healthy.
        progress: Called with one line at each step.

    Raises:
        MissingExtraError: If Airflow is not installed.
        UsageError: If the port is not one.
        ServiceError: If the port is taken, a component ends by itself, or it is not healthy in time.
    """
    if importlib.util.find_spec("airflow") is None:
        raise MissingExtraError("a local Airflow", "airflow")
    if not 1 <= port <= 65535:
        raise UsageError(f"{port} is not a port; choose one from 1024 to 65535, such as 8080")
    home = home.absolute()
    paths = LocalPaths(home)
    tell = progress or (lambda line: None)
    with _locked(paths):
        running, recorded_port = _recorded(paths)
        if running and all(is_running(process) for process in running):
            return _described(paths, recorded_port, already_up=True)
        _stop_in_order(running)
        _refuse_taken_port(port)
        environ = local_environment(paths, port, os.environ, extra_env or {})
        tell("preparing Airflow's database")
        _migrate(paths, environ)
        started: list[StartedProcess] = []
        try:
            for name, arguments in _components(port):
                tell(f"starting {name}")
                command = [sys.executable, "-m", "airflow", *arguments]
                started.append(start_process(name, command, environ, paths.logs / f"{name}.log", paths.root))
                _record(paths, started, port)
            found = _described(paths, port, already_up=False)
            tell("waiting until it is healthy")
            wait_healthy(home, timeout=timeout)
        except BaseException:
            _stop_in_order(started)
            paths.processes.unlink(missing_ok=True)
            raise
    return found


def down(home: Path, *, progress: Progress | None = None) -> list[str]:
    """Stop the local Airflow of a home, with every process that it started.

    Args:
        home: The home directory.
        progress: Called with one line at each step.

    Returns:
        Names of the components that were stopped; empty where none was up.

    Raises:
        ServiceError: If a process does not even end when killed.
    """
    paths = LocalPaths(home.absolute())
    if not paths.processes.is_file():
        return []
    tell = progress or (lambda line: None)
    with _locked(paths):
        recorded, _ = _recorded(paths)
        alive = [process for process in recorded if members(process)]
        if alive:
            tell(f"stopping {', '.join(process.name for process in alive)}")
        left = _stop_in_order(recorded)
        if left:
            raise ServiceError(f"processes {left} do not end; look at them with ps and stop them by hand")
        paths.processes.unlink(missing_ok=True)
    return [process.name for process in alive]


def wait_healthy(home: Path, *, timeout: float = 120.0) -> None:
    """Wait until every component of the local Airflow reports that it is healthy and the three DAGs are read.

    Raises:
        ServiceError: Naming the component that ended, or what is still missing, and the log to look at.
    """
    paths = LocalPaths(home.absolute())
    processes, port = _recorded(paths)
    client = AirflowClient(f"http://{HOST}:{port}", *login(paths))
    deadline = time.monotonic() + timeout
    missing: set[str] = set(HEALTHY_PARTS)
    while missing:
        for process in processes:
            if not is_running(process):
                raise ServiceError(f"Airflow's {process.name} has ended by itself; see {paths.logs / process.name}.log")
        with contextlib.suppress(ServiceError):
            health = client.health()
            missing = {part for part in HEALTHY_PARTS if health.get(part) != "healthy"}
        if missing and time.monotonic() > deadline:
            parts = ", ".join(sorted(missing))
            raise ServiceError(f"Airflow is not healthy after {timeout:.0f} s ({parts}); see {paths.logs}")
        if missing:
            time.sleep(0.25)
    client.warm_up()
    client.wait_for_dags(DAG_IDS, timeout=max(deadline - time.monotonic(), 30.0))


def is_up(home: Path) -> bool:
    """Do all components of the local Airflow of this home run?"""
    processes, _ = _recorded(LocalPaths(home.absolute()))
    return bool(processes) and all(is_running(process) for process in processes)


def free_port() -> int:
    """A port of this machine that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _components(port: int) -> list[tuple[str, list[str]]]:
    # Without --skip-serve-logs, scheduler and triggerer would open log servers on every interface.
    return [
        ("api-server", ["api-server", "--host", HOST, "--port", str(port), "--workers", "1"]),
        ("scheduler", ["scheduler", "--skip-serve-logs"]),
        ("dag-processor", ["dag-processor"]),
        ("triggerer", ["triggerer", "--skip-serve-logs"]),
    ]


def _stop_in_order(processes: list[StartedProcess]) -> list[int]:
    # Tasks that end while the scheduler waits for them report to the API server, so that one goes last. Triggers keep
    # nothing in memory, so their process, which takes its time to end, is not waited for.
    left = stop_processes([process for process in processes if process.name == "scheduler"])
    others = [process for process in processes if process.name != "scheduler"]
    return left + stop_processes(others, patience=2.0, rounds=1)


def _migrate(paths: LocalPaths, environ: Mapping[str, str]) -> None:
    paths.logs.mkdir(parents=True, exist_ok=True)
    log = paths.logs / "migration.log"
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    try:
        with log.open("ab") as output:
            done = subprocess.run(
                command, env=dict(environ), cwd=paths.root, stdout=output, stderr=output, timeout=MIGRATION_SECONDS
            )
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"Airflow's database is not ready after {MIGRATION_SECONDS:.0f} s; see {log}") from error
    if done.returncode != 0:
        raise ServiceError(f"Airflow cannot prepare its database (exit code {done.returncode}); see {log}")


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServiceError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from error


def _described(paths: LocalPaths, port: int, *, already_up: bool) -> LocalAirflow:
    return LocalAirflow(paths.home, f"http://{HOST}:{port}", port, login(paths)[0], paths.passwords, already_up)


def _record(paths: LocalPaths, started: list[StartedProcess], port: int) -> None:
    content = {"port": port, "processes": [asdict(process) for process in started]}
    draft = paths.processes.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
    draft.replace(paths.processes)


def _recorded(paths: LocalPaths) -> tuple[list[StartedProcess], int]:
    try:
        content = json.loads(paths.processes.read_text(encoding="utf-8"))
        return [StartedProcess(**entry) for entry in content["processes"]], int(content["port"])
    except FileNotFoundError:
        return [], 0
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"{paths.processes} is not readable; stop Airflow by hand, then remove that file") from error


@contextlib.contextmanager
def _locked(paths: LocalPaths) -> Iterator[None]:
    make_private(paths.root)
    deadline = time.monotonic() + LOCK_SECONDS
    with paths.lock.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise ServiceError("another command is starting or stopping this Airflow; try again") from error
                time.sleep(0.2)
        yield
