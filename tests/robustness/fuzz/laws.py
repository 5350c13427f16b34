"""What holds for every landing file, however broken: refused in one line, or each row in silver or quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from tests.robustness.fuzz.expected_rows import Row, rows_of_csv, rows_of_parquet
from tests.robustness.fuzz.landing_cases import Case
from tests.robustness.fuzz.landing_days import LOANS_A_DAY, land_clean
from tests.robustness.fuzz.meanings import contradicts, is_same, may_be_refused, meaning

from p2pcredit.contracts.columns import Column
from p2pcredit.contracts.feeds import FEEDS, Feed
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, TABLES, silver
from p2pcredit.errors import SourceError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import PreprocessingSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

Violation = tuple[Case, str]


def context(home: Path) -> JobContext:
    """Return the context of a run long after all days, which goes on whatever share of rows is set aside."""
    settings = Settings(preprocessing=PreprocessingSettings(max_quarantined_share=1.0))
    return JobContext(Layout(home), settings, "fuzz", datetime(2026, 1, 1, tzinfo=UTC))


def put(layout: Layout, case: Case) -> Path:
    """Write the file of a case where it lands."""
    path = layout.landing / case.feed / case.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.build()[0])
    return path


def try_cases(tmp: Path, cases: Sequence[Case]) -> tuple[list[Violation], int]:
    """Land every case beside a clean book and preprocess all days: what does not hold, and how many were refused?"""
    days = DateRange(min(case.day for case in cases), max(case.day for case in cases))
    clean, mutated = context(tmp / "clean"), context(tmp / "mutated")
    for ctx in (clean, mutated):
        land_clean(ctx.layout, days)
    found: list[Violation] = []
    read: list[Case] = []
    for case in cases:
        problem = refused(mutated, case)
        if problem is None:
            read.append(case)
        else:
            (mutated.layout.landing / case.feed / case.file_name).unlink()
            found += [(case, problem)] if problem else []
    for ctx in (clean, mutated):
        preprocess(ctx, days)
    before = {name: Lake(mutated.layout).version(table) for name, table in TABLES.items()}
    preprocess(mutated, DateRange(max(days.first, days.last.replace(day=1)), days.last))
    changed = [name for name, table in TABLES.items() if Lake(mutated.layout).version(table) != before[name]]
    found += [(cases[-1], f"a rerun changed {changed}")] if changed else []
    books = [_Book.read(ctx, days) for ctx in (clean, mutated)]
    for case in read:
        found += [(case, problem) for problem in _judge(case, *books)]
    return found, len(cases) - len(read)


def refused(ctx: JobContext, case: Case) -> str | None:
    """Say why a file's refusal is wrong; empty where it is refused as it should be, None where it is read."""
    path = put(ctx.layout, case)
    try:
        check_source(ctx, case.feed, DateRange(case.day, case.day))
    except SourceError as error:
        message = str(error)
        if "\n" in message or "\r" in message or case.file_name not in message or len(message) > 2_000:
            return f"its error is not one short line that names the file: {message[:300]!r}"
        return f"it is sound and was refused: {message}" if case.must_be_read else ""
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return f"{type(error).__name__} escaped: {str(error)[:300]}"
    del path
    return None


class _Book:
    """What came of all days: rows by feed and day, and features by loan."""

    def __init__(self, sound: dict[tuple[str, date], Any], broken: dict[tuple[str, date], Any], features: Any) -> None:
        self.sound, self.broken, self.features = sound, broken, features

    @classmethod
    def read(cls, ctx: JobContext, days: DateRange) -> _Book:
        lake = Lake(ctx.layout)
        sound: dict[tuple[str, date], Any] = {}
        for name, feed in FEEDS.items():
            for row in lake.read(silver(feed), days).iter_rows(named=True):
                sound.setdefault((name, row["snapshot_date"]), {})[row["row_number"]] = row
        broken: dict[tuple[str, date], list[dict[str, Any]]] = {}
        for row in lake.read(QUARANTINE, days).iter_rows(named=True):
            broken.setdefault((row["feed"], row["snapshot_date"]), []).append(row)
        features: dict[str, list[Any]] = {}
        for values in lake.read(FEATURE_STORE, days).iter_rows():
            features.setdefault(values[0], []).append(values)
        return cls(sound, broken, features)


def _judge(case: Case, clean: _Book, mutated: _Book) -> Iterable[str]:
    feed = FEEDS[case.feed]
    data, touched = case.build()
    try:
        rows = (rows_of_parquet if case.ending == ".parquet" else rows_of_csv)(data, feed.sources)
    except Exception as error:
        yield f"it was read, though a second reader says {type(error).__name__}: {str(error)[:200]}"
        return
    sound = mutated.sound.get((case.feed, case.day), {})
    records = mutated.broken.get((case.feed, case.day), [])
    broken = [record for record in records if record["kind"] == "row"]
    lost = {(record["row_number"], record["column"]): record for record in records if record["kind"] == "value"}
    if len(broken) + len(lost) != len(records) or not {number for number, _ in lost} <= set(sound):
        yield "a record of quarantine is doubled, of no kind, or of a value whose row is not in silver"
        return
    if len(rows) != len(sound) + len(broken):
        yield f"{len(rows)} rows in, {len(sound)} in silver, {len(broken)} in quarantine"
        return
    refused_rows = {row["row_number"]: row for row in broken}
    if sorted([*sound, *refused_rows]) != [row.number for row in rows]:
        yield "a row number is lost or doubled between silver and quarantine"
        return
    for row in rows:
        if row.number in sound:
            yield from _wrong_values(feed, row, sound[row.number], lost, case)
        else:
            yield from _wrong_quarantine(feed, row, refused_rows[row.number], case)
    yield from _untouched(case, touched, clean, mutated, len(rows))


