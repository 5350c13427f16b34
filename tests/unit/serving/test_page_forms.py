"""Forms of pages: who may send them, what they change, and the line of the audit that each change leaves."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.asked_server import AskedServer, asked_server
from tests.not_none import not_none
from tests.paged_home import WAITS, make_paged_home

from p2pcredit.jobs.answering.requests import score_request
from p2pcredit.serving.access import COOKIE, digest_of
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

ADA, BOB, EVE = "ada-token", "bob-token", "eve-token"
BROWSER = {"Accept": "text/html"}


class Browser:
    """A browser that signed in: its cookie, and the forms it sees."""

    def __init__(self, server: AskedServer, token: str) -> None:
        self.server = server
        answer = server.ask("POST", "/sign-in", None, data={"token": token})
        self.cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0], **BROWSER}
        assert COOKIE in self.cookie["Cookie"]

    def get(self, way: str) -> httpx.Response:
        return self.server.ask("GET", way, None, headers=self.cookie)

    def post(self, way: str, seen_on: str, **fields: str) -> httpx.Response:
        """Send the form of a page as a browser would, with the token that stands in it."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get(seen_on).text)
        return self.send(way, csrf=not_none(found)[1], **fields)

    def send(self, way: str, **fields: str) -> httpx.Response:
        return self.server.ask("POST", way, None, headers=self.cookie, data=fields)


@pytest.fixture
def home(small_home: Path, made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path: Path) -> Path:
    """A home of its own for each test that changes one."""
    whole = made_once("paged-home", lambda directory: make_paged_home(small_home, directory))
    return Path(shutil.copytree(whole, tmp_path / "home"))


@pytest.fixture
def server(home: Path) -> Iterator[AskedServer]:
    settings = load_settings(home)
    tokens = tuple(
        SecretStr(f"{name} {roles} {digest_of(token)}")
        for name, roles, token in (("Ada", "read+decide", ADA), ("Bob", "read", BOB), ("Eve", "decide", EVE))
    )
    serving = settings.serving.model_copy(update={"tokens": tokens})
    with asked_server(home, settings.model_copy(update={"serving": serving})) as asked:
        yield asked


def audit_of(home: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (home / "logs" / "activity.jsonl").read_text().splitlines()]
    return [line for line in lines if line["job"] == "served_change"]


def last_line(home: Path) -> dict[str, Any]:
    from p2pcredit.storage.state.ledger import Ledger

    return Ledger(Layout(home).ledger).events()[-1].as_json()


def test_a_decision_by_hand_is_a_ledger_line_in_the_visitors_name(server: AskedServer, home: Path) -> None:
    ada = Browser(server, ADA)
    answer = ada.post("/decisions/override", "/decisions", retrain="yes", why="a new <product>", date="2021-10-11")
    assert (answer.status_code, answer.headers["location"]) == (303, "/decisions?said=overridden")
    line = last_line(home)
    assert (line["event"], line["by"], line["origin"]) == ("decided", "Ada", "override")
    assert (line["decision"]["retrain"], line["decision"]["decision_date"]) == (True, "2021-10-11")
    assert "a new &lt;product&gt;" in ada.get("/decisions").text
    (told,) = audit_of(home)
    assert (told["by"], told["door"], told["what"], told["why"]) == ("Ada", "session", "override", "a new <product>")
    assert told["decision_id"] == line["decision_id"]
    assert told["request_id"] == answer.headers["x-request-id"]


def test_a_model_that_waits_is_approved_and_then_serves(server: AskedServer, home: Path) -> None:
    ada = Browser(server, ADA)
    way = f"/models/{WAITS}"
    answer = ada.post(f"{way}/approve", way, why="looks well", until="2022-06-30", conditions="small loans only")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{way}?said=approve")
    text = ada.get(way).text
    assert "small loans only" in text
    assert "Ada on 2021-10-12, until 2022-06-30" in text
    assert WAITS in ada.get("/").text
    assert [one["what"] for one in audit_of(home)] == ["approve"]


def test_a_model_is_refused_promoted_and_rolled_back(server: AskedServer, home: Path) -> None:
    ada, way = Browser(server, ADA), f"/models/{WAITS}"
    first = next(one for one in ModelBank(Layout(home)).model_ids() if one != WAITS)
    assert ada.post(f"{way}/refuse", way, why="not yet").status_code == 303
    assert ada.post(f"{way}/promote", way, why="now").status_code == 303
    assert "Return to" in ada.get(way).text
    answer = ada.post("/models/rollback", way, why="it was not")
    assert answer.headers["location"] == f"/models/{first}?said=rollback"
    assert [one["what"] for one in audit_of(home)] == ["refuse", "promote", "rollback"]
    assert last_line(home)["event"] == "rolled_back"


