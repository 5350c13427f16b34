"""A full disk, missing rights, vanished directories: each job ends in one line, and goes on once it is mended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.hostile.conftest import NEXT, Outcome, Run, every_job, failed_commands_of, state_of, warnings_of

pytestmark = pytest.mark.torture
ONLY_LOOKING = {"status", "doctor", "decision"}


def check_goes_on(run: Run, home: Path, raw: Path) -> None:
    """Once the fault is gone every job does its work, and the home is sound."""
    ran = run(home, *[[*command, "--json"] for command in every_job(home, raw)])
    assert [outcome.stderr for outcome in ran.outcomes if outcome.code and outcome.name != "doctor"] == []
    checks = json.loads(ran["doctor"].stdout)["checks"]
    assert {name for name, check in checks.items() if check["status"] == "fail"} <= {"disk"}


def check_failed_in_one_line(outcomes: list[Outcome], must_fail: set[str]) -> int:
    failed = [outcome for outcome in outcomes if outcome.code]
    assert all("; " in outcome.error for outcome in failed)  # what was found; what to do
    assert must_fail <= {outcome.name for outcome in failed}
    return len(failed)


def check_cause(outcomes: list[Outcome], cause: str) -> None:
    """Each failure names the cause; scoring names the day that could not be preprocessed before it."""
    for outcome in outcomes:
        if outcome.code:
            assert (f"{NEXT} is not preprocessed" if outcome.name == "infer" else cause) in outcome.error


@pytest.fixture
def small_disk(tmp_path: Path, lived_home: Path) -> Iterator[Path]:
    """A lived-in home on a file system of its own, of 16 MB."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(mounted)], capture_output=True)
    if done.returncode:
        pytest.skip("this machine does not let the tests mount a small file system")
    try:
        yield Path(shutil.copytree(lived_home, mounted / "home"))
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)


def fill(filler: Path) -> None:
    """Write until nothing more fits."""
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(b"\0" * 4096)
    assert shutil.disk_usage(filler).free == 0


def test_a_full_disk_stops_each_job_in_one_line_and_harms_nothing(
    run: Run, small_disk: Path, raw_download: Path, torture: Any
) -> None:
    before = state_of(small_disk)
    filler = small_disk.parent / "filler"
    fill(filler)
    ran = run(small_disk, *every_job(small_disk, raw_download))
    tried = check_failed_in_one_line(ran.outcomes, {"land", "preprocess", "train", "monitor", "replay", "export"})
    check_cause([outcome for outcome in ran.outcomes if outcome.name != "doctor"], "No space left")
    assert "disk: 0.0 GB free" in ran["doctor"].error
    assert state_of(small_disk) == before
    filler.unlink()
    check_goes_on(run, small_disk, raw_download)
    torture.record("full disk, whole jobs on a small file system", tried)


