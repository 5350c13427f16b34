"""How files are written, which further ones stand beside the loans, and tapes with a row per loan and day."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from p2pcredit.platforms.mapped.schema.sources import (
    Amounts,
    ColumnName,
    DateSource,
    OneOrMore,
    Signs,
    Source,
    SourceOrName,
    Strict,
)
from p2pcredit.readers.csv.dialect import UTF_8, keeps_ascii
from p2pcredit.readers.localized_numbers import DecimalSign


class FileFormat(Strict):
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


ColumnNames = Annotated[tuple[ColumnName, ...], OneOrMore]
"""One column of the download, or several."""


class Table(Strict):
    """A further file whose rows are put beside the loans; its columns are named `table.Column`.

    `files` is the pattern of its files' names, `key` its columns that `matches`, columns of the loans' file or of a
    table above it (`account.district_id`), are compared with; they have the same names where it is left out. Where a
    key stands twice, `duplicates` says which row counts.
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
        """The columns of the loans, or of a table above, that the key is compared with."""
        return self.matches or self.key


class Tape(Strict):
    """Files with a row per loan and day: a servicing tape, or snapshots of the whole book.

    `day` is a column, or `day_in_name` says how the file's name holds it. How late a loan is, is said by
    `days_past_due`, else by the amount `overdue`, from the first row on that has one; how it ended by `status`, of
    which `statuses` says what its texts mean, or by a `balance` of nothing. From `default_days` on it is in default.
    `gone` is what a loan is whose rows end before the tape does. `before` is what one was until the tape begins that
    is older than `default_days` and a month by then; an unknown one is left out. `steady` names columns that must not
    change.
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
    statuses: dict[str, Literal["CURRENT", "LATE", "DEFAULT", "CHARGED_OFF", "FULLY_PAID"]] = Field(
        default_factory=dict
    )
    default_days: int = Field(90, ge=1, le=180)
    gone: Literal["unknown", "FULLY_PAID"] = "unknown"
    before: Literal["unknown", "CURRENT"] = "unknown"
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
