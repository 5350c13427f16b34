"""The pages inside Airflow: the plugin is loaded, stands behind login and rights, hands on; tasks have links."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.storage.pages_token import read_or_make_token

DAY = date(2011, 3, 2)
INFERENCE = model_training_inference.dag.dag_id


class StandIn(BaseHTTPRequestHandler):
    """Stands in for the server of the pages: says what it was asked, or what a test wants."""

    asked: list[dict[str, Any]] = []  # noqa: RUF012
    token = ""

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        told = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length).decode() if length else ""
        self.asked.append({"method": self.command, "path": self.path, "body": body, **told})
        if told.get("authorization") != f"Bearer {self.token}":
            self._answer(401, b"{}")
        elif self.path.startswith("/breaks"):
            self.connection.close()
        else:
            self._answer(422 if self.path == "/wrong" else 200, f"page {self.path}".encode())

    do_POST = do_GET  # noqa: N815

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "text/html")
        self.send_header("content-security-policy", "default-src 'none'")
        self.send_header("set-cookie", "p2pcredit_session=x")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Seen:
    """Airflow's API server in this process, and the stand-in behind it."""

    def __init__(self, client: Any, home: Path) -> None:
        self.client, self.home = client, home

    def get(self, way: str, role: str | None = "ADMIN", **more: Any) -> httpx.Response:
        return self.ask("GET", way, role, **more)

    def ask(self, method: str, way: str, role: str | None, **more: Any) -> httpx.Response:
        headers = {**more.pop("headers", {})}
        if role is not None:
            headers["Authorization"] = f"Bearer {token_of(role)}"
        found: httpx.Response = self.client.request(method, way, headers=headers, follow_redirects=False, **more)
        return found


def token_of(role: str, name: str = "Ada Łęcka") -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role)))


@pytest.fixture(scope="module")
def api(database: None) -> Iterator[Any]:
    from airflow.api_fastapi.app import create_app
    from starlette.testclient import TestClient

    with TestClient(create_app(apps="core")) as client:
        yield client


@pytest.fixture(scope="module")
def listening() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def seen(api: Any, home: Path, listening: int, monkeypatch: pytest.MonkeyPatch) -> Seen:
    monkeypatch.setenv("P2P_PAGES_URL", f"http://127.0.0.1:{listening}/")
    StandIn.asked.clear()
    StandIn.token = read_or_make_token(home / "airflow" / "pages_token")
    return Seen(api, home)


def test_airflow_loads_the_plugin_and_lists_its_places(api: Any) -> None:
    headers = {"Authorization": f"Bearer {token_of('ADMIN')}"}
    assert api.get("/api/v2/plugins/importErrors", headers=headers).json()["import_errors"] == []
    plugins = api.get("/api/v2/plugins", headers=headers).json()["plugins"]
    (ours,) = (plugin for plugin in plugins if plugin["name"] == "p2pcredit")
    assert {view["destination"]: view["href"] for view in ours["external_views"]} == {
        "nav": "/p2pcredit/",
        "dag": "/p2pcredit/airflow/dag?dag_id={DAG_ID}",
        "dag_run": "/p2pcredit/airflow/run?dag_id={DAG_ID}&run_id={RUN_ID}",
    }
    assert len({view["url_route"] for view in ours["external_views"]}) == 3


