"""Try a mapping before anything lands: take the files through landing and preprocessing in a home that is thrown away.

What is said of the book is what the pipeline made of it, by the code of every day, under the settings of the home.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, table_named
from p2pcredit.errors import QuarantineError, SourceError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.readers.warehouse.addresses import WarehouseQuery
from p2pcredit.settings import LONGEST_WINDOW_MONTHS, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.text import LONGEST_EXAMPLE, one_line
from p2pcredit.transforms.labels import is_default

_EXAMPLES = 3
_MOST_UNKNOWN = 0.5
_KEPT_IN = re.compile(r"; the rejected records are in .*$")
_QUOTED = re.compile(r"'[^']*'")
_SILVER_EVENTS = "silver/loan_performance"


def check_mapping(
    ctx: JobContext, platform: str, files: Sequence[Path], queries: Sequence[WarehouseQuery] = ()
) -> Receipt:
    """Say what would become of a book, and whether it would be a ruined one. The home is not written.

    Args:
        ctx: The context; only its settings, day and progress are used.
        platform: The path of a mapping, or a platform's name.
        files, queries: What `land` would be given.

    Returns:
        `sound` (whether a model could be learned from it), `reason` (why not; null where it is), `warnings` (what to
        look at), `landing` (the receipt of `land`; null where it would be refused), `rejected` (reason -> `count` and
        up to three `examples`, each `file`, `row_number`, `reason`, `raw`), `set_aside` (rules of silver -> `count`
        and `examples`), `events` (status -> events and loans), `quarters` (quarter of origination -> `loans`,
        `matured`, `bads`, `early_bads`, `unknown`, `matured_share`), `features` (feature -> quarter -> share filled;
        those that are filled somewhere), `empty_features`, `settings` (in words, what they mean for this book).

    Raises:
        UsageError: If the platform or mapping is none.
    """
    with tempfile.TemporaryDirectory(prefix="p2pcredit-check-") as directory:
        layout = Layout(Path(directory) / "home")
        trial = JobContext(layout, ctx.settings, ctx.run_id, ctx.at, ctx.progress)
        empty: dict[str, Any] = {
            "rejected": {},
            "set_aside": {},
            "events": {},
            "quarters": {},
            "features": {},
            "empty_features": [],
        }
        try:
            landing = land(trial, platform, files, None, None, queries)
        except SourceError as error:
            told = {"sound": False, "reason": _KEPT_IN.sub("", str(error)), "warnings": [], "landing": None}
            return {**told, **empty, "rejected": _rejected(layout), "settings": _settings(ctx.settings, None)}
        if landing["first_date"] is None:
            told = {"sound": False, "reason": "no loan lands", "warnings": [], "landing": landing}
            return {**told, **empty, "rejected": _rejected(layout), "settings": _settings(ctx.settings, None)}
        days = DateRange(date.fromisoformat(landing["first_date"]), date.fromisoformat(landing["last_date"]))
        stopped, unknown = None, 0
        try:
            unknown = int(preprocess(trial, days)["unknown_outcomes"])
        except QuarantineError as error:
            stopped = one_line(error)
        facts = _Facts(Lake(layout), ctx.settings)
        quarters = facts.quarters(days.last)
        warnings = facts.doubts(quarters)
        warnings += [
            f"the own column {n} {one['doubt']}" for n, one in landing.get("own_columns", {}).items() if one["doubt"]
        ]
        loans = sum(one["loans"] for one in quarters.values())
        if unknown:
            warnings.append(f"the outcome of {unknown} of {loans} loans is unknown; they get no label")
        return {
            "sound": (reason := stopped or _ruin(quarters, unknown)) is None,
            "reason": reason,
            "warnings": warnings,
            "landing": landing,
            "rejected": _rejected(layout),
            "set_aside": facts.set_aside(),
            "events": facts.events(),
            "quarters": quarters,
            **facts.features(),
            "settings": _settings(ctx.settings, facts.terms()),
        }


def _ruin(quarters: dict[str, dict[str, Any]], unknown: int) -> str | None:
    """Say why nothing can be learned from a book; None where something can, now or once its loans are old enough."""
    loans, matured, bads = (sum(one[what] for one in quarters.values()) for what in ("loans", "matured", "bads"))
    if not loans:
        return "no loan lands"
    if unknown > _MOST_UNKNOWN * loans:
        return f"the outcome of {unknown} of {loans} loans is unknown; say under events.rules what each status means"
    if matured and not bads:
        return f"none of {matured} matured loans is in default; see that a status or days past due say so"
    if matured and bads == matured:
        return f"all of {matured} matured loans are in default; see what statuses and days past due mean"
    return None


LONG_TERM = 0.9
"""Nearly all loans run no longer than this share of them."""
DAYS_A_MONTH = 30.4


class _Facts:
    """What stands in the tables of the trial's home."""

    def __init__(self, lake: Lake, settings: Settings) -> None:
        self._lake, self._settings = lake, settings
        self._loans = self._read(FEATURE_STORE.name)

    def _read(self, name: str) -> pl.DataFrame:
        table = table_named(name)
        return self._lake.scan(table).collect() if self._lake.exists(table) else pl.DataFrame(schema=table.schema)

    def terms(self) -> pl.Series:
        """List the terms of the loans, in months."""
        return self._loans["term_months"].drop_nulls()

    def quarters(self, last: date) -> dict[str, dict[str, Any]]:
        """Count per quarter of origination loans, matured ones and bads, by the main definition.

        Only loans whose whole window has closed by the last day have matured: early bads without the goods of their
        cohort say nothing.
        """
        window, lag = self._settings.labels.window_months, self._settings.labels.reporting_lag_days
        closes = pl.col("snapshot_date").dt.offset_by(f"{window}mo").dt.offset_by(f"{lag}d")
        labels = self._read(LABEL_STORE.name).filter(pl.col("definition") == self._settings.labels.definition)
        # A default that was reported late has a second row; the last one counts.
        newest = labels.sort("known_on").unique("loan_id", keep="last").select("loan_id", "label")
        quarter = pl.format("{}-Q{}", pl.col("snapshot_date").dt.year(), pl.col("snapshot_date").dt.quarter())
        loans = self._loans.select("loan_id", quarter.alias("quarter"), (closes <= last).alias("closed"))
        found = loans.join(newest, on="loan_id", how="left")
        known, bad = pl.col("label").is_not_null(), (pl.col("label") == 1).fill_null(value=False)
        counted = found.group_by("quarter").agg(
            pl.len().alias("loans"),
            (pl.col("closed") & known).sum().alias("matured"),
            (pl.col("closed") & bad).sum().alias("bads"),
            (~pl.col("closed") & bad).sum().alias("early_bads"),
            (pl.col("closed") & ~known).sum().alias("unknown"),
            pl.col("closed").mean().alias("matured_share"),
        )
        return {row.pop("quarter"): row for row in counted.sort("quarter").iter_rows(named=True)}

    def features(self) -> dict[str, Any]:
        """Give per feature and quarter the share of loans that have a value."""
        quarter = pl.format("{}-Q{}", pl.col("snapshot_date").dt.year(), pl.col("snapshot_date").dt.quarter())
        names = [name for name in self._loans.columns if name not in {"loan_id", "snapshot_date", "known_on"}]
        shares = (
            self._loans.group_by(quarter.alias("quarter"))
            .agg(pl.col(names).is_not_null().mean())
            .sort("quarter")
            .to_dict(as_series=False)
        )
        filled = {
            name: dict(zip(shares["quarter"], (round(share, 4) for share in shares[name]), strict=True))
            for name in names
            if any(share > 0 for share in shares[name])
        }
        return {"features": filled, "empty_features": [name for name in names if name not in filled]}

    def events(self) -> dict[str, dict[str, int]]:
        """Count per status the events and the loans that have them."""
        table = table_named(_SILVER_EVENTS)
        if not self._lake.exists(table):
            return {}
        own = (pl.len().alias("events"), pl.col("loan_id").n_unique().alias("loans"))
        counted = self._lake.scan(table).group_by("status").agg(own).sort("status").collect()
        return {status: {"events": events, "loans": loans} for status, events, loans in counted.iter_rows()}

    def set_aside(self) -> dict[str, dict[str, Any]]:
        """Count the rows and values that silver sets aside, by rule, with examples."""
        rows = self._read(QUARANTINE.name).sort("feed", "snapshot_date", "row_number")
        rule = pl.format("{}: {}", "feed", pl.col("rules").cast(pl.String))
        told = rows.with_columns(rule.alias("rule")).group_by("rule", maintain_order=True)
        counted = told.agg(pl.len().alias("count"), pl.col("raw").head(_EXAMPLES).alias("examples"))
        return {
            rule: {"count": count, "examples": [one_line(raw) for raw in examples]}
            for rule, count, examples in counted.sort("count", descending=True, maintain_order=True).iter_rows()
        }

    def months_to_default(self) -> pl.Series:
        """List the months on book of each loan's first default, at whatever age, in order; the first month is 1."""
        table = table_named(_SILVER_EVENTS)
        if not self._lake.exists(table):
            return pl.Series(dtype=pl.Int64)
        defaults = (
            nw.from_native(self._lake.scan(table).collect()).filter(is_default(self._settings.labels)).to_native()
        )
        first = defaults.group_by("loan_id").agg(pl.col("event_date").min())
        loans = self._loans.group_by("loan_id").agg(pl.col("snapshot_date").min())
        days = (pl.col("event_date") - pl.col("snapshot_date")).dt.total_days()
        found = loans.join(first, on="loan_id").select((days / DAYS_A_MONTH).ceil().cast(pl.Int64).clip(1))
        return found.to_series().sort()

    def doubts(self, quarters: dict[str, dict[str, Any]]) -> list[str]:
        """Say where the settings do not fit the book."""
        labels, terms = self._settings.labels, self.terms()
        found = []
        long = terms.quantile(LONG_TERM, interpolation="lower")
        if isinstance(long, int | float):
            enough = math.ceil(long + labels.default_days / DAYS_A_MONTH)
            if enough < labels.window_months:
                found.append(
                    f"nearly all loans run {long:g} months or less, and labels.window_months is "
                    f"{labels.window_months}: a loan counts as good only {labels.window_months} months after it began; "
                    f"with {enough} one that is {labels.default_days} days past due at its end is seen"
                )
        matured, bads = (sum(one[what] for one in quarters.values()) for what in ("matured", "bads"))
        if not matured:
            found.append("no loan has matured yet; a first model needs some that have")
        needed, ages = self._settings.training.min_matured_bads, self.months_to_default()
        late_enough = int((ages <= LONGEST_WINDOW_MONTHS).sum())
        if matured and bads < needed <= late_enough:
            half = int(ages[late_enough // 2])
            found.append(
                f"{bads} of {matured} matured loans were in default within {labels.window_months} months, and a first "
                f"model needs {needed} (training.min_matured_bads); {late_enough} were within {LONGEST_WINDOW_MONTHS} "
                f"months, half of them by month {half}: with labels.window_months = {half} those count"
            )
        return found


def _settings(settings: Settings, terms: pl.Series | None) -> list[str]:
    """Word what the settings mean for this book."""
    labels = settings.labels
    told = [
        f"a loan is bad where it is {labels.default_days} days past due, or written off, within {labels.window_months} "
        "months of its first day (labels.default_days, labels.window_months)",
        f"a good is known {labels.window_months} months and {labels.reporting_lag_days} days after the first day "
        "(labels.reporting_lag_days), a bad on the day it is in default",
        f"a landing is refused where more than {settings.landing.max_rejected_share:.0%} of its records are rejected "
        "(landing.max_rejected_share)",
    ]
    if terms is not None and len(terms):
        first, last, middle = (float(str(value)) for value in (terms.min(), terms.max(), terms.median()))
        told.append(f"terms run from {first:g} to {last:g} months, the middle one {middle:g}")
    return told


def _rejected(layout: Layout) -> dict[str, dict[str, Any]]:
    """Count the rejected records by reason, whatever value it names, with the first of each."""
    found: dict[str, dict[str, Any]] = {}
    for record in _rejected_records(layout):
        kind = _QUOTED.sub("'...'", record["reason"])
        own = found.setdefault(kind, {"count": 0, "examples": []})
        own["count"] += 1
        if len(own["examples"]) < _EXAMPLES:
            own["examples"].append({**record, "raw": one_line(record["raw"] or "", 4 * LONGEST_EXAMPLE)})
    return dict(sorted(found.items(), key=lambda item: -item[1]["count"]))


def _rejected_records(layout: Layout) -> Iterator[dict[str, Any]]:
    for path in sorted((layout.landing / "rejected").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


__all__ = ["check_mapping"]
