"""What is seen of a child, in any thread or child of it: counted, refused and killed at the step that was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.crash_testing.syscalls import CALLS

pytestmark = pytest.mark.usefixtures("watchable")

_SCRIPT = """
import json, os, subprocess, sys, threading, time
from dataclasses import asdict
from pathlib import Path
from p2pcredit.crash_testing.syscall_filter import watch
from p2pcredit.errors import ServiceError

inside, outside = Path(sys.argv[1]), Path(sys.argv[2])
def work():
{work}
    return 3
print(json.dumps(asdict(watch(work, inside, **json.loads(sys.argv[3])))))
"""
FIVE_STEPS = """
(inside / "a").mkdir()
(inside / "a" / "x").write_text("hi")
os.rename(inside / "a" / "x", inside / "y")
os.unlink(inside / "y")
"""


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "inside"
    path.mkdir()
    return path


def watched(work: str, inside: Path, **orders: Any) -> dict[str, Any]:
    """Watch this code from a fresh interpreter, since a process that forks must have one thread."""
    outside = inside.with_name("outside")
    outside.mkdir(exist_ok=True)
    indented = "\n".join(f"    {line}" for line in work.strip().splitlines())
    command = [sys.executable, "-c", _SCRIPT.format(work=indented), str(inside), str(outside), json.dumps(orders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_every_step_is_counted_and_the_child_ends_as_it_would_unwatched(inside: Path) -> None:
    done = watched(FIVE_STEPS, inside)
    assert (done["steps"], done["exit_code"], done["stopped_at"], done["hung"]) == (5, 3, None, False)
    assert list(inside.iterdir()) == [inside / "a"]


@pytest.mark.parametrize(
    ("number", "stopped_at", "left"),
    [
        (1, "mkdir of a", []),
        (2, "openat of a/x", ["a"]),
        (3, "write of a/x", ["a", "a/x"]),
        (4, "rename of a/x to y", ["a", "a/x"]),
        (5, "unlink of y", ["a", "y"]),
    ],
)
def test_a_kill_comes_just_before_the_step(inside: Path, number: int, stopped_at: str, left: list[str]) -> None:
    done = watched(FIVE_STEPS, inside, kill_at=number)
    assert (done["exit_code"], done["steps"]) == (-9, number)
    assert done["stopped_at"].replace("mkdirat", "mkdir").replace("unlinkat", "unlink") == stopped_at
    assert sorted(str(path.relative_to(inside)) for path in inside.rglob("*")) == left


def test_a_full_disk_refuses_every_later_step_that_takes_space_and_no_other(inside: Path) -> None:
    (inside / "old").write_text("x")
    tries = """
for number in range(3):
    try:
        (inside / f"new{number}").mkdir()
    except OSError as error:
        print(error.errno)
os.unlink(inside / "old")
"""
    done = watched(tries, inside, full_from=2)
    assert done["output"].split() == ["28", "28"]
    assert [path.name for path in inside.iterdir()] == ["new0"]


def test_a_sync_is_a_step_for_a_full_disk_only(inside: Path) -> None:
    sync = """
with open(inside / "x", "w") as stream:
    os.fsync(stream.fileno())
"""
    counted = watched(sync, inside)
    assert (counted["steps"], counted["taking_space"]) == (1, 2)
    assert watched(sync, inside, full_from=1)["stopped_at"] == "fsync of x"  # x is there by now


def test_steps_of_threads_and_of_other_programs_count(inside: Path) -> None:
    work = """
thread = threading.Thread(target=lambda: (inside / "thread").mkdir())
thread.start()
thread.join()
subprocess.run(["mkdir", str(inside / "program")], check=True)
"""
    assert watched(work, inside)["steps"] == 2
    killed = watched(work, inside.with_name("inside"), kill_at=1)
    assert killed["steps"] == 1


def test_reading_and_what_lies_elsewhere_do_not_count(inside: Path) -> None:
    (inside / "there").write_text("x")
    work = """
(inside / "there").read_text()
os.close(os.open(inside / "there", os.O_RDWR | os.O_CREAT))
(outside / "x").write_text("x")
print("to a pipe")
"""
    assert watched(work, inside)["steps"] == 0


def test_a_path_is_found_from_the_working_directory_and_from_a_handle(inside: Path) -> None:
    work = """
os.chdir(inside)
os.mkdir("a")
handle = os.open("a", os.O_RDONLY)
os.mkdir("b", dir_fd=handle)
os.rename("b", "c", src_dir_fd=handle, dst_dir_fd=handle)
"""
    assert watched(work, inside)["steps"] == 3
    assert (inside / "a" / "c").is_dir()


def test_a_child_that_does_not_end_is_ended(inside: Path) -> None:
    done = watched("time.sleep(600)", inside, seconds=0.5)
    assert (done["hung"], done["exit_code"]) == (True, -9)


def test_an_exception_ends_the_child_with_its_traceback_and_a_code_of_its_own(inside: Path) -> None:
    done = watched("raise KeyError('lost')", inside)
    assert done["exit_code"] == 70
    assert "KeyError: 'lost'" in done["output"]


def test_a_system_that_does_not_allow_it_is_one_clear_line(inside: Path) -> None:
    nested = """
try:
    watch(lambda: 0, inside)
except ServiceError as error:
    print(error)
"""
    said = watched(nested, inside)["output"]  # the kernel lets no process watch the child of a child that is watched
    assert said.startswith("a process cannot be watched here: ")
    assert len(said.splitlines()) == 1


def test_the_numbers_of_the_calls_are_those_that_the_system_uses() -> None:
    headers = [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h")]
    found = [path for path in headers if path.is_file()]
    if not found:
        pytest.skip("no kernel headers here to compare with")
    for path in found:
        generic = path.parent.name == "asm-generic"
        prefixes = ("__NR_", "__NR3264_") if generic else ("__NR_",)
        numbers: dict[str, int] = {}
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) >= 3 and words[0] == "#define" and words[2].isdigit():
                for prefix in prefixes:
                    if words[1].startswith(prefix):
                        numbers.setdefault(words[1].removeprefix(prefix), int(words[2]))
        for call in CALLS:
            ours = call.aarch64 if generic else call.x86_64
            if ours is not None and call.name in numbers:
                assert numbers[call.name] == ours, (path, call.name)
    assert os.uname().machine
