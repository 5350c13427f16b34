"""Days under Airflow while its processes are killed at random: nothing is lost, and nothing is done twice.

The scheduler runs all three DAGs over a stretch of past days with Sundays in it, one of which decides to train again.
Meanwhile tasks, their supervisors and whole components get SIGKILL at seeded moments and are brought back by
`airflow up`. In the end the home must equal that of an undisturbed replay, line for line and row for row.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow is not installed; the local Airflow needs the extra 'airflow'")

from p2pcredit.errors import ServiceError
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PREPROCESSING
from p2pcredit.local_airflow import airflow as local
from p2pcredit.local_airflow.processes import StartedProcess, is_running, members, start_mark
from p2pcredit.local_airflow.settings import LocalPaths

SUNDAY = date(2021, 7, 4)
TASK, SUPERVISOR, EVERYTHING = "a task's process", "a task's supervisor", "every component at once"
TRAINING, TRAINERS_SUPERVISOR = "the training's process", "the training's supervisor"
VICTIMS = (TASK, SUPERVISOR, *(name for name in local.COMPONENTS if name != local.PAGES), EVERYTHING)
"""The pages do no work of a run; they die with everything."""

PATIENCE = 1500.0
"""Seconds without a newly finished run until the stretch is called stuck; a busy machine needs many of them."""

SETTINGS = {
    "P2P_DAG_CATCHUP": "1",
    "P2P_DAG_SIMULATED_TIME": "1",
    "P2P_WAIT_MINUTES": "600",
    # A task is hit more often here than in years of service, and should not wait long for its next try.
    "P2P_RETRY_SECONDS": "1",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    # Deaths are noticed sooner than by default, for the same reason.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
}
pytestmark = [
    pytest.mark.torture,
    pytest.mark.filterwarnings("ignore:::airflow"),
    pytest.mark.filterwarnings("ignore:::sqlalchemy"),
]


class Airflow:
    """A local Airflow of one home, in which the scheduler runs past days.

    Args:
        home: The home.
        retries: How often a task is tried again.
    """

    def __init__(self, home: Path, retries: int = 15) -> None:
        self.home = home
        self.port = local.free_port()
        self.retries = retries
        self.told: dict[str, str] = {}
        self.cleared: list[tuple[str, dict[str, str]]] = []

    def up(self) -> local.LocalAirflow:
        """Start it, or what has died of it: what a person does, who tries again where a busy machine took too long."""
        for _ in range(3):
            with suppress(ServiceError):
                return local.up(self.home, self.port, extra_env=self.told, timeout=300)
        return local.up(self.home, self.port, extra_env=self.told, timeout=600)

    def run_stretch(self, days: list[date], meanwhile: Callable[[], None]) -> None:
        """Run the review of the Saturday before, all days in order, and the reviews of their Saturdays as they pass."""
        weeks = [days[n : n + 7] for n in range(0, len(days), 7)]
        start = datetime.combine(days[0], clock_time(3)).isoformat()
        for week in weeks:
            end = datetime.combine(week[-1] + timedelta(days=1), clock_time(5)).isoformat()
            span = {"P2P_DAG_START": start, "P2P_DAG_END": end, "P2P_RETRIES": str(self.retries)}
            self.told = {**SETTINGS, **span}
            self.up()
            self._run([MONITORING.dag_id], 1, meanwhile)
            self._run([PREPROCESSING.dag_id, INFERENCE.dag_id], len(week), meanwhile)
            local.down(self.home)

    def tasks(self) -> list[int]:
        """The processes in which tasks run now; each leads a process group within the scheduler's session."""
        scheduler = self.component("scheduler")
        return [pid for pid in members(scheduler) if pid != scheduler.pid and _group(pid) == pid]

    def tries_begun(self) -> int:
        """How many tries of tasks have begun so far; each has a log of its own."""
        return len(list(LocalPaths(self.home).logs.glob("tasks/*/*/*/attempt=*.log")))

    def component(self, name: str) -> StartedProcess:
        """A component as it was last started."""
        return next(process for process in local.components(self.home) if process.name == name)

    def _run(self, dag_ids: list[str], more: int, meanwhile: Callable[[], None]) -> None:
        """Let DAGs run until so many more runs of each have succeeded; the tasks of a failed one are cleared."""
        client = self.up().client()
        before = {dag_id: len(client.runs(dag_id)) for dag_id in dag_ids}
        for dag_id in dag_ids:
            client.set_paused(dag_id, False)
        runs: list[dict[str, Any]] = []
        ended, since, looked = 0, time.monotonic(), 0.0
        while ended < more * len(dag_ids):
            meanwhile()
            time.sleep(0.1)
            if time.monotonic() - looked < 2.0:
                continue
            with suppress(ServiceError):  # a busy machine may answer late; we ask again
                runs = [run for dag_id in dag_ids for run in client.runs(dag_id)[before[dag_id] :]]
                for run in runs:
                    if run["state"] == "failed":
                        self.cleared.append(self._unfinished(run))
                        body = {"dry_run": False, "only_failed": True, "dag_run_id": run["dag_run_id"]}
                        client._call("POST", f"/api/v2/dags/{run['dag_id']}/clearTaskInstances", body)
            now, looked = sum(run["state"] == "success" for run in runs), time.monotonic()
            if now > ended:
                ended, since = now, looked
            assert looked - since < PATIENCE, [self._unfinished(run) for run in runs]
        assert ended == len(runs)
        for dag_id in dag_ids:
            client.set_paused(dag_id, True)

    def _unfinished(self, run: dict[str, Any]) -> tuple[str, dict[str, str]]:
        tasks = self.up().client().task_instances(run["dag_id"], run["dag_run_id"])
        open_ones = [task for task in tasks if task["state"] not in {"success", "skipped"}]
        return run["dag_run_id"], {t["task_id"]: f"{t['state']} at try {t['try_number']}" for t in open_ones}


