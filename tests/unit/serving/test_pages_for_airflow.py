"""The server behind Airflow: whom it believes, under which path it shows its pages, and the page of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.asked_server import NOON, AskedServer, asked_server
from tests.paged_home import DAY, PAGES

from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PREPROCESSING
from p2pcredit.serving.access import digest_of
from p2pcredit.serving.app import make_app
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout

WORD = "the-token-that-airflow-knows-too-0123456789"
ADDRESSES = (*PAGES, "/loans/one?id=HOSTILE", f"/runs/one?id={INFERENCE.dag_id}.x&day={DAY}")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[AskedServer]:
    settings = load_settings(home)
    with asked_server(home, settings) as asked:
        app = make_app(home, settings, lambda: NOON, airflow=digest_of(WORD))
        yield AskedServer(app, asked._runner)


def headers(person: str = "Ada", roles: str = "read", under: str = "/p2pcredit") -> dict[str, str]:
    return {
        "Accept": "text/html",
        "X-P2PCredit-Person": quote(person),
        "X-P2PCredit-Roles": roles,
        "X-P2PCredit-Under": under,
    }


def test_airflows_word_counts_beside_its_token_only(server: AskedServer) -> None:
    assert "Ada Łęcka" in server.ask("GET", "/", WORD, headers=headers("Ada Łęcka")).text
    for token in (None, f"{WORD}x", "p2p_another"):
        assert server.ask("GET", "/", token, headers=headers()).status_code == 401


@pytest.mark.parametrize("person", ["", " ", "a\nb", "x" * 201])
def test_airflow_must_name_a_person(server: AskedServer, person: str) -> None:
    assert server.ask("GET", "/", WORD, headers=headers(person)).status_code == 401


@pytest.mark.parametrize(("roles", "status"), [("", 403), ("root", 403), ("score", 403), ("read", 200)])
def test_the_roles_are_those_that_airflow_gives(server: AskedServer, roles: str, status: int) -> None:
    assert server.ask("GET", "/", WORD, headers=headers(roles=roles)).status_code == status


def test_a_server_that_is_not_for_airflow_believes_none(home: Path) -> None:
    with asked_server(home) as asked:
        assert asked.ask("GET", "/", WORD, headers=headers()).status_code == 401
        assert asked.ask("GET", "/", WORD, headers=headers()).text.count('"/p2pcredit') == 0


@pytest.mark.parametrize("way", ADDRESSES)
def test_every_address_of_a_page_lies_under_the_path_where_airflow_shows_it(server: AskedServer, way: str) -> None:
    page = server.ask("GET", way, WORD, headers=headers(roles="read+decide")).text
    found = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert len(found) > 5
    outside = [one for one in found if not one.startswith(("/p2pcredit/", "#", "?"))]
    assert outside == []
    plain = server.ask("GET", way, WORD, headers={**headers(), "X-P2PCredit-Under": ""}).text
    assert "/p2pcredit/" not in plain


@pytest.mark.parametrize("under", ["//elsewhere.org", "https://elsewhere.org", "/a b", '/"><script>', "/a/", "/../é"])
def test_a_path_that_could_lead_elsewhere_is_none(server: AskedServer, under: str) -> None:
    told = headers() | {"X-P2PCredit-Under": under.encode("latin-1")}
    assert 'href="/weeks"' in server.ask("GET", "/", WORD, headers=told).text


def test_forms_need_the_role_and_bear_a_token_of_their_own(server: AskedServer) -> None:
    page = server.ask("GET", "/decisions", WORD, headers=headers(roles="read+decide")).text
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert token is not None
    sent = {"csrf": token[1], "retrain": "no", "why": "the feed was late"}
    for roles, form in (("read", sent), ("read+decide", {**sent, "csrf": "0" * 64})):
        refused = server.ask("POST", "/decisions/override", WORD, headers=headers(roles=roles), data=form)
        assert refused.status_code == 403
    other = server.ask("POST", "/decisions/override", WORD, headers=headers("Eve", "read+decide"), data=sent)
    assert other.status_code == 403
    foreign = headers(roles="read+decide") | {"Sec-Fetch-Site": "cross-site"}
    assert server.ask("POST", "/decisions/override", WORD, headers=foreign, data=sent).status_code == 403


def test_a_decision_through_airflow_is_in_the_persons_name_and_leads_back_under_the_path(
    small_home: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(small_home, tmp_path, dirs_exist_ok=True)
    settings = load_settings(tmp_path)
    with asked_server(tmp_path, settings) as asked:
        server = AskedServer(make_app(tmp_path, settings, lambda: NOON, airflow=digest_of(WORD)), asked._runner)
        told = headers(roles="read+decide")
        page = server.ask("GET", "/decisions", WORD, headers=told).text
        token = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert token is not None
        sent = {"csrf": token[1], "retrain": "no", "why": "the feed was late"}
        done = server.ask("POST", "/decisions/override", WORD, headers=told, data=sent)
    assert (done.status_code, done.headers["location"]) == (303, "/p2pcredit/decisions?said=overridden")
    lines = (tmp_path / "logs/activity.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"door": "airflow"' in lines[-1]
    assert '"by": "Ada"' in lines[-1]


def test_what_is_due_next_follows_the_schedules_that_the_server_was_given(home: Path) -> None:
    settings = load_settings(home)
    with asked_server(home, settings) as asked:
        moved = make_app(
            home,
            settings,
            lambda: NOON,
            airflow=digest_of(WORD),
            due=lambda day: [(PREPROCESSING, datetime(day.year, day.month, day.day, 23, 45, tzinfo=UTC))],
        )
        page = AskedServer(moved, asked._runner).ask("GET", "/", WORD, headers=headers()).text
    shown = page[page.index('id="due"') :]
    assert f"{DAY + timedelta(days=1)} 23:45 UTC" in shown
    assert INFERENCE.dag_id not in shown


def test_the_page_of_a_run_says_what_its_jobs_did_and_where_its_day_is_seen(small_home: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(small_home, tmp_path, dirs_exist_ok=True)
    settings, run = load_settings(tmp_path), f"{INFERENCE.dag_id}.manual__<b>"
    ctx = JobContext(Layout(tmp_path), settings, run, NOON)
    record(ctx, "infer", {"scored": 41, "reason": "all days scored", "written": f"{tmp_path}/reports/x.html"})
    record(JobContext(Layout(tmp_path), settings, f"{run}2", NOON), "infer", {"scored": 99})
    scored = max(ctx.ledger.state().scored)
    with asked_server(tmp_path, settings) as asked:
        server = AskedServer(make_app(tmp_path, settings, lambda: NOON, airflow=digest_of(WORD)), asked._runner)

        def page(pipeline: str, day: date | str, run_id: str = "manual__<b>") -> str:
            way = f"/runs/one?id={quote(f'{pipeline}.{run_id}', safe='')}&day={day}"
            return server.ask("GET", way, WORD, headers=headers()).text

        told = page(INFERENCE.dag_id, scored)
        assert "Scored: 41" in told
        assert "99" not in re.sub(r"loans scored.*", "", told, flags=re.DOTALL)
        assert "<b>" not in told
        assert str(tmp_path) not in told
        assert "loans scored</a>" in told
        assert "were not scored yet" in page(INFERENCE.dag_id, "2031-01-01")
        assert "/p2pcredit/weeks/2021-10-09" in page(MONITORING.dag_id, "2021-10-09")
        assert "gold%2Ffeature_store" in page(PREPROCESSING.dag_id, scored)
        assert "No job of it has ended yet" in page(PREPROCESSING.dag_id, scored)
        for wrong in ("", "x", "Other.run", f"{INFERENCE.dag_id}.{'x' * 700}"):
            assert server.ask("GET", f"/runs/one?id={wrong}", WORD, headers=headers()).status_code == 404
        assert server.ask("GET", f"/runs/one?id={run}&day=x", WORD, headers=headers()).status_code == 422