def _wrong_values(
    feed: Feed, row: Row, typed: dict[str, Any], lost: dict[tuple[int, str], dict[str, Any]], case: Case
) -> Iterable[str]:
    """Find values that are not what their text means, nor missing and in quarantine with their text and a rule."""
    if row.misfit is not None:
        yield f"row {row.number} has the wrong number of fields and is in silver"
    for column in feed.columns:
        text, record = row.texts.get(column.source), lost.get((row.number, column.source))
        if record is not None:
            yield from _wrong_loss(feed, column, row, typed, record, case)
        elif column.source not in row.uncertain and not is_same(typed[column.typed_name], meaning(column, text)):
            yield f"row {row.number}: {column.source} {text!r:.80} became {typed[column.typed_name]!r:.80}"


def _wrong_loss(
    feed: Feed, column: Column, row: Row, typed: dict[str, Any], record: dict[str, Any], case: Case
) -> Iterable[str]:
    text, raw = row.texts.get(column.source), json.loads(record["raw"])
    told = f"row {row.number}: {column.source} {text!r:.80}"
    if column.required or typed[column.typed_name] is not None or record["loan_id"] != typed["loan_id"]:
        yield f"{told} is in quarantine as a value lost, and silver has {typed[column.typed_name]!r:.80}"
    if list(raw) != [column.source] or not record["rules"].startswith(f"{column.source}: "):
        yield f"{told} is kept as {raw} with the rule {record['rules']!r}"
    elif column.source not in row.uncertain:
        if raw[column.source] != text and not _same_number(raw[column.source], text):
            yield f"{told}: quarantine keeps {raw[column.source]!r:.80}"
        alone = may_be_refused(column, text, case.day)
        if not (alone or contradicts(column, row.texts, feed.columns)) or meaning(column, text) is None:
            yield f"{told}: {record['rules']} is no reason to lose it"


def _wrong_quarantine(feed: Feed, row: Row, broken: dict[str, Any], case: Case) -> Iterable[str]:
    raw, rules = json.loads(broken["raw"]), broken["rules"].split("; ")
    if row.misfit is not None:
        if "row: wrong number of fields" not in rules or (raw["unparsed"] or "").rstrip("\r\n") != row.misfit:
            yield f"row {row.number} is a misfit; quarantine says {rules} and keeps {raw['unparsed']!r:.80}"
        return
    for column in feed.columns:
        text = row.texts.get(column.source)
        if column.source not in row.uncertain and (raw[column.source] or "") != (text or "") and (text or "").strip():
            certain = not _same_number(raw[column.source], text)
            if certain:
                yield f"row {row.number}: quarantine keeps {raw[column.source]!r:.80} of {text!r:.80}"
    reasons = [
        c.source
        for c in feed.columns
        if c.required and (c.source in row.uncertain or may_be_refused(c, row.texts.get(c.source), case.day))
    ]
    named = {rule.split(":")[0] for rule in rules}
    for name in named - set(reasons) - {"row"}:
        if f"{name}: duplicate" not in rules:
            yield f"row {row.number}: {rules} is no reason to refuse {row.texts.get(name)!r:.80}"


def _same_number(one: str | None, other: str | None) -> bool:
    try:
        return float(one or "") == float(other or "") or str(float(one or "")) == str(float(other or ""))
    except ValueError:
        return False


def _untouched(case: Case, touched: set[int] | None, clean: _Book, mutated: _Book, rows: int) -> Iterable[str]:
    own = {row["loan_id"]: row for row in clean.sound[case.feed, case.day].values()}
    for place in range(LOANS_A_DAY):
        loan = f"{case.day:%y%m%d}-{place}"
        inside = place in case.kept and touched is not None and case.kept.index(place) not in touched
        if inside and rows >= len(case.kept):
            before = {k: v for k, v in own[loan].items() if k != "row_number"}
            after = mutated.sound.get((case.feed, case.day), {}).get(case.kept.index(place) + 1, {})
            if before != {k: v for k, v in after.items() if k != "row_number"}:
                yield f"loan {loan} was not touched, and changed"
        if (inside or case.feed == "loan_performance") and clean.features.get(loan) != mutated.features.get(loan):
            yield f"the features of loan {loan}, which was not touched, changed"


def smallest(tmp: Path, case: Case) -> tuple[Case, str]:
    """Search the smallest file, made by dropping mutations and rows, that still breaks a law; return also which."""
    tries = 0

    def problem(tried: Case) -> str | None:
        nonlocal tries
        tries += 1
        found, _ = try_cases(tmp / f"try{tries}", [tried])
        return found[0][1] if found else None

    why = problem(case)
    if why is None:
        return case, "it breaks a law only beside other files"
    shrinking = True
    while shrinking and tries < 60:
        shrinking = False
        for fewer in case.smaller():
            if (still := problem(fewer)) is not None:
                case, why, shrinking = fewer, still, True
                break
    return case, why


def report(tmp: Path, found: Sequence[Violation]) -> str:
    """Report violations: each with its seed and mutations, the first ones as small files."""
    lines = [f"{len(found)} violations"]
    lines += [f"{case}: {why}" for case, why in found[:20]]
    for number, case in enumerate(list(dict.fromkeys(case for case, _ in found))[:2]):
        small, why = smallest(tmp / f"shrink{number}", case)
        path = put(Layout(tmp / "smallest"), small)
        lines.append(f"smallest: {small}: {why} ({path})")
    return "\n".join(lines)


__all__ = ["context", "pl", "put", "refused", "report", "try_cases"]
