"""A local Airflow's surroundings, and what its start and stop say when something is in the way; nothing is started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from p2pcredit.errors import ServiceError, UsageError
from p2pcredit.local_airflow import airflow as local
from p2pcredit.local_airflow.demo import run_scheduled_days
from p2pcredit.local_airflow.processes import StartedProcess, is_running, members, start_mark, start_process
from p2pcredit.local_airflow.record import write_record
from p2pcredit.local_airflow.settings import LocalPaths, local_environment, login


def this_process(name: str) -> StartedProcess:
    """The process of the test itself, under the name of a component."""
    mark = start_mark(os.getpid())
    assert mark is not None
    return StartedProcess(name, os.getpid(), mark, sys.executable)


def kill(process: StartedProcess) -> None:
    """End a process, and nothing that it started, as the system would under want of memory."""
    os.kill(process.pid, signal.SIGKILL)
    while is_running(process):
        time.sleep(0.01)


class StandIns:
    """In place of Airflow's components: processes that sleep, each with a child that outlives it."""

    SCRIPT = "import os, time; os.fork(); time.sleep(60)"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refuses: str | None = None) -> None:
        self.refuses = refuses
        self.started: list[StartedProcess] = []
        self.environs: list[Mapping[str, str]] = []
        self.commands: list[list[str]] = []
        begin = start_process

        def start(name: str, command: list[str], environ: Mapping[str, str], log: Path, cwd: Path) -> StartedProcess:
            if name == self.refuses:
                raise OSError("no space left on device")
            self.environs.append(environ)
            self.commands.append(command)
            process = begin(name, [sys.executable, "-S", "-c", self.SCRIPT], environ, log, cwd)
            self.started.append(process)
            while len(members(process)) < 2:
                time.sleep(0.01)
            return process

        monkeypatch.setattr(local, "start_process", start)
        monkeypatch.setattr(local, "_migrate", lambda paths, environ: None)
        monkeypatch.setattr(local, "wait_healthy", lambda home, **about: None)


def test_login_and_key_are_drawn_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    first = local_environment(paths, 8123, {}, {})
    assert local_environment(paths, 8123, {}, {}) == first
    assert len(login(paths)[1]) >= 16
    assert paths.passwords.stat().st_mode & 0o777 == 0o600
    assert paths.signing_key.stat().st_mode & 0o777 == 0o600
    assert login(LocalPaths(tmp_path / "other")) != login(paths)


