"""`POST /v1/score`: answer applications with the champion, each answer on the disk before it leaves."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.errors import ApplicationError, BankError, P2PCreditError, StorageError, UnreadableFileError, UsageError
from p2pcredit.jobs.answering.given import mapping_named
from p2pcredit.jobs.answering.ready import ReadyModel
from p2pcredit.jobs.answering.request_log import fold_requests, receipt_and_line
from p2pcredit.platforms.mapped.profile import MappedPlatform
from p2pcredit.readers.applications import Record, parse_applications
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.champion import Champion
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.journal import JournalWriter

logger = logging.getLogger("p2pcredit.serving")


_FEW = 4
"""So many applications are scored where they arrive; the server answers nothing else meanwhile."""


class _Asked(NamedTuple):
    """A request: its applications, by whose names, by whom, which, and when."""

    records: Sequence[Record]
    by_mapping: bool
    who: str
    request_id: str
    at: datetime


class Scores:
    """Answers requests for scores, one after another.

    A few applications are scored where they arrive, so that none is handed on and back; a bulk of them, a model that
    is yet to be loaded, and what comes meanwhile, in a thread of its own, which leaves the pages and the doors free.
    All scoring is done under one lock, so a request has one model from its first application to its last.

    Args:
        site: The home and its settings.
        warmed: Called once the champion is loaded, or cannot be.
    """

    def __init__(self, site: Site, warmed: Callable[[], None] = lambda: None) -> None:
        self._site, self._warmed = site, warmed
        self._scoring = threading.Lock()
        self._champion = Champion(site.context())
        self._mapping: MappedPlatform | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._journal: JournalWriter | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take in what an earlier process logged, answer while the block runs, and take in what was logged."""
        named = self._site.settings.serving.mapping
        self._mapping = mapping_named(named) if named else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="p2pcredit-scores")
        self._journal = JournalWriter(self._site.layout.score_journal, self._fold_aside)
        self._thread.submit(self._warm_up)
        self._fold_aside()
        try:
            yield
        finally:
            self._thread.shutdown()
            self._journal.close()
            self._fold()

    async def answer(self, records: Sequence[Record], by_mapping: bool, visitor: Visitor, request_id: str) -> bytes:
        """Answer applications and log them; return the JSON once the log is on the disk.

        Raises:
            ApplicationError: If an application holds what none may hold.
            BankError: If there is no champion, or its files are missing or altered.
            StorageError: If the log cannot be written.
        """
        assert self._thread is not None, "the server has started"
        asked = _Asked(records, by_mapping, visitor.name, request_id, self._site.clock().astimezone(UTC))
        done = None
        if len(records) <= _FEW and not by_mapping and self._scoring.acquire(blocking=False):
            try:
                done = self._answer(asked, self._champion.loaded())
            finally:
                self._scoring.release()
        if done is None:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, self._answer_aside, asked)
        told, logged = done
        await asyncio.wrap_future(logged)
        return told

    def _answer_aside(self, asked: _Asked) -> tuple[bytes, Future[None]]:
        with self._scoring:
            done = self._answer(asked, self._champion.now())
        assert done is not None, "there is a model"
        return done

    def _answer(self, asked: _Asked, model: ReadyModel | None) -> tuple[bytes, Future[None]] | None:
        """Answer with a model, and put the answer into the journal; None without one."""
        assert self._journal is not None, "the server has started"
        if model is None:
            return None
        found = model.answer(asked.records, self._mapping if asked.by_mapping else None, asked.request_id)
        told, line = receipt_and_line(asked.at, asked.who, asked.request_id, model.model_id, asked.records, found)
        return told, self._journal.append(asked.at.date(), line)

    def _warm_up(self) -> None:
        """Load the champion before the first request asks for it."""
        try:
            with self._scoring:
                self._champion.now()
        except P2PCreditError as error:
            logger.warning("no application can be answered yet: %s", error)
        self._warmed()

    def _fold_aside(self) -> None:
        threading.Thread(target=self._fold, name="p2pcredit-fold", daemon=True).start()

    def _fold(self) -> None:
        """Take the log into its table. What cannot be taken in now stays on the disk for the next time."""
        try:
            fold_requests(self._site.context())
        except P2PCreditError as error:
            logger.warning("what was asked stays in the journal for now: %s", error)


def scores_router(site: Site, scores: Scores) -> APIRouter:
    """Make the request for scores."""
    router = APIRouter()
    most = site.settings.serving.max_applications

    async def score(request: Request) -> Response:
        visitor = await site.may_post("score")(request)
        by_mapping = _names(request, mapped=bool(site.settings.serving.mapping)) == "mapping"
        _require_json(request)
        body = await request.body()
        try:
            records = parse_applications(body, "json")
            if len(records) > most:
                raise Refusal(
                    413, "too_many", f"{len(records)} applications are more than {most}; send fewer at a time"
                )
            told = await scores.answer(records, by_mapping, visitor, request.state.request_id)
        except UnreadableFileError as error:
            raise Refusal(422, "no_json", str(error)) from error
        except ApplicationError as error:
            problems: list[dict[str, Any]] = list(error.problems)
            raise Refusal(422, "wrong_applications", str(error), problems) from error
        except UsageError as error:
            raise Refusal(422, "wrong_request", str(error)) from error
        except BankError as error:
            logger.error("request %s: %s", request.state.request_id, error)
            raise Refusal(503, "no_model", "no model can answer now; the server's log says why") from error
        except StorageError as error:
            logger.error("request %s: %s", request.state.request_id, error)
            raise Refusal(503, "not_logged", "the answer could not be logged, so there is none; ask again") from error
        return Response(told, media_type="application/json")

    router.add_route("/v1/score", score, methods=["POST"])  # with nothing for the framework to read or check
    return router


def _names(request: Request, *, mapped: bool) -> str:
    """Say by whose names applications come; other words in the address are refused, since they may be slips."""
    allowed = ("feeds", "mapping") if mapped else ("feeds",)
    for name, value in request.query_params.multi_items():
        if name == "names" and value in allowed:
            continue
        told = f"names={' or '.join(allowed)}"
        problem = {"application": None, "field": name[:60], "problem": "not known", "allowed": told}
        if name == "names" and value == "mapping":
            problem["problem"] = "the server has no mapping"
            raise Refusal(422, "no_mapping", "the server has no mapping; write the names of the feeds", [problem])
        raise Refusal(422, "wrong_request", f"the address holds what it may not; allowed is ?{told}", [problem])
    return request.query_params.get("names", "feeds")


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refusal(415, "no_json", "the body must be JSON; send it as application/json")


__all__ = ["Scores", "scores_router"]
