"""The whole file that describes a platform."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.names import perhaps
from p2pcredit.platforms.mapped.schema.applications import ApplicationsMapping
from p2pcredit.platforms.mapped.schema.files import FileFormat, Table, Tape
from p2pcredit.platforms.mapped.schema.outcomes import Events
from p2pcredit.platforms.mapped.schema.own_columns import OwnColumn, prohibited_word
from p2pcredit.platforms.mapped.schema.sources import (
    NEAR,
    NUMBER_KINDS,
    DateSource,
    LoanId,
    Source,
    SourceOrName,
    Strict,
    short_form,
)

_KINDS = {name: {column.source: column.kind for column in feed.columns} for name, feed in FEEDS.items()}
_AMOUNTS = frozenset(
    (name, column.source)
    for name, feed in FEEDS.items()
    for column in feed.columns
    if "in currency" in column.description
)
ON_TAPE = "on the tape"
"""The status of a loan of which a tape says more."""


class PlatformMapping(Strict):
    """The whole file."""

    name: str = Field(pattern="^[a-z][a-z0-9_]{0,40}$")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    file: FileFormat = FileFormat()
    files: str | None = Field(None, min_length=1)
    tape: Tape | None = None
    tables: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,40}$")], Table] = Field(default_factory=dict)
    only: str | None = None
    loan_id: Annotated[LoanId, BeforeValidator(short_form, json_schema_input_type=str | LoanId)]
    origination_date: DateSource
    feeds: dict[str, dict[str, SourceOrName]]
    features: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,40}$")], OwnColumn] = Field(default_factory=dict)
    events: Events
    applications: ApplicationsMapping | None = None

    @model_validator(mode="before")
    @classmethod
    def _tape_in_place_of_events(cls, content: object) -> object:
        if not isinstance(content, dict) or content.get("tape") is None:
            return content
        if "events" in content:
            raise ValueError("'tape' and 'events' both say what became of loans; keep the one that the files have")
        return {**content, "events": {"status": {"value": ON_TAPE}, "rules": {ON_TAPE: []}}}

    @field_validator("tables")
    @classmethod
    def _joined_to_loans(cls, tables: dict[str, Table]) -> dict[str, Table]:
        before: set[str] = set()
        for name, table in tables.items():
            dotted = (one.partition(".")[0] for one in table.of_loans if "." in one)
            other = next((prefix for prefix in dotted if prefix in tables and prefix not in before), None)
            if other is not None:
                raise ValueError(
                    f"{name} is matched with a column of {other}, which is not joined before it; write {other} above "
                    f"{name}, or match a column of the loans' file"
                    if other != name
                    else f"{name} is matched with a column of its own; match a column of the loans' file"
                )
            before.add(name)
        return tables

    @model_validator(mode="after")
    def _known_columns(self) -> PlatformMapping:
        for name, columns in self.feeds.items():
            if name not in {feed.name for feed in APPLICATION_FEEDS}:
                known = ", ".join(feed.name for feed in APPLICATION_FEEDS)
                meant = perhaps(name, [feed.name for feed in APPLICATION_FEEDS], cutoff=NEAR)
                raise ValueError(f"feeds.{name} is no feed about an application{meant}; those are {known}")
            known_columns = FEEDS[name].sources[2:]
            unknown = min(set(columns) - set(known_columns), default=None)
            if unknown is not None:
                meant = perhaps(unknown, known_columns, cutoff=NEAR)
                raise ValueError(
                    f"feeds.{name}.{unknown} is no column of that feed{meant}; its columns are "
                    f"{', '.join(known_columns)}"
                )
        lacking = {"loan_amount", "term"} - set(self.feeds.get("loan_terms", {}))
        if lacking:
            raise ValueError(
                f"feeds.loan_terms.{min(lacking)} is missing; write 'feeds: {{loan_terms: {{loan_amount: "
                "COLUMN, term: COLUMN}}' with your columns"
            )
        return self

    @field_validator("features")
    @classmethod
    def _lawful_features(cls, features: dict[str, OwnColumn]) -> dict[str, OwnColumn]:
        made: dict[str, str] = {}
        for name, own in features.items():
            found = prohibited_word(name, own.reason, own.description, *own.source.names, *own.source.one_hot.values())
            if found is not None:
                raise ValueError(
                    f"features.{name} says '{found}', a ground on which no credit decision may rest; leave it out "
                    "(groups are compared from a file outside the home: p2pcredit models fairness)"
                )
            other = made.setdefault(own.contract(name).name, name)
            if other != name:
                raise ValueError(f"features.{name} makes the same feature as features.{other}; give one another name")
        return features

    @property
    def own_features(self) -> tuple[Feature, ...]:
        """The contracts of the own columns that it declares."""
        return tuple(own.contract(name) for name, own in self.features.items())

    @property
    def id_column(self) -> str:
        """The column of the ids; empty where they are made."""
        return self.loan_id.column or ""

    @property
    def sources(self) -> tuple[tuple[str, Source], ...]:
        """Every source by its key, in the order of the file."""
        events, received = self.events, self.events.received
        found = [
            ("origination_date", self.origination_date),
            *((f"feeds.{feed}.{name}", of) for feed, columns in self.feeds.items() for name, of in columns.items()),
            ("events.status", events.status),
            ("events.on", events.on),
            ("events.days_past_due", events.days_past_due),
            ("events.received.last_on", received.last_on if received else None),
            *((f"features.{name}.source", own.written) for name, own in self.features.items()),
            *((f"features.{name}.known_on", own.known_on) for name, own in self.features.items()),
        ]
        return tuple((key, source) for key, source in found if source is not None)

    @property
    def wanted(self) -> tuple[tuple[str, ...], ...]:
        """Per value the raw columns that it may come from."""
        received = self.events.received
        return (
            (self.id_column,),
            *(source.names for _, source in self.sources),
            *((name,) for name in (received.columns if received else ())),
        )

    @property
    def own_signs(self) -> dict[str, frozenset[str]]:
        """Per raw column that has any, the texts that this mapping calls missing."""
        found = {name: set(self.file.missing) for names in self.wanted for name in names}
        for _, source in self.sources:
            for name in source.names:
                found[name].update(source.missing)
        return {name: frozenset(signs) for name, signs in found.items() if signs}

    @property
    def required_numbers(self) -> frozenset[str]:
        """The raw columns of numbers without which a loan or what became of it is none."""
        terms, late = self.feeds["loan_terms"], self.events.days_past_due
        return frozenset([*terms["loan_amount"].names, *terms["term"].names, *(late.names if late else ())])

    @property
    def amount_columns(self) -> tuple[str, ...]:
        """The raw columns that hold amounts in currency, each once."""
        of_feeds = [(feed, *one) for feed, columns in self.feeds.items() for one in columns.items()]
        return tuple(
            dict.fromkeys(n for feed, name, source in of_feeds if (feed, name) in _AMOUNTS for n in source.names)
        )

    @property
    def number_columns(self) -> tuple[str, ...]:
        """The raw columns that are read as numbers, each once."""
        names = [
            name
            for feed, columns in self.feeds.items()
            for column, source in columns.items()
            if source.is_number or _KINDS[feed][column] in NUMBER_KINDS
            for name in source.names
        ]
        names += [name for own in self.features.values() if own.kind == "number" for name in own.source.names]
        late, received = self.events.days_past_due, self.events.received
        paid = received.columns if received else ()
        return tuple(dict.fromkeys([*names, *(late.names if late else ()), *paid]))
