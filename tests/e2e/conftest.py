"""What tests of whole runs share: commands as a person gives them, a young portfolio, and what a home adds up to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import young_home

from p2pcredit.contracts.tables import TABLES
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.ledger import Ledger
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

SETTINGS = f"""\
{young_home.SETTINGS}\
min_evaluation_bads = 5

[monitoring]
min_matured_loans = 50
min_matured_bads = 5
policy = "cheapest_first"
retrain_at_new_bads_share = 0.15
"""
"""Labels mature in three months, and a sixth more bads is reason enough to train again."""


class YoungPortfolio:
    """Loans of half a year up to a Saturday whose review, on the Sunday after it, decides to train again.

    Args:
        home: A home where all days have landed, and where each night up to `saturday` was done.
    """

    FIRST, FIRST_MODEL, SATURDAY, LAST = date(2021, 1, 1), date(2021, 6, 14), date(2021, 7, 3), date(2021, 7, 15)

    def __init__(self, home: Path) -> None:
        self.home = home
        raw = home.with_name("portfolio.csv.gz")
        write_raw(raw, SyntheticSettings(self.FIRST, self.LAST, loans_per_day=60))
        home.mkdir()
        (home / "p2pcredit.toml").write_text(SETTINGS, encoding="utf-8")
        ctx = self.context(home)
        land(ctx, "synthetic", [raw], self.FIRST, self.LAST)
        preprocess(ctx, DateRange(self.FIRST, self.FIRST_MODEL - timedelta(days=1)))
        replay(ctx, DateRange(self.FIRST_MODEL, self.SATURDAY), skip_last_monitoring=True)

    def context(self, home: Path) -> JobContext:
        """Make the context of a replay on a home."""
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return JobContext(Layout(home), load_settings(home), "replay", at, caller=Caller.REPLAY)

    def copy(self, name: str) -> Path:
        """Copy the home."""
        return Path(shutil.copytree(self.home, self.home.with_name(name)))

    def undisturbed(self, last: date) -> Path:
        """Run nights and Sundays up to that of `last` on a home by a replay, in one process, once; return the home."""
        name = f"replayed-to-{last}"
        if (made := self.home.with_name(name)).exists():
            return made
        home = self.copy(f"{name}-at-work")
        ctx = self.context(home)
        sunday = datetime.combine(self.SATURDAY + timedelta(days=1), time(6, tzinfo=UTC))
        monitor(ctx.moved_to(sunday), self.SATURDAY)
        days = DateRange(self.SATURDAY + timedelta(days=1), last)
        replay(ctx, days, all_reports=True, day_by_day=True)
        return home.rename(made)


@pytest.fixture(scope="session")
def young_portfolio(tmp_path_factory: pytest.TempPathFactory) -> YoungPortfolio:
    return YoungPortfolio(tmp_path_factory.mktemp("young") / "home")


def _command(home: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "p2pcredit.cli.app", *arguments, "--home", str(home), "--json"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "P2P_"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environ)
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert isinstance(receipt, dict)
    return receipt


@pytest.fixture(scope="session")
def p2pcredit() -> Callable[..., dict[str, Any]]:
    """Runs one command on a home as a person would, in a process of its own; gives its receipt."""
    return _command


def _left_behind(home: Path) -> list[int]:
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"P2P_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                left.append(int(process.name))
        except OSError:
            continue  # it ended while we looked, or is not ours to look into
    return left


@pytest.fixture(scope="session")
def left_behind() -> Callable[[Path], list[int]]:
    """Gives the processes of a home's Airflow that run now."""
    return _left_behind


def _account(home: Path) -> dict[str, Any]:
    layout = Layout(home)
    bank = ModelBank(layout)
    models = {model_id: bank.get(model_id) for model_id in bank.model_ids()}
    # Card and evidence say which version of a table was read: how often it was committed to depends on who came first.
    cards = {f"card/{m}": {**model.card, "delta_versions": None, "evidence": None} for m, model in models.items()}
    told = {m: json.loads(bank.attachment(m, "evidence.json")) for m in models}
    evidence = {f"evidence/{m}": {**facts, "provenance": None} for m, facts in told.items()}
    return {
        **{f"table/{name}": Lake(layout).read(table).to_dicts() for name, table in TABLES.items()},
        **{f"ledger/{kind}": lines for kind, lines in _ledger(layout).items()},
        **{f"model/{m}/{name}": data for m, model in models.items() for name, data in model.files.items()},
        **cards,
        **evidence,
        **{f"report/{path.name}": path.read_bytes() for path in layout.reports.glob("*")},
        **{f"day/{path.name}": path.read_bytes() for path in layout.completed_days.glob("*/*.json")},
        **{f"log/{p.name}": re.sub(r" run=\S+", "", p.read_text()) for p in layout.logs.glob("retraining_*.txt")},
        **{f"decision/{p.name}": p.read_bytes() for p in layout.logs.glob("*retraining_decision*")},
    }


def _ledger(layout: Layout) -> dict[str, list[Any]]:
    """Group the lines by kind, without who wrote them, and without the claims of trainings that were killed."""
    lines: dict[str, list[Any]] = {kind: [] for kind in EventKind}
    for event in Ledger(layout.ledger).events():
        if event.kind is EventKind.RELEASED and "died while training" in event.facts["reason"]:
            lines[EventKind.CLAIMED].pop()
        else:
            lines[event.kind].append((event.at, event.facts))
    return lines


@pytest.fixture(scope="session")
def account() -> Callable[[Path], dict[str, Any]]:
    """Gives all that a home adds up to, by name, without what is honestly different from run to run."""
    return _account
