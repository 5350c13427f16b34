"""A platform described by a user in YAML: which raw column is which feed column, and what a status means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.errors import UsageError
from p2pcredit.platforms.mapping_events import PAST_DUE, EventRules, build_events
from p2pcredit.platforms.raw_book import EARLIEST_ORIGINATION, RawBook, join_books, ordered_feeds
from p2pcredit.platforms.raw_csv import RawTable, read_in_parts

ISO = "iso"
_FIRST_DATE, _LAST_DATE = date(1500, 1, 1), date(2999, 12, 31)
_MOST_BYTES = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _short_form(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class _Source(_Strict):
    """Where a value comes from: `column` (or the first of `columns` that is not blank), and how it is changed.

    `values` replaces texts, `times` multiplies a number, `round` rounds it to so many decimals, `date` says how a date
    is written (`iso`, or a pattern such as `%d.%m.%Y`).
    """

    column: str = ""
    columns: tuple[str, ...] = ()
    values: dict[str, str] = {}
    times: float | None = None
    round: int | None = Field(None, ge=0, le=9)
    date: str | None = None

    @model_validator(mode="after")
    def _named(self) -> _Source:
        if bool(self.column) == bool(self.columns):
            raise ValueError("give either 'column' or 'columns'")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns or (self.column,)


_SourceOrName = Annotated[_Source, BeforeValidator(_short_form)]


class _Events(_Strict):
    status: str
    on: _SourceOrName | None = None
    days_past_due: str | None = None
    read_on: date | None = None
    rules: dict[str, Literal["past_due"] | tuple[EventRules, ...]]


class _Mapping(_Strict):
    name: str = Field(pattern="^[a-z][a-z0-9_]{0,40}$")
    loan_id: str
    origination_date: _SourceOrName
    feeds: dict[str, dict[str, _SourceOrName]]
    events: _Events

    @model_validator(mode="after")
    def _known_columns(self) -> _Mapping:
        for name, columns in self.feeds.items():
            if name not in {feed.name for feed in APPLICATION_FEEDS}:
                known = ", ".join(feed.name for feed in APPLICATION_FEEDS)
                raise ValueError(f"feeds.{name} is no feed about an application; those are {known}")
            unknown = set(columns) - set(FEEDS[name].sources[2:])
            if unknown:
                raise ValueError(
                    f"feeds.{name}.{min(unknown)} is no column of that feed; see {FEEDS[name].sources[2:]}"
                )
        lacking = {"loan_amount", "term"} - set(self.feeds.get("loan_terms", {}))
        if lacking:
            raise ValueError(f"feeds.loan_terms.{min(lacking)} is missing")
        return self


@dataclass(frozen=True, slots=True)
class MappedPlatform:
    """The profile that a mapping describes. Build it with `load_mapping`."""

    mapping: _Mapping

    @property
    def name(self) -> str:
        """The platform, as the mapping names it."""
        return self.mapping.name

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Which feeds do these downloads hold, part by part?

        Args:
            files: One or more CSV files, plain or gzip.
            first, last: Not needed here; the caller cuts the book.

        Raises:
            UsageError: Without files.
            UnreadableFileError, HeaderError: Where a file cannot be used.
        """
        if not files:
            raise UsageError(f"landing {self.name} needs the platform's download; give at least one file")
        for path in files:
            yield from self._parts_of(path)

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """The same as one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def _parts_of(self, path: Path) -> Iterator[RawBook]:
        mapping, events = self.mapping, self.mapping.events
        terms = mapping.feeds["loan_terms"]
        sources = [mapping.origination_date, *(source for feed in mapping.feeds.values() for source in feed.values())]
        sources += [events.on] if events.on else []
        wanted = [mapping.loan_id, events.status, *(name for source in sources for name in source.names)]
        wanted += [events.days_past_due] if events.days_past_due else []
        needed = [mapping.loan_id, events.status, *mapping.origination_date.names]
        needed += [*terms["loan_amount"].names, *terms["term"].names]
        layouts = {mapping.name: tuple(dict.fromkeys(needed))}
        return read_in_parts(
            path, layouts, dict.fromkeys(wanted), screen=self._screen, learn=self._last_date, build=self._book
        )

    def _last_date(self, rows: pl.DataFrame) -> date | None:
        """The last date on which a loan began, or its status."""
        on = self.mapping.events.on
        dates = [_as_date(self.mapping.origination_date).max(), *([_as_date(on).max()] if on else [])]
        last = rows.select(pl.max_horizontal(dates)).item()
        return last if isinstance(last, date) else None

    def _screen(self, table: RawTable) -> RawTable:
        mapping = self.mapping
        table = table.reject(pl.col(mapping.loan_id).is_null(), pl.lit("no id"))
        originated = _as_date(mapping.origination_date)
        name = mapping.origination_date.names[0]
        table = table.reject(originated.is_null(), pl.lit(f"unreadable {name}"))
        early = f"{name} lies before {EARLIEST_ORIGINATION.year}"
        return table.reject(originated < EARLIEST_ORIGINATION, pl.lit(early))

    def _book(self, table: RawTable, last_dates: Sequence[date | None]) -> RawBook:
        mapping, events = self.mapping, self.mapping.events
        originated = _as_date(mapping.origination_date)
        read_on = events.read_on or max((last for last in last_dates if last is not None), default=None)
        keys = [
            originated.alias("snapshot_date"),
            pl.col(mapping.loan_id).str.strip_chars().alias("loan_id"),
            originated.cast(pl.String).alias("origination_date"),
        ]
        feeds = {
            name: table.rows.select(*keys, *(_as_text(source).alias(column) for column, source in columns.items()))
            for name, columns in mapping.feeds.items()
        }
        for feed in APPLICATION_FEEDS:
            feeds.setdefault(feed.name, table.rows.select(*keys))
        no_date, no_number = pl.lit(None, dtype=pl.Date), pl.lit(None, dtype=pl.Int64)
        late = _whole_days(events.days_past_due) if events.days_past_due else no_number
        loans = table.rows.select(
            *keys[:2],
            pl.col(events.status).str.strip_chars().alias("status"),
            (_as_date(events.on) if events.on else no_date).alias("on"),
            late.alias("days_past_due"),
        )
        feeds["loan_performance"] = build_events(loans, dict(events.rules), read_on)
        origins = table.rows.select(pl.lit(table.file).alias("file"), "row_number", originated.alias("snapshot_date"))
        return RawBook(table.rows_in, ordered_feeds(feeds), table.rejected, origins)


def load_mapping(path: Path) -> MappedPlatform:
    """The profile that a YAML file describes.

    Raises:
        UsageError: If there is no such file, or it is no mapping; names the key that is wrong.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"the profile {path} has more than {_MOST_BYTES} bytes; a mapping is far smaller")
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return MappedPlatform(_Mapping.model_validate(content))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the profile {path} cannot be read; check the path and that it is UTF-8 text") from error
    except RecursionError as error:
        raise UsageError(f"the profile {path} is nested too deeply for a mapping") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"the profile {path} is not YAML: {reason}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise UsageError(f"the profile {path}, key '{key}': {first['msg']}") from error


