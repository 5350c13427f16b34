"""Every job, killed at its steps on disk and on a disk full from its steps on; then run again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.crash_testing.invariants import differences, half_states
from p2pcredit.crash_testing.runner import Bench, crash_test, try_job, unclear_end
from p2pcredit.crash_testing.scenarios import DAY, JOBS, STEPS, Job, jobs_without_a_scene
from p2pcredit.crash_testing.snapshots import take_snapshot, without_dead_runs
from p2pcredit.crash_testing.syscall_filter import Watched
from p2pcredit.jobs.pipeline_graph import Pipeline, Step
from p2pcredit.jobs.pipelines import jobs_of
from p2pcredit.storage.layout import Layout

_BOUNDED, _EVERY = 1, 1_000_000
_SOUND = Job((), "decision: override")
_BROKEN = Job((), "write a decision by hand")  # writes in place, and does not expect a full disk


@pytest.mark.torture
@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_was_killed_or_met_a_full_disk_ends_as_if_undisturbed_when_run_again(
    name: str, bench: Bench, torture: Any
) -> None:
    tried = try_job(bench, JOBS[name], torture.times(_BOUNDED, _EVERY))
    killed = [sentence for sentence in tried.violations if ", killed at step" in sentence]
    torture.record(f"killed at every disk step of {name}", tried.kill_points, len(killed))
    full = len(tried.violations) - len(killed)
    torture.record(f"disk full from every step of {name} on", tried.full_disk_points, full)
    assert tried.violations == []
    assert (tried.kill_points > 0) == (name != "preprocess: source checks")


def test_every_job_of_the_pipelines_that_writes_is_tried_and_a_new_one_from_a_home_with_all_before_it() -> None:
    called = {step.job for step in jobs_of().values() if step.writes}
    assert len(called) == 15
    assert jobs_without_a_scene() == []
    assert {job.step for job in JOBS.values()} | {name for job in JOBS.values() for name in job.start} <= set(STEPS)
    table = Step("vintages", "preprocessing.vintages.build_vintages", span=True, command="preprocess")
    (tried,) = jobs_without_a_scene((Pipeline("Fourth", "0 3 * * *", "fourth", (table,)),))
    assert (tried.step, tried.start[-1]) == (f"job {table.job}", "preprocess the day up to its receipt")


def test_the_kit_leaves_nothing_behind_and_touches_nothing_else(
    watchable: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pcredit.crash_testing.runner.JOBS", {"x": _SOUND})
    (tmp_path / "mine").write_text("x")
    receipt = crash_test(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (receipt["kept"], receipt["violations"]) == (None, [])
    assert receipt["kill_points"] > 5
    assert receipt["jobs"] == {
        "x": {"kill_points": receipt["kill_points"], "full_disk_points": receipt["full_disk_points"], "violations": 0}
    }


def test_what_breaks_is_told_in_one_line_and_the_homes_are_kept(
    watchable: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pcredit.crash_testing.runner.JOBS", {"x": _BROKEN})
    done = CliRunner().invoke(app, ["crash-test", str(tmp_path), "--json"])
    assert done.exit_code == 1
    receipt = json.loads(done.stdout)
    assert set(receipt) == {
        "directory",
        "kill_points",
        "full_disk_points",
        "jobs",
        "violations",
        "kept",
        "seconds",
    }
    assert any("killed at step 3 (write of logs/retraining_decision.json)" in told for told in receipt["violations"])
    assert len(done.stderr.splitlines()) == 1
    assert receipt["kept"] in done.stderr
    assert list(Path(receipt["kept"]).iterdir())


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(app, ["crash-test", str(tmp_path / "file" / "below")])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")


def test_the_laws_see_a_half_table_a_lost_line_and_a_file_left_behind(bench: Bench, tmp_path: Path) -> None:
    job = JOBS["decision: clear"]
    before, after = bench.snapshot(job.start), bench.snapshot((*job.start, job.step))
    home = tmp_path / "home"
    shutil.copytree(bench.start(job.start), home)
    assert half_states(take_snapshot(home), before, after) == []
    layout = Layout(home)
    max(layout.ledger.glob("[0-9]*.json")).unlink()
    (layout.logs / ".x.tmp").touch()
    layout.report(DAY).parent.mkdir(exist_ok=True)
    layout.report(DAY).write_text("half a rep")
    max(layout.table("gold/feature_store").glob("_delta_log/*.json")).write_text("{")
    seen = take_snapshot(home)
    told = " ".join([*half_states(seen, before, after), *differences(seen, after)])
    for words in ("the ledger lost lines", "gold/feature_store cannot be read", "left behind", "neither as it was"):
        assert words in told


def test_a_claim_of_a_run_that_died_and_its_release_count_as_nothing() -> None:
    decided = ("decided", {"decision_id": "d"})
    dead = [("claimed", {"decision_id": "d"}), ("released", {"decision_id": "d"})]
    again = [("claimed", {"decision_id": "d"}), ("trained", {"decision_id": "d"})]
    assert without_dead_runs([decided, *dead, *again]) == [decided, *again]


@pytest.mark.parametrize(
    ("code", "output", "hung", "words"),
    [
        (1, "Error: cannot write x: No space left on device; free some space and run it again\n", False, None),
        (1, "Error: cannot write x: No space left on device\n", False, "what to do"),
        (70, "Traceback\nKeyError: 1\n", False, "KeyError"),
        (0, "", False, "ended with 0"),
        (-9, "", True, "did not end"),
    ],
)
def test_a_full_disk_must_end_with_one_clear_line(code: int, output: str, hung: bool, words: str | None) -> None:
    found = unclear_end(Watched(3, 2, code, output, "write of x", hung))
    assert found == [] if words is None else words in found[0]
