from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.tracking.tracked_home import FIRST, LOANS, NEXT_WEEK, WEEK, bank_model, context, measure, with_caller

from p2pcredit.errors import ServiceError, SettingsError, UsageError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.jobs.tracking.posting import post_results
from p2pcredit.jobs.tracking.week_results import WeekResults, week_results
from p2pcredit.settings import load_settings

SECRET = "s3cr3t-of-results"


@dataclass
class Receiver:
    """A server that takes results: what came, and how it answers."""

    port: int = 0
    status: int = 204
    location: str | None = None
    answers: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/results?key={SECRET}"

    def weeks(self) -> list[str]:
        return [json.loads(body)["week_end_date"] for _, _, body in self.seen]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.seen.append((self.path, dict(self.headers), body))
            receiver.answers.wait(60)
            self.send_response(receiver.status)
            if receiver.location is not None:
                self.send_header("Location", receiver.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.answers.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    ctx = context(tmp_path / "home")
    bank_model(ctx, FIRST, promoted=True)
    measure(ctx, WEEK)
    return ctx.layout.home


def told(home: Path, receiver: Receiver, seconds: float = 60.0) -> JobContext:
    return context(home, results_url=receiver.url, results_token=SECRET, deadline_seconds=seconds)


def warnings_of_results(ctx: JobContext) -> list[str]:
    said = [str(entry["message"]) for entry in recent_entries(ctx, "warning")]
    return [line for line in said if "results" in line]


def test_a_week_says_what_was_measured_of_whom_and_what_was_decided(home: Path) -> None:
    found = week_results(context(home), WEEK)
    assert (found.kind, found.format, found.week_end_date) == ("p2pcredit.week_results", 1, WEEK)
    assert found.model is not None
    assert found.model.model_id == FIRST
    assert [(one.metric, one.value, one.low, one.status) for one in found.measurements] == [
        ("auc", 0.7, pytest.approx(0.65), "pass"),
        ("psi:fico", None, None, "undetermined"),
    ]
    assert (found.passed, found.failed, found.undetermined) == (1, 0, 1)
    assert found.decision is not None
    assert not found.decision.retrain
    assert LOANS not in found.to_bytes()


def test_equal_results_have_equal_bytes_and_read_back(home: Path) -> None:
    found = week_results(context(home), WEEK)
    assert week_results(context(home), WEEK).to_bytes() == found.to_bytes()
    assert WeekResults.model_validate_json(found.to_bytes()) == found


def test_a_week_that_was_not_measured_has_no_results(home: Path) -> None:
    with pytest.raises(UsageError, match="p2pcredit monitor --week-end 2024-01-20"):
        week_results(context(home), NEXT_WEEK)


def test_the_alerts_of_a_week_send_its_results_once(home: Path, receiver: Receiver) -> None:
    ctx = told(home, receiver)
    send_alerts(ctx, WEEK)
    send_alerts(ctx, WEEK)
    ((path, headers, body),) = receiver.seen
    assert path == f"/results?key={SECRET}"
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert body == week_results(ctx, WEEK).to_bytes()
    assert headers["Idempotency-Key"] == week_results(ctx, WEEK).digest()
    measure(ctx, WEEK, auc=0.71)
    send_alerts(ctx, WEEK)
    assert len(receiver.seen) == 2


def test_a_replay_and_a_home_without_an_address_send_nothing(home: Path, receiver: Receiver) -> None:
    send_alerts(with_caller(told(home, receiver), Caller.REPLAY), WEEK)
    send_alerts(context(home), WEEK)
    assert receiver.seen == []
    with pytest.raises(UsageError, match=r"tracking\.results_url"):
        post_results(context(home), WEEK)


def refused(receiver: Receiver) -> None:
    receiver.status = 503


def sent_elsewhere(receiver: Receiver) -> None:
    receiver.status, receiver.location = 307, "/other"


def silent(receiver: Receiver) -> None:
    receiver.answers.clear()


@pytest.mark.parametrize("how", [refused, sent_elsewhere, silent])
def test_a_server_that_does_not_take_them_is_one_line_and_made_up(
    home: Path, receiver: Receiver, how: Callable[[Receiver], None]
) -> None:
    post_results(told(home, receiver), WEEK)
    measure(told(home, receiver), NEXT_WEEK)
    how(receiver)
    hasty = told(home, receiver, seconds=1.0)
    send_alerts(hasty, NEXT_WEEK)
    (line,) = warnings_of_results(hasty)
    assert "2024-01-20 were not taken" in line
    assert SECRET not in line
    assert not any(path == "/other" for path, _, _ in receiver.seen)
    receiver.status, receiver.location = 200, None
    receiver.answers.set()
    later = told(home, receiver)
    last = NEXT_WEEK.fromordinal(NEXT_WEEK.toordinal() + 7)
    measure(later, last)
    assert post_results(later, last)["sent"] == [f"{NEXT_WEEK}", f"{last}"]


def test_a_server_that_is_not_there_is_said_without_its_address(home: Path) -> None:
    with receiving() as gone:
        ctx = told(home, gone)
    send_alerts(ctx, WEEK)
    (line,) = warnings_of_results(ctx)
    assert "cannot be reached (ConnectionRefusedError" in line
    with pytest.raises(ServiceError):
        post_results(ctx, WEEK)
    written = [path for path in home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert written == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("results_url", "ftp://example.org"),
        ("results_url", "https://"),
        ("results_token", "two words"),
        ("mlflow_model", "a/b"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_settings(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "p2pcredit.toml").write_text(f'[tracking]\n{name} = "{value}"\n')
    with pytest.raises(SettingsError, match=name):
        load_settings(tmp_path)