def _text(source: _Source) -> pl.Expr:
    return pl.coalesce(pl.col(name) for name in source.names)


def _as_date(source: _Source) -> pl.Expr:
    text = _text(source).str.strip_chars()
    if source.date is None or source.date == ISO:
        found = text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:$|[T ])").str.to_date("%Y-%m-%d", strict=False)
    else:
        found = text.str.to_date(source.date, strict=False)
    return pl.when(found.is_between(_FIRST_DATE, _LAST_DATE)).then(found)


def _whole_days(column: str) -> pl.Expr:
    """A whole number of days, at most five digits, as Int64; null where the text is anything else."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text.str.contains(r"^[0-9]{1,5}(\.0*)?$")).then(text).cast(pl.Float64).cast(pl.Int64)


def _as_text(source: _Source) -> pl.Expr:
    """The value as text, changed as the mapping says; what cannot be read stays as it is, for quarantine to judge."""
    text = _text(source)
    if source.date is not None:
        return pl.coalesce(_as_date(source).cast(pl.String), text)
    if source.values:
        text = text.str.strip_chars().replace(source.values)
    if source.times is None and source.round is None:
        return text
    number = text.str.strip_chars().cast(pl.Float64, strict=False) * (1.0 if source.times is None else source.times)
    rounded = number.round(6 if source.round is None else source.round)
    whole = rounded.cast(pl.Int64, strict=False).cast(pl.String)
    shown = whole if source.round == 0 else rounded.cast(pl.String)
    return pl.coalesce(shown, text)


__all__ = ["ISO", "PAST_DUE", "MappedPlatform", "load_mapping"]
