"""Airflow for real: four components on a free port, the three DAGs on a small home, and nothing left behind.

The home is made by the command line (`land synthetic`). Takes about a minute; run it in a pytest process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow is not installed; the local Airflow needs the extra 'airflow'")

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import ServiceError
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PREPROCESSING
from p2pcredit.local_airflow import airflow as local
from p2pcredit.local_airflow.processes import members
from p2pcredit.local_airflow.settings import LocalPaths, login
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

FIRST, LAST = date(2021, 1, 1), date(2021, 1, 31)
DAY = date(2021, 1, 20)
FIRED = DAY + timedelta(days=1)
NO_DATA = DAY - timedelta(days=60)
"""A day that has begun, before the first that landed."""
DEADLINE_MINUTES = 0.2
STATSD = Path(__file__).parents[2] / ".venv" / "deploy" / "statsd"
CHANNEL_SECRET = "s3cr3t-t0ken-of-a-channel"
pytestmark = [pytest.mark.filterwarnings("ignore:::airflow"), pytest.mark.filterwarnings("ignore:::sqlalchemy")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, p2pcredit: Callable[..., Any]) -> Path:
    """A home where a synthetic portfolio has landed and the days before the one of the tests are processed."""
    directory = tmp_path_factory.mktemp("home")
    p2pcredit(directory, "land", "synthetic", "--from", str(FIRST), "--to", str(LAST))
    p2pcredit(directory, "preprocess", "--from", str(FIRST), "--to", str(DAY - timedelta(days=1)))
    return directory


class Gauges:
    """What arrives on a UDP port of this machine: the newest value of each gauge of ours, read by a thread.

    Args:
        socket: Bound, with a timeout.
    """

    def __init__(self, socket: socket.socket) -> None:
        self.socket = socket
        self.port = int(socket.getsockname()[1])
        self.found: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self.socket.close()

    def _read(self) -> None:
        while not self._done.is_set():
            with contextlib.suppress(TimeoutError):
                for line in self.socket.recv(65536).decode().splitlines():
                    name, _, said = line.partition(":")
                    if ".p2pcredit." in name and said.endswith("|g"):
                        self.found[name] = float(said.removesuffix("|g"))


@pytest.fixture(scope="module")
def gauges() -> Iterator[Gauges]:
    """What the tasks send to StatsD, received on a socket of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.2)
        found = Gauges(listening)
        yield found
        found.close()


def metrics_to(port: int, packages: Path) -> dict[str, str]:
    """The variables with which Airflow sends its metrics to a port; none where its StatsD client is not there.

    Args:
        port: The port, on this machine.
        packages: An empty directory for that client alone: beside it lie providers that this Airflow shall not meet.
    """
    if not STATSD.is_dir():
        return {}
    (packages / STATSD.name).symlink_to(STATSD)
    return {
        "PYTHONPATH": str(packages),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(port),
        "AIRFLOW__METRICS__STATSD_PREFIX": "lender",
    }


@pytest.fixture(scope="module")
def airflow(home: Path, gauges: Gauges, tmp_path_factory: pytest.TempPathFactory) -> Iterator[local.LocalAirflow]:
    """Airflow, up and then down."""
    # Between this start and this end no run is due, so that Airflow makes none besides those of the tests.
    quiet = {
        # A run for a day long past does not wait for its feeds, and one for yesterday waits until tomorrow.
        "P2P_FEED_WAIT_MINUTES": "1440",
        "P2P_DAG_DEADLINE_MINUTES": str(DEADLINE_MINUTES),
        "P2P_DAG_START": f"{FIRED:%Y-%m-%d}T03:00",
        "P2P_DAG_END": f"{FIRED:%Y-%m-%d}T05:00",
        "P2P_WAIT_MINUTES": "0.1",
        "P2P_MONITORING_WAIT_MINUTES": "0.1",
        "P2P_ALERTS__URLS": json.dumps([f"json://127.0.0.1:9/{CHANNEL_SECRET}"]),
    }
    sent = metrics_to(gauges.port, tmp_path_factory.mktemp("packages"))
    try:
        yield local.up(home, local.free_port(), extra_env=quiet | sent)
    finally:
        local.down(home)


