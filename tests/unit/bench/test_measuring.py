from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from bench.measuring import ContenderError, measure, memory_of, processes_of

MB = 1_000_000


def test_peak_memory_counts_a_child_beside_its_parent() -> None:
    child = "held = bytearray(60_000_000); import time; time.sleep(0.8)"
    parent = f"import subprocess, sys; held = bytearray(60_000_000); subprocess.run([sys.executable, '-c', {child!r}])"
    alone = measure([sys.executable, "-c", "import time; held = bytearray(60_000_000); time.sleep(0.8)"])
    both = measure([sys.executable, "-c", parent])
    assert alone.peak_mb > 60
    assert both.peak_mb > alone.peak_mb + 55


def test_peak_memory_is_that_of_the_child_and_not_of_who_started_it() -> None:
    held = bytearray(os.urandom(1)) * 300_000_000
    small = measure([sys.executable, "-c", "pass"])
    assert len(held) / MB == 300
    assert small.peak_mb < 200


def test_memory_given_back_before_the_end_is_still_the_peak() -> None:
    found = measure([sys.executable, "-c", "held = bytearray(80_000_000); del held; import time; time.sleep(0.3)"])
    assert found.peak_mb > 80


def test_a_child_that_is_just_being_started_does_not_count_twice() -> None:
    once = memory_of([os.getpid()], {os.getpid()})
    assert once > 0
    assert memory_of([os.getpid(), os.getppid()], {os.getpid()}) <= max(once * 1.1, memory_of([os.getppid()], ()))


def test_the_last_line_of_json_is_what_a_process_tells() -> None:
    found = measure([sys.executable, "-c", "print('chatter'); print('{\"work_seconds\": 1.5}')"])
    assert found.facts == {"work_seconds": 1.5}
    assert measure([sys.executable, "-c", "print('[1]')"]).facts == {}


def test_seconds_are_wall_time_of_the_whole_process() -> None:
    assert measure([sys.executable, "-c", "import time; time.sleep(0.5)"]).seconds >= 0.5


def test_a_failing_process_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ContenderError, match=r"ended with 1: .*ValueError: too few loans"):
        measure([sys.executable, "-c", "raise ValueError('too few loans')"], log=tmp_path / "log")


def test_a_process_that_takes_too_long_is_ended_with_its_children() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    before = time.perf_counter()
    with pytest.raises(ContenderError, match="did not end within 1 s"):
        measure([sys.executable, "-c", code], limit_seconds=1.0)
    assert time.perf_counter() - before < 30


def test_what_a_process_left_running_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "session"
    code = (
        "import os, subprocess, sys; open(sys.argv[1], 'w').write(str(os.getsid(0))); "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    measure([sys.executable, "-c", code, str(mark)])
    session = int(mark.read_text())
    deadline = time.monotonic() + 10
    while processes_of(session) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(session) == []
