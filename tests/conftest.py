from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from p2pcredit.contracts.decision import Decision
from p2pcredit.jobs.context import JobContext
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout

# A deadline measures the machine and what else it does, not the law: no property has one.
hypothesis.settings.register_profile("laws", deadline=None, print_blob=True)
hypothesis.settings.load_profile("laws")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torture")
    group.addoption("--torture", action="store_true", help="try faults as often as it takes, not only a few times")
    group.addoption("--torture-results", metavar="DIR", help="write what was tried and what came of it to DIR")
    more = "run five days on Celery, each part killed once, and write what was measured to DIR"
    group.addoption("--distributed", metavar="DIR", help=more)


@dataclass(frozen=True)
class Torture:
    """How hard a fault is to be tried: a few times in every test run, in full under `make torture`."""

    full: bool
    results: Path | None

    def times(self, few: int, many: int) -> int:
        """Return how often: `few` in a bounded run, `many` in a full one."""
        return many if self.full else few

    def record(self, fault: str, tried: int, violations: int = 0, note: str = "") -> None:
        """Put a row into the table of `make torture`. Tests still assert; this only tells people what was tried."""
        if self.results is None:
            return
        self.results.mkdir(parents=True, exist_ok=True)
        row = {"fault": fault, "tried": tried, "violations": violations, "note": note, "full": self.full}
        (self.results / f"{uuid.uuid4().hex}.json").write_text(json.dumps(row) + "\n")


@pytest.fixture(scope="session")
def small_home(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A home made by the pipeline, with a model and a weekly review; not to be changed."""
    from tests.small_home import make_small_home

    return made_once("small-home", make_small_home)


@pytest.fixture(scope="session")
def torture(request: pytest.FixtureRequest) -> Torture:
    results = request.config.getoption("--torture-results")
    return Torture(request.config.getoption("--torture"), Path(results) if results else None)


@pytest.fixture(scope="session")
def distributed(request: pytest.FixtureRequest) -> Path | None:
    """Where what is measured on Celery goes; None in an ordinary test run, which makes it short."""
    place = request.config.getoption("--distributed")
    return Path(place) if place else None


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Gives the directory of a name, made by the first of the processes that run tests; not to be changed."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def directory_of(name: str, make: Callable[[Path], None]) -> Path:
        directory, whole = shared / name, shared / f"{name}-is-whole"
        with (shared / f"{name}-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir()
                make(directory)
                whole.touch()
        return directory

    return directory_of


class Killed(BaseException):
    """The process was killed: no handler may save anything after this."""


class Disk:
    """Counts what changes the disk and can kill at the n-th change: from then on every change is refused."""

    _CHANGES = ("rename", "replace", "unlink", "link", "mkdir", "fsync", "write")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._limit: int | None = None
        for name in self._CHANGES:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))
        real_open = os.open

        def watched_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            if flags & os.O_CREAT:
                self._change()
            return real_open(path, flags, *args, **kwargs)

        monkeypatch.setattr(os, "open", watched_open)

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*args: Any, **kwargs: Any) -> Any:
            self._change()
            return None if name == "fsync" else real(*args, **kwargs)

        return change

    def _change(self) -> None:
        self.count += 1
        if self._limit is not None and self.count >= self._limit:
            raise Killed

    @contextmanager
    def killing_at(self, number: int) -> Iterator[list[bool]]:
        """Kill at the n-th change from here; yields a list that says afterwards whether it came to that."""
        self.count, self._limit = 0, number
        killed = [False]
        try:
            yield killed
        except Killed:
            killed[0] = True
        finally:
            self._limit = None


class FakeTrainer:
    """Stands in for the real training: counts, fails or dies when told to, and names its models m1, m2 ..."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, date]] = []
        self.error: BaseException | None = None
        self.promoted, self.reason = True, "for the test"
        self.matured_bads: int | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, ctx: JobContext, day: date) -> Any:
        from p2pcredit.storage.state.model_bank import ModelArtifacts

        self.calls.append((ctx.run_id, day))
        self.meanwhile()
        if self.error is not None:
            raise self.error
        told = {"promoted": self.promoted, "reason": self.reason, "matured_bads": self.matured_bads}
        card = {**told, "metrics": {"auc": 0.7}}
        unknown = dict.fromkeys(("target", "origin", "comparison", "recalibration", "gate", "bins_by_hand"))
        return (ModelArtifacts(f"m{len(self.calls)}", {}, {**unknown, **card}),)


@dataclass(frozen=True)
class AlertChannel:
    """A channel on this machine that takes messages: an address with a secret in it, and what came."""

    secret: str
    port: int
    seen: list[bytes]

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/{self.secret}"


@pytest.fixture
def channel() -> Iterator[AlertChannel]:
    seen: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield AlertChannel("s3cr3t-t0ken-of-a-channel", server.server_port, seen)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> FakeTrainer:
    fake = FakeTrainer()
    monkeypatch.setattr("p2pcredit.jobs.training.train.train_model", fake)
    return fake


@pytest.fixture
def run_on(tmp_path: Path) -> Callable[..., JobContext]:
    """Makes the context of a run in the night after a snapshot date."""

    def make(day: date, run_id: str | None = None, home: Path | None = None) -> JobContext:
        at = datetime.combine(day + timedelta(days=1), time(2, tzinfo=UTC))
        return JobContext(Layout(home or tmp_path / "home"), Settings(), run_id or f"night-of-{day}", at)

    return make


@pytest.fixture
def decision() -> Callable[..., Decision]:
    """Makes a decision of monitoring, with an id of its own content."""

    def make(day: date, *, retrain: bool = True, reason: str = "AUC 0.58 below 0.62", **more: Any) -> Decision:
        made = Decision(decision_date=day, performance_score=0.58, retrain=retrain, reason=reason, **more)
        return made.model_copy(update={"decision_id": f"monitoring-{day}-{made.content_digest()[:8]}"})

    return make