def test_a_home_that_may_not_be_written_stops_each_job_in_one_line(
    run: Run, home: Path, raw_download: Path, torture: Any
) -> None:
    before = state_of(home)
    paths = [home, *home.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        jobs = every_job(home, raw_download)
        ran = run(home, *jobs, heed_mode_bits=True)
        tried = check_failed_in_one_line(ran.outcomes, {job[0] for job in jobs} - ONLY_LOOKING)
        check_cause([outcome for outcome in ran.outcomes if outcome.name != "doctor"], "Permission denied")
        assert ran["status"].code == 0
        assert "cannot be written by this user" in ran["doctor"].error
        assert state_of(home) == before
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
    if torture.full:
        check_goes_on(run, home, raw_download)
    torture.record("read-only home, whole jobs", tried)


LOCKED = ["scripts/datamart/gold/feature_store", "logs/decisions", "p2pcredit.toml", "data/loan_terms", "model_bank"]


def test_what_may_not_be_read_is_named(run: Run, home: Path, raw_download: Path, torture: Any) -> None:
    tried = 0
    for name in LOCKED[: torture.times(2, len(LOCKED))]:
        modes = {path: path.stat().st_mode for path in [home / name, *(home / name).rglob("*")]}
        for path in modes:
            path.chmod(0)
        # `land`, `preprocess`, `infer` and what only looks: enough to touch each of these places
        chosen = [command for command in every_job(home, raw_download) if command[0] not in {"train", "monitor"}]
        ran = run(home, *chosen, heed_mode_bits=True)
        failed = [outcome for outcome in ran.outcomes if outcome.code]
        assert failed, name
        assert all(outcome.error for outcome in failed)
        assert any(Path(name).name in outcome.stderr + outcome.stdout for outcome in ran.outcomes), name
        for path, mode in modes.items():
            path.chmod(mode)
        tried += len(failed)
    if torture.full:
        check_goes_on(run, home, raw_download)
    torture.record("files and directories of another owner", tried)


def test_a_decision_file_of_another_owner_is_set_aside_and_told(run: Run, home: Path) -> None:
    shown = home / "logs/retraining_decision.json"
    shown.write_text('{"decision_date": "2021-06-19", "performance_score": 0.5, "retrain": true, "reason": "mine"}')
    if os.getuid() == 0:
        os.chown(shown, 65534, 65534)
    shown.chmod(0)
    ran = run(home, ["decision", "show", "--json"], ["replay", "--from", NEXT, "--to", NEXT], heed_mode_bits=True)
    assert "unreadable: it cannot be opened (Permission denied)" in ran["decision"].stdout
    assert ran["replay"].code == 0
    aside = home / "logs/retraining_decision.unreadable-001.json"
    aside.chmod(0o600)
    assert "mine" in aside.read_text()
    assert any("set aside as retraining_decision.unreadable-001.json" in line for line in warnings_of(home))


def unhealthy_checks(run: Run, home: Path) -> dict[str, str]:
    """Return what `doctor` finds wrong, by check; it calls a home healthy only where that is nothing."""
    (doctor,) = run(home, ["doctor", "--json"]).outcomes
    examined = json.loads(doctor.stdout)
    wrong = {check: found["finding"] for check, found in examined["checks"].items() if found["status"] == "fail"}
    assert examined["healthy"] is not bool(wrong)
    return wrong


VANISHED = {
    "data/financial": {"preprocess"},
    "model_bank": {"infer", "monitor"},
    "logs/decisions": set(),
    "data": {"preprocess"},
    "scripts/datamart": set(),
    "scripts/datamart/gold/feature_store": set(),
    "logs": set(),
    "reports": set(),
}


@pytest.mark.parametrize("name", VANISHED)
def test_a_vanished_directory_is_missed_in_one_line_and_nothing_else_is_harmed(
    run: Run, home: Path, name: str, torture: Any
) -> None:
    if list(VANISHED).index(name) >= torture.times(3, len(VANISHED)):
        pytest.skip("tried by `make torture`")
    kept = home.with_name("kept")
    (home / name).rename(kept)
    jobs = [command for command in every_job(home, home) if command[0] not in {"land", "replay"}]
    if name != "model_bank" and not torture.full:
        jobs = [command for command in jobs if command[0] not in {"train", "monitor"}]
    ran = run(home, *jobs)
    failed = [outcome for outcome in ran.outcomes if outcome.code]
    assert all(outcome.error for outcome in failed)
    asked = {outcome.name for outcome in ran.outcomes}
    assert VANISHED[name] & asked <= {outcome.name for outcome in failed}
    told = failed_commands_of(home) if (home / "logs/activity.jsonl").exists() else []
    for outcome in failed:
        if outcome.name not in ONLY_LOOKING:
            assert outcome.name in told
    shutil.rmtree(home / name, ignore_errors=True)
    kept.rename(home / name)
    if unhealthy := unhealthy_checks(run, home):
        # A day that was made while one table was away went with the table that took its place: it is named, with what
        # makes it again.
        made_meanwhile = name.startswith("scripts/datamart/") and "preprocess" in asked - {o.name for o in failed}
        assert made_meanwhile, unhealthy
        assert unhealthy.keys() == {"reconciliation"}, unhealthy
        assert f"p2pcredit preprocess --date {NEXT}" in unhealthy["reconciliation"]
        assert not [outcome for outcome in run(home, ["preprocess", "--date", NEXT]).outcomes if outcome.code]
        assert not unhealthy_checks(run, home)
    torture.record(f"vanished directory {name}", len(jobs))
