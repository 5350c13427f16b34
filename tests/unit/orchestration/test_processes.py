"""Background processes are stopped whole, and another program that was given an old id is never touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2pcredit.local_airflow.processes import (
    StartedProcess,
    is_running,
    members,
    start_mark,
    start_process,
    stop_processes,
)

Start = Callable[[str], StartedProcess]

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
PARENT = (
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[StartedProcess] = []

    def run(script: str) -> StartedProcess:
        log = tmp_path / f"{len(started)}.log"
        process = start_process("sleeper", [sys.executable, "-c", script], os.environ, log, tmp_path)
        started.append(process)
        deadline = time.monotonic() + 10
        while "ready" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        return process

    yield run
    for process in started:
        for pid in members(process):
            os.kill(pid, signal.SIGKILL)


def test_a_started_process_leads_its_own_session_and_writes_to_a_private_file(start: Start, tmp_path: Path) -> None:
    process = start("import time; print('ready', flush=True); time.sleep(60)")
    assert is_running(process)
    assert os.getsid(process.pid) == process.pid
    assert (tmp_path / "0.log").stat().st_mode & 0o077 == 0
    assert stop_processes([process]) == []
    assert not is_running(process)


def test_children_are_stopped_with_it(start: Start) -> None:
    process = start(PARENT)
    assert len(members(process)) == 2
    assert stop_processes([process], patience=2) == []
    assert members(process) == []


def test_orphans_are_found_after_their_parent_has_died(start: Start) -> None:
    process = start(PARENT)
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(members(process)) == 1
    assert stop_processes([process]) == []
    assert members(process) == []


def test_a_process_that_ignores_being_told_is_killed(start: Start) -> None:
    process = start(STUBBORN)
    assert stop_processes([process], patience=0.2, rounds=2) == []
    assert not is_running(process)


def test_another_program_that_has_the_id_now_is_left_alone() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        mark = start_mark(other.pid)
        assert mark is not None
        stale = StartedProcess("scheduler", other.pid, "another-boot/1", sys.executable)
        assert not is_running(stale)
        assert members(stale) == []
        assert stop_processes([stale], patience=0.1) == []
        assert other.poll() is None
        assert is_running(replace(stale, started=mark))
    finally:
        other.kill()
        other.wait()


def test_nothing_to_stop_is_no_error() -> None:
    assert stop_processes([]) == []
    assert start_mark(2**22 + 1) is None