class Killer:
    """Kills processes of an Airflow, each after some more tasks have begun, and brings components back.

    Args:
        airflow: The Airflow, which is up.
        chance: Where its choices come from.
        victims: Whom to kill, in order.
        trainings: Whom to kill while a training runs, as soon as one does.
        tasks: About how many tasks are to run, so that the kills are spread over them.
    """

    def __init__(
        self, airflow: Airflow, chance: random.Random, victims: list[str], trainings: list[str], tasks: int
    ) -> None:
        self.airflow, self.chance, self.victims, self.trainings = airflow, chance, victims, trainings
        self.killed: Counter[str] = Counter()
        self._most = tasks // (len(victims) + 1)
        self._due = self._gap()

    def look(self) -> None:
        """Kill the process that is due."""
        if self.trainings and (training := next(filter(self._trains, self.airflow.tasks()), None)):
            time.sleep(self.chance.uniform(0.0, 2.0))
            if self._trains(training) and self._kill_task(training, self.trainings[0]):
                self.trainings.pop(0)
        if self.victims and self.airflow.tries_begun() >= self._due:
            time.sleep(self.chance.uniform(0.0, 1.5))
            if self._kill(self.victims[0]):
                self.victims.pop(0)
                self._due += self._gap()

    def _gap(self) -> int:
        return self.chance.randint(self._most // 2, self._most)

    def _kill(self, victim: str) -> bool:
        if victim in {TASK, SUPERVISOR}:
            tasks = self.airflow.tasks()
            return bool(tasks) and self._kill_task(self.chance.choice(tasks), victim)
        found = [self.airflow.component(name) for name in local.COMPONENTS if victim in {name, EVERYTHING}]
        for process in found:
            os.kill(process.pid, signal.SIGKILL)
        while any(is_running(process) for process in found):
            time.sleep(0.01)
        self.killed[victim] += 1
        time.sleep(self.chance.uniform(0.0, 3.0))
        assert len(found) == (len(self.airflow.up().brought_back) or len(local.COMPONENTS))
        return True

    def _kill_task(self, task: int, victim: str) -> bool:
        with _held_still(task) as held:
            whom = task if victim in {TASK, TRAINING} else _parent(task)
            mine = held and whom in members(self.airflow.component("scheduler"))
            if mine and whom is not None:
                os.kill(whom, signal.SIGKILL)
                self.killed[victim] += 1
            return mine

    def _trains(self, task: int) -> bool:
        lock = str(self.airflow.home / "logs" / "decisions" / ".training.lock")
        with suppress(OSError):
            return any(os.path.realpath(link) == lock for link in Path(f"/proc/{task}/fd").iterdir())
        return False


@contextmanager
def _held_still(pid: int) -> Iterator[bool]:
    """Stop a process while the block runs, so that it does not end just then; gives whether it was there to be stopped.

    A supervisor whose task has ended holds the lock of its queue while it waits. When it is killed then, Airflow's
    LocalExecutor hands out no more work until the scheduler is started again; that is not ours to mend.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    yield start_mark(pid) is not None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _parent(pid: int) -> int | None:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def _group(pid: int) -> int | None:
    with suppress(OSError):
        return os.getpgid(pid)
    return None


@pytest.fixture
def disturbed(young_portfolio: Any, left_behind: Callable[[Path], list[int]]) -> Iterator[Callable[[str], Path]]:
    """Makes homes for Airflow, whose processes are gone afterwards whatever happens."""
    homes: list[Path] = []

    def make(name: str) -> Path:
        homes.append(young_portfolio.copy(name))
        return homes[-1]

    yield make
    for home in homes:
        with suppress(ServiceError):
            local.down(home)
        for pid in left_behind(home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def differences(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Under which names do two accounts of a home say different things?"""
    return sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))


