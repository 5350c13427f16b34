"""Loans come out of a database by a query: as files do, and no password is left anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.postgres_here import Postgres, running_postgres
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.periods import DateRange
from p2pcredit.readers.warehouse.addresses import WarehouseQuery, parse_address, queries_of
from p2pcredit.readers.warehouse.results import fetch
from p2pcredit.storage.landing.manifest import read_manifest
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.layout import Layout

PASSWORD = "s3cr@t/pa%ss?w&rd#"
SPELLED = quote(PASSWORD, safe="")
MAPPING = """
name: lender
file: {decimal: ","}
loan_id: nr
origination_date: paid_out
feeds:
  loan_terms: {loan_amount: amount, term: months, interest_rate: rate}
  demographic: {home_ownership: home}
events:
  status: state
  "on": since
  rules: {paid: [{status: FULLY_PAID}], open: []}
"""
LOANS = """
CREATE TABLE loans (nr text, customer int, paid_out date, amount numeric(12, 2), months smallint, rate float8,
                    home text, state text, since date, seen timestamptz, price money);
INSERT INTO loans SELECT 'L' || i, i, DATE '2020-01-01' + i, 500.25 + i, 12, 9.5, CASE WHEN i % 2 = 0 THEN 'RENT' END,
  CASE WHEN i % 3 = 0 THEN 'open' ELSE 'paid' END, DATE '2020-06-01' + i, now(), 1.5 FROM generate_series(1, 40) i;
