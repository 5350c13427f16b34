"""Days on Celery, PostgreSQL and Redis with two workers of two users, parts of it killed: as if nothing had happened.

The topology is that of `deploy/compose.yaml`, read from the file and run as processes on read-only root file systems.
In every test run two days, with a worker killed while it trains. With `--distributed DIR` five days, with scheduler,
Redis and PostgreSQL killed too; what was measured is written to DIR.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("airflow", reason="Airflow is not installed; the local Airflow needs the extra 'airflow'")

from tools.distributed.cluster import NOT_AIRFLOW, USERS, Cluster, why_impossible
from tools.distributed.measuring import describe_run, tasks_and_runs
from tools.distributed.memory import MemoryWatch
from tools.distributed.page import FILE

from p2pcredit.errors import ServiceError
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PREPROCESSING

SUNDAY = date(2021, 7, 4)
DAILY = (PREPROCESSING.dag_id, INFERENCE.dag_id)
PATIENCE = 1500.0
"""Seconds without a newly finished run until it is called stuck; a busy machine needs many of them."""

SETTINGS = {
    "P2P_DAG_CATCHUP": "1",
    "P2P_DAG_SIMULATED_TIME": "1",
    "P2P_WAIT_MINUTES": "600",
    "P2P_RETRIES": "15",
    # A task is hit more often here than in years of service, and should not wait long for its next try.
    "P2P_RETRY_SECONDS": "1",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    # Deaths are noticed sooner than by default, for the same reason.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}
TRAINING_WORKER = "a worker, while it trains"
OUTAGES = {"scheduler": 3.0, "redis": 20.0, "postgres": 20.0}
"""What is killed beside, in this order, and for how many seconds each is down."""

pytestmark = [pytest.mark.filterwarnings("ignore:::airflow"), pytest.mark.filterwarnings("ignore:::sqlalchemy")]


class Days:
    """Past days that the scheduler of a cluster runs, and the kills among them.

    Args:
        cluster: The cluster, which is up, with every DAG paused.
        days: The days, the first a Sunday.
        outages: Parts to kill, each for some seconds; the training's worker is killed in any case.
    """

    def __init__(self, cluster: Cluster, days: list[date], outages: dict[str, float]) -> None:
        self.cluster, self.days, self.outages = cluster, days, dict(outages)
        self.kills: list[dict[str, Any]] = []
        self.succeeded = 0
        self._back: tuple[float, str] | None = None
        self._killed = 0.0
        self._waiting: list[tuple[datetime, dict[str, Any]]] = []
        # So many runs pass from one kill to the next that each is over before another part dies.
        self._every = max(2, 2 * (len(days) - 1) // (len(outages) + 1))
        self._due = 1 + 2 + self._every - 1

    def run(self) -> None:
        """Run the review of the week before, then the days, and pause the DAGs again."""
        client = self.cluster.client()
        for dag_ids, runs in (([MONITORING.dag_id], 1), (list(DAILY), len(self.days))):
            for dag_id in dag_ids:
                client.set_paused(dag_id, False)
            self._await(dag_ids, runs)
        while self._back is not None:
            self._bring_back()
            time.sleep(0.2)
        self.cluster.wait_healthy()
        for dag_id in (MONITORING.dag_id, *DAILY):
            client.set_paused(dag_id, True)

    def _await(self, dag_ids: list[str], runs: int) -> None:
        client, before, found = self.cluster.client(), self.succeeded, 0
        since, looked = time.monotonic(), 0.0
        while found < runs * len(dag_ids):
            self._look()
            time.sleep(0.1)
            if time.monotonic() - looked < 2.0:
                continue
            looked = time.monotonic()
            with suppress(ServiceError):  # its database is down, or it is busy; we ask again
                seen = [run for dag_id in dag_ids for run in client.runs(dag_id)]
                assert [run["dag_run_id"] for run in seen if run["state"] == "failed"] == []
                now = sum(run["state"] == "success" for run in seen)
                if now > found:
                    found, since = now, looked
                    self.succeeded = before + found
                    self._note({datetime.fromisoformat(run["end_date"]) for run in seen if run["state"] == "success"})
            assert looked - since < PATIENCE, self._told()

    def _note(self, ends: set[datetime]) -> None:
        """Note for each kill how long it took until a run had succeeded that ended after it."""
        for killed, kill in self._waiting:
            if later := [end for end in ends if end > killed]:
                kill["after"] = (min(later) - killed).total_seconds()
        self._waiting = [(killed, kill) for killed, kill in self._waiting if kill["after"] is None]

    def _look(self) -> None:
        """Kill what is due, bring back what was down for long enough, and start what ended by itself."""
        self._bring_back()
        self.cluster.tend()
        if self._back is not None:
            return
        trainer = self._trainer() if TRAINING_WORKER not in {kill["what"] for kill in self.kills} else None
        if trainer is not None:
            self._kill(TRAINING_WORKER, trainer, "in the first night", 3.0)
        elif self.outages and self.succeeded >= self._due and self._tasks():
            name = next(iter(self.outages))
            self._kill(name, name, f"after {self.succeeded} runs, as a task ran", self.outages.pop(name))
            self._due += self._every

    def _kill(self, what: str, name: str, when: str, down: float) -> None:
        self.cluster.kill(name)
        self.kills.append({"what": what, "when": when, "down": None, "after": None})
        self._waiting.append((datetime.now(UTC), self.kills[-1]))
        self._killed = time.monotonic()
        self._back = (self._killed + down, name)

    def _bring_back(self) -> None:
        if self._back is not None and time.monotonic() >= self._back[0]:
            name, self._back = self._back[1], None
            self.cluster.bring_back(name)
            # what it was: a question to an Airflow without its database may have taken longer than it was to be down
            self.kills[-1]["down"] = time.monotonic() - self._killed

    def _tasks(self) -> list[int]:
        pids = [pid for name in USERS for pid in self.cluster.programs[name].pids()]
        return [pid for pid in pids if _title(pid).startswith("airflow worker -- ")]

    def _trainer(self) -> str | None:
        """The worker one of whose processes holds the lock of the training."""
        training = self.cluster.home / "logs/decisions/.training.lock"
        if not training.exists():
            return None
        lock = os.stat(training)
        for name in USERS:
            for pid in self.cluster.programs[name].pids():
                with suppress(OSError):
                    for link in Path(f"/proc/{pid}/fd").iterdir():
                        with suppress(OSError):
                            if os.path.samestat(link.stat(), lock):
                                return name
        return None

    def _told(self) -> str:
        return "\n".join(f"== {name}\n{program.last_lines(30)}" for name, program in self.cluster.programs.items())


def _title(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def listening(cluster: Cluster) -> set[str]:
    """The addresses on which the cluster's programs wait for others."""
    pids = [pid for program in cluster.programs.values() for pid in program.pids()]
    inodes = {
        os.readlink(link)
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").glob("*")
        if link.is_symlink() and os.path.lexists(link)
    }
    lines = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {fields[1].split(":")[0] for fields in lines if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes}