FORMS = (
    ("/decisions/override", {"retrain": "yes", "why": "x"}),
    (f"/models/{WAITS}/approve", {"why": "x"}),
    (f"/models/{WAITS}/refuse", {"why": "x"}),
    (f"/models/{WAITS}/promote", {"why": "x"}),
    ("/models/rollback", {"why": "x"}),
)


@pytest.mark.parametrize(("way", "fields"), FORMS)
def test_a_form_without_its_token_or_role_changes_nothing(
    server: AskedServer, home: Path, way: str, fields: dict[str, str]
) -> None:
    before = last_line(home)
    ada, bob = Browser(server, ADA), Browser(server, BOB)
    for sent in (fields, {**fields, "csrf": "0" * 64}, {**fields, "csrf": ""}):
        answer = ada.send(way, **sent)
        assert (answer.status_code, "not of this page" in answer.text) == (403, True)
    stolen = not_none(re.search(r'name="csrf" value="([0-9a-f]{64})"', bob.get("/what-if").text))[1]
    assert ada.send(way, csrf=stolen, **fields).status_code == 403
    assert bob.send(way, csrf=stolen, **fields).status_code == 403
    assert server.ask("POST", way, "no token of anyone", headers=BROWSER, data=fields).status_code == 401
    assert last_line(home) == before
    assert not audit_of(home)


def test_who_may_not_decide_sees_no_form_to_do_so(server: AskedServer) -> None:
    bob = Browser(server, BOB)
    for way in ("/decisions", f"/models/{WAITS}"):
        assert 'method="post"' not in bob.get(way).text.replace('action="/sign-out" method="post"', "")


@pytest.mark.parametrize(
    ("way", "fields"),
    [
        ("/decisions/override", {"retrain": "maybe", "why": "x"}),
        ("/decisions/override", {"retrain": "yes", "why": "  "}),
        ("/decisions/override", {"retrain": "yes", "why": "x", "date": "soon"}),
        ("/decisions/override", {"retrain": "yes", "why": "x" * 1_001}),
        (f"/models/{WAITS}/approve", {"why": ""}),
        (f"/models/{WAITS}/approve", {"why": "x", "until": "2001-01-01"}),
        ("/models/rollback", {"why": "there is none before"}),
    ],
)
def test_a_form_that_says_too_little_or_the_wrong_thing_is_refused(
    server: AskedServer, home: Path, way: str, fields: dict[str, str]
) -> None:
    before = last_line(home)
    answer = Browser(server, ADA).post(way, "/decisions", **fields)
    assert (answer.status_code, "<h1>That cannot be</h1>" in answer.text) == (422, True)
    assert last_line(home) == before


def test_what_if_says_what_the_nightly_run_would_and_keeps_nothing(server: AskedServer, home: Path) -> None:
    bob = Browser(server, BOB)
    way = "/what-if?id=N0"
    values = dict(re.findall(r'id="value-[a-z0-9_]+" name="([a-z0-9_]+)" value="([^"]*)"', bob.get(way).text))
    sent = {**values, "id": "N0", "annual_income": "1000000", "debt_to_income": "1"}
    answer = bob.post("/what-if", way, **sent)
    assert answer.status_code == 200
    record = {name: value for name, value in sent.items() if value and name != "id"}
    told = score_request(server.app.state.site.context(), [record])["answers"][0]
    assert [int(score) for score in re.findall(r'class="score">(\d+)<', answer.text)][-1] == told["score"]
    assert "Changed: Annual income, Debt to income" in answer.text
    assert "annual_income=1000000" in answer.text
    assert not (home / "scripts" / "datamart" / "gold" / "score_requests").exists()
    assert not list((home / "scripts" / "datamart" / "gold").glob("score_journal/*/*.jsonl"))


def test_what_if_names_the_value_that_no_loan_may_have(server: AskedServer) -> None:
    bob = Browser(server, BOB)
    answer = bob.post("/what-if", "/what-if", loan_amount="<b>much</b>", term="36", origination_date="2021-10-01")
    assert answer.status_code == 200
    assert 'href="#value-loan_amount"' in answer.text
    assert "&lt;b&gt;much" in answer.text
    assert 'class="score"' not in answer.text
    alone = bob.post("/what-if", "/what-if", loan_amount="9000", term="36", origination_date="2021-10-01")
    assert 'class="score"' in alone.text
    assert bob.send("/what-if", loan_amount="9000").status_code == 403


def test_a_wrong_token_shows_the_page_to_sign_in_again(server: AskedServer) -> None:
    answer = server.ask("POST", "/sign-in?next=%2Floans", None, headers=BROWSER, data={"token": "x", "next": "/loans"})
    assert answer.status_code == 401
    assert 'name="next" value="/loans"' in answer.text
