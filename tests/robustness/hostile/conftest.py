from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout

FIRST, LIVED, LAST = date(2021, 1, 1), date(2021, 6, 19), date(2021, 6, 26)
NEXT = "2021-06-20"
QUICK = """threads = 1
[labels]
window_months = 3
default_days = 30
reporting_lag_days = 0
[training]
min_matured_loans = 100
min_matured_bads = 10
min_evaluation_bads = 2
[monitoring]
min_matured_loans = 20
min_matured_bads = 2
min_recent_loans = 10
"""
CHILD = Path(__file__).with_name("child.py")
MODE_BITS_COUNT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown"]
"""Before a command, where the tests run as root: root without the rights that let it pass over mode bits."""


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    """A test of this directory that takes minutes counts as hanging."""

    def hang(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def raw_download(lived_home: Path) -> Path:
    return lived_home.with_name("portfolio.csv.gz")


@pytest.fixture(scope="session")
def lived_home(made_once: Callable[..., Path]) -> Path:
    """A home with half a year behind it: tables, models, decisions, reports. Copy it before touching it."""
    return made_once("lived", _live) / "home"


def _live(directory: Path) -> None:
    raw, home = directory / "portfolio.csv.gz", directory / "home"
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=40))
    home.mkdir()
    (home / "p2pcredit.toml").write_text(QUICK)
    ctx = JobContext(Layout(home), load_settings(home), "replay", datetime(2026, 1, 1, tzinfo=UTC))
    land(ctx, "synthetic", [raw], FIRST, LAST)
    replay(ctx, DateRange(FIRST, LIVED))


@pytest.fixture
def home(tmp_path: Path, lived_home: Path) -> Path:
    """A lived-in home of the test's own."""
    return Path(shutil.copytree(lived_home, tmp_path / "home", symlinks=True))


@dataclass(frozen=True)
class Outcome:
    """What became of one command: exit code, what it printed, and the traceback of what it let escape."""

    arguments: list[str]
    code: int
    stdout: str
    stderr: str
    traceback: str

    @property
    def name(self) -> str:
        return self.arguments[0]

    @property
    def error(self) -> str:
        """The one line that it ended with, where it failed; only warnings in the log may stand before it."""
        assert (self.code, self.traceback) == (1, ""), self
        assert not self.stdout or self.name == "doctor", self  # it prints its checks all the same
        *logged, last = self.stderr.splitlines()
        assert last.startswith("Error: "), self.stderr
        assert "--debug" not in last, self.stderr  # said of an unforeseen error
        assert all(line.startswith(("WARNING", "ERROR", "    ")) for line in logged), self.stderr
        return last


@dataclass(frozen=True)
class Ran:
    outcomes: list[Outcome]
    peak_megabytes: float

    def __getitem__(self, name: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.name == name)


Run = Callable[..., Ran]


@pytest.fixture
def run() -> Run:
    """Runs commands on a home in a child; `heed_mode_bits` also where the tests run as root."""

    def start(
        home: Path,
        *commands: list[str],
        heed_mode_bits: bool = False,
        timeout: float = 240,
        preamble: str = "",
        umask: int = -1,
        **environ: str,
    ) -> Ran:
        prefix: list[str] = []
        if heed_mode_bits and os.getuid() == 0:
            if shutil.which("setpriv") is None:
                pytest.skip("root passes over mode bits, and there is no setpriv to take that right away")
            prefix = MODE_BITS_COUNT
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("P2P_", "AIRFLOW"))}
        done = subprocess.run(
            [*prefix, sys.executable, str(CHILD), preamble],
            input=json.dumps([[*command, "--home", str(home)] for command in commands]),
            capture_output=True,
            text=True,
            timeout=timeout,
            umask=umask,
            cwd=home.parent,
            env={**kept, **environ},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        return Ran([Outcome(**outcome) for outcome in told["outcomes"]], told["peak_kilobytes"] / 1024)

    return start


def every_job(home: Path, raw: Path) -> list[list[str]]:
    """Run every job of the program once, on the days after those that the home has lived through."""
    return [
        ["land", "synthetic", str(raw), "--from", NEXT, "--to", str(LAST)],
        ["preprocess", "--date", NEXT],
        ["train", "--as-of", str(LIVED), "--why", "a test"],
        ["infer", "--date", NEXT],
        ["monitor", "--week-end", str(LIVED)],
        ["replay", "--from", NEXT, "--to", NEXT],
        ["export", "gold/predictions", "--out", str(home / "out.csv")],
        ["status"],
        ["doctor"],
        ["decision", "show"],
        ["decision", "override", "--no-retrain", "--why", "a test", "--date", str(LIVED)],
    ]


def state_of(home: Path) -> dict[str, str]:
    """Digest every file of a home, besides locks, drafts, and the log of what was done."""
    found = {}
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.name != "activity.jsonl" and path.suffix != ".tmp" and "lock" not in path.name:
            found[str(path.relative_to(home))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def warnings_of(home: Path) -> list[str]:
    """Read what the activity file keeps for the alerts of the week."""
    return [line["message"] for line in _activity_of(home) if line["job"] == "warning"]


def failed_commands_of(home: Path) -> list[str]:
    """List the commands of a person that failed, as the activity file says."""
    return [line["command"] for line in _activity_of(home) if line["job"] == "failed_command"]


def _activity_of(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "logs/activity.jsonl").read_text().splitlines()]


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    return context_of(tmp_path / "home")


def context_of(home: Path, **settings: Any) -> JobContext:
    from p2pcredit.settings import Settings

    return JobContext(Layout(home), Settings(**settings), "test", datetime(2024, 1, 14, 6, tzinfo=UTC))
