"""Where a value comes from: a column, several, a constant, an expression; and how it is changed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from p2pcredit.contracts.columns import Kind
from p2pcredit.platforms.mapped.dates import ISO, problem_with_pattern, problem_with_patterns

NEAR = 0.6
"""How similar a key must be to one that is known to be named as the one meant."""
NUMBER_KINDS = frozenset({Kind.NUMBER, Kind.COUNT, Kind.PERCENT, Kind.TERM, Kind.YEARS})
_OWN_NAMES = frozenset({"row_number", "_rejected"})
YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
"""How yes and no are written, in small letters."""


class Strict(BaseModel):
    """Take the keys that it names, and no other."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_written(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def column_name(name: str) -> str:
    """Take the name of a column of the download, without blanks around it.

    Raises:
        ValueError: If it is blank, or a name that is used inside.
    """
    if not name.strip():
        raise ValueError("is blank; write the name of a column of the download")
    if name in _OWN_NAMES:
        raise ValueError(f"'{name}' is a name that is used inside; rename the column in the download")
    return name.strip()


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def short_form(value: object) -> object:
    """Take a text alone as the name of a column."""
    return {"column": value} if isinstance(value, str) else value


Signs = tuple[Annotated[str, BeforeValidator(_as_written, json_schema_input_type=str | float)], ...]
"""Texts that mean no value. A number may stand without quotes."""

ColumnName = Annotated[str, AfterValidator(column_name)]
"""The name of a column of the download."""

Text = Annotated[str, BeforeValidator(_as_written, json_schema_input_type=str | float | date)]
"""A text; a number or a day may stand without quotes."""


OneOrMore = BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...])
DatePatterns = Annotated[tuple[str, ...], OneOrMore]
"""How a date is written: one pattern or several."""


class Source(Strict):
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
        if twofold := problem_with_patterns(self.date):
            raise ValueError(twofold)
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


SourceOrName = Annotated[Source, BeforeValidator(short_form, json_schema_input_type=str | Source)]


class LoanId(Strict):
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
    return f"-{column_name(name[1:])}" if name.startswith("-") else column_name(name)


Amounts = Annotated[tuple[Annotated[str, AfterValidator(_with_sign)], ...], OneOrMore]
"""One column of amounts, or several that are added up; one with a minus sign before its name is taken off."""