@pytest.fixture
def cluster_of(young_portfolio: Any) -> Iterator[Callable[[list[date]], Cluster]]:
    """Makes a cluster for some days on a copy of the young portfolio; nothing of it is left afterwards."""
    if reason := why_impossible():
        pytest.skip(reason)
    made: list[Cluster] = []

    def make(days: list[date]) -> Cluster:
        begin = datetime.combine(days[0], clock_time(3)).isoformat()
        end = datetime.combine(days[-1] + timedelta(days=1), clock_time(5)).isoformat()
        cluster = Cluster(young_portfolio.home, {**SETTINGS, "P2P_DAG_START": begin, "P2P_DAG_END": end})
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.down()
        left = [pid for program in cluster.programs.values() for pid in program.pids()]
        cluster.remove()
        assert left == []


def test_days_on_celery_under_kills_end_as_if_nothing_had_happened(
    young_portfolio: Any, cluster_of: Callable[[list[date]], Cluster], account: Any, distributed: Path | None
) -> None:
    days = [SUNDAY + timedelta(days=n) for n in range(5 if distributed else 2)]
    outages = OUTAGES if distributed else {}
    expected = account(young_portfolio.undisturbed(days[-1]))
    cluster = cluster_of(days)
    busy = psutil.cpu_percent(10.0) if distributed else 0.0
    cluster.up()
    began = time.monotonic()
    run = Days(cluster, days, outages)
    with MemoryWatch(cluster) as memory:
        run.run()
    seconds = time.monotonic() - began

    # every address is one of this machine: 127.0.0.1, in the order of bytes in which the kernel writes it
    assert listening(cluster) == {"0100007F"}
    assert [kill["what"] for kill in run.kills] == [TRAINING_WORKER, *outages]
    assert [kill["what"] for kill in run.kills if not (kill["down"] and kill["after"])] == []
    tasks, runs = tasks_and_runs(cluster, memory)
    # each check of the others starts Airflow's command line, which takes seconds
    checked = [name for name in cluster.programs if distributed or name in {"api-server", "scheduler"}]
    unhealthy = [name for name in checked if name not in NOT_AIRFLOW and not cluster.check_health(name)]
    cluster.down()

    mine = account(cluster.home)
    assert sorted(name for name in mine.keys() | expected.keys() if mine.get(name) != expected.get(name)) == []
    assert set(USERS.values()) <= {path.stat().st_uid for path in cluster.home.rglob("*")}
    assert unhealthy == []
    if distributed:
        measured = describe_run(cluster, memory, tasks, runs)
        measured |= {"days": len(days), "first": str(days[0]), "last": str(days[-1]), "loans_per_day": 60}
        measured |= {"kills": run.kills, "seconds": seconds, "busy": busy}
        distributed.mkdir(parents=True, exist_ok=True)
        (distributed / FILE).write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
