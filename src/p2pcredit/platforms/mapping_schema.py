"""What a user may write in the YAML file that describes a platform."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.platforms.dialect import UTF_8, keeps_ascii
from p2pcredit.platforms.mapping_events import Rule
from p2pcredit.platforms.number_texts import DecimalSign

_KINDS = {name: {column.source: column.kind for column in feed.columns} for name, feed in FEEDS.items()}
_NUMBERS = frozenset({Kind.NUMBER, Kind.COUNT, Kind.PERCENT, Kind.TERM, Kind.YEARS})


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_written(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _short_form(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


Signs = tuple[Annotated[str, BeforeValidator(_as_written)], ...]
"""Texts that mean no value. A number may stand without quotes."""


class Source(_Strict):
    """Where a value comes from: `column` (or the first of `columns` that is not blank), and how it is changed.

    `values` replaces texts, `times` multiplies a number, `round` rounds it to so many decimals, `date` says how a date
    is written (`iso`, or a pattern such as `%d.%m.%Y`). `missing` names texts that mean no value in these raw columns.
    """

    column: str = ""
    columns: tuple[str, ...] = ()
    values: dict[str, str] = {}
    times: float | None = None
    round: int | None = Field(None, ge=0, le=9)
    date: str | None = None
    missing: Signs = ()

    @model_validator(mode="after")
    def _named(self) -> Source:
        if bool(self.column) == bool(self.columns):
            raise ValueError("give either 'column' or 'columns'")
        return self

    @property
    def is_number(self) -> bool:
        """Whether the value is calculated with."""
        return self.times is not None or self.round is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The raw columns it may come from, the best first."""
        return self.columns or (self.column,)


SourceOrName = Annotated[Source, BeforeValidator(_short_form)]


class Events(_Strict):
    """What became of loans: which column says so, since when, and what each status means.

    A status means events, none (`[]`) where it says nothing yet, `past_due`, or `unknown` where the loan is then
    neither good nor bad.
    """

    status: str
    on: SourceOrName | None = None
    days_past_due: str | None = None
    read_on: date | None = None
    rules: dict[str, Rule]


class WrittenAs(_Strict):
    """How the download is written.

    `decimal` is the sign before decimals; where it is given, thousands may be grouped and amounts carry their currency.
    `missing` names texts that mean no value in any column, beside the usual signs.
    """

    encoding: str = UTF_8
    decimal: DecimalSign | None = None
    missing: Signs = ()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        if not keeps_ascii(name):
            raise ValueError(f"'{name}' is no encoding that can be read here; name one such as windows-1252")
        return name


class PlatformMapping(_Strict):
    """The whole file."""

    name: str = Field(pattern="^[a-z][a-z0-9_]{0,40}$")
    file: WrittenAs = WrittenAs()
    loan_id: str
    origination_date: SourceOrName
    feeds: dict[str, dict[str, SourceOrName]]
    events: Events

    @model_validator(mode="after")
    def _known_columns(self) -> PlatformMapping:
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

    @property
    def wanted(self) -> tuple[tuple[str, ...], ...]:
        """Per value the raw columns that it may come from."""
        sources = [self.origination_date, *(source for feed in self.feeds.values() for source in feed.values())]
        sources += [self.events.on] if self.events.on else []
        late = self.events.days_past_due
        return (
            (self.loan_id,),
            (self.events.status,),
            *(source.names for source in sources),
            *([(late,)] if late else []),
        )

    @property
    def own_signs(self) -> dict[str, frozenset[str]]:
        """Per raw column that has any, the texts that this mapping calls missing."""
        found = {name: set(self.file.missing) for names in self.wanted for name in names}
        sources = [self.origination_date, *(source for feed in self.feeds.values() for source in feed.values())]
        for source in [*sources, *([self.events.on] if self.events.on else [])]:
            for name in source.names:
                found[name].update(source.missing)
        return {name: frozenset(signs) for name, signs in found.items() if signs}

    @property
    def required_numbers(self) -> frozenset[str]:
        """The raw columns of numbers without which a loan or what became of it is none."""
        terms, late = self.feeds["loan_terms"], self.events.days_past_due
        return frozenset([*terms["loan_amount"].names, *terms["term"].names, *([late] if late else [])])

    @property
    def number_columns(self) -> tuple[str, ...]:
        """The raw columns that are read as numbers, each once."""
        names = [
            name
            for feed, columns in self.feeds.items()
            for column, source in columns.items()
            if source.is_number or _KINDS[feed][column] in _NUMBERS
            for name in source.names
        ]
        late = self.events.days_past_due
        return tuple(dict.fromkeys([*names, *([late] if late else [])]))


__all__ = ["PlatformMapping", "Source"]
