"""A local Airflow in the background, on this machine only: start it, wait until it is healthy, take it down whole.

Four components are started one by one, and the server of the pages beside them. `airflow standalone` is not used: its
log servers listen on every interface, and stopping it leaves processes behind.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from p2pcredit.errors import MissingExtraError, ServiceError, UsageError
from p2pcredit.jobs.pipelines import PIPELINES
from p2pcredit.local_airflow.client import AirflowClient
from p2pcredit.local_airflow.processes import StartedProcess, is_running, members, start_process, stop_processes
from p2pcredit.local_airflow.record import Record, locked, read_record, write_record
from p2pcredit.local_airflow.settings import HOST, LocalPaths, local_environment, login
from p2pcredit.orchestration.settings.schedules import VARIABLES
from p2pcredit.storage.home import check_home_for_airflow
from p2pcredit.storage.pages_token import URL_VARIABLE

HEALTHY_PARTS = frozenset({"metadatabase", "scheduler", "triggerer", "dag_processor"})
PAGES = "pages"
"""The server of the pages, which Airflow shows; no component of Airflow."""

# In the order in which they are started. Without --skip-serve-logs, scheduler and triggerer would open log servers on
# every interface.
COMPONENTS = {
    "api-server": ["api-server", "--host", HOST, "--workers", "1"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    PAGES: ["serve", "--for-airflow"],
}
DAG_IDS = tuple(pipeline.dag_id for pipeline in PIPELINES)
MIGRATION_SECONDS = 180.0

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
        already_up: Whether it was up before, whole or in part.
        brought_back: Components that had ended and were started again.
    """

    home: Path
    url: str
    port: int
    user: str
    password_file: Path
    already_up: bool
    brought_back: tuple[str, ...] = ()

    def client(self) -> AirflowClient:
        """Make a client that is logged in."""
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
    nothing is done. Where some of its components have ended, those are started again beside the others, on the port and
    with the schedule that it was started with; processes that they left behind are ended first, so that no task runs
    twice at once. What cannot be brought up is stopped again.

    Args:
        home: The home directory that the DAGs work in.
        port: Port for web pages and REST interface, on this machine only.
        extra_env: Variables that count before all others, such as `P2P_DAG_START`.
        timeout: Seconds until it must be healthy.
        progress: Called with one line at each step.

    Raises:
        MissingExtraError: If Airflow is not installed.
        UsageError: If the port is not one.
        HomeError: If Airflow cannot work in that directory.
        ServiceError: If the port is taken, a component ends by itself, it is not healthy in time, or a process that one
            left behind does not even end when killed.
    """
    if importlib.util.find_spec("airflow") is None:
        raise MissingExtraError("a local Airflow", "airflow")
    if not 1 <= port <= 65535:
        raise UsageError(f"{port} is not a port; choose one from 1024 to 65535, such as 8080")
    paths = LocalPaths(home.absolute())
    check_home_for_airflow(paths.home)
    report = progress or (lambda line: None)
    with locked(paths):
        found = read_record(paths)
        kept = found.running()
        ended = [name for name in COMPONENTS if name not in {process.name for process in kept}]
        if not ended:
            return _described(paths, found.port, already_up=True)
        if found.processes:
            report(f"no longer running: {', '.join(ended)}")
            _stop_in_order([process for process in found.processes if process not in kept])
        told = {name: os.environ[name] for name in VARIABLES if name in os.environ} | dict(extra_env or {})
        if kept:
            port, told = found.port, found.told | dict(extra_env or {})
        known = found.told.get(URL_VARIABLE) if kept else None
        told[URL_VARIABLE] = known or f"http://{HOST}:{free_port()}"
        if "api-server" in ended:
            _refuse_taken_port(port)
        inherited = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        environ = local_environment(paths, port, inherited, told)
        if not kept:
            report("preparing Airflow's database")
            _migrate(paths, environ)
        _start(paths, ended, Record(kept, port, told), environ, timeout, report)
        return _described(paths, port, already_up=bool(kept), brought_back=tuple(ended) if kept else ())


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
    report = progress or (lambda line: None)
    with locked(paths):
        recorded = read_record(paths).processes
        alive = [process for process in recorded if members(process)]
        if alive:
            report(f"stopping {', '.join(process.name for process in alive)}")
        _stop_in_order(recorded)
        paths.processes.unlink(missing_ok=True)
    return [process.name for process in alive]


def wait_healthy(home: Path, *, timeout: float = 120.0, since: datetime | None = None) -> None:
    """Wait until every component of the local Airflow reports that it is healthy and the three DAGs are read.

    Args:
        home: The home directory.
        timeout: Seconds until it must be.
        since: Only a sign of life after this instant counts, not one of a component that has died since.

    Raises:
        ServiceError: Naming the component that ended, or what is still missing, and the log to look at.
    """
    paths = LocalPaths(home.absolute())
    found = read_record(paths)
    # On a busy machine a first answer may take long: half a minute was seen for the part that `warm_up` loads.
    client = AirflowClient(f"http://{HOST}:{found.port}", *login(paths), timeout=timeout)
    deadline = time.monotonic() + timeout
    missing: set[str] = set(HEALTHY_PARTS)
    while missing:
        for process in found.processes:
            if not is_running(process):
                raise ServiceError(f"Airflow's {process.name} has ended by itself; see {paths.logs / process.name}.log")
        with contextlib.suppress(ServiceError):
            health = client.health(since)
            missing = {part for part in HEALTHY_PARTS if health.get(part) != "healthy"}
        if missing and time.monotonic() > deadline:
            parts = ", ".join(sorted(missing))
            raise ServiceError(f"Airflow is not healthy after {timeout:.0f} s ({parts}); see {paths.logs}")
        if missing:
            time.sleep(0.25)
    client.warm_up()
    client.wait_for_dags(DAG_IDS, timeout=max(deadline - time.monotonic(), 30.0))


def is_up(home: Path) -> bool:
    """Return whether any component of the local Airflow of this home runs."""
    return any(is_running(process) for process in components(home))


def components(home: Path) -> list[StartedProcess]:
    """List the processes that were started as components of this home's local Airflow, whether or not they still run.

    Empty where it was not started or was taken down.
    """
    return read_record(LocalPaths(home.absolute())).processes


def free_port() -> int:
    """Find a port of this machine that is free right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start(
    paths: LocalPaths, names: list[str], beside: Record, environ: Mapping[str, str], timeout: float, report: Progress
) -> None:
    """Start components beside those that run, and wait until all are healthy; else stop what was started here."""
    since = datetime.now(UTC)
    started: list[StartedProcess] = []
    try:
        for name in names:
            report(f"starting {name}")
            command = _command(name, paths, beside)
            started.append(start_process(name, command, environ, paths.logs / f"{name}.log", paths.root))
            write_record(paths, beside.processes + started, beside.port, beside.told)
        report("waiting until it is healthy")
        wait_healthy(paths.home, timeout=timeout, since=since)
    except BaseException:
        _stop_in_order(started)
        if beside.processes:
            write_record(paths, beside.processes, beside.port, beside.told)
        else:
            paths.processes.unlink(missing_ok=True)
        raise


