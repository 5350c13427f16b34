"""What mappings make: expressions over a raw row, constants, defaults, one-hot columns, ids; rows that do not count."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.platforms.mapped_lender import HEADER, MAPPING, mapping_file

from p2pcredit.errors import MissingExtraError, SettingsError, UsageError
from p2pcredit.platforms.loan_book import LEFT_OUT, RawBook
from p2pcredit.platforms.mapped.expressions.engine import Engine
from p2pcredit.platforms.mapped.profile import load_mapping

ROWS = pl.DataFrame(
    {"a": ["1", "2", None, "x"], "b": ["31.01.2024", "29.02.2024", "x", None], "Paid out": [" yes", "no", "NA", ""]}
)
DAY = "as_date(b, '%d.%m.%Y')"


def computed(text: str, engine: Engine | None = None) -> list[str | None]:
    """Check an expression and compute it over the rows."""
    engine = engine or Engine(None)
    return engine.compute(ROWS, {"it": engine.check(text)})["it"].to_list()


def refused(text: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        Engine(None).check(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("as_number(a) * 12", ["12.0", "24.0", None, None]),
        ("CASE WHEN as_number(a) >= 2 THEN 'late' ELSE 'open' END", ["open", "late", "open", "open"]),
        (DAY, ["2024-01-31", "2024-02-29", None, None]),
        (f"add_months({DAY}, 1)", ["2024-02-29", "2024-03-29", None, None]),
        (f"add_days({DAY}, as_number(a))", ["2024-02-01", "2024-03-02", None, None]),
        (f"add_days({DAY}, 1.5)", [None] * 4),
        (f"{DAY} - INTERVAL '30 days'", ["2024-01-01", "2024-01-30", None, None]),
        (f"date_diff('day', DATE '2024-01-01', {DAY})", ["30", "59", None, None]),
        (f"{DAY} - as_date('2024-01-01')", ["30", "59", None, None]),
        (f"extract(year FROM {DAY})", ["2024", "2024", None, None]),
        ('coalesce("Paid out", a)', ["yes", "no", None, "x"]),
        ("upper(trim(a)) || '-' || split_part(b, '.', 1)", ["1-31", "2-29", None, None]),
        ("a IN ('1', 'x') AND NOT a = 'x'", ["true", "false", None, "false"]),
        ("strip_accents('é')", ["e"] * 4),
        ("36", ["36"] * 4),
        ("greatest(as_number(a), 1)", ["1.0", "2.0", "1.0", "1.0"]),
        ("replace(a, 'x', '')", ["1", "2", None, ""]),
        ("regexp_matches(a, '(x+x+)+y')", ["false", "false", None, "false"]),
    ],
)
def test_an_expression_gives_one_text_a_row(text: str, values: list[str | None]) -> None:
    assert computed(text) == values


@pytest.mark.parametrize(
    "text",
    [
        "1/0",
        "0.0/0.0",
        "as_number(a) / 0",
        "as_number(a) % 0",
        "9223372036854775807 + CAST(as_number(a) AS BIGINT)",
        "sqrt(-as_number(a))",
        "exp(1000)",
        "add_months(DATE '5000000-01-01', 1)",
    ],
)
def test_what_cannot_be_computed_is_missing_and_counted_never_a_wrong_number(text: str) -> None:
    engine = Engine(None)
    assert computed(text, engine) == [None] * 4
    assert sum(count for count, _ in engine.unread.failed.values()) >= 2


def test_a_pattern_beyond_all_bounds_is_refused_or_gives_nothing() -> None:
    found: list[str | None] = [None] * 4
    with suppress(ValueError):  # DuckDB 1 looks at patterns before any row
        found = computed("regexp_matches(a, '(a{1,1000}){1,1000}')")
    assert found == [None] * 4


def test_a_row_that_fails_takes_no_other_row_with_it() -> None:
    engine = Engine(None)
    assert computed("CAST(a AS INTEGER)", engine) == ["1", "2", None, None]
    assert engine.unread.failed == {"it": (1, "")}


def test_texts_that_are_no_numbers_and_no_days_are_counted_with_an_example() -> None:
    engine = Engine(None)
    computed("as_number(a)", engine)
    computed("as_date(b)", engine)
    assert engine.unread.texts == {"as_number": (1, "x"), "as_date": (3, "31.01.2024")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("read_csv('/etc/passwd')", "calls read_csv"),
        ("read_text('/etc/passwd')", "calls read_text"),
        ("(SELECT content FROM read_text('/etc/passwd'))", "a query inside an expression"),
        ("a IN (SELECT 1)", "a query inside an expression"),
        ("EXISTS (FROM glob('/*'))", "a query inside an expression"),
        ("a) FROM read_csv('/etc/passwd') WHERE (1 = 1", "more than one expression"),
        ("a) UNION SELECT (a", "more than one expression"),
        ("a), (b", "more than one expression"),
        ("a; COPY raw TO '/tmp/x'", "is no expression"),
        ("a) -- (", "is no expression"),
        ("getenv('HOME')", "calls getenv"),
        ("current_setting('temp_directory')", "calls current_setting"),
        ("random()", "calls random"),
        ("now()", "calls now"),
        ("sum(as_number(a))", "calls sum"),
        ("row_number() OVER ()", "a window over other rows"),
        ("main.add_days(b, 1)", "calls add_days"),
        ("list_transform([1], x -> x)", "calls list_transform"),
        ("COLUMNS(*)", "a star"),
        ("?", "a parameter"),
        ("repeat('x', 1000000000)", "calls repeat"),
        ("a::BLOB", "casts to BLOB"),
        ("t.a", 'put one name in double quotes: "t.a"'),
        ("Paid out", "is no expression"),
        ("a > 5", r"compares the text of a with a number; write as_number\(a\)"),
        ('"Paid out" BETWEEN 1 AND 2', r'write as_number\("Paid out"\)'),
        ("a + 1", r"every column is text: read numbers by as_number\(COLUMN\)"),
        ("as_dates(a)", "calls as_dates, which is not allowed, perhaps 'as_date' was meant; allowed are abs"),
        ("as_date(b, 'dd.mm.yyyy')", "is no pattern of a date"),
        ("as_date(b, a)", "its pattern is a text in quotes"),
        ("NULL", "where one text, number or day belongs"),
        ("abs(" * 390 + "a" + ")" * 390, "nested too deeply|is no expression|cannot be computed"),
        ("x" * 2001, "at most 2000 are allowed"),
        ("replace(a, 'x', b)", "two texts in quotes"),
        ("replace(a, 'x', '" + "y" * 41 + "')", "at most 40 are allowed"),
        ("replace(" * 9 + "a" + ", 'x', 'xxxxxxxx')" * 9, "makes texts longer by more than 2 replacements"),
    ],
)
def test_what_is_no_value_of_one_row_is_refused_in_one_line(text: str, says: str) -> None:
    assert re.search(says, refused(text))


def test_a_name_that_sql_fills_with_the_day_of_today_is_a_column_here() -> None:
    engine = Engine(None)
    expression = engine.check("current_date")
    assert expression.columns == ("current_date",)
    rows = pl.DataFrame({"current_date": ["then"]})
    assert engine.compute(rows, {"it": expression})["it"].to_list() == ["then"]


def test_numbers_in_expressions_have_the_decimal_sign_of_the_file() -> None:
    engine = Engine(",")
    rows = pl.DataFrame({"a": ["1.234,50 €", "12.34", "7"]})
    assert engine.compute(rows, {"it": engine.check("as_number(a)")})["it"].to_list() == ["1234.5", None, "7.0"]
    assert engine.unread.texts == {"as_number": (1, "12.34")}


def test_columns_that_differ_in_capitals_only_are_refused(tmp_path: Path) -> None:
    text = MAPPING.replace("term: Months", "term: {expression: 'coalesce(Months, MONTHS)'}")
    with pytest.raises(UsageError, match="name the columns Months and MONTHS; write one spelling"):
        load_mapping(mapping_file(tmp_path, text))


def read(tmp_path: Path, text: str, *lines: str, header: str = HEADER) -> RawBook:
    raw = tmp_path / "raw.csv"
    raw.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return load_mapping(mapping_file(tmp_path, text)).read([raw], None, None)


@pytest.mark.parametrize(
    ("old", "new", "feed", "column", "values"),
    [
        ("term: Months", "term: {value: 36}", "loan_terms", "term", ["36", "36"]),
        ("term: Months", "term: {column: Months, default: 36}", "loan_terms", "term", ["12", "36"]),
        ("term: Months", 'term: {column: Months, values: {"": "36"}}', "loan_terms", "term", ["12", "36"]),
        ("term: Months", "term: {expression: 'as_number(Months) * 2'}", "loan_terms", "term", ["24.0", None]),
        (
            'home_ownership: {column: Home, values: {"Miete": RENT}}',
            "home_ownership: {one_hot: {RENT: Region, OWN: Land}}",
            "demographic",
            "home_ownership",
            ["RENT", None],
        ),
        (
            'values: {"Miete": RENT}',
            'values: {"Miete": RENT}, unreadable: missing, default: OTHER',
            "demographic",
            "home_ownership",
            ["RENT", "OTHER"],
        ),
        (
            "interest_rate: {column: Rate, times: 100, round: 2}",
            "interest_rate: {column: Rate, unreadable: missing}",
            "loan_terms",
            "interest_rate",
            ["9%", None],
        ),
    ],
)
def test_a_value_is_made_as_the_mapping_says(
    tmp_path: Path, old: str, new: str, feed: str, column: str, values: list[Any]
) -> None:
    assert old in MAPPING
    lines = ("7,03.02.2020,500,12,9%,Miete,1,0,open,,", "8,03.02.2020,500,NA,much,Burg,1,yes,open,,")
    book = read(tmp_path, MAPPING.replace(old, new), *lines)
    assert book.feeds[feed][column].to_list() == values


def test_a_status_and_its_days_may_be_computed(tmp_path: Path) -> None:
    status = "status: {expression: \"CASE WHEN as_number(Late) >= 8 THEN 'slow' ELSE 'open' END\"}"
    text = MAPPING.replace("status: State\n", f"{status}\n").replace(
        '"on": {column: Since, date: "%d.%m.%Y"}\n  days_past_due: Late', "days_past_due: {column: Late, default: 0}"
    )
    book = read(tmp_path, text, "7,03.02.2020,500,12,,,,,x,,40", "8,03.02.2020,500,12,,,,,x,,")
    events = book.feeds["loan_performance"].select("loan_id", "event_date", "status")
    assert events.rows() == [("7", "2020-12-21", "LATE"), ("7", "2020-12-31", "LATE")]


def test_a_blank_status_has_the_rule_that_the_mapping_gives_it(tmp_path: Path) -> None:
    book = read(tmp_path, MAPPING.replace("open: []", 'open: []\n    "": unknown'), "7,03.02.2020,500,12,,,,,NA,,")
    assert book.feeds["loan_performance"].select("status", "rebuilt").rows() == [("unknown", None)]
    quiet = read(tmp_path, MAPPING.replace("open: []", 'open: []\n    "": []'), "7,03.02.2020,500,12,,,,,,,")
    assert quiet.feeds["loan_performance"].height == 0


def test_rows_that_do_not_count_are_set_aside_by_name(tmp_path: Path) -> None:
    text = MAPPING.replace("loan_id: Nr", "only: \"State <> 'test' AND as_number(Amount) > 0\"\nloan_id: Nr")
    lines = ("7,03.02.2020,500,12,,,,,open,,", "8,03.02.2020,0,12,,,,,open,,", "9,03.02.2020,5,12,,,,,test,,")
    book = read(tmp_path, text, *lines, "10,03.02.2020,5,12,,,,,,,")
    assert (book.rows_in, book.rows_landed) == (4, 1)
    assert book.rejected["kind"].to_list() == [LEFT_OUT] * 3


def test_ids_are_made_of_the_file_and_the_row_where_there_are_none(tmp_path: Path) -> None:
    text = MAPPING.replace("loan_id: Nr", "loan_id: {row_number: file}")
    book = read(tmp_path, text, "7,03.02.2020,500,12,,,,,open,,", "7,04.02.2020,500,12,,,,,open,,")
    assert book.feeds["loan_terms"]["loan_id"].to_list() == ["raw-1", "raw-2"]
    joined = MAPPING.replace("loan_id: Nr", "loan_id: {expression: \"Nr || '/' || Months\"}")
    book = read(tmp_path, joined, "7,03.02.2020,500,12,,,,,open,,", "7,04.02.2020,500,24,,,,,open,,")
    assert book.feeds["loan_terms"]["loan_id"].to_list() == ["7/12", "7/24"]


def test_what_the_file_calls_missing_is_missing_in_expressions_too(tmp_path: Path) -> None:
    text = MAPPING.replace("name: lender", "name: lender\nfile: {missing: [9999]}").replace(
        "term: Months", "term: {expression: 'coalesce(as_number(Months), 48)'}"
    )
    book = read(tmp_path, text, "7,03.02.2020,500,9999,,,,,open,,", "8,03.02.2020,500,12,,,,,open,,")
    assert book.feeds["loan_terms"]["term"].to_list() == ["48.0", "12.0"]


def test_expressions_say_at_the_end_of_a_file_what_they_could_not_compute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = MAPPING.replace("term: Months", "term: {expression: 'as_number(Months) / as_number(Late)'}")
    with caplog.at_level(logging.WARNING):
        read(tmp_path, text, "7,03.02.2020,500,12,,,,,open,,0", "8,03.02.2020,500,x,,,,,open,,1")
    assert "raw.csv: as_number could not read 1 texts, such as 'x'; the value is missing there" in caplog.text
    assert "feeds.loan_terms.term (expression) cannot be computed in 1 rows" in caplog.text


def test_rights_to_left_and_accented_texts_keep_their_letters(tmp_path: Path) -> None:
    text = MAPPING.replace("state: {columns: [Region, Land]}", "state: {expression: 'upper(\"Région\")'}")
    header = HEADER.replace("Region", "Région")
    book = read(
        tmp_path, text, "7,03.02.2020,500,12,,,عمان,x,open,,", "8,03.02.2020,500,12,,,Besançon,x,open,,", header=header
    )
    assert book.feeds["demographic"]["state"].to_list() == ["عمان", "BESANÇON"]


def test_applications_are_computed_as_landed_loans_are(tmp_path: Path) -> None:
    text = MAPPING.replace("term: Months", "term: {expression: 'as_number(Months) * 2'}")
    profile = load_mapping(mapping_file(tmp_path, text))
    assert set(profile.application_columns) >= {"Nr", "Months", "Amount"}
    sent = pl.DataFrame({name: ["6" if name == "Months" else "03.02.2020"] for name in profile.application_columns})
    assert profile.applications(sent)["term"].to_list() == ["12.0"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "term: Months",
            "term: {expression: 'Months > 5'}",
            r"line 8, key 'feeds\.loan_terms\.term\.expression': compares the text of Months",
        ),
        ("loan_id: Nr", "only: Nr\nloan_id: Nr", "line 3, key 'only': is no condition; write what is true or false"),
        ("loan_id: Nr", "loan_id: {row_number: 'yes'}", "line 3, key 'loan_id.row_number': .*write file, for ids"),
        ("loan_id: Nr", "loan_id: {column: Nr, expression: Nr}", "give one of 'column', 'expression' and"),
        ("loan_id: Nr", "currency: euro\nloan_id: Nr", "key 'currency': .* the three letters of the currency"),
        ("term: Months", "term: {column: Months, value: 3}", "give either 'column' or 'columns', or instead one of"),
        ("term: Months", "term: {value: 3, times: 2}", "'value' is the same for all rows"),
        ("term: Months", "term: {column: Months, unreadable: blank}", "write missing, so that"),
        ('"%d.%m.%Y"}\nfeeds', '"%d.%m.%Y", default: 2020-01-01}\nfeeds', "a day has no 'default'"),
    ],
)
def test_a_slip_in_a_new_key_names_line_key_and_what_to_write(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPING
    with pytest.raises(UsageError, match=says) as caught:
        load_mapping(mapping_file(tmp_path, MAPPING.replace(old, new, 1)))
    assert "\n" not in str(caught.value)


def test_without_its_engine_a_mapping_with_expressions_says_which_extra_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r"an expression in a mapping needs the extra 'sql'"):
        load_mapping(mapping_file(tmp_path, MAPPING.replace("term: Months", "term: {expression: Months}")))
    assert load_mapping(mapping_file(tmp_path, MAPPING.replace("term: Months", "term: {value: 3}"))).name == "lender"


def test_an_older_duckdb_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb.__version__", "1.2.0")
    with pytest.raises(SettingsError, match=r"needs DuckDB 1\.3 or later, found 1\.2\.0: pip install --upgrade duckdb"):
        Engine(None)
