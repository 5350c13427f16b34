"""A home whose tables, ledger, bank and receipts are written by hand: what a job gathers from it can be counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, PREDICTIONS, Table, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import REFERENCE_FILE, ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

Rows = Sequence[Mapping[str, Any]]


def of(day: str) -> date:
    """Parse a date."""
    return date.fromisoformat(day)


@dataclass(frozen=True)
class WrittenHome:
    """A home, and the rows to be put into it. Each table is put whole, once; days are texts."""

    ctx: JobContext

    def put(self, table: Table, rows: Rows) -> None:
        """Write all rows of a table; columns that a row does not name are null."""
        blank = dict.fromkeys(table.schema)
        frame = pl.DataFrame([{**blank, **row} for row in rows], schema=table.schema)
        days = frame["snapshot_date"]
        first, last = days.min(), days.max()
        assert isinstance(first, date)
        assert isinstance(last, date)
        Lake(self.ctx.layout).replace(table, frame, DateRange(first, last))

    def features(self, *loans: tuple[str, str], **columns: Sequence[Any]) -> None:
        """Write features of loans, known on their day: loan and day, and columns with a value for each."""
        rows = [
            {"loan_id": loan, "snapshot_date": of(day), "known_on": of(day)}
            | {name: values[place] for name, values in columns.items()}
            for place, (loan, day) in enumerate(loans)
        ]
        self.put(FEATURE_STORE, rows)

    def predictions(self, *scored: tuple[str, str, str, float]) -> None:
        """Write predictions: loan, day, model, probability."""
        rows = [
            {"loan_id": loan, "snapshot_date": of(day), "model_id": model, "probability_of_default": chance}
            | {"score": round(600 - 100 * chance), "grade": "C"}
            for loan, day, model, chance in scored
        ]
        self.put(PREDICTIONS, rows)

    def labels(self, *known: tuple[str, int, str, str], definition: str = "pd12", others: Rows = ()) -> None:
        """Write labels: loan, label, origination, the day on which it became known."""
        rows = [
            {"loan_id": loan, "definition": definition, "label": label, "origination_date": of(born)}
            | {"known_on": of(day), "snapshot_date": of(day)}
            for loan, label, born, day in known
        ]
        self.put(LABEL_STORE, [*rows, *others])

    def events(self, *seen: tuple[str, str, int]) -> None:
        """Write servicing events: loan, day, days past due."""
        rows = [
            {"loan_id": loan, "snapshot_date": of(day), "event_date": of(day), "days_past_due": late, "row_number": n}
            | {"status": "LATE" if late else "CURRENT"}
            for n, (loan, day, late) in enumerate(seen)
        ]
        self.put(silver(FEEDS["loan_performance"]), rows)

    def complete(self, rows: Mapping[str, Mapping[str, int]]) -> None:
        """Write receipts of days: how many rows each table has of them."""
        mark_complete(self.ctx.layout, {of(day): {"snapshot_date": day, "rows": dict(n)} for day, n in rows.items()})

    def model(
        self,
        model_id: str,
        card: Mapping[str, Any] | None = None,
        *,
        files: Mapping[str, bytes] | None = None,
        reference: Sequence[tuple[str, str, int]] = (),
    ) -> None:
        """Put a model into the bank, with the loans (loan, day, score) that monitoring compares with."""
        schema = {"loan_id": pl.String, "snapshot_date": pl.Date, "score": pl.Int32}
        rows = [(loan, of(day), score) for loan, day, score in reference]
        buffer = BytesIO()
        pl.DataFrame(rows, schema=schema, orient="row").write_parquet(buffer)
        ModelBank(self.ctx.layout).add(
            model_id,
            {"model.json": model_id.encode(), REFERENCE_FILE: buffer.getvalue(), **(files or {})},
            {"model_id": model_id, "family": "scorecard", "as_of": "2021-01-01", **(card or {})},
        )

    def say(self, kind: EventKind, **facts: Any) -> None:
        """Append a line to the ledger."""
        self.ctx.ledger.append(kind, at=self.ctx.at, run_id="test", facts=facts)

    def crown(self, model_id: str, day: str) -> None:
        """Make a model champion from a day on."""
        self.say(EventKind.PROMOTED, model_id=model_id, effective_on=day, why="test")

    def decided(self, week: date) -> None:
        """Append monitoring's decision of a week to leave the champion as it is."""
        decision = Decision(decision_date=week, performance_score=0.7, retrain=False, reason="test")
        decision_id = f"monitoring-{week}-test"
        as_json = decision.model_copy(update={"decision_id": decision_id}).as_json()
        self.say(EventKind.DECIDED, decision_id=decision_id, origin="monitoring", decision=as_json)

    def trained(self, day: str, matured_bads: int | None, *, remedy: str = "retrain", model_id: str = "other") -> None:
        """Append a training that changed no champion."""
        self.say(
            EventKind.TRAINED,
            decision_id=None,
            snapshot_date=day,
            week=day,
            outcome="challenger",
            model_id=model_id,
            promoted=False,
            reason="test",
            matured_bads=matured_bads,
            remedy=remedy,
        )


def written_home(path: Path, settings: Settings | None = None, at: str = "2022-06-05T06:00:00") -> WrittenHome:
    """Make an empty home to write into."""
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return WrittenHome(JobContext(Layout(path), settings or Settings(), "test", instant))
