"""Programs are known whole, the page of a run on Celery has what was measured, containers hide what is closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from tools.distributed.containers import closed_directories, contained
from tools.distributed.guardian import ROOT
from tools.distributed.memory import MemoryWatch, owners
from tools.distributed.page import page
from tools.distributed.programs import Program

from p2pcredit.local_airflow.processes import start_mark

MEASURED: dict[str, Any] = {
    "days": 5, "first": "2021-07-04", "last": "2021-07-08", "loans_per_day": 60, "seconds": 412.3, "machine": "2 cores",
    "versions": "Airflow 3", "measured_on": "2026-01-02", "home_mb": 12.4, "runs": {},
    "kills": [{"what": "redis", "when": "after 6 runs", "down": 20.0, "after": 41.6}], "busy": 96.6,
    "programs": {"scheduler": {"peak": 208.4, "starts": 3}},
    "tasks": {"ModelMonitoring.get_model": {"runs": 1, "median": 2.34, "longest": 3.2, "peak": None}},
}  # fmt: skip


def test_the_page_has_each_kill_program_and_task_and_says_what_was_not_seen() -> None:
    lines = page(MEASURED).splitlines()
    assert "| redis | after 6 runs | 20 s | 42 s |" in lines
    assert "| scheduler | 208 | 3 |" in lines
    assert "| `ModelMonitoring.get_model` | 1 | 2.3 | 3.2 | not seen |" in lines


@pytest.mark.parametrize(
    ("busy", "said"),
    [
        (96.6, "97% of its processors busy: the times are those of a busy machine, and a quiet one needs less."),
        (10.0, "10% of its processors busy: the times are those of a busy machine, and a quiet one needs less."),
        (9.4, "9% of its processors busy."),
    ],
)
def test_the_page_says_how_busy_the_machine_was(busy: float, said: str) -> None:
    lines = page({**MEASURED, "busy": busy}).splitlines()
    assert [line for line in lines if line.endswith(f"Just before, other programs kept {said}")] != []


def test_the_outermost_directory_that_others_cannot_pass_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner" / "python"
    inner.mkdir(parents=True)
    tmp_path.chmod(0o755)
    inner.parent.chmod(0o700)
    inner.parent.parent.chmod(0o700)
    found = closed_directories([inner])
    assert len(found) == 1
    assert inner.is_relative_to(found[0])
    assert Path(found[0]).is_relative_to(tmp_path / "closed") or (tmp_path / "closed").is_relative_to(found[0])


def test_a_container_mounts_what_it_is_given_and_gives_up_every_right(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = contained(["true"], tmp_path / "place", {"/opt/airflow": home}, 61001, 61000, tmp_path)
    script = command[-1].splitlines()
    assert script[-1] == (
        "exec setpriv --reuid 61001 --regid 61000 --clear-groups --no-new-privs --bounding-set=-all true"
    )
    assert script[-2] == "mount -o remount,bind,ro /"
    assert any(line.startswith(f"mount --bind {home} ") for line in script)
    assert any(line.endswith(" /opt/airflow") for line in script)


# Starts a process in a session of its own, as PostgreSQL does, and waits.
PARENT_OF_A_SESSION = """
import subprocess, sys, time
child = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child, sys.argv[1]], start_new_session=True)
time.sleep(600)
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    ready = tmp_path / "child-is-ready"
    command = [sys.executable, "-c", PARENT_OF_A_SESSION, str(ready)]
    program = Program("parent", command, dict(os.environ), tmp_path, tmp_path / "log")
    program.start()
    deadline = time.monotonic() + 60
    while not ready.exists():  # before, the child may be a fork of its parent still, in its session
        assert time.monotonic() < deadline, program.last_lines()
        time.sleep(0.02)
    yield program
    program.kill()


def test_a_process_in_a_session_of_its_own_belongs_to_the_program_that_started_it(program: Program) -> None:
    assert program.process is not None
    parent = program.process.pid
    (child,) = set(program.pids()) - {parent}
    assert os.getsid(child) == child
    assert {pid: name for pid, name in owners({parent: "parent"}).items() if pid in (parent, child)} == {
        parent: "parent",
        child: "parent",
    }
    assert os.getpid() not in owners({parent: "parent"})


def test_the_memory_of_a_program_is_that_of_its_processes_which_were_there_at_two_looks(program: Program) -> None:
    watch = MemoryWatch(SimpleNamespace(programs={"parent": program}))  # type: ignore[arg-type]
    watch.look()
    assert watch.peaks["parent"] == 0.0
    watch.look()
    held = [psutil.Process(pid).memory_info().rss / 2**20 for pid in program.pids()]
    assert watch.peaks["parent"] == pytest.approx(sum(held), rel=0.1)
    assert min(held) > 0.2 * sum(held), "the child in its own session is a good part of it"


def test_a_program_that_was_killed_is_reaped_wherever_it_ended_between_two_looks(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.process is not None
    program.pids()
    monkeypatch.setattr("tools.distributed.programs.members", lambda process: [])  # a look that reaps nothing
    program.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(program.process.pid, 0)


@pytest.mark.parametrize("how", [Program.kill, Program.stop])
def test_what_outlived_the_process_that_started_it_is_ended_too(program: Program, how: Any) -> None:
    assert program.process is not None
    parent = program.process.pid
    (child,) = set(program.pids()) - {parent}
    os.kill(parent, signal.SIGKILL)
    while program.running:
        time.sleep(0.02)
    assert program.pids() == [child]
    how(program)
    assert program.pids() == []


GUARDED_PARENT = """
import os, pathlib, sys, time
from tools.distributed.guardian import Guardian
from tools.distributed.programs import Program

place = pathlib.Path(sys.argv[1])
command = [sys.executable, "-c", sys.argv[3], str(place / "child-is-ready")]
guardian = Guardian(place)
program = Program("parent", command, dict(os.environ), place, place / "log", report=guardian.watch)
if sys.argv[2] == "start":
    program.start()
    while not (place / "child-is-ready").exists():
        time.sleep(0.02)
    print(*program.pids(), flush=True)
    time.sleep(600)
program.report = lambda process: (guardian.watch(process), print(process.pid, flush=True))
program.run(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("how", ["start", "run"])
def test_what_a_process_started_ends_when_a_signal_ends_it(how: str, number: signal.Signals, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    command = [sys.executable, "-c", GUARDED_PARENT, str(place), how, PARENT_OF_A_SESSION]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        started = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(started) == (2 if how == "start" else 1)
        marks = {pid: start_mark(pid) for pid in started}
        assert None not in marks.values()
        parent.send_signal(number)
        parent.wait(120)
    deadline = time.monotonic() + 120
    while place.exists() or any(start_mark(pid) == mark for pid, mark in marks.items()):
        assert time.monotonic() < deadline, "it was not ended"
        time.sleep(0.05)


KILLED_BEFORE_ITS_WORD = """
import os, pathlib, signal, sys
from tools.distributed.programs import Program

place = pathlib.Path(sys.argv[1])

def die(process):
    print(process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

Program("touch", ["touch", place / "begun"], dict(os.environ), place, place / "log", report=die).start()
"""


def test_what_the_guardian_has_not_heard_of_never_begins(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_BEFORE_ITS_WORD, str(tmp_path)]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert died.returncode == -signal.SIGKILL
    pid = int(died.stdout)
    deadline = time.monotonic() + 120
    while start_mark(pid) is not None:
        assert time.monotonic() < deadline, "it still waits"
        time.sleep(0.05)
    assert not (tmp_path / "begun").exists()
