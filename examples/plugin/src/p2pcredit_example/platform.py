"""A platform in Python: a download of JSON lines, one loan each with its history, which no mapping can describe.

{"id": "A1", "issued": "2021-01-05", "amount": 5000, "months": 36, "facts": {"annual_income": 48000, "state": "CA"},
 "history": [{"on": "2021-03-05", "status": "LATE", "days_past_due": 31}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_PERFORMANCE
from p2pcredit.errors import UnreadableFileError
from p2pcredit.platforms.loan_book import ORIGINS_SCHEMA, REJECTED_SCHEMA, RawBook, join_books, ordered_feeds

FACTS = tuple(dict.fromkeys(source for feed in APPLICATION_FEEDS for source in feed.sources))


@dataclass(frozen=True)
class CreditUnion:
    """The profile of the credit union. `today`: the day of the landing."""

    today: date | None = None

    @property
    def name(self) -> str:
        """The platform's name, under which it is registered."""
        return "credit_union"

    @property
    def remedies(self) -> dict[str, str]:
        """Column of a feed -> what to do where its values cannot be read."""
        return {"loan_amount": "write 'amount' as a plain number", "term": "write 'months' as a whole number"}

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """Feed and column -> what gives it in the download, of those that every sound download gives some loan."""
        return {("loan_terms", "loan_amount"): "amount", ("loan_terms", "term"): "months"}

    @property
    def read_on(self) -> date | None:
        """The day on which the statuses were read; the download does not say."""
        return None

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Read the files one by one; a loan that stood in an earlier line is rejected."""
        seen: set[str] = set()
        for file in files:
            yield _book(file, seen)

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Read all files as one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def columns(self, file: Path) -> pl.DataFrame:
        """Give every fact of a download as text."""
        records = [_record(line) for line in _lines(file)]
        return pl.DataFrame([_facts(record) for record in records if isinstance(record, dict)], orient="row")


def _book(file: Path, seen: set[str]) -> RawBook:
    loans: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    origins: list[tuple[str, int, date]] = []
    rejected: list[tuple[str, int, str, str, str, str | None, str]] = []
    lines = _lines(file)
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if isinstance(record, str) or record["id"] in seen:
            kind = record if isinstance(record, str) else "the id stood in an earlier line"
            rejected.append((file.name, number, kind, line, kind, None, "mend the line and land the file again"))
            continue
        seen.add(record["id"])
        day = date.fromisoformat(record["issued"])
        origins.append((file.name, number, day))
        loans.append({"snapshot_date": day, **_facts(record)})
        for event in record.get("history", []):
            told = {name: _text(event.get(name)) for name in LOAN_PERFORMANCE.sources}
            on = date.fromisoformat(event["on"])
            events.append({"snapshot_date": on, **told, "loan_id": record["id"], "event_date": event["on"]})
    text = {"snapshot_date": pl.Date, **dict.fromkeys(FACTS, pl.String)}
    rows = pl.DataFrame(loans, schema=text)
    feeds = {feed.name: rows.select("snapshot_date", *feed.sources) for feed in APPLICATION_FEEDS}
    of_events = {"snapshot_date": pl.Date, **dict.fromkeys(LOAN_PERFORMANCE.sources, pl.String)}
    feeds[LOAN_PERFORMANCE.name] = pl.DataFrame(events, schema=of_events)
    return RawBook(
        len(lines),
        ordered_feeds(feeds),
        pl.DataFrame(rejected, schema=REJECTED_SCHEMA, orient="row"),
        pl.DataFrame(origins, schema=ORIGINS_SCHEMA, orient="row"),
    )


def _record(line: str) -> dict[str, Any] | str:
    """Parse one loan, or say why the line is none."""
    try:
        record: dict[str, Any] = json.loads(line)
        date.fromisoformat(record["issued"])
        if not isinstance(record["id"], str) or not isinstance(record.get("facts", {}), dict):
            return "the id is no text, or the facts are no object"
        for event in record.get("history", []):
            date.fromisoformat(event["on"])
    except (KeyError, TypeError, ValueError) as error:
        return f"no loan in JSON ({type(error).__name__})"
    return record


def _facts(record: dict[str, Any]) -> dict[str, str | None]:
    own = {"origination_date": record["issued"], "loan_amount": record.get("amount"), "term": record.get("months")}
    given = {**record.get("facts", {}), **own, "loan_id": record["id"]}
    return {name: _text(given.get(name)) for name in FACTS}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"{file.name} is no UTF-8 text ({error}); export it again") from error
