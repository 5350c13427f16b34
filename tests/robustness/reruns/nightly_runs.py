"""What the three DAGs do night after night on a young lender's book, told so that two of them can be compared."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import ConflictError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.decisions import override_decision
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.pipeline_graph import Step
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.replay import replay
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import LabelSettings, MonitoringSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

FIRST, EVE, LAST = date(2021, 1, 1), date(2021, 5, 31), date(2021, 6, 20)
SETTINGS = Settings(
    labels=LabelSettings(window_months=2, default_days=30, reporting_lag_days=5),
    training=TrainingSettings(min_matured_loans=200, min_matured_bads=15, min_evaluation_bads=5),
    monitoring=MonitoringSettings(
        policy="cheapest_first", min_matured_loans=50, min_matured_bads=5, retrain_at_new_bads_share=0.2
    ),
)


def context(home: Path | str, run_id: str, day: date) -> JobContext:
    """Make the context of a run in the night after a snapshot date."""
    at = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=2)
    return JobContext(Layout(Path(home)), SETTINGS, run_id, at)


def young_home(home: Path) -> None:
    """Make a home with months of history, a waiting decision to retrain, and landing files for the nights to come."""
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=150))
    land(context(home, "land", LAST), "synthetic", [raw], FIRST, LAST)
    replay(context(home, "replay", EVE), DateRange(FIRST, EVE))
    override_decision(context(home, "person", EVE), EVE, retrain=True, why="for the rivals to obey")


def nights(home: str, prefix: str, first: str, last: str) -> None:
    """Run every night's jobs, as the three DAGs do them; a training that has to wait is tried again."""
    for day in DateRange(parse_date(first), parse_date(last)):
        ctx = context(home, f"{prefix}{day}", day)
        preprocess(ctx, DateRange(day, day))
        walk(INFERENCE, partial(_try_again, ctx, day))
        if MONITORING.fires_after(day) is not None:
            monitor(ctx, day, report=False)


def _try_again(ctx: JobContext, day: date, step: Step) -> Receipt:
    while True:
        try:
            return do_step(ctx, step, day)
        except ConflictError:
            time.sleep(0.2)


def story(home: Path) -> dict[str, Any]:
    """Read from the ledger, without writer and time, what was decided, trained, scored and cleared."""
    events = context(home, "reader", LAST).ledger.events()
    state = context(home, "reader", LAST).ledger.state()
    trainings = [event.facts for event in events if event.kind is EventKind.TRAINED]
    return {
        "decided": {name: record.decision.as_json() for name, record in state.decisions.items()},
        "fates": {name: str(record.fate) for name, record in state.decisions.items()},
        "trained": [(facts["decision_id"], facts["snapshot_date"], facts["model_id"]) for facts in trainings],
        "reigns": [(period.effective_on, period.model_id) for period in state.champion_periods],
        "scored": state.scored,
        "cleared": sorted(event.facts["decision_id"] for event in events if event.kind is EventKind.CLEARED),
    }


def files(home: Path) -> dict[str, bytes]:
    """Read the bytes that must be the same whichever process wrote them: decision file, models, receipts."""
    layout = Layout(home)
    paths = [layout.decision_file, *layout.model_bank.rglob("*"), *layout.completed_days.rglob("*.json")]
    return {str(path.relative_to(home)): path.read_bytes() for path in paths if path.is_file()}


def differences(home: Path, reference: Path) -> list[str]:
    """List what is not as in the reference: tables, files, parts of the ledger's story."""
    lakes = Lake(Layout(home)), Lake(Layout(reference))
    found = [name for name, table in TABLES.items() if not lakes[0].read(table).equals(lakes[1].read(table))]
    ours, theirs = story(home), story(reference)
    found += [f"{part}: {ours[part]} against {theirs[part]}" for part in ours if ours[part] != theirs[part]]
    written, expected = files(home), files(reference)
    return found + sorted(name for name in {*written, *expected} if written.get(name) != expected.get(name))