def run(airflow: local.LocalAirflow, dag_id: str, day: date | None = None) -> dict[str, str]:
    """Run a DAG for a day, or for the one before its date; state by task, and of the run under its own id."""
    client = airflow.client()
    conf = {"snapshot_date": day.isoformat()} if day else {}
    run_id = client.trigger(dag_id, conf, f"{FIRED}T0{3 if day is None else 4}:00:00+00:00")
    state = client.wait_for_run(dag_id, run_id, timeout=240)
    return {dag_id: state, **{task["task_id"]: task["state"] for task in client.task_instances(dag_id, run_id)}}


def test_it_is_healthy_has_the_three_dags_and_answers_on_this_machine_only(airflow: local.LocalAirflow) -> None:
    client = airflow.client()
    assert set(client.health().values()) == {"healthy"}
    assert set(client.dags()) == {PREPROCESSING.dag_id, INFERENCE.dag_id, MONITORING.dag_id}
    assert client.import_errors() == []
    inodes = {
        os.readlink(link)
        for process in local.components(airflow.home)
        for pid in members(process)
        for link in Path(f"/proc/{pid}/fd").glob("*")
        if link.is_symlink() and os.path.lexists(link)
    }
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {fields[1] for fields in listening if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes}
    assert {address.partition(":")[0] for address in ours} == {"0100007F"}
    assert f"0100007F:{airflow.port:04X}" in ours
    assert len(ours) == 2  # Airflow's own, and that of the pages


def test_a_second_up_says_that_it_is_up(airflow: local.LocalAirflow) -> None:
    again = local.up(airflow.home, 8080)
    assert (again.already_up, again.url) == (True, airflow.url)


def test_the_three_dags_run_on_a_day(airflow: local.LocalAirflow) -> None:
    preprocessed = run(airflow, PREPROCESSING.dag_id)
    assert set(preprocessed.values()) == {"success"}
    scored = run(airflow, INFERENCE.dag_id)
    assert scored[INFERENCE.dag_id] == "success"
    # Loans of three weeks have no outcome yet: nothing is trained, nothing scored, and the run says so and succeeds.
    assert scored["skip_retraining"] == scored["run_inference"] == scored["end"] == "success"
    assert scored["skip_inference"] == scored["train_model_task"] == "skipped"
    assert run(airflow, MONITORING.dag_id)[MONITORING.dag_id] == "success"


def test_the_tasks_send_their_gauges_to_statsd(airflow: local.LocalAirflow, gauges: Gauges) -> None:
    if not STATSD.is_dir():
        pytest.skip("the StatsD client is not there; add it with: tools/set_up deploy")
    lake, day = Lake(Layout(airflow.home)), DateRange(DAY, DAY)
    rows = {name: lake.rows_per_day(bronze(feed), day).get(DAY, 0) for name, feed in FEEDS.items()}
    assert rows["loan_terms"] > 0
    for name, count in rows.items():
        assert gauges.found[f"lender.p2pcredit.rows_in.{name}"] == count
    assert gauges.found["lender.p2pcredit.loans_scored"] == 0, "there is no model yet"
    behind = (datetime.now(UTC).date() - timedelta(days=1) - DAY).days
    assert gauges.found["lender.p2pcredit.days_behind"] in {behind, behind - 1}, "midnight may have come since"


