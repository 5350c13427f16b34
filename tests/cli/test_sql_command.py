"""`p2pcredit sql`: tables for people, CSV and JSON for programs, one line where it cannot be."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app

GRADES = (
    "select grade, count(*) as loans, avg(probability_of_default) as pd from gold.predictions "
    "where grade is not null group by grade order by grade"
)


def asked(home: Path, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["sql", *arguments, "--home", str(home)])
    return done.exit_code, done.stdout, done.stderr


def test_the_same_rows_come_as_table_csv_and_json(small_home: Path, tmp_path: Path) -> None:
    _, table, _ = asked(small_home, GRADES)
    _, text, _ = asked(small_home, GRADES, "--format", "csv")
    _, written, _ = asked(small_home, GRADES, "--json")
    rows = json.loads(written)
    assert rows["columns"] == ["grade", "loans", "pd"]
    assert [[grade, str(loans)] for grade, loans, _ in rows["rows"]] == [
        row[:2] for row in csv.reader(io.StringIO(text))
    ][1:]
    assert table.splitlines()[0].split() == ["grade", "loans", "pd"]
    assert [line.split()[:2] for line in table.splitlines()[1:-1]] == [
        [grade, str(loans)] for grade, loans, _ in rows["rows"]
    ]
    assert table.splitlines()[-1] == f"{len(rows['rows'])} rows"


def test_a_file_is_written_where_it_is_asked_for(small_home: Path, tmp_path: Path) -> None:
    code, receipt, _ = asked(small_home, GRADES, "--out", str(tmp_path / "grades.parquet"), "--json")
    assert (code, json.loads(receipt)["rows"]) == (0, pl.read_parquet(tmp_path / "grades.parquet").height)


def test_as_of_a_day_only_what_was_known_then_is_counted(small_home: Path) -> None:
    query = "select max(snapshot_date) from gold.predictions"
    assert "2021-06-30" in asked(small_home, query, "--as-of", "2021-06-30")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("select grad from gold.predictions",), "SQL: Binder Error"),
        (("copy (select 1) to 'x.csv'",), "SQL: COPY is not allowed"),
        (("select * from read_csv('/etc/passwd')",), "SQL: Permission Error"),
        (("select 1", "--format", "tabel"), "there is no choice for --format 'tabel', perhaps 'table' was meant"),
        (("select 1", "--out", "x.txt"), "end the file name in .parquet or .csv"),
        (("select [1, 2] as a", "--format", "csv"), "the column 'a' holds"),
    ],
)
def test_what_cannot_be_run_is_one_line(small_home: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = asked(small_home, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_formula_stays_text_in_csv(small_home: Path) -> None:
    assert "'=1+1" in asked(small_home, "select '=1+1' as a", "--format", "csv")[1]


def test_numbers_that_json_has_no_sign_for_are_texts(small_home: Path) -> None:
    rows = json.loads(asked(small_home, "select 'nan'::double as a, 'inf'::double as b, null as c", "--json")[1])
    assert rows["rows"] == [["nan", "inf", None]]
