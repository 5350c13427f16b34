"""Write the numbers of a download as feeds hold them, whatever the signs of decimals and thousands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from p2pcredit.errors import UnreadableFileError
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.values import text_of
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.readers.localized_numbers import DecimalSign, is_number, misread_number, plain_number


def with_plain_numbers(mapping: PlatformMapping, table: RawTable) -> RawTable:
    """Write numbers in the form that feeds hold.

    What would be read as another number than was meant is rejected where it makes the loan; else it lands as words
    that are no number, so that it is missing by itself.
    """
    decimal = mapping.file.decimal
    if decimal is None:
        _require_plain_amounts(mapping, table)
        return table
    texts = [name for name in mapping.number_columns if name not in table.numbers]
    if not texts:
        return table
    sign = "comma" if decimal == "," else "point"
    found = {name: misread_number(pl.col(name), decimal) for name in texts}
    misread = {name: odd for name, odd in found.items() if name in mapping.required_numbers}
    table = replace(table, rows=table.rows.with_columns(_unread(found, misread, sign)))
    table = table.reject(
        pl.any_horizontal(pl.lit(value=False), *misread.values()),
        pl.coalesce(
            pl.lit(None, dtype=pl.String),
            *(pl.when(odd).then(pl.lit(f"{name} is no number with a decimal {sign}")) for name, odd in misread.items()),
        ),
        value=pl.coalesce(pl.lit(None, dtype=pl.String), *(pl.when(odd).then(name) for name, odd in misread.items())),
        remedy="name the sign before decimals in the mapping: 'file: {decimal: \",\"}' or 'file: {decimal: \".\"}'",
    )
    plain = [plain_number(pl.col(name), decimal).alias(name) for name in texts]
    return replace(table, rows=table.rows.with_columns(plain))


class Pointed(NamedTuple):
    """How the points of a column of amounts stand.

    Args:
        grouped: How many texts are as `24.000`: a point before the last three of four digits or more.
        other: How many have a point that stands otherwise.
        example: The first of the grouped ones; empty without any.
    """

    grouped: int = 0
    other: int = 0
    example: str = ""


def note_pointed(mapping: PlatformMapping, table: RawTable, found: dict[str, Pointed]) -> None:
    """Count how points stand in the columns of amounts, where the mapping does not say what they mean."""
    if mapping.file.decimal is not None:
        return
    for name in mapping.amount_columns:
        if name not in table.rows.columns or name in table.numbers:
            continue
        texts = table.rows[name].drop_nulls().str.strip_chars()
        pointed = texts.filter(texts.str.contains(r"^[+-]?[0-9]*\.[0-9]*$"))
        grouped = pointed.filter(pointed.str.contains(r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"))
        before = found.get(name, Pointed())
        found[name] = Pointed(
            before.grouped + grouped.len(),
            before.other + pointed.len() - grouped.len(),
            before.example or (str(grouped[0]) if grouped.len() else ""),
        )


def applications_with_plain_numbers(
    mapping: PlatformMapping, rows: pl.DataFrame, made: Collection[str] = ()
) -> pl.DataFrame:
    """Write the numbers of applications plainly; one that would be misread becomes words that are no number.

    `made`: columns that the mapping makes, which are plain.
    """
    return with_decimal(mapping.file.decimal, [name for name in mapping.number_columns if name not in made], rows)


def with_decimal(decimal: DecimalSign | None, columns: Collection[str], rows: pl.DataFrame) -> pl.DataFrame:
    """Write the numbers of these columns plainly; one that would be misread becomes words that are no number."""
    if decimal is None:
        return rows
    numbers = [name for name in columns if name in rows.columns]
    misread = {name: misread_number(pl.col(name), decimal) for name in numbers}
    told = rows.with_columns(_unread(misread, (), "comma" if decimal == "," else "point"))
    return told.with_columns(plain_number(pl.col(name), decimal).alias(name) for name in numbers)


def _require_plain_amounts(mapping: PlatformMapping, table: RawTable) -> None:
    """Make sure that most amounts are not written so that they would end in quarantine for want of a decimal sign.

    Raises:
        UnreadableFileError: If they are.
    """
    source = mapping.feeds["loan_terms"]["loan_amount"]
    amounts = table.rows.select(text_of(source).replace(source.values).alias("amount")).drop_nulls()
    amount = pl.col("amount")
    unread = amounts.filter(amount.str.strip_chars().cast(pl.Float64, strict=False).is_null())
    odd = unread.filter(is_number(amount, ",") | is_number(amount, "."))
    if 2 * odd.height > amounts.height:
        raise UnreadableFileError(
            f"{table.file} holds amounts such as '{odd.item(0, 0)}', which are no plain numbers; name their "
            "decimal sign in the mapping: 'file: {decimal: \",\"}' or 'file: {decimal: \".\"}'"
        )


def _unread(odd: Mapping[str, pl.Expr], required: Collection[str], sign: str) -> list[pl.Expr]:
    """Mark the texts of optional numbers that would be misread with what is wrong with them."""
    said = f" is no number with a decimal {sign}"
    return [
        pl.when(wrong).then(pl.col(name) + said).otherwise(pl.col(name)).alias(name)
        for name, wrong in odd.items()
        if name not in required
    ]
