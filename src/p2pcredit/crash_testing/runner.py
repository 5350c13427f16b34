"""The crash kit: each job killed at every step it takes on a disk, and the disk full from every step on."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p2pcredit.crash_testing.fork_server import ForkServer
from p2pcredit.crash_testing.invariants import differences, half_states
from p2pcredit.crash_testing.scenarios import JOBS, Job
from p2pcredit.crash_testing.snapshots import HomeSnapshot, take_snapshot
from p2pcredit.crash_testing.syscall_filter import Watched, explain_if_impossible
from p2pcredit.errors import StorageError
from p2pcredit.progress import Progress, no_progress
from p2pcredit.storage.files import disk_error

_KILLED = -9
_PREFIX = "p2pcredit-crash-test-"


@dataclass(slots=True)
class Tried:
    """What was tried on one job: points of a kill, points of a full disk, and what broke, in sentences."""

    kill_points: int = 0
    full_disk_points: int = 0
    violations: list[str] = field(default_factory=list)


def crash_test(
    directory: Path,
    *,
    jobs: Sequence[str] | None = None,
    most_points: int | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Kill every job at each of its steps on this disk, fill the disk from any step on, and check the home after each.

    Works in a directory of its own below `directory`, which is removed at the end unless something broke.

    Args:
        directory: Where to try it: the volume that home is to lie on. It is made where it is missing.
        jobs: Names in `JOBS`; None for all.
        most_points: So many points of each job at most, spread evenly; None for every step.
        progress: Called with the job, points tried so far in this job, and points in all.

    Returns:
        `directory`, `kill_points`, `full_disk_points`, `jobs` (job to `kill_points`, `full_disk_points`, `violations`),
        `violations` (sentences), `kept` (where the homes lie after a violation, else None), `seconds`.

    Raises:
        ServiceError: If this system does not let a process watch its child.
        StorageError: If the directory cannot be written.
    """
    explain_if_impossible()
    began = time.perf_counter()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        ground = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=directory)).resolve()
    except OSError as error:
        raise disk_error("write", directory, error) from error
    tried: dict[str, Tried] = {}
    try:
        with ForkServer() as fork_server:
            bench = Bench(ground, fork_server)
            for name in jobs or JOBS:
                tried[name] = try_job(bench, JOBS[name], most_points, progress)
    finally:
        broken = any(job.violations for job in tried.values())
        if not broken:
            shutil.rmtree(ground, ignore_errors=True)
    return {
        "directory": str(directory),
        "kill_points": sum(job.kill_points for job in tried.values()),
        "full_disk_points": sum(job.full_disk_points for job in tried.values()),
        "jobs": {
            name: {
                "kill_points": job.kill_points,
                "full_disk_points": job.full_disk_points,
                "violations": len(job.violations),
            }
            for name, job in tried.items()
        },
        "violations": [sentence for job in tried.values() for sentence in job.violations],
        "kept": str(ground) if broken else None,
        "seconds": round(time.perf_counter() - began, 1),
    }


class Bench:
    """Where homes are made and spoilt: each starting home once, then a copy for every run.

    Args:
        ground: An empty directory of one's own, a real path.
        fork_server: What runs the steps.
    """

    def __init__(self, ground: Path, fork_server: ForkServer) -> None:
        self.fork_server = fork_server
        self._ground = ground
        self._starts: dict[tuple[str, ...], Path] = {}
        self._undisturbed: dict[tuple[str, ...], Watched] = {}
        self._snapshots: dict[tuple[str, ...], HomeSnapshot] = {}

    def start(self, steps: tuple[str, ...]) -> Path:
        """Return the home that these steps make, made once.

        Raises:
            StorageError: If a step fails on this disk even when nothing disturbs it.
        """
        if steps in self._starts:
            return self._starts[steps]
        earlier = self.start(steps[:-1]) if steps else None
        home = self._ground / f"start-{len(self._starts):02d}"
        if earlier is not None:
            shutil.copytree(earlier, home)
            done = self.fork_server.run(steps[-1], home)
            if done.exit_code != 0:
                raise StorageError(f"'{steps[-1]}' fails here undisturbed: {last_line(done.output)}; mend that first")
            self._undisturbed[steps] = done
        else:
            home.mkdir()
        self._starts[steps] = home
        return home

    def undisturbed(self, steps: tuple[str, ...]) -> Watched:
        """Return how the last of these steps went when its home was made, its steps on disk counted."""
        self.start(steps)
        return self._undisturbed[steps]

    def snapshot(self, steps: tuple[str, ...]) -> HomeSnapshot:
        """Return the snapshot of that home, taken once."""
        if steps not in self._snapshots:
            known = self.snapshot(steps[:-1]) if steps else None
            self._snapshots[steps] = take_snapshot(self.start(steps), known)
        return self._snapshots[steps]

    def copy(self, steps: tuple[str, ...]) -> Path:
        """Copy the home to a fresh one to spoil, in place of the last one."""
        home = self._ground / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.start(steps), home)
        return home

    def keep(self, name: str) -> None:
        """Keep the home just spoilt under a name of its own."""
        shutil.copytree(self._ground / "home", self._ground / name, dirs_exist_ok=True)