def _command(name: str, paths: LocalPaths, beside: Record) -> list[str]:
    if name == PAGES:
        port = str(urlsplit(beside.told[URL_VARIABLE]).port)
        return [sys.executable, "-m", "p2pcredit", *COMPONENTS[name], "--port", port, "--home", str(paths.home)]
    where = ["--port", str(beside.port)] if name == "api-server" else []
    return [sys.executable, "-m", "airflow", *COMPONENTS[name], *where]


def _stop_in_order(processes: list[StartedProcess]) -> None:
    # Tasks that end while the scheduler waits for them report to the API server, so that one goes last. Triggers keep
    # nothing in memory, so their process, which takes its time to end, is not waited for.
    left = stop_processes([process for process in processes if process.name == "scheduler"])
    others = [process for process in processes if process.name != "scheduler"]
    left += stop_processes(others, patience=2.0, rounds=1)
    if left:
        raise ServiceError(f"processes {left} do not end; look at them with ps and stop them by hand")


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


def _described(paths: LocalPaths, port: int, *, already_up: bool, brought_back: tuple[str, ...] = ()) -> LocalAirflow:
    url = f"http://{HOST}:{port}"
    return LocalAirflow(paths.home, url, port, login(paths)[0], paths.passwords, already_up, brought_back)
