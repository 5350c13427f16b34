"""Who may ask for what: tokens, sessions, a proxy's word, forms, and how much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import Depends
from pydantic import SecretStr, ValidationError
from tests.asked_server import NOON, TOKEN, AskedServer, asked_server

from p2pcredit.serving.access import COOKIE, Access, Visitor, digest_of
from p2pcredit.serving.gate import HEADERS
from p2pcredit.settings import ServingSettings, Settings

READER, SCORER = "reader-token", "scorer-token"


def settings_with(**serving: object) -> Settings:
    tokens = (SecretStr(f"ada read {digest_of(READER)}"), SecretStr(f"desk score {digest_of(SCORER)}"))
    return Settings(serving=ServingSettings(**{"tokens": tokens, **serving}))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AskedServer]:
    with asked_server(tmp_path, settings_with()) as asked:
        _add_pages(asked)
        yield asked


def _add_pages(asked: AskedServer) -> None:
    """Add a page and a form, such as pages will have."""
    site = asked.app.state.site
    reader, decider = Depends(site.may("read")), Depends(site.may_post("decide"))

    @asked.app.get("/page")
    async def page(visitor: Visitor = reader) -> dict[str, str]:
        return {"name": visitor.name, "csrf": visitor.csrf}

    @asked.app.post("/form")
    async def form(visitor: Visitor = decider) -> dict[str, str]:
        site.audit(visitor, "tested", {"model_id": "m"}, "request-1")
        return {"name": visitor.name}

    @asked.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("/secret/path of a borrower")


def test_a_token_lets_in_to_what_its_roles_say(server: AskedServer) -> None:
    assert server.ask("GET", "/page", READER).json()["name"] == "ada"
    assert server.ask("GET", "/page", SCORER).status_code == 403
    assert server.score({}, token=READER).status_code == 403
    assert server.ask("POST", "/form", SCORER).json()["error"]["message"] == "this needs the role 'decide'"


@pytest.mark.parametrize("token", [None, "", "wrong", READER[:-1], f"{READER} ", digest_of(READER), "ä" * 50])
def test_what_is_no_token_does_not(server: AskedServer, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    answer = server.ask("GET", "/page", None, headers=headers)
    if token == f"{READER} ":  # blanks around it are no part of it
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_every_token_is_compared_whole_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared: list[str] = []
    whole = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(a) or whole(a, b))
    access = Access(settings_with().serving, lambda: NOON)
    counts = []
    for token in (READER, SCORER, "wrong"):
        compared.clear()
        access.visitor({"authorization": f"Bearer {token}"}, {}, "10.0.0.1")
        counts.append(len(compared))
    assert len(set(counts)) == 1
    assert counts[0] >= 2


def signed_in(server: AskedServer, token: str = TOKEN, way: str = "/page") -> tuple[str, str]:
    answer = server.ask("POST", "/sign-in", None, data={"token": token, "next": way})
    assert answer.status_code == 303
    return answer.headers["set-cookie"].partition(";")[0].partition("=")[2].strip('"'), answer.headers["location"]


def test_a_browser_signs_in_and_its_forms_bear_a_token_of_their_own(server: AskedServer) -> None:
    cookie, way = signed_in(server)
    assert way == "/page"
    cookies = {"Cookie": f"{COOKIE}={cookie}"}
    page = server.ask("GET", "/page", None, headers=cookies).json()
    assert page["name"] == "tester"
    sent = {"csrf": page["csrf"]}
    assert server.ask("POST", "/form", None, headers=cookies, data=sent).status_code == 200
    assert server.ask("POST", "/form", None, headers={**cookies, "X-CSRF-Token": page["csrf"]}).status_code == 200
    for wrong in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        answer = server.ask("POST", "/form", None, headers=cookies, data=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_form")
    elsewhere = {**cookies, "Sec-Fetch-Site": "cross-site"}
    assert server.ask("POST", "/form", None, headers=elsewhere, data=sent).status_code == 403
    assert server.ask("POST", "/form").status_code == 200  # no browser sends a bearer token by itself


def test_a_session_ends_and_cannot_be_changed(tmp_path: Path) -> None:
    now = [NOON]
    with asked_server(tmp_path, settings_with(session_minutes=10), clock=lambda: now[0]) as server:
        _add_pages(server)
        cookie, _ = signed_in(server)
        changed = ("A" if cookie[0] != "A" else "B") + cookie[1:]
        for shown, status in ((cookie, 200), (changed, 401), ("", 401), ("x.y", 401), ("a", 401)):
            assert server.ask("GET", "/page", None, headers={"Cookie": f"{COOKIE}={shown}"}).status_code == status
        now[0] += timedelta(minutes=11)
        assert server.ask("GET", "/page", None, headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401
    with asked_server(tmp_path) as another:
        _add_pages(another)
        assert another.ask("GET", "/page", None, headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server: AskedServer) -> None:
    answer = server.ask("POST", "/sign-in", None, data={"token": TOKEN})
    words = answer.headers["set-cookie"].lower()
    assert "httponly" in words
    assert "samesite=strict" in words
    assert TOKEN not in words
    assert digest_of(TOKEN) not in words


@pytest.mark.parametrize("way", ["//elsewhere.org", "https://elsewhere.org", "/\\elsewhere.org", "elsewhere", "/\tx"])
def test_signing_in_leads_nowhere_else(server: AskedServer, way: str) -> None:
    assert signed_in(server, way=way)[1] == "/"


def test_a_wrong_token_does_not_sign_in(server: AskedServer) -> None:
    answer = server.ask("POST", "/sign-in", None, data={"token": "wrong"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.parametrize(
    ("address", "header", "expected"),
    [
        ("127.0.0.1", "ada", {"read", "decide"}),
        ("127.0.0.1", "bob", {"read"}),
        ("127.0.0.1", "", None),
        ("127.0.0.1", "a\nb", None),
        ("10.0.0.9", "ada", None),
    ],
)
def test_a_proxy_is_believed_from_its_own_address_only(address: str, header: str, expected: set[str] | None) -> None:
    serving = ServingSettings(proxy_user_header="X-User", proxy_roles={"ada": "read+decide", "*": "read"})
    found = Access(serving, lambda: NOON).visitor({"x-user": header}, {}, address)
    assert (None if found is None else set(found.roles)) == expected
    assert Access(ServingSettings(), lambda: NOON).visitor({"x-user": header}, {}, address) is None


def test_who_asks_too_much_waits_and_others_do_not(tmp_path: Path) -> None:
    now = [NOON]
    few = settings_with(burst=3, requests_per_second=1.0)
    with asked_server(tmp_path, few, clock=lambda: now[0]) as server:
        _add_pages(server)
        assert [server.ask("GET", "/page", READER).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        answer = server.ask("GET", "/page", READER)
        assert (answer.headers["retry-after"], server.ask("GET", "/page").status_code) == ("1", 200)
        now[0] += timedelta(seconds=1)
        assert [server.ask("GET", "/page", READER).status_code for _ in range(2)] == [200, 429]
        assert [server.ask("GET", "/page", "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_every_answer_bears_the_headers_that_keep_browsers_safe(server: AskedServer) -> None:
    for answer in (server.ask("GET", "/health", None), server.ask("GET", "/page"), server.ask("GET", "/none")):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_an_error_that_nobody_foresaw_tells_its_number_and_nothing_else(
    server: AskedServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = server.ask("GET", "/broken")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    for word in ("secret", "RuntimeError", "Traceback"):
        assert word not in answer.text
    assert "secret" in caplog.text


def test_a_change_is_written_into_the_activity_file_with_who_and_how(server: AskedServer, tmp_path: Path) -> None:
    server.ask("POST", "/form")
    (line,) = (tmp_path / "logs" / "activity.jsonl").read_text().splitlines()
    for part in ('"by": "tester"', '"door": "token"', '"what": "tested"', '"request_id": "request-1"'):
        assert part in line


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tokens": ("ada read",)}, "token 1 of serving is not a name, roles and a SHA-256"),
        ({"tokens": (f"ada root {'0' * 64}",)}, "token 1 of serving"),
        ({"tokens": (f"ada read {'0' * 64}", f"ada score {'1' * 64}")}, "two tokens of serving have the name 'ada'"),
        ({"proxy_user_header": "X User"}, "proxy_user_header is no name of a header"),
        ({"proxy_roles": {"ada": "root"}}, "proxy_roles gives 'ada' no roles"),
    ],
)
def test_settings_that_let_nobody_or_anybody_in_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        ServingSettings(**wrong)
    assert "0" * 64 not in str(refused.value)
