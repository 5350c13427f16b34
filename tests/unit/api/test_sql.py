"""SQL over the tables: it gives what the tables hold, and can read or write nothing else."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import p2pcredit
from p2pcredit.errors import MissingExtraError, MissingTableError, UsageError


def test_a_query_sees_what_the_tables_hold(home: p2pcredit.Home) -> None:
    found = home.sql(
        "select p.model_id, count(*) as loans, sum(l.label) as bads from gold.predictions p "
        'join "gold"."label_store" l using (loan_id) where l.definition = \'pd3\' group by 1'
    )
    joined = home.table("gold.predictions").join(home.table("gold.label_store").filter(definition="pd3"), on="loan_id")
    assert found.rows() == [(found["model_id"][0], joined.collect().height, joined.collect()["label"].sum())]


def test_a_query_as_of_a_day_sees_what_was_known_then(home: p2pcredit.Home) -> None:
    last = home.sql("select max(known_on) as last, count(*) as n from GOLD.Label_Store", as_of="2021-06-01")
    known = home.table("gold.label_store", as_of="2021-06-01").collect()
    assert last.row(0) == (known["known_on"].max(), known.height)


def test_tables_join_by_a_column_that_both_have(home: p2pcredit.Home) -> None:
    found = home.sql("select count(*) from gold.predictions join gold.feature_store using (loan_id, snapshot_date)")
    assert found.item() == home.table("gold.predictions").collect().height


def test_the_tables_are_listed_where_a_query_asks_for_them(home: p2pcredit.Home) -> None:
    assert tuple(home.sql("show tables")["name"]) == home.tables
    listed = "select table_schema || '.' || table_name as name from information_schema.tables"
    assert set(home.tables) <= set(home.sql(listed)["name"])


def test_the_last_day_that_a_date_can_name_is_given(home: p2pcredit.Home) -> None:
    assert home.sql("select date '9999-12-31', timestamp '0001-01-01 00:00:00'").row(0)[0] == date(9999, 12, 31)


def test_an_interrupt_ends_a_query_that_would_run_for_days(small_home: Path) -> None:
    child = (
        "import os, signal, sys, threading, p2pcredit\n"
        "threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "p2pcredit.open_home(sys.argv[1]).sql('select count(*) from range(100000000) a, range(1000000) b')\n"
    )
    done = subprocess.run([sys.executable, "-c", child, str(small_home)], capture_output=True, timeout=120, check=False)
    assert b"KeyboardInterrupt" in done.stderr


def test_a_name_made_within_the_query_is_no_table(home: p2pcredit.Home) -> None:
    assert home.sql("with mine as (select 1 as a) select a from mine").rows() == [(1,)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from read_csv('/etc/passwd')", "file system operations are disabled"),
        ("select * from read_text('/etc/passwd')", "file system operations are disabled"),
        ("select * from glob('/etc/*')", "file system operations are disabled"),
        ("select * from '/etc/passwd'", "there is no table '/etc/passwd'"),
        ("select * from query('select * from read_csv(''/etc/passwd'')')", "file system operations are disabled"),
        ("copy (select 1) to '{out}'", "COPY is not allowed"),
        ("attach '{out}'", "ATTACH is not allowed"),
        ("export database '{out}'", "EXPORT is not allowed"),
        ("install httpfs", "LOAD is not allowed"),
        ("load httpfs", "LOAD is not allowed"),
        ("set enable_external_access = true", "SET is not allowed"),
        ("pragma database_list", "PRAGMA is not allowed"),
        ("create table t as select 1", "CREATE is not allowed"),
        ("delete from gold.predictions", "DELETE is not allowed"),
        ("select 1; copy (select 1) to '{out}'", "found 2 statements; write one SELECT"),
        ("", "found 0 statements; write one SELECT"),
        ("selec 1", "Parser Error: syntax error"),
        ("select grad from gold.predictions", 'Candidate bindings: "grade"'),
        ("select * from gold.predictons", "perhaps 'gold.predictions' was meant"),
        ("select * from predictions", "perhaps 'gold.predictions' was meant"),
        ("select loan_id, loan_id from gold.predictions", "names must be unique"),
        ("select * from home", "there is no table 'home'"),
        ('select * from "gold.predictions"', "write the table as gold.predictions, without quotes"),
        ("select * from other.predictions", "there is no table 'other.predictions', perhaps 'gold.predictions'"),
        ("select loan_id, loan_id from gold.predictions", "such as p.loan_id as id_of_p"),
        ("select interval 1 month", "cast that column to text"),
        ("select 'infinity'::timestamp as t", "the column 't' holds days before the year 1 or after the year 9999"),
        ("select date '9999-12-31' + interval 1 day as t", "the column 't' holds days"),
    ],
)
def test_a_query_that_does_anything_else_is_refused_in_one_line(
    home: p2pcredit.Home, tmp_path: Path, query: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        home.sql(query.replace("{out}", str(tmp_path / "out")))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_table_that_was_never_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingTableError, match="run 'p2pcredit infer' first"):
        p2pcredit.open_home(tmp_path).sql("select * from gold.predictions")


def test_without_duckdb_the_extra_is_named(home: p2pcredit.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r"WHEEL\[sql\]"):
        home.sql("select 1")