CREATE TABLE customers (id int, home text);
INSERT INTO customers SELECT i, 'OWN' FROM generate_series(1, 40) i;
"""
QUERY = "SELECT * FROM loans WHERE nr LIKE 'L%' ORDER BY nr -- all + more"


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with running_postgres(PASSWORD) as found:
        if found is None:
            pytest.skip("PostgreSQL is not installed")
        found.run(LOANS)
        yield found


@pytest.fixture
def address(database: Postgres) -> str:
    return f"postgresql://postgres:{SPELLED}@127.0.0.1:{database.port}/postgres"


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "m.yaml").write_text(MAPPING)
    return tmp_path / "m.yaml"


@pytest.fixture
def asked(address: str) -> Callable[[str], WarehouseQuery]:
    return lambda text: WarehouseQuery(parse_address(address)[0], text, "loans.sql")


def land(home: Path, *arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["land", *map(str, arguments), "--home", str(home), "--json"])


def landed_terms(home: Path) -> list[tuple[Any, ...]]:
    rows = read_landing(Layout(home), FEEDS["loan_terms"], DateRange(date(2020, 1, 2), date(2020, 7, 11))).frame
    return sorted(rows.select("loan_id", "loan_amount", "term", "interest_rate").rows())


def test_the_result_of_a_query_lands_as_a_file_does(home: Path, mapping: Path, address: str) -> None:
    ran = land(home, mapping, f"{address}?query={QUERY}")
    assert ran.exit_code == 0, ran.stderr
    receipt = json.loads(ran.stdout)
    assert (receipt["rows_landed"], receipt["rows_rejected"]) == (40, 0)
    assert landed_terms(home)[0] == ("L1", "501.25", "12", "9.5")
    assert "query: the column seen (timestamptz): make a day of it in the query" in ran.stderr
    assert "query: the column price (money): make a number of it in the query" in ran.stderr


def test_the_manifest_has_the_query_and_the_digest_and_landing_again_changes_nothing(
    home: Path, mapping: Path, address: str, database: Postgres, tmp_path: Path
) -> None:
    (tmp_path / "loans.sql").write_text(f"{QUERY}\n;\n")
    for _ in range(2):
        assert land(home, mapping, address, "--query", tmp_path / "loans.sql").exit_code == 0
        (entry,) = read_manifest(Layout(home))["landings"]
    (source,) = entry["files"]
    assert source["name"] == "loans.sql"
    assert source["query"] == QUERY
    assert source["from"] == f"postgresql://127.0.0.1:{database.port}/postgres"
    assert len(source["sha256"]) == 64
    (tmp_path / "loans.sql").write_text("SELECT * FROM loans ORDER BY nr DESC")
    assert land(home, mapping, address, "--query", tmp_path / "loans.sql").exit_code == 0
    digests = [file["sha256"] for one in read_manifest(Layout(home))["landings"] for file in one["files"]]
    assert len(set(digests)) == 2


def test_tables_are_joined_from_queries_of_one_instant(home: Path, tmp_path: Path, address: str) -> None:
    joined = MAPPING.replace("{home_ownership: home}", "{home_ownership: people.home}") + (
        'tables: {people: {files: "customers*.sql", key: id, matches: customer}}\n'
    )
    (tmp_path / "m.yaml").write_text(joined)
    (tmp_path / "loans.sql").write_text("SELECT * FROM loans")
    (tmp_path / "customers.sql").write_text("SELECT * FROM customers")
    files = ["--query", str(tmp_path / "loans.sql"), "--query", str(tmp_path / "customers.sql")]
    assert land(home, tmp_path / "m.yaml", address, *files).exit_code == 0
    rows = read_landing(Layout(home), FEEDS["demographic"], DateRange(date(2020, 1, 2), date(2020, 2, 10))).frame
    assert set(rows["home_ownership"]) == {"OWN"}


def test_a_mapping_is_drafted_and_checked_from_a_query(home: Path, mapping: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "loans.sql").write_text("SELECT nr, paid_out, amount, months, state, since FROM loans")
    asked = [address, "--query", str(tmp_path / "loans.sql")]
    drafted = CliRunner().invoke(app, ["profile", "new", *asked, "--home", str(home)])
    assert "loan_amount: amount" in drafted.stdout, drafted.stderr
    assert "profile check THIS_FILE loans.sql" in drafted.stdout
    ran = CliRunner().invoke(app, ["profile", "check", str(mapping), *asked, "--home", str(home), "--json"])
    assert json.loads(ran.stdout)["landing"]["rows_landed"] == 40
    assert not list(home.iterdir())


REFUSED = {
    "a wrong password": ("postgresql://postgres:hushhush@{at}/postgres?query=TABLE loans", "refuses the login"),
    "an unknown user": ("postgresql://nobody:{word}@{at}/postgres?query=TABLE loans", "refuses the login"),
    "an unknown database": ("postgresql://postgres:{word}@{at}/none?query=TABLE loans", "check the name"),
    "no server": ("postgresql://postgres:{word}@127.0.0.1:1/postgres?query=TABLE loans", "does not answer"),
    "bad SQL": ("postgresql://postgres:{word}@{at}/postgres?query=SELEC 1", 'syntax error at or near "SELEC"'),
    "an unknown column": (
        "postgresql://postgres:{word}@{at}/postgres?query=SELECT nr, zins FROM loans",
        'column "zins" does not exist',
    ),
    "an error half-way": (
        "postgresql://postgres:{word}@{at}/postgres?query=SELECT 1/(i-70000) FROM generate_series(1, 100000) i",
        "division by zero",
    ),
    "no rows": ("postgresql://postgres:{word}@{at}/postgres?query=SELECT * FROM loans WHERE false", "gives no rows"),
    "a change": ("postgresql://postgres:{word}@{at}/postgres?query=DELETE FROM loans RETURNING *", "mend the query"),
    "a new table": ("postgresql://postgres:{word}@{at}/postgres?query=CREATE TABLE x (a int)", "read-only"),
    "no query": ("postgresql://postgres:{word}@{at}/postgres", "has no query"),
    "an empty query": ("postgresql://postgres:{word}@{at}/postgres?query=;", "is empty"),
    "a password that is not encoded": ("postgresql://postgres:pa?hushhush@{at}/postgres?query=TABLE x", "write '@'"),
    "a host that is none": ("postgresql://postgres:hush@hushhush!{at}/postgres?query=TABLE x", "write '@'"),
    "a scheme that is unknown": ("mysql://postgres:{word}@{at}/postgres?query=TABLE loans", "known are postgresql"),
    "an unknown parameter": (
        "postgresql://postgres:{word}@{at}/postgres?sslpasword=hushhush&query=TABLE loans",
        "sslpasword",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said_in_one_line_without_the_password(
    case: str, home: Path, mapping: Path, database: Postgres
) -> None:
    address, said = REFUSED[case]
    ran = land(home, mapping, address.format(word=SPELLED, at=f"127.0.0.1:{database.port}"))
    assert ran.exit_code in {1, 2}
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1, ran.stderr
    told = ran.stderr + ran.stdout + "".join(map(str, [ran.exception, *getattr(ran.exception, "args", ())]))
    assert not [word for word in (PASSWORD, SPELLED, "hushhush", "Query was") if word in told]
    assert not (home / "data").exists() or not list((home / "data").rglob("*.csv"))


def test_a_password_stands_in_no_file_and_no_traceback(
    home: Path, mapping: Path, address: str, database: Postgres
) -> None:
    assert land(home, mapping, f"{address}?query={QUERY}").exit_code == 0
    wrong = f"postgresql://postgres:hushhush@127.0.0.1:{database.port}/postgres?query=TABLE loans"
    ran = CliRunner().invoke(app, ["land", str(mapping), wrong, "--home", str(home), "--debug"])
    chain: list[str] = []
    error: BaseException | None = ran.exception
    while error is not None:
        chain.append(repr(error))
        error = error.__cause__ or error.__context__
    assert any("refuses the login" in one for one in chain)
    held = [path.read_bytes().decode("utf-8", "replace") for path in home.rglob("*") if path.is_file()]
    for word in (PASSWORD, SPELLED, "hushhush"):
        assert not [text for text in (*chain, *held, ran.output) if word in text]


def test_rows_are_never_held_together(asked: Callable[[str], WarehouseQuery], tmp_path: Path) -> None:
    steps: list[int] = []
    query = asked("SELECT i, repeat('x', 200) || i AS text FROM generate_series(1, 400000) i")
    (result,) = fetch([query], tmp_path, steps.append)
    assert (result.rows, steps[-1]) == (400_000, 400_000)
    assert max(after - before for before, after in zip([0, *steps], steps, strict=False)) < 100_000


def test_every_type_lands_as_it_is_or_is_left_out_and_told(
    asked: Callable[[str], WarehouseQuery], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from p2pcredit.platforms.headers import open_raw

    query = asked(
        "SELECT 'é|x' AS a, 1.50::numeric AS b, 12345678901234567890::numeric(20, 0) AS c, DATE '2020-01-02' AS d,"
        " TIMESTAMP '2020-01-02 03:04:05' AS e, true AS f, 2.5::float4 AS g,"
        " '00000000-0000-0000-0000-0000000000ab'::uuid AS h, ARRAY[1] AS i, '3 days'::interval AS j, '{}'::jsonb AS k,"
        " 'NaN'::numeric AS l, 'NaN'::numeric(5, 2) AS m, NULL AS n, ''::text AS o, 'x'::bytea AS p,"
        " -0.25::numeric AS q"
    )
    (result,) = fetch([query], tmp_path)
    (batch,) = open_raw(result.path, {"a table": ()}).batches()
    found = batch.frame.drop("row_number").row(0, named=True)
    assert found["e"].startswith("2020-01-02 03:04:05")
    assert {name: found[name] for name in "abcdfghklmnoq"} == {
        "a": "é|x", "b": "1.5", "c": "12345678901234567890", "d": "2020-01-02", "f": "true", "g": "2.5",
        "h": "00000000-0000-0000-0000-0000000000ab", "k": "{}", "l": None, "m": None, "n": None, "o": None,
        "q": "-0.25",
    }  # fmt: skip
    told = [record.getMessage().split(":")[1] for record in caplog.records]
    assert told == [" the column i (_int4)", " the column j (interval)", " the column p (bytea)"]


def test_numbers_too_long_to_keep_are_refused(asked: Callable[[str], WarehouseQuery], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"20 digits.*a::numeric\(20, 0\)"):
        fetch([asked("SELECT 12345678901234567890::numeric AS a")], tmp_path)


def test_a_query_is_read_as_it_was_typed_or_as_it_was_encoded(tmp_path: Path) -> None:
    typed = parse_address("postgres://db/x?sslmode=require&query=SELECT a + b, '%41' FROM t WHERE a & 1 = 1")
    assert typed[1] == "SELECT a + b, '%41' FROM t WHERE a & 1 = 1"
    assert typed[0].with_secrets == "postgresql://db/x?sslmode=require"
    assert parse_address("postgresql://db/x?query=SELECT%20a%2Bb")[1] == "SELECT a+b"
    with pytest.raises(UsageError, match="two results would be named query"):
        queries_of(["postgresql://db/x?query=TABLE a"] * 2, [])
    with pytest.raises(UsageError, match="names no result"):
        queries_of(["postgresql://db/x?name=../a&query=TABLE a"], [])
    with pytest.raises(UsageError, match="asked of one address"):
        queries_of([], [tmp_path / "a.sql"])
    with pytest.raises(UsageError, match="cannot be read"):
        queries_of(["postgresql://db/x"], [tmp_path / "a.sql"])


@pytest.mark.parametrize(
    ("scheme", "package"), [("snowflake", "adbc-driver-snowflake"), ("bigquery", "adbc-driver-bigquery")]
)
def test_other_databases_ask_for_their_driver(scheme: str, package: str, tmp_path: Path) -> None:
    address = parse_address(f"{scheme}://me:hushhush@account/db")[0]
    with pytest.raises(SourceError, match=f"pip install {package}"):
        fetch([WarehouseQuery(address, "SELECT 1", "q")], tmp_path)
