from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import pytest
from tests.robustness.fuzz.byte_mutations import TEXT_MUTATIONS
from tests.robustness.fuzz.landing_cases import Case
from tests.robustness.fuzz.laws import try_cases
from tests.robustness.fuzz.meanings import BROKEN, meaning
from tests.robustness.fuzz.mutations import Sheet
from tests.robustness.fuzz.record_reader import records_of

import p2pcredit.storage.landing.read as landing
import p2pcredit.transforms.silver as silver
from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.readers.csv.reader import read_delimited
from p2pcredit.transforms.typing import trimmed_text, typed_value


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('1,"a\nb"\n', [("1", "a\nb")]),
        ('1,"a ""b"""\r\n2,\r\n', [("1", 'a "b"'), ("2", "")]),
        ('1,"open\n2,b\n', [("1", "open"), ("2", "b")]),
        ('1,"a"b\n', [("1", "ab")]),
        ('1,5" pipe\n\n\r\n2,b', [("1", '5" pipe'), ("2", "b")]),
        ("1,a\rb\n2,c\n", [(), ("2", "c")]),
        ('1,2,"x\ny"\n', [("1", "2", "x"), ('y"',)]),
    ],
)
def test_the_second_reader_follows_the_documented_rule(text: str, fields: list[tuple[str, ...]]) -> None:
    assert [record.fields for record in records_of(text, 2)] == fields


def test_the_second_reader_agrees_with_the_csv_module_wherever_that_is_sure() -> None:
    compared = 0
    for number in range(400):
        luck = random.Random(number)
        sheet = Sheet(["a", "b"], [[str(n), luck.choice(['x"y', "p,q", "two\nlines", ""])] for n in range(6)])
        text = luck.choice(list(TEXT_MUTATIONS.values()))(sheet.text(), luck)
        try:
            rows = [tuple(row) for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
        except csv.Error:
            continue
        lines = text.count("\n") + 1
        if any(letter in text for letter in "\r\u2028\x1a") or any(len(row) != 2 for row in rows) or lines < len(rows):
            continue
        compared += 1
        assert [record.fields for record in records_of(text, 2)] == rows
    assert compared > 50


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.NUMBER, "1.234,56", BROKEN),
        (Kind.NUMBER, "1_000", BROKEN),
        (Kind.NUMBER, "-1.5e1", -15.0),
        (Kind.COUNT, "3.0", 3),
        (Kind.COUNT, "3.5", BROKEN),
        (Kind.PERCENT, "10.65 %", 0.1065),
        (Kind.TERM, " 36 months", 36),
        (Kind.YEARS, "< 1 year", 0.0),
        (Kind.FLAG, "No", False),
        (Kind.FLAG, "maybe", BROKEN),
        (Kind.DATE, "2011-02-29", BROKEN),
        (Kind.DATE, "2012-02-29", dt.date(2012, 2, 29)),
        (Kind.TEXT, "\u00a0", None),
    ],
)
def test_meanings_are_those_of_the_contract(kind: Kind, text: str, value: object) -> None:
    assert meaning(Column("x", kind), text) == value


def _lose_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_delimited

    def short(*args: Any, **kwargs: Any) -> Any:
        text = read(*args, **kwargs)
        return replace(text, frame=text.frame.head(-1))

    monkeypatch.setattr(landing, "read_delimited", short)


def _read_commas_as_points(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = typed_value

    def lenient(column: Column, text: nw.Expr) -> nw.Expr:
        return typed(column, text.str.replace_all(",", ".") if column.kind is Kind.NUMBER else text)

    monkeypatch.setattr(silver, "typed_value", lenient)


def _cut_categories(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed = trimmed_text

    def short(column: Column) -> nw.Expr:
        return trimmed(column).str.slice(0, 3) if column.kind is Kind.CATEGORY else trimmed(column)

    monkeypatch.setattr(silver, "trimmed_text", short)


@pytest.mark.parametrize(
    ("plant", "names", "says"),
    [
        (_lose_a_row, (), "5 rows in, 4 in silver"),
        (_read_commas_as_points, ("locale decimals",), "became"),
        (_cut_categories, (), "became"),
    ],
)
def test_the_laws_see_a_fault_that_is_planted(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    plant: Callable[[pytest.MonkeyPatch], None],
    names: tuple[str, ...],
    says: str,
) -> None:
    plant(monkeypatch)
    days = [date(2010, 1, 1) + timedelta(days=place) for place in range(20)]
    cases = [Case(f"planted {day}", "financial", day, ".csv", names) for day in days]
    found, _ = try_cases(tmp_path, cases)
    assert any(says in problem for _, problem in found)