def test_the_plugin_loads_nothing_that_a_component_would_not_load_without_it() -> None:
    program = (
        "import sys, airflow.plugins_manager\nbefore = set(sys.modules)\n"
        "import p2pcredit.orchestration.pages.plugin as plugin\nassert plugin.PagesPlugin.fastapi_apps\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1].split()
    assert [name for name in loaded if not name.startswith("p2pcredit")] == []
    assert len(loaded) < 12, loaded


def test_a_request_is_handed_on_with_airflows_word_on_who_asks_and_nothing_of_the_browsers(seen: Seen) -> None:
    told = {"Cookie": "_token=secret; other=1", "X-P2PCredit-Roles": "decide", "X-P2PCredit-Person": "Eve"}
    answer = seen.get("/p2pcredit/loans/one?id=a%2Fb&x=1", headers=told | {"Accept": "text/html"})
    assert (answer.status_code, answer.text) == (200, "page /loans/one?id=a%2Fb&x=1")
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert "p2pcredit_session" not in str(answer.headers)
    (asked,) = StandIn.asked
    assert asked["x-p2pcredit-person"] == "Ada%20%C5%81%C4%99cka"
    assert asked["x-p2pcredit-roles"] == "read+decide"
    assert asked["x-p2pcredit-under"] == "/p2pcredit"
    assert asked["accept"] == "text/html"
    assert "cookie" not in asked
    assert "secret" not in json.dumps(asked)


def test_a_form_is_handed_on_whole_and_what_the_server_refuses_comes_back(seen: Seen) -> None:
    form = {"why": "ä" * 5_000, "csrf": "0" * 64}
    answer = seen.ask("POST", "/p2pcredit/decisions/override", "USER", data=form, headers={"Sec-Fetch-Site": "none"})
    assert answer.status_code == 200
    (asked,) = StandIn.asked
    assert (asked["method"], asked["sec-fetch-site"]) == ("POST", "none")
    assert asked["body"].endswith("csrf=" + "0" * 64)
    assert asked["body"].count("%C3%A4") == 5_000
    assert seen.get("/p2pcredit/wrong").status_code == 422


@pytest.mark.parametrize(("role", "roles"), [("VIEWER", "read"), ("USER", "read+decide"), ("OP", "read+decide")])
def test_who_may_edit_the_dag_that_trains_may_decide_and_who_may_read_the_dags_may_read(
    seen: Seen, role: str, roles: str
) -> None:
    assert seen.get("/p2pcredit/", role).status_code == 200
    assert [one["x-p2pcredit-roles"] for one in StandIn.asked] == [roles]


def test_who_is_not_signed_in_is_sent_to_airflows_own_page(seen: Seen) -> None:
    answer = seen.get("/p2pcredit/models?x=1", None)
    assert answer.status_code == 401
    assert "/auth/login?next=%2Fp2pcredit%2Fmodels%3Fx%3D1" in answer.text
    forged = seen.get("/p2pcredit/models", None, headers={"Authorization": "Bearer x.y.z"})
    assert forged.status_code in (401, 403)
    assert StandIn.asked == []


@pytest.mark.parametrize("hidden", [INFERENCE, model_monitoring.dag.dag_id, data_preprocessing.dag.dag_id])
def test_who_may_not_read_one_of_the_dags_may_see_no_page(
    seen: Seen, hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(
        type(get_auth_manager()), "is_authorized_dag", lambda self, *, details, **_: details.id != hidden
    )
    for way in ("/", "/static/pages.css", "/airflow/dag?dag_id=x", "/airflow/run?dag_id=x&run_id=y"):
        answer = seen.get(f"/p2pcredit{way}", "VIEWER")
        assert answer.status_code == 403
    assert hidden in answer.text
    assert StandIn.asked == []


@pytest.mark.parametrize("way", ["v1/score", "sign-in", "sign-out", "openapi.json", "health", "v1/"])
def test_what_is_for_others_than_people_is_not_handed_on(seen: Seen, way: str) -> None:
    assert seen.ask("POST", f"/p2pcredit/{way}", "ADMIN").status_code == 404
    assert StandIn.asked == []


def test_where_no_server_answers_it_says_what_to_start(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_PAGES_URL", "http://127.0.0.1:9")
    answer = seen.get("/p2pcredit/")
    assert answer.status_code == 503
    assert f"p2pcredit serve --for-airflow --home {seen.home} --port 9" in answer.text
    assert "is not there" not in answer.text
    (seen.home / "airflow" / "pages_token").unlink()
    assert "pages_token</code>, by which the two know each other, is not there" in seen.get("/p2pcredit/").text


def test_a_server_that_does_not_believe_airflow_or_breaks_off_is_told_from_one_that_is_not_there(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = seen.get("/p2pcredit/breaks")
    assert (broken.status_code, "did not answer" in broken.text) == (503, True)
    StandIn.token = "another"
    refused = seen.get("/p2pcredit/")
    assert (refused.status_code, "--for-airflow" in refused.text) == (503, True)
    (seen.home / "airflow" / "pages_token").write_text("short")
    assert "holds no token" in seen.get("/p2pcredit/").text
    monkeypatch.setenv("P2P_PAGES_URL", "ftp://<b>")
    wrong = seen.get("/p2pcredit/")
    assert (wrong.status_code, "ftp://&lt;b&gt;" in wrong.text) == (503, True)


def test_the_tab_of_a_dag_leads_to_its_section_and_that_of_others_says_so(seen: Seen) -> None:
    leads = {dag.dag_id: section for dag, section in SECTIONS}
    for dag_id, section in leads.items():
        answer = seen.get(f"/p2pcredit/airflow/dag?dag_id={dag_id}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/p2pcredit{section}")
    for place in ("dag?", "run?run_id=r&"):
        other = seen.get(f"/p2pcredit/airflow/{place}dag_id=<b>other")
        assert (other.status_code, "&lt;b&gt;other" in other.text) == (404, True)


SECTIONS = (
    (data_preprocessing.dag, "/data"),
    (model_training_inference.dag, "/models"),
    (model_monitoring.dag, "/weeks"),
)


def links_of(dag_id: str) -> dict[str, Any]:
    """The links that the newest run of a DAG left, by task, as Airflow's pages read them."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.execute(
            select(XComModel.task_id, XComModel.key, XComModel.value)
            .where(XComModel.dag_id == dag_id, XComModel.key.like("_link_%"))
            .order_by(XComModel.dag_run_id)
        )
        return {task: value for task, _, value in rows}


def newest_run(dag_id: str) -> str:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return str(session.scalars(select(DagRun.run_id).where(DagRun.dag_id == dag_id).order_by(-DagRun.id)).first())


def test_tasks_have_links_to_what_they_made_and_the_tab_of_a_run_leads_to_what_it_did_on_its_day(
    seen: Seen, run_dag: Any, jobs: Any, complete_day: Callable[[date], None]
) -> None:
    jobs.gives["monitoring.steps.check_monitoring"] = {"monitor": True}
    jobs.gives["monitoring.steps.calculate_metrics"] = {"report": True}
    jobs.gives["monitoring.report.generate_report"] = {"report": "/srv/home/reports/monitoring_2011_03_05.html"}
    jobs.gives["monitoring.steps.write_retraining_decision"] = {
        "decision": {"decision_id": "monitoring-2011-03-05-a b"}
    }
    assert run_dag(model_monitoring.dag, "2011-03-05").state == "success"
    assert links_of(model_monitoring.dag.dag_id) == {
        "generate_report": "/plugin/p2pcredit/p2pcredit/reports/monitoring_2011_03_05.html",
        "write_retraining_decision": "/plugin/p2pcredit/p2pcredit/decisions/one?id=monitoring-2011-03-05-a+b",
    }
    asked = {"dag_id": model_monitoring.dag.dag_id, "run_id": newest_run(model_monitoring.dag.dag_id)}
    to = httpx.URL(seen.get("/p2pcredit/airflow/run", "VIEWER", params=asked).headers["location"])
    assert to.path == "/p2pcredit/runs/one"
    assert dict(to.params) == {"id": f"{asked['dag_id']}.{asked['run_id']}", "day": "2011-03-05"}
    unknown = seen.get("/p2pcredit/airflow/run", "VIEWER", params=asked | {"run_id": "none"}).headers["location"]
    assert "day" not in httpx.URL(unknown).params
    complete_day(DAY)
    jobs.gives["training.retrain.check_retraining"] = {"retrain": True}
    jobs.gives["training.retrain.train_if_due"] = {"model_id": "m-1"}
    assert run_dag(model_training_inference.dag, logical_date=datetime.now(UTC)).state == "success"
    assert links_of(INFERENCE) == {"train_model_task": "/plugin/p2pcredit/p2pcredit/models/m-1"}


@pytest.mark.parametrize("receipt", [None, {}, {"model_id": None, "report": None, "decision": None}])
def test_a_task_that_made_nothing_has_no_link(receipt: dict[str, Any] | None) -> None:
    tasks: list[Any] = [*model_monitoring.dag.tasks, *model_training_inference.dag.tasks]
    linked = [(task, link) for task in tasks for link in task.operator_extra_links]
    assert len(linked) == 3
    for task, link in linked:
        task.receipt = receipt
        assert link.get_link(task, ti_key=None) == ""


def test_no_other_task_has_a_link() -> None:
    dags = (data_preprocessing.dag, model_training_inference.dag, model_monitoring.dag)
    found = {task.task_id: [link.name for link in task.operator_extra_links] for dag in dags for task in dag.tasks}
    assert {name: links for name, links in found.items() if links} == {
        "train_model_task": ["Model"],
        "generate_report": ["Report"],
        "write_retraining_decision": ["Decision"],
    }