def test_the_password_stands_in_no_variable(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    environ = local_environment(paths, 8123, {}, {})
    assert login(paths)[1] not in "".join(environ.values())


def test_settings_of_another_airflow_are_left_out(tmp_path: Path) -> None:
    inherited = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production", "AIRFLOW_HOME": "/x", "PATH": "/bin"}
    environ = local_environment(LocalPaths(tmp_path), 8123, inherited, {"P2P_DAG_CATCHUP": "1"})
    assert environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow/airflow.db?timeout=60"
    assert environ["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert (environ["P2P_HOME"], environ["PATH"], environ["P2P_DAG_CATCHUP"]) == (str(tmp_path), "/bin", "1")


def test_all_parts_talk_to_the_chosen_port_on_this_machine(tmp_path: Path) -> None:
    environ = local_environment(LocalPaths(tmp_path), 8123, {}, {})
    assert environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8123/execution/"
    assert environ["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8123"
    assert environ["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert json.loads(environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])[0]["name"] == "p2pcredit"


def test_a_taken_port_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} cannot be used"):
            local.up(tmp_path, port)
    assert not LocalPaths(tmp_path).processes.exists()


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(UsageError, match="not a port"):
        local.up(tmp_path, port)


def test_down_where_nothing_is_up_stops_nothing_and_makes_nothing(tmp_path: Path) -> None:
    assert local.down(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert not local.is_up(tmp_path)


def test_down_with_a_record_of_long_ago_leaves_the_program_of_that_id_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        paths = LocalPaths(tmp_path)
        paths.root.mkdir()
        write_record(paths, [StartedProcess("scheduler", other.pid, "another-boot/1", sys.executable)], 8080, {})
        assert local.down(tmp_path) == []
        assert other.poll() is None
        assert not paths.processes.exists()
    finally:
        other.kill()
        other.wait()


def test_a_record_that_cannot_be_read_is_said_and_kept(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    paths.root.mkdir()
    paths.processes.write_text("{", encoding="utf-8")
    with pytest.raises(ServiceError, match="not readable"):
        local.down(tmp_path)
    assert paths.processes.exists()


def test_up_where_it_is_up_says_so(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    paths.root.mkdir()
    write_record(paths, [this_process(name) for name in local.COMPONENTS], 8123, {})
    found = local.up(tmp_path, 8080)
    assert (found.already_up, found.port, found.url) == (True, 8123, "http://127.0.0.1:8123")
    assert found.brought_back == ()


def test_an_up_that_fails_half_way_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins = StandIns(monkeypatch, refuses="dag-processor")
    with pytest.raises(OSError, match="no space left"):
        local.up(tmp_path, local.free_port())
    assert len(stand_ins.started) == 2
    assert not any(is_running(process) for process in stand_ins.started)
    assert not LocalPaths(tmp_path).processes.exists()


def test_up_brings_back_what_has_ended_and_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins = StandIns(monkeypatch)
    told: list[str] = []
    try:
        first = local.up(tmp_path, local.free_port(), extra_env={"P2P_DAG_START": "2021-07-04"})
        scheduler, triggerer = (p for p in local.components(tmp_path) if p.name in {"scheduler", "triggerer"})
        kept = [p for p in local.components(tmp_path) if p not in (scheduler, triggerer)]
        left_behind = next(pid for pid in members(scheduler) if pid != scheduler.pid)
        kill(scheduler)
        kill(triggerer)
        monkeypatch.setenv(
            "P2P_DAG_END", "2031-01-01"
        )  # what this caller's environment says is not what the others heard
        again = local.up(tmp_path, 8080, progress=told.append)
        assert (again.already_up, again.url, again.brought_back) == (True, first.url, ("scheduler", "triggerer"))
        assert told[0] == "no longer running: scheduler, triggerer"
        assert start_mark(left_behind) is None
        assert [p for p in local.components(tmp_path) if p.name not in again.brought_back] == kept
        assert all(is_running(process) for process in local.components(tmp_path))
        heard = {(environ.get("P2P_DAG_START"), environ.get("P2P_DAG_END")) for environ in stand_ins.environs}
        assert heard == {("2021-07-04", None)}
    finally:
        local.down(tmp_path)
    assert not any(members(process) for process in stand_ins.started)


def test_what_cannot_be_brought_back_is_stopped_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins = StandIns(monkeypatch)
    try:
        local.up(tmp_path, local.free_port())
        scheduler = next(p for p in local.components(tmp_path) if p.name == "scheduler")
        kill(scheduler)
        stand_ins.refuses = "scheduler"
        with pytest.raises(OSError, match="no space left"):
            local.up(tmp_path)
        left = local.components(tmp_path)
        assert [process.name for process in left] == ["api-server", "dag-processor", "triggerer", "pages"]
        assert all(is_running(process) for process in left)
        stand_ins.refuses = None
        assert local.up(tmp_path).brought_back == ("scheduler",)
    finally:
        local.down(tmp_path)


def test_the_pages_are_looked_for_where_they_are_served_and_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins = StandIns(monkeypatch)
    monkeypatch.setenv("P2P_PAGES_URL", "http://elsewhere:8000")
    try:
        local.up(tmp_path, local.free_port())
        pages = next(p for p in local.components(tmp_path) if p.name == "pages")
        kill(pages)
        assert local.up(tmp_path).brought_back == ("pages",)
        (url,) = {environ["P2P_PAGES_URL"] for environ in stand_ins.environs}
        assert url.startswith("http://127.0.0.1:")
        commands = [one for one in stand_ins.commands if "serve" in one]
        assert [one[one.index("--port") + 1] for one in commands] == [url.rpartition(":")[2]] * 2
        assert all(one[-1] == str(tmp_path) for one in commands)
    finally:
        local.down(tmp_path)


def test_a_start_that_was_cut_short_is_not_taken_for_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StandIns(monkeypatch)
    paths = LocalPaths(tmp_path)
    paths.root.mkdir()
    write_record(paths, [this_process("api-server")], 8123, {})
    try:
        assert local.up(tmp_path).brought_back == ("scheduler", "dag-processor", "triggerer", "pages")
    finally:
        write_record(paths, [p for p in local.components(tmp_path) if p.pid != os.getpid()], 8123, {})
        local.down(tmp_path)


def test_what_the_dags_were_told_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    write_record(paths, [], 8123, {"P2P_DAG_START": "2021-07-04"})
    assert paths.processes.stat().st_mode & 0o777 == 0o600


def test_a_component_that_ends_by_itself_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = start_process

    def ending(name: str, command: list[str], environ: Mapping[str, str], log: Path, cwd: Path) -> StartedProcess:
        return begin(name, [sys.executable, "-c", "raise SystemExit(3)"], environ, log, cwd)

    monkeypatch.setattr(local, "start_process", ending)
    monkeypatch.setattr(local, "_migrate", lambda paths, environ: None)
    with pytest.raises(ServiceError, match=r"Airflow's ([a-z-]+) has ended by itself; see .*/\1\.log"):
        local.up(tmp_path, local.free_port(), timeout=20)
    assert not LocalPaths(tmp_path).processes.exists()


@pytest.mark.parametrize(
    ("sunday", "last", "said"),
    [
        (date(2011, 3, 5), date(2011, 3, 6), "Saturday"),
        (date(2011, 3, 6), date(2011, 3, 5), "choose one from"),
        (date(2011, 3, 6), date(2011, 3, 12), "choose one from"),
        (date(2100, 3, 7), date(2100, 3, 8), "not due yet"),
    ],
)
def test_a_stretch_of_days_that_makes_no_sense_is_refused(tmp_path: Path, sunday: date, last: date, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run_scheduled_days(tmp_path, sunday, last)
