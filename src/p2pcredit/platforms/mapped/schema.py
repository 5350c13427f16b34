"""What a user may write in the YAML file that describes a platform."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from p2pcredit.contracts.catalogue import declare
from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, APPLICATIONS, FEEDS
from p2pcredit.names import perhaps
from p2pcredit.platforms.mapped.dates import ISO, problem_with_pattern
from p2pcredit.platforms.mapped.events import PAST_DUE, Rule
from p2pcredit.readers.csv.dialect import UTF_8, keeps_ascii
from p2pcredit.readers.localized_numbers import DecimalSign

_KINDS = {name: {column.source: column.kind for column in feed.columns} for name, feed in FEEDS.items()}
ON_TAPE = "on the tape"
"""The status of a loan of which a tape says more."""
NEAR = 0.6
"""How similar a key must be to one that is known to be named as the one meant."""
_OWN_NAMES = frozenset({"row_number", "_rejected"})
_AMOUNTS = frozenset(
    (name, column.source)
    for name, feed in FEEDS.items()
    for column in feed.columns
    if "in currency" in column.description
)
_NUMBERS = frozenset({Kind.NUMBER, Kind.COUNT, Kind.PERCENT, Kind.TERM, Kind.YEARS})


YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
"""How yes and no are written, in small letters."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_written(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _column_name(name: str) -> str:
    if not name.strip():
        raise ValueError("is blank; write the name of a column of the download")
    if name in _OWN_NAMES:
        raise ValueError(f"'{name}' is a name that is used inside; rename the column in the download")
    return name.strip()


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _short_form(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


Signs = tuple[Annotated[str, BeforeValidator(_as_written, json_schema_input_type=str | float)], ...]
"""Texts that mean no value. A number may stand without quotes."""

ColumnName = Annotated[str, AfterValidator(_column_name)]
"""The name of a column of the download."""

Text = Annotated[str, BeforeValidator(_as_written, json_schema_input_type=str | float | date)]
"""A text; a number or a day may stand without quotes."""


_OneOrMore = BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...])
DatePatterns = Annotated[tuple[str, ...], _OneOrMore]
"""How a date is written: one pattern or several."""


class Source(_Strict):
    """Where a value comes from, and how it is changed.

    It comes from one of: `column`; the first of `columns` that is not blank; `value`, the same for all rows;
    `expression`, SQL over the raw row; `one_hot`, text -> the column that says yes to it.

    `values` replaces texts, `""` a blank; `times` multiplies a number, `round` rounds it to so many decimals, `date`
    says how a date is written (`iso`, a pattern such as `%d.%m.%Y`, or a list of them, the likeliest first). `flag`
    gives the two texts that yes and no become, however they are written (see `YES` and `NO`). `missing` names texts
    that mean no value in these raw columns. With `unreadable: missing` what cannot be read is missing and is no
    finding; `default` stands for what is missing in the end.
    """

    column: ColumnName | None = None
    columns: tuple[ColumnName, ...] = ()
    value: Text | None = None
    expression: str | None = None
    one_hot: dict[str, ColumnName] = {}
    values: dict[str, str] = {}
    default: Text | None = None
    unreadable: Literal["missing"] | None = None
    times: float | None = Field(None, allow_inf_nan=False)
    round: int | None = Field(None, ge=0, le=9)
    date: DatePatterns = ()
    flag: tuple[()] | tuple[str, str] = ()
    missing: Signs = ()

    @model_validator(mode="after")
    def _named(self) -> Source:
        given = [self.column is not None, bool(self.columns), self.value is not None, self.expression is not None]
        if sum([*given, bool(self.one_hot)]) != 1:
            raise ValueError("give either 'column' or 'columns', or instead one of 'value', 'expression', 'one_hot'")
        if self.value is not None and (self.values or self.flag or self.is_number or self.default is not None):
            raise ValueError("'value' is the same for all rows; write it as it is to be, without other keys")
        if self.times == 0:
            raise ValueError("'times: 0' makes every value 0; write the factor, such as 100, or leave it out")
        if self.date and (self.values or self.is_number):
            other = "values" if self.values else "times" if self.times is not None else "round"
            raise ValueError(
                f"'date' and '{other}' cannot both hold, a date is not calculated with; keep one of the two"
            )
        if self.flag and (self.values or self.is_number or self.date):
            raise ValueError(
                "'flag' reads yes and no and stands alone; leave out 'values', 'times', 'round' and 'date'"
            )
        for pattern in self.date:
            problem = None if pattern == ISO else problem_with_pattern(pattern)
            if problem is not None:
                raise ValueError(problem)
        return self

    @property
    def is_number(self) -> bool:
        """Whether the value is calculated with."""
        return self.times is not None or self.round is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it may come from, the best first; none where it comes from no column as it is."""
        return self.columns or ((self.column,) if self.column is not None else ())

    @property
    def made_by(self) -> str:
        """How it is made where it comes from no column as it is."""
        return "value" if self.value is not None else "one_hot" if self.one_hot else "expression"


SourceOrName = Annotated[Source, BeforeValidator(_short_form, json_schema_input_type=str | Source)]


class LoanId(_Strict):
    """Which column identifies a loan, or what makes an id: `expression`, or the file's name and the `row_number`."""

    column: ColumnName | None = None
    expression: str | None = None
    row_number: Literal["file"] | None = None

    @model_validator(mode="after")
    def _one(self) -> LoanId:
        if sum(one is not None for one in (self.column, self.expression, self.row_number)) != 1:
            raise ValueError("give one of 'column', 'expression' and 'row_number: file'")
        return self


