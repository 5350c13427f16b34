"""`open_home`: the tables, models, decisions and reports of a home, for notebooks and scripts. Nothing is written."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.api.model import Model, as_polars
from p2pcredit.contracts.tables import TABLES, table_named
from p2pcredit.errors import UsageError
from p2pcredit.jobs.answering.answers import answer_applications
from p2pcredit.jobs.answering.scorers import new_request_id, read_scorer
from p2pcredit.jobs.checked_settings import settings_of
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.known_rows import read_known_rows
from p2pcredit.jobs.home.sql import query_tables
from p2pcredit.jobs.monitoring.matured_loans import MaturedLoans, matured_loans
from p2pcredit.jobs.scoring.scored_applications import scored_applications
from p2pcredit.periods import DateRange, add_months, parse_date
from p2pcredit.settings import Settings
from p2pcredit.storage.home import check_home, resolve_home
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.text import one_line

Day = date | str
"""A day: a `date`, its text `YYYY-MM-DD`, or a `datetime`, of which the date counts."""

_REPORT = re.compile(r"monitoring_(\d{4})_(\d{2})_(\d{2})\.html")
_DECISIONS = {
    "decision_id": pl.String,
    "decision_date": pl.Date,
    "retrain": pl.Boolean,
    "performance_score": pl.Float64,
    "reason": pl.String,
    "origin": pl.String,
    "status": pl.String,
    "acted_on_by": pl.String,
    "model_id": pl.String,
}


def open_home(path: str | Path | None = None) -> Home:
    """Open a home directory for reading.

    Args:
        path: The directory; None or blank for `P2P_HOME`, `AIRFLOW_HOME`, `/opt/airflow` or `./p2p-home`, as on the
            command line.

    Raises:
        MissingHomeError: If it does not exist.
        HomeError: If it cannot be a home.
        SettingsError: If its settings are wrong.
    """
    directory = resolve_home(path, os.environ, Path.cwd())
    check_home(directory)
    return Home(JobContext(Layout(directory), settings_of(directory), "python", datetime.now(UTC)))


@dataclass(frozen=True, repr=False)
class Home:
    """A home directory, opened for reading. Make one with `open_home`."""

    _ctx: JobContext

    def __repr__(self) -> str:
        return f"<p2pcredit home {self.path}>"

    @property
    def path(self) -> Path:
        """The directory."""
        return self._ctx.layout.home

    @property
    def settings(self) -> Settings:
        """The settings of the home, as they were when it was opened."""
        return self._ctx.settings

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that have been written, such as `gold.predictions`."""
        return tuple(name.replace("/", ".") for name, table in TABLES.items() if self._lake.exists(table))

    def table(self, name: str, as_of: Day | None = None, days: Day | tuple[Day, Day] | None = None) -> pl.LazyFrame:
        """Scan a table.

        Args:
            name: Such as `gold.predictions` or `gold/predictions`.
            as_of: Only rows that were known on or before this day; None means all.
            days: Only rows of this snapshot date, or of the dates from the first to the second.

        Returns:
            A lazy frame: `.collect()` gives a Polars frame, and that `.to_arrow()` or, with pandas, `.to_pandas()`.

        Raises:
            UsageError: If there is no such table, or a day is no date.
            MissingTableError: If nothing has been written to it yet.
        """
        return read_known_rows(self._lake, table_named(name), _optional_day(as_of), _span(days))

    def sql(self, query: str, as_of: Day | None = None) -> pl.DataFrame:
        """Run one SELECT over the tables, named such as `gold.predictions`, in DuckDB's SQL.

        Args:
            query: The query. It can read the tables of this home and nothing else.
            as_of: Every table holds only the rows that were known on or before this day.

        Raises:
            UsageError: If it is no single SELECT, or names a table or column that does not exist.
            MissingExtraError: If DuckDB is not installed.
        """
        return query_tables(self._lake, query, as_of=_optional_day(as_of), threads=self.settings.threads)

    def matured(self, as_of: Day, months: int | None = None) -> MaturedLoans:
        """Join predictions with the labels of closed windows only, as monitoring does.

        Early bads are known long before the goods of their cohort; joined as they come, they make any model look bad.
        So a loan counts once its whole label window has closed. Loans of unknown outcome are left out and counted.

        Args:
            as_of: What was known on or before this day.
            months: Only the newest so many months of originations that have matured; None means all. Monitoring looks
                at `settings.monitoring.window_months`.

        Raises:
            UsageError: If the day is no date or too early for any window, or `months` is below 1.
        """
        return matured_loans(self._ctx, _day(as_of), months)

    def champion(self, on: Day | None = None) -> Model | None:
        """Give the model that scores the loans of a day; that of now where no day is given. None before the first.

        Raises:
            BankError: If its directory is missing, incomplete or altered.
        """
        state = self._ctx.ledger.state()
        model_id = state.champion if on is None else state.champion_on(_day(on))
        return None if model_id is None else self.model(model_id)

    def model(self, model_id: str) -> Model:
        """Read a model of the bank, every file checked against its digest.

        Raises:
            BankError: If there is none of that name, or it was altered.
        """
        return Model.read(self._ctx, model_id)

    def score(self, frame: Any, model_id: str | None = None) -> pl.DataFrame:
        """Answer applications as `p2pcredit score` and the server do, with the numbers of the nightly run.

        Args:
            frame: A Polars, pandas or Arrow frame, one row per application, with the columns of landing files
                (`loan_id`, `origination_date`, `loan_amount`, `term` and any others), as text or typed, or with the
                features of the model and `loan_id`.
            model_id: The model that answers; None for the champion of now.

        Returns:
            In the order of the rows: `request_id`, `loan_id`, `model_id`, `known_on`, `probability_of_default` (within
            `window_months`), `lifetime_probability_of_default`, `expected_loss` (over the term, net of recoveries, as a
            share of the amount lent), `expected_annual_return` (both null without a rate or a term), `window_months`,
            `score`, `grade`, `decision`,
            `reasons` (per reason `reason`, `code`, `text`, `advice`, `form`, `your_value`, `usual`), `reason_list` (the
            version of the list of reasons), `outside_training`.

        Raises:
            ApplicationError: If a value or a column cannot be read; `problems` lists all of them.
            UsageError: If columns are missing, with the similar one.
            BankError: If there is no champion yet, or the model is missing or was altered.
        """
        ctx = self._ctx
        rows = as_polars(frame)
        request_id = new_request_id(ctx.at)
        return answer_applications(
            read_scorer(ctx, model_id), rows, ctx.settings, request_id=request_id, catalogue=ctx.catalogue
        ).answers

    def applications(self, as_of: Day, months: int = 12) -> pl.DataFrame:
        """Read the decided applications of some months, each once, scored by the champion of that day.

        Args:
            as_of: The last day of decisions; what came of loans is as known then.
            months: How many months of decisions up to it.

        Returns:
            `application_id`, `loan_id`, `decided_on`, `outcome`, `overridden`, `exploration`, `probability_of_default`
            and `score` (null without a champion), `label` (1 bad, 0 good, null until the loan's window has closed),
            `override_reason`, `decline_reason`; no rows in a home where applications do not land.

        Raises:
            UsageError: If the day is no date, or `months` is below 1.
        """
        day = _day(as_of)
        if months < 1:
            raise UsageError(f"months is {months}; give 1 or more")
        days = DateRange(add_months(day, -months), day)
        return scored_applications(self._ctx, days, self._ctx.ledger.state().champion_on(day))

    def decisions(self) -> pl.DataFrame:
        """List the retraining decisions of the ledger, oldest first, with what became of each.

        Returns:
            `decision_id, decision_date, retrain, performance_score, reason, origin` (monitoring, hand, override),
            `status`, `acted_on_by` (run), `model_id` (of the training).
        """
        rows = [
            (
                found.decision_id,
                found.decision.decision_date,
                found.decision.retrain,
                found.decision.performance_score,
                found.decision.reason,
                str(found.origin),
                str(found.fate),
                found.acted_on_by,
                found.model_id,
            )
            for found in self._ctx.ledger.state().decisions.values()
        ]
        return pl.DataFrame(rows, schema=_DECISIONS, orient="row")

    def reports(self) -> pl.DataFrame:
        """List the monitoring reports, oldest first: `week_end_date`, `path`."""
        found = sorted(self._ctx.layout.reports.glob("monitoring_*.html"))
        named = [(match, path) for path in found if (match := _REPORT.fullmatch(path.name))]
        rows = [(date(*map(int, match.groups())), str(path)) for match, path in named]
        return pl.DataFrame(rows, schema={"week_end_date": pl.Date, "path": pl.String}, orient="row")

    @property
    def _lake(self) -> Lake:
        return Lake(self._ctx.layout)


def _day(day: Day) -> date:
    """Take a day as it may be given; a number would be compared as days since 1970, so it is refused."""
    if isinstance(day, str):
        return parse_date(day)
    if isinstance(day, datetime) and day == day:  # not so of the missing time of pandas
        return day.date()
    if isinstance(day, date) and not isinstance(day, datetime):
        return day
    raise UsageError(f"{one_line(repr(day), 60)} is not a day; give a date, or its text such as '2010-12-31'")


def _optional_day(day: Day | None) -> date | None:
    return None if day is None else _day(day)


def _span(days: Day | tuple[Day, Day] | None) -> DateRange | None:
    if days is None:
        return None
    pair = days if isinstance(days, tuple | list) else (days, days)
    if len(pair) != 2:
        raise UsageError(f"days has {len(pair)} days; give one, or a pair of the first and the last")
    return DateRange(_day(pair[0]), _day(pair[1]))


__all__ = ["Home", "open_home"]
