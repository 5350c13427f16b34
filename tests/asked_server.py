"""The server's app inside a test: requests without a network, on an event loop of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from p2pcredit.serving.access import digest_of
from p2pcredit.serving.app import make_app
from p2pcredit.settings import ROLES, Settings, load_settings

TOKEN = "the-token-of-the-tests"
NOON = datetime(2021, 10, 12, 12, tzinfo=UTC)


class AskedServer:
    """Asks an app that is running; each request bears the token unless told otherwise."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self.app, self._runner = app, runner
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 5000)),
            base_url="http://127.0.0.1",
        )

    def ask(self, method: str, path: str, token: str | None = TOKEN, **more: Any) -> httpx.Response:
        return self._runner.run(self._asked(method, path, token, more))

    def score(self, content: Any, path: str = "/v1/score", **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=content, **more)

    def together(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(*(self._asked(method, path, TOKEN, more) for method, path, more in requests))

        return self._runner.run(all_of_them())

    async def _asked(self, method: str, path: str, token: str | None, more: Mapping[str, Any]) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self._client.request(method, path, **{**more, "headers": {**headers, **more.get("headers", {})}})


@contextmanager
def asked_server(
    home: Path, settings: Settings | None = None, clock: Callable[[], datetime] = lambda: NOON
) -> Iterator[AskedServer]:
    """Run the app of a home while the block runs, with a token of every role."""
    known = settings or load_settings(home)
    app = make_app(home, known, clock, tokens={digest_of(TOKEN): ("tester", frozenset(ROLES))})
    with asyncio.Runner() as runner:
        living = app.router.lifespan_context(app)
        runner.run(living.__aenter__())
        try:
            yield AskedServer(app, runner)
        finally:
            runner.run(living.__aexit__(None, None, None))


__all__ = ["NOON", "TOKEN", "AskedServer", "asked_server"]