def _undated(source: Source) -> Source:
    if source.default is not None or source.unreadable is not None:
        raise ValueError(
            "a day has no 'default' and no 'unreadable', one that cannot be read is missing; where another day "
            'write it: {expression: "coalesce(as_date(Since), as_date(Paid))"}'
        )
    return source


DateSource = Annotated[SourceOrName, AfterValidator(_undated)]
"""Where a date of a loan comes from."""


def _with_sign(name: str) -> str:
    return f"-{_column_name(name[1:])}" if name.startswith("-") else _column_name(name)


Amounts = Annotated[tuple[Annotated[str, AfterValidator(_with_sign)], ...], _OneOrMore]
"""One column of amounts, or several that are added up; one with a minus sign before its name is taken off."""


class Received(_Strict):
    """What a loan has paid in all by the day of the file, where the file has no payments one by one.

    `recoveries` came in after charge-off, so many days after it as `recovered_after_days` says.
    """

    principal: Amounts = Field(min_length=1)
    interest: Amounts = ()
    fees: Amounts = ()
    recoveries: Amounts = ()
    last_on: DateSource | None = None
    recovered_after_days: int = Field(180, ge=0, le=3650)

    @property
    def amounts(self) -> dict[str, tuple[tuple[int, str], ...]]:
        """Per total the signs (1 or -1) and columns that make it."""
        given = {
            "principal": self.principal,
            "interest": self.interest,
            "fees": self.fees,
            "recoveries": self.recoveries,
        }
        return {
            total: tuple((-1, name[1:]) if name.startswith("-") else (1, name) for name in names)
            for total, names in given.items()
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of amounts."""
        return tuple(name for names in self.amounts.values() for _, name in names)


class Events(_Strict):
    """What became of loans: which column says so, since when, and what each status means.

    A status means events, none (`[]`) where it says nothing yet, `past_due`, or `unknown` where the loan is then
    neither good nor bad.
    """

    status: SourceOrName
    on: DateSource | None = None
    days_past_due: SourceOrName | None = None
    read_on: date | None = None
    received: Received | None = None
    rules: dict[str, Rule] = Field(min_length=1)

    @model_validator(mode="after")
    def _days_for_past_due(self) -> Events:
        late = [status for status, rule in self.rules.items() if rule == PAST_DUE]
        if late and self.days_past_due is None:
            raise ValueError(
                f"rules.{late[0]} is past_due, which needs the column of days: write 'days_past_due: COLUMN'"
            )
        return self


class ApplicationsMapping(_Strict):
    """Where a file of applications, another than that of the loans, says what was decided of each.

    `outcome` becomes APPROVED, DECLINED or WITHDRAWN by its `values`. `columns` name any other column of the feed.
    """

    id: ColumnName
    decided_on: SourceOrName
    outcome: SourceOrName
    columns: dict[str, SourceOrName] = {}

    @model_validator(mode="after")
    def _known_columns(self) -> ApplicationsMapping:
        known = APPLICATIONS.sources[3:]
        unknown = min(set(self.columns) - set(known), default=None)
        if unknown is not None:
            raise ValueError(
                f"applications.columns.{unknown} is no column of that feed{perhaps(unknown, known, cutoff=NEAR)}; "
                "'p2pcredit feeds' lists them"
            )
        return self

    @property
    def wanted(self) -> tuple[str, ...]:
        """The raw columns that it names, each once."""
        sources = (self.decided_on, self.outcome, *self.columns.values())
        return tuple(dict.fromkeys([self.id, *(name for source in sources for name in source.names)]))

    @property
    def number_columns(self) -> tuple[str, ...]:
        """The raw columns that are read as numbers, each once."""
        kinds = {column.source: column.kind for column in APPLICATIONS.columns}
        numbers = [s for column, s in self.columns.items() if s.is_number or kinds[column] in _NUMBERS]
        return tuple(dict.fromkeys(name for source in numbers for name in source.names))


class FileFormat(_Strict):
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


ColumnNames = Annotated[tuple[ColumnName, ...], _OneOrMore]
"""One column of the download, or several."""


class Table(_Strict):
    """A further file whose rows are put beside the loans; its columns are named `table.Column`.

    `files` is the pattern of its files' names, `key` its columns that `matches`, columns of the loans' file, are
    compared with; they have the same names where it is left out. Where a key stands twice, `duplicates` says which
    row counts.
    """

    files: str = Field(min_length=1)
    key: ColumnNames = Field(min_length=1)
    matches: ColumnNames = ()
    duplicates: Literal["first", "last"] | None = None

    @model_validator(mode="after")
    def _as_many(self) -> Table:
        if self.matches and len(self.matches) != len(self.key):
            raise ValueError(
                f"'matches' names {len(self.matches)} columns of the loans and 'key' {len(self.key)} of the table; "
                "name as many, in the same order"
            )
        return self

    @property
    def of_loans(self) -> tuple[str, ...]:
        """The columns of the loans' file that the key is compared with."""
        return self.matches or self.key


class Tape(_Strict):
    """Files with a row per loan and day: a servicing tape, or snapshots of the whole book.

    `day` is a column, or `day_in_name` says how the file's name holds it. How late a loan is, is said by
    `days_past_due`, else by the amount `overdue`, from the first row on that has one; how it ended by `status`, of
    which `statuses` says what its texts mean, or by a `balance` of nothing. From `default_days` on it is in default.
    `gone` is what a loan is whose rows end before the tape does. `steady` names columns that must not change.
    """

    files: str = Field(min_length=1)
    loan_id: ColumnName
    day: DateSource | None = None
    day_in_name: str | None = None
    days_past_due: SourceOrName | None = None
    overdue: ColumnName | None = None
    balance: ColumnName | None = None
    paid: Amounts = ()
    principal: Amounts = ()
    interest: Amounts = ()
    fees: Amounts = ()
    status: SourceOrName | None = None
    statuses: dict[str, Literal["CURRENT", "LATE", "DEFAULT", "CHARGED_OFF", "FULLY_PAID"]] = {}
    default_days: int = Field(90, ge=1, le=180)
    gone: Literal["unknown", "FULLY_PAID"] = "unknown"
    steady: tuple[ColumnName, ...] = ()

    @model_validator(mode="after")
    def _says_enough(self) -> Tape:
        if (self.day is None) == (self.day_in_name is None):
            raise ValueError("give one of 'day', a column, and 'day_in_name', such as \"%Y_%m\"")
        if self.day_in_name is not None and not {"%Y", "%m"} <= set(re.findall("%.", self.day_in_name)) <= {
            "%Y",
            "%m",
            "%d",
        }:
            raise ValueError('\'day_in_name\' is made of %Y, %m and %d, such as "%Y_%m_%d" or "%Y%m"')
        if self.days_past_due is None and self.overdue is None and self.status is None:
            raise ValueError("says nothing of arrears; name 'days_past_due', 'overdue' or 'status'")
        if (self.status is None) != (not self.statuses):
            raise ValueError("'status' and 'statuses' go together, the column and what its texts mean")
        return self

    @property
    def sources(self) -> tuple[tuple[str, Source], ...]:
        """Every source by its key."""
        found = (("day", self.day), ("days_past_due", self.days_past_due), ("status", self.status))
        return tuple((f"tape.{key}", source) for key, source in found if source is not None)

    @property
    def amounts(self) -> dict[str, tuple[tuple[int, str], ...]]:
        """Per amount the signs (1 or -1) and columns that make it."""
        given = {"paid": self.paid, "principal": self.principal, "interest": self.interest, "fees": self.fees}
        return {
            total: tuple((-1, name[1:]) if name.startswith("-") else (1, name) for name in names)
            for total, names in given.items()
        }

    @property
    def amount_columns(self) -> tuple[str, ...]:
        """The columns of amounts."""
        own = [name for columns in self.amounts.values() for _, name in columns]
        return tuple(dict.fromkeys([*own, *(name for name in (self.overdue, self.balance) if name)]))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of, beside the id; those of sources as they are named after them."""
        return tuple(dict.fromkeys([*(name for _, of in self.sources for name in of.names), *self.amount_columns]))


class OwnColumn(_Strict):
    """A column of the lender's own that is a feature: where it stands, what it is, and why it may be used.

    A `date` becomes its age in months on the day the loan was issued, a `text` its length. `direction` is 1 where more
    means riskier, -1 where more means safer, 0 where credit sense does not say; of a date more is longer ago. `reason`
    is the few words of why a score is lower than it could be, `text` and `advice` what a borrower is told and can do.
    `basis` says why the value may be used in a credit decision. `known_on` is the day on which a value was known; one
    that was not known on the day of the loan is missing.
    """

    source: SourceOrName
    kind: Literal["number", "category", "date", "text"] = "number"
    direction: Literal[-1, 0, 1] | None = None
    reason: str = Field(min_length=3, max_length=80)
    basis: str = Field(min_length=10)
    description: str = ""
    text: str = ""
    advice: str = ""
    given_by: Literal["borrower", "bureau", "platform"] = "borrower"
    available_since: Text = "not said"
    known_on: DateSource | None = None
    plausible: tuple[float, float] | None = None
    feature_set: Literal["application", "price", "wording"] = "application"

    @model_validator(mode="after")
    def _consistent(self) -> OwnColumn:
        if self.direction is None and self.kind != "category":
            raise ValueError("lacks 'direction'; write 1 (more is riskier), -1 (more is safer) or 0 (not said)")
        if self.direction and self.kind == "category":
            raise ValueError("is a category, which has no direction; leave 'direction' out")
        if self.plausible is not None and (self.kind != "number" or self.plausible[0] >= self.plausible[1]):
            raise ValueError("'plausible' is the lower and the upper bound of a number, such as [0, 600]")
        if self.kind != "number" and self.source.is_number:
            raise ValueError(f"is a {self.kind}, which is not calculated with; leave out 'times' and 'round'")
        if self.kind != "date" and self.source.date:
            raise ValueError("has 'date' in its source; write 'kind: date'")
        if self.kind == "date" and self.source.default is not None:
            raise ValueError("is a date, which has no 'default'")
        return self

    @property
    def written(self) -> Source:
        """Its source; a date is read as ISO where nothing else is said."""
        if self.kind != "date" or self.source.date:
            return self.source
        return self.source.model_copy(update={"date": (ISO,)})

    def contract(self, name: str) -> Feature:
        """Make the contract of the feature that it is."""
        return declare(
            name,
            self.kind,
            direction=self.direction or 0,
            reason=self.reason.strip().removesuffix("."),
            basis=self.basis.strip(),
            description=self.description.strip(),
            given_by=self.given_by,
            available_since=self.available_since,
            text=self.text.strip(),
            advice=self.advice.strip(),
            plausible=self.plausible,
            group=self.feature_set,
        )


_PROHIBITED = frozenset(
    {"sex", "gender", "race", "racial", "ethnic", "ethnicity", "colour", "religion", "religious", "faith", "marital"}
    | {"married", "divorced", "nationality", "citizenship", "disability", "disabled", "pregnant", "pregnancy", "health"}
    | {"illness", "political", "politics", "sexual", "orientation", "caste", "tribe"}
)
"""Words of grounds on which no credit decision may rest, in whatever law one looks."""


def prohibited_word(*texts: str) -> str | None:
    """Find a word of a prohibited ground among names and texts.

    Examples:
        >>> prohibited_word("BorrowerGender"), prohibited_word("trace_count"), prohibited_word("marital_status")
        ('gender', None, 'marital')
    """
    words = (word.casefold() for text in texts for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text))
    return next((word for word in words if word in _PROHIBITED), None)


class PlatformMapping(_Strict):
    """The whole file."""

    name: str = Field(pattern="^[a-z][a-z0-9_]{0,40}$")
    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    file: FileFormat = FileFormat()
    files: str | None = Field(None, min_length=1)
    tape: Tape | None = None
    tables: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,40}$")], Table] = {}
    only: str | None = None
    loan_id: Annotated[LoanId, BeforeValidator(_short_form, json_schema_input_type=str | LoanId)]
    origination_date: DateSource
    feeds: dict[str, dict[str, SourceOrName]]
    features: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,40}$")], OwnColumn] = {}
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
        for name, table in tables.items():
            other = next((one.partition(".")[0] for one in table.of_loans if one.partition(".")[0] in tables), None)
            if other is not None:
                raise ValueError(
                    f"{name} is matched with a column of {other}; match it with a column of the loans' file"
                )
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
            if source.is_number or _KINDS[feed][column] in _NUMBERS
            for name in source.names
        ]
        names += [name for own in self.features.values() if own.kind == "number" for name in own.source.names]
        late, received = self.events.days_past_due, self.events.received
        paid = received.columns if received else ()
        return tuple(dict.fromkeys([*names, *(late.names if late else ()), *paid]))


__all__ = [
    "NO",
    "YES",
    "ApplicationsMapping",
    "LoanId",
    "OwnColumn",
    "PlatformMapping",
    "Received",
    "Source",
    "Table",
    "Tape",
    "prohibited_word",
]