def test_days_under_kills_end_as_if_nothing_had_happened(
    young_portfolio: Any, disturbed: Callable[[str], Path], account: Any, left_behind: Any, torture: Any
) -> None:
    days = [SUNDAY + timedelta(days=n) for n in range(torture.times(2, 11))]
    expected = young_portfolio.undisturbed(days[-1])
    assert differences(account(young_portfolio.home), account(expected)) != []
    for seed in range(torture.times(1, 2)):
        chance = random.Random(seed)
        few = [TASK, "scheduler", "triggerer", chance.choice(VICTIMS)]
        victims = list(VICTIMS) * 2 if torture.full else few
        chance.shuffle(victims)
        trainings = [(TRAINING, TRAINERS_SUPERVISOR)[seed % 2]]
        airflow = Airflow(disturbed(f"seed-{seed}"))
        killer = Killer(airflow, chance, victims, trainings, tasks=20 * len(days))
        different = ["the stretch did not come to its end"]
        try:
            airflow.run_stretch(days, killer.look)
            different = differences(account(airflow.home), account(expected))
        finally:
            note = f"{len(days)} days a seed"
            for victim, times in killer.killed.items():
                torture.record(f"under Airflow, {victim} is killed", times, int(different != []), note)
        assert (different, airflow.cleared) == ([], [])
        assert killer.victims == killer.trainings == []
        assert left_behind(airflow.home) == []


def test_airflow_undisturbed_gives_what_a_replay_gives(
    young_portfolio: Any, disturbed: Callable[[str], Path], account: Any, torture: Any
) -> None:
    if not torture.full:
        pytest.skip("runs in full only; under kills the outcome is held to the same replay in every run")
    days = [SUNDAY + timedelta(days=n) for n in range(8)]
    airflow = Airflow(disturbed("undisturbed"))
    airflow.run_stretch(days, lambda: None)
    assert differences(account(airflow.home), account(young_portfolio.undisturbed(days[-1]))) == []


def test_a_training_killed_at_every_try_fails_its_run_and_is_done_once_when_it_is_cleared(
    young_portfolio: Any, disturbed: Callable[[str], Path], account: Any, torture: Any
) -> None:
    if not torture.full:
        pytest.skip("runs in full only; under kills the outcome is held to the same replay in every run")
    airflow = Airflow(disturbed("cleared"), retries=1)
    killer = Killer(airflow, random.Random(1), [], [TRAINING, TRAINING], tasks=1)
    airflow.run_stretch([SUNDAY], killer.look)
    failed = [tasks for _, tasks in airflow.cleared]
    assert [set(tasks) & {"train_model_task"} for tasks in failed] == [{"train_model_task"}]
    assert failed[0]["train_model_task"] == "failed at try 2"
    different = differences(account(airflow.home), account(young_portfolio.undisturbed(SUNDAY)))
    torture.record("under Airflow, a training is killed at every try, then cleared", 2, int(different != []))
    assert different == []
