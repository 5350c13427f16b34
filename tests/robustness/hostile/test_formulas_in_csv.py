"""No spreadsheet runs what a borrower wrote, numbers stay numbers, and every text can be had back."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.tables import TABLES, Table
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.export import export
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake

pytestmark = pytest.mark.torture
DAY = date(2024, 1, 13)
STARTERS = "=+-@＝＋－＠"
RUN = [
    *(f"{starter}1+1" for starter in STARTERS),
    '=HYPERLINK("http://x";"y")',
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2+3+cmd|x",
    "+1 555 0100",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    '"=1',
    '""=1',
    "\u00a0=1",
    "\u3000=1",
    "\u200b=1",
    "\ufeff=1",
    "\0=1",
    "\x0b=1",
    "a;=1",
    "a\t=1",
    "a\n=1",
    'a\n "=1',
    "--",
]
NUMBERS = ["-5", "-5.25", "+3", "-1e-5", "12", "0.5", "-.5", "-12.5%", "1E5"]
OTHERS = ["plain", "a=b", "a-b", "it's", "'quoted'", "a, b", '{"a": "=1"}', "x\ny", "2024-01-13", "", None]
TEXTS = pl.List(pl.String)
SEPARATES = r"[;\t\r\n]"
PASSED_OVER = '[\\x00-\\x20\\s"\u200b\ufeff]*'


def would_run(cell: str) -> bool:
    """Would a spreadsheet take this cell, or a part that it cuts out of it, for a formula?"""
    for part in re.split(SEPARATES, cell):
        start = re.sub(f"^{PASSED_OVER}", "", part)
        if start and start[0] in STARTERS and not re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?%?", part):
            return True
    return False


def undone(cell: str) -> str:
    """The text that an exported cell stands for, as docs/decisions/015 says."""
    text = cell.removeprefix("'")
    return re.sub(f"({SEPARATES}{PASSED_OVER})'", r"\1", text)


def exported(ctx: JobContext, table: Table, texts: list[str | None], out: Path) -> list[dict[str, str]]:
    columns: dict[str, Any] = {}
    for name, dtype in table.schema.items():
        if name == "snapshot_date":
            columns[name] = [DAY] * len(texts)
        elif dtype == pl.String:
            columns[name] = texts
        elif dtype == TEXTS:
            columns[name] = [None if text is None else [text] for text in texts]
        else:
            columns[name] = [None if dtype == pl.Date else -row for row in range(len(texts))]
    frame = pl.DataFrame(columns, schema=table.schema, strict=False)
    Lake(ctx.layout).replace(table, frame, DateRange(DAY, DAY))
    assert export(ctx, table.name, out)["rows"] == len(texts)
    with out.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", TABLES)
def test_no_text_column_of_any_table_runs_a_formula(ctx: JobContext, tmp_path: Path, name: str, torture: Any) -> None:
    table = TABLES[name]
    texts: list[str | None] = [*RUN, *NUMBERS, *OTHERS]
    rows = exported(ctx, table, texts, tmp_path / "out.csv")
    strings = [column for column, dtype in table.schema.items() if dtype in {pl.String, TEXTS}]
    for column in strings:
        cells = [row[column] for row in rows]
        assert not [cell for cell in cells if would_run(cell)]
        assert sorted(undone(cell) for cell in cells) == sorted(text or "" for text in texts)
        assert set(NUMBERS) <= set(cells)
    for column, dtype in table.schema.items():
        if dtype.is_numeric():
            assert all(float(row[column]) <= 0 for row in rows)  # negative numbers stay numbers
    torture.record(f"formulas in every text column of {name}", len(texts) * len(strings))


def test_the_probes_would_run_without_the_defence() -> None:
    assert [text for text in RUN if not would_run(text)] == []
    assert [text for text in [*NUMBERS, *OTHERS] if would_run(text or "")] == []


TEXT = st.text(st.sampled_from("=+-@＝' \t\r\n;\"ab1.\0\u200b"), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=1, max_size=20))
def test_every_text_can_be_had_back(texts: list[str]) -> None:
    from p2pcredit.jobs.home.export import _defused

    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    written = frame.with_columns(_defused(frame)).write_csv(quote_style="always")
    cells = [row[0] for row in list(csv.reader(io.StringIO(written, newline="")))[1:]]
    assert not [cell for cell in cells if would_run(cell)]
    assert [undone(cell) for cell in cells] == texts


def test_parquet_keeps_every_text_as_it_is(ctx: JobContext, tmp_path: Path) -> None:
    table = TABLES["silver/quarantine"]
    exported(ctx, table, list(RUN), tmp_path / "out.csv")
    export(ctx, table.name, tmp_path / "out.parquet")
    assert sorted(pl.read_parquet(tmp_path / "out.parquet")["raw"].to_list()) == sorted(RUN)