def try_job(bench: Bench, job: Job, most_points: int | None, progress: Progress = no_progress) -> Tried:
    """Kill a job at its steps and let the disk be full from its steps on; each time read the home and run it again."""
    laws = _Laws(job, bench.snapshot(job.start), bench.snapshot((*job.start, job.step)))
    counted = bench.undisturbed((*job.start, job.step))
    kills, fulls = _spread(counted.steps, most_points), _spread(counted.taking_space, most_points)
    tried, total = Tried(), len(kills) + len(fulls)
    for number in kills:
        progress(job.step, tried.kill_points, total)
        home = bench.copy(job.start)
        done = bench.fork_server.run(job.step, home, kill_at=number)
        if done.stopped_at is None:
            continue  # its threads took fewer steps this time
        tried.kill_points += 1
        found = [] if done.exit_code == _KILLED else [f"ended with {done.exit_code}"]
        found += laws.broken(bench, home)
        _note(bench, tried, found, f"{job.step}, killed at step {number} ({done.stopped_at})")
    for number in fulls:
        progress(job.step, tried.kill_points + tried.full_disk_points, total)
        home = bench.copy(job.start)
        done = bench.fork_server.run(job.step, home, full_from=number)
        if done.stopped_at is None:
            continue
        tried.full_disk_points += 1
        found = [*unclear_end(done), *laws.broken(bench, home)]
        _note(bench, tried, found, f"{job.step}, disk full from step {number} on ({done.stopped_at})")
    return tried


@dataclass(frozen=True, slots=True)
class _Laws:
    job: Job
    before: HomeSnapshot
    after: HomeSnapshot

    def broken(self, bench: Bench, home: Path) -> list[str]:
        """List what a reader sees half done in this home now, and what is wrong after the job ran again."""
        found = half_states(take_snapshot(home, self.before), self.before, self.after)
        again = bench.fork_server.run(self.job.step, home)
        if again.exit_code != 0:
            found.append(f"run again, it ended with {again.exit_code}: {last_line(again.output)}")
        found += differences(take_snapshot(home, self.before), self.after)
        return list(dict.fromkeys(found))


def unclear_end(done: Watched) -> list[str]:
    """List what is wrong with a job's end on a full disk: it should print one clear line and end with exit code 1."""
    if done.hung:
        return ["did not end by itself"]
    lines = [line for line in done.output.splitlines() if line.startswith("Error: ")]
    if done.exit_code != 1 or len(lines) != 1:
        return [f"ended with {done.exit_code} and not with one clear line: {last_line(done.output)}"]
    return [] if "free some space" in lines[0] else [f"does not say what to do: {lines[0]}"]


def last_line(output: str) -> str:
    """Return the last line of an output, in at most 300 characters."""
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def _note(bench: Bench, tried: Tried, found: Iterable[str], where: str) -> None:
    sentences = [f"{where}: {sentence}" for sentence in found]
    if sentences and not tried.violations:
        bench.keep("".join(letter if letter.isalnum() else "-" for letter in where)[:80])
    tried.violations += sentences


def _spread(steps: int, most: int | None) -> list[int]:
    """Step numbers from 1 to `steps`, all of them or `most` spread evenly."""
    if most is None or steps <= most:
        return list(range(1, steps + 1))
    return [1 + (2 * place + 1) * steps // (2 * most) for place in range(most)]