def test_a_run_that_waits_keeps_no_run_by_hand_back_and_is_alerted_of_past_its_deadline(
    airflow: local.LocalAirflow,
) -> None:
    client, yesterday = airflow.client(), datetime.now(UTC).date() - timedelta(days=1)
    waits = client.trigger(PREPROCESSING.dag_id, {"snapshot_date": str(yesterday)}, f"{FIRED}T04:10:00+00:00")

    def waiting() -> set[str]:
        tasks = client.task_instances(PREPROCESSING.dag_id, waits)
        return {task["task_id"] for task in tasks if task["state"] == "deferred"}

    checks = {f"source_data_checks.{feed}" for feed in FEEDS}
    wait_until(lambda: waiting() == checks)
    by_hand = client.trigger(PREPROCESSING.dag_id, {"snapshot_date": str(FIRED)}, f"{FIRED}T04:20:00+00:00")
    assert client.wait_for_run(PREPROCESSING.dag_id, by_hand, timeout=300) == "success"
    assert (client.run_state(PREPROCESSING.dag_id, waits), waiting()) == ("running", checks)
    late = f"{PREPROCESSING.dag_id} of {waits} failed: not finished {DEADLINE_MINUTES} minutes after it was queued"
    wait_until(lambda: any(message.startswith(late) for message in warnings_of(airflow.home)))


def warnings_of(home: Path) -> list[str]:
    lines = map(json.loads, Layout(home).activity.read_text(encoding="utf-8").splitlines())
    return [line["message"] for line in lines if line["job"] == "warning"]


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < ends, "it did not come to hold"
        time.sleep(0.5)


def test_a_day_without_data_is_waited_for_and_then_skipped(airflow: local.LocalAirflow) -> None:
    ran = run(airflow, INFERENCE.dag_id, NO_DATA)
    assert ran[INFERENCE.dag_id] == ran["skip_inference"] == "success"
    assert ran["run_inference"] == "skipped"


def test_a_conf_that_is_no_date_makes_no_run(airflow: local.LocalAirflow) -> None:
    with pytest.raises(ServiceError, match="snapshot_date"):
        airflow.client().trigger(MONITORING.dag_id, {"snapshot_date": "../../x"}, f"{FIRED}T04:00:00+00:00")


def test_a_conf_with_an_unknown_key_fails_and_the_failure_is_told(airflow: local.LocalAirflow) -> None:
    client = airflow.client()
    run_id = client.trigger(MONITORING.dag_id, {"snapshotdate": "2011-01-02"}, f"{FIRED}T04:30:00+00:00")
    assert client.wait_for_run(MONITORING.dag_id, run_id, timeout=240) == "failed"
    failed = f"{MONITORING.dag_id}.check_monitoring of {run_id} failed: "
    (told,) = [message for message in warnings_of(airflow.home) if message.startswith(failed)]
    assert told.removeprefix(failed).startswith("conf has the unknown key")


def test_passwords_and_addresses_stand_in_no_log(airflow: local.LocalAirflow) -> None:
    paths = LocalPaths(airflow.home)
    secrets = [login(paths)[1], paths.signing_key.read_text(encoding="ascii"), CHANNEL_SECRET]
    logs = [file for file in paths.logs.rglob("*") if file.is_file()]
    assert any(b"alert channel 1 did not take the message" in file.read_bytes() for file in logs)
    logs += [file for file in (*Layout(airflow.home).logs.rglob("*"), paths.processes) if file.is_file()]
    assert not [file for file in logs for secret in secrets if secret.encode() in file.read_bytes()]


def test_other_users_of_the_machine_see_no_secret(airflow: local.LocalAirflow) -> None:
    paths = LocalPaths(airflow.home)
    secrets = [login(paths)[1], paths.signing_key.read_text(encoding="ascii"), CHANNEL_SECRET]
    pids = [pid for process in local.components(airflow.home) for pid in members(process)]
    assert len(pids) >= 4
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            shown = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert not [secret for secret in secrets if secret.encode() in shown]
            assert stat.S_IMODE(Path(f"/proc/{pid}/environ").stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(paths.root.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in (paths.passwords, paths.signing_key)] == [0o600, 0o600]


def test_down_leaves_no_process_and_can_be_said_twice(airflow: local.LocalAirflow) -> None:
    recorded = local.components(airflow.home)
    assert sorted(local.down(airflow.home)) == ["api-server", "dag-processor", "pages", "scheduler", "triggerer"]
    assert [pid for process in recorded for pid in members(process)] == []
    assert local.down(airflow.home) == []
    assert not local.is_up(airflow.home)
