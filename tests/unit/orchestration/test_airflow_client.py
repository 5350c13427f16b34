"""The REST client, against a small server of the test's own that answers as Airflow does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from p2pcredit.errors import ServiceError
from p2pcredit.local_airflow.client import AirflowClient


class Airflow:
    """Answers by path, and notes what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.token = 0
        self.valid = ""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, token: str) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        if path == "/auth/token":
            if body["password"] != "right":
                return 401, {"detail": "Invalid credentials"}
            self.token += 1
            self.valid = f"token-{self.token}"
            return 201, {"access_token": self.valid}
        if path != "/api/v2/monitor/health" and token != f"Bearer {self.valid}":
            return 401, {"detail": "Not authenticated"}
        found = self.answers.get(path)
        if callable(found):
            found = found(query)
        return (404, {"detail": "not found"}) if found is None else (200, found)


Served = tuple[Airflow, AirflowClient]


@pytest.fixture
def airflow() -> Iterator[Served]:
    told = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            token = self.headers.get("Authorization", "")
            code, content = told.answer(self.command, parts.path, parse_qs(parts.query), body, token)
            raw = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told, AirflowClient(f"http://127.0.0.1:{server.server_port}", "admin", "right")
    server.shutdown()
    thread.join()
    server.server_close()


def test_health_needs_no_login_and_what_has_not_reported_is_unknown(airflow: Served) -> None:
    told, client = airflow
    told.answers["/api/v2/monitor/health"] = {"scheduler": {"status": "healthy"}, "triggerer": {"status": None}}
    assert client.health() == {"scheduler": "healthy", "triggerer": "unknown"}
    assert [path for _, path, _ in told.asked] == ["/api/v2/monitor/health"]


def test_a_sign_of_life_from_before_a_death_does_not_count(airflow: Served) -> None:
    told, client = airflow
    told.answers["/api/v2/monitor/health"] = {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-11-23T02:00:00Z"},
        "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": "2026-11-23T02:00:10+00:00"},
    }
    died = datetime(2026, 11, 23, 2, 0, 5, tzinfo=UTC)
    assert client.health(died) == {"metadatabase": "healthy", "scheduler": "unknown", "dag_processor": "healthy"}
    assert client.health()["scheduler"] == "healthy"


def test_a_run_is_made_with_its_conf_and_no_logical_date(airflow: Served) -> None:
    told, client = airflow
    told.answers["/api/v2/dags/D/dagRuns"] = {"dag_run_id": "manual__1"}
    assert client.trigger("D", {"snapshot_date": "2011-03-02"}) == "manual__1"
    assert told.asked[-1] == (
        "POST",
        "/api/v2/dags/D/dagRuns",
        {"logical_date": None, "conf": {"snapshot_date": "2011-03-02"}},
    )


def test_lists_are_read_to_their_last_page(airflow: Served) -> None:
    told, client = airflow
    every = [{"dag_run_id": f"run{n}"} for n in range(230)]

    def page(query: dict[str, list[str]]) -> dict[str, Any]:
        first, limit = int(query["offset"][0]), int(query["limit"][0])
        return {"dag_runs": every[first : first + limit], "total_entries": len(every)}

    told.answers["/api/v2/dags/D/dagRuns"] = page
    assert client.runs("D") == every


def test_a_login_that_has_run_out_is_renewed_once(airflow: Served) -> None:
    told, client = airflow
    told.answers["/api/v2/dags"] = {"dags": [{"dag_id": "D", "is_paused": True}], "total_entries": 1}
    assert client.dags() == {"D": True}
    told.valid = "another"
    assert client.dags() == {"D": True}
    assert told.token == 2


def test_a_wrong_password_is_an_error_that_does_not_repeat_it(airflow: Served) -> None:
    _, client = airflow
    wrong = AirflowClient(client.url, "admin", "guess-me")
    with pytest.raises(ServiceError, match="401 to POST /auth/token") as caught:
        wrong.dags()
    assert "guess-me" not in str(caught.value)


def test_tasks_come_in_the_order_in_which_they_ended(airflow: Served) -> None:
    told, client = airflow
    told.answers["/api/v2/dags/D/dagRuns/r%2F1/taskInstances"] = {
        "task_instances": [
            {"task_id": "last", "end_date": "2011-01-01T00:00:09Z", "start_date": "2011-01-01T00:00:01Z"},
            {"task_id": "never", "end_date": None, "start_date": None},
            {"task_id": "first", "end_date": "2011-01-01T00:00:05Z", "start_date": "2011-01-01T00:00:04Z"},
        ],
        "total_entries": 3,
    }
    assert [task["task_id"] for task in client.task_instances("D", "r/1")] == ["first", "last", "never"]


def test_waiting_for_a_run_ends_with_its_state_or_in_time(airflow: Served) -> None:
    told, client = airflow
    states = iter(["queued", "running", "failed"])
    told.answers["/api/v2/dags/D/dagRuns/r"] = lambda query: {"state": next(states, "running")}
    assert client.wait_for_run("D", "r", interval=0.01) == "failed"
    with pytest.raises(ServiceError, match="still running"):
        client.wait_for_run("D", "r", interval=0.01, timeout=0.05)


def test_a_dag_that_cannot_be_read_is_named_while_waiting_for_it(airflow: Served) -> None:
    told, client = airflow
    told.answers["/api/v2/dags"] = {"dags": [], "total_entries": 0}
    told.answers["/api/v2/importErrors"] = {
        "import_errors": [{"filename": "a.py", "stack_trace": "Traceback\nSettingsError: P2P_DAG_START is 'soon'"}],
        "total_entries": 1,
    }
    with pytest.raises(ServiceError, match=r"a\.py: .*P2P_DAG_START is 'soon'"):
        client.wait_for_dags(["D"], timeout=1)


def test_where_no_airflow_answers_the_error_asks_whether_it_is_up() -> None:
    with pytest.raises(ServiceError, match="is it up"):
        AirflowClient("http://127.0.0.1:9", "admin", "x", timeout=1).health()
