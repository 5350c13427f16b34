"""An application that holds what none may hold is refused with the field and what is allowed, never with its value."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from p2pcredit.errors import ApplicationError, UnreadableFileError, UsageError
from p2pcredit.jobs.answering.given import landed_rows, mapping_named
from p2pcredit.jobs.answering.landed_rows import features_for
from p2pcredit.readers.applications import JsonNumber, form_of, parse_applications

SOUND = {"loan_id": "A1", "origination_date": "2021-10-01", "loan_amount": "12000", "term": "36 months"}


def problems(*records: dict[str, Any]) -> list[tuple[Any, ...]]:
    with pytest.raises(ApplicationError) as refused:
        features_for(["annual_income"], landed_rows(records), strict=True)
    return [(found["application"], found["field"], found["problem"]) for found in refused.value.problems]


def test_every_wrong_value_of_every_application_is_named() -> None:
    second = {"annual_income": "-5", "interest_rate": "101", "fico_low": "720", "fico_high": "700"}
    assert problems(SOUND, {**SOUND, "loan_id": "A2", **second}) == [
        (2, "interest_rate", "above 100 percent"),
        (2, "annual_income", "negative"),
        (2, "fico_low", "above fico_high"),
    ]


def test_the_line_names_the_first_with_what_is_allowed_and_holds_no_value() -> None:
    with pytest.raises(ApplicationError) as refused:
        features_for(["annual_income"], landed_rows([{**SOUND, "term": "7919", "annual_income": "7919x"}]), strict=True)
    assert str(refused.value) == (
        "application 1, term: above 480; allowed is a whole number of months from 1 to 480, such as 36 or 36 months; "
        "it must be there (1 more problem)"
    )
    assert "7919" not in str(refused.value.problems)


@pytest.mark.parametrize("name", SOUND)
def test_what_makes_an_application_must_be_there(name: str) -> None:
    lacking = {key: value for key, value in SOUND.items() if key != name}
    assert problems(lacking) == [(1, name, "missing")]


def test_a_loan_asked_for_twice_is_named_where_it_comes_again() -> None:
    assert problems(SOUND, {**SOUND, "loan_id": "A2"}, SOUND) == [(3, "loan_id", "duplicate")]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("loan_amount", True, "true or false"),
        ("purpose", JsonNumber("3"), "a number"),
        ("loan_id", JsonNumber("1.5"), "a number"),
        ("annual_income", ["1"], "a list or an object"),
        ("title", {"a": "b"}, "a list or an object"),
        ("title", "\ud800", "half a character"),
        ("annual_incme", "1", "no column of a feed, perhaps 'annual_income' was meant"),
        ("x\ny", "1", "no column of a feed"),
    ],
)
def test_names_and_types_that_the_contract_does_not_have_are_refused(name: str, value: Any, problem: str) -> None:
    assert problems({**SOUND, name: value}) == [(1, name.replace("\n", "?"), problem)]


def test_an_id_that_is_a_whole_number_is_taken_as_it_is_written() -> None:
    assert landed_rows([{**SOUND, "loan_id": JsonNumber("0123")}])["loan_id"].to_list() == ["0123"]


def test_a_misspelt_column_of_a_frame_is_refused_too() -> None:
    with pytest.raises(ApplicationError, match="annual_incme: no column of a feed, perhaps 'annual_income' was meant"):
        features_for(["annual_income"], pl.DataFrame([{**SOUND, "annual_incme": "1"}]), strict=True)


def test_rows_with_all_columns_of_a_landing_file_are_landed_rows_even_where_the_model_reads_such_names_alone() -> None:
    frame = pl.DataFrame([{**SOUND, "annual_income": "n/a"}])
    assert features_for(["annual_income"], frame).features["annual_income"].to_list() == [None]


@pytest.mark.parametrize(
    ("data", "form", "message"),
    [
        (b"\xff{}", "json", "byte 1 is not UTF-8"),
        (b"[]", "json", "there is no application"),
        (b"", "csv", "there is no application"),
        (b"loan_id,term\n", "csv", "there is no application"),
        (b'{"a": 1, "a": 2}', "json", "an object has the key 'a' twice"),
        (b'{"a": NaN}', "json", "NaN is no JSON"),
        (b'{"a": 1', "json", "line 1, column 8 is no JSON"),
        (b"[1]", "json", "application 1 is no object"),
        (b"3", "json", "application 1 is no object"),
        (b'{"applications": [], "x": 1}', "json", "beside 'applications' there is 'x'"),
        (b'{"a": 1}\n[2]', "jsonl", "line 2 is no object"),
        (b'{"a": 1}\n{', "jsonl", "line 2 is no JSON object"),
        (b"a,b\n1\n", "csv", "application 1 has 1 fields, the header 2"),
        (b"a,a\n1,2\n", "csv", "the header has 'a' twice"),
        (b'a,b\n"1,2\n', "csv", "it is no CSV"),
        (b"[" * 100_000, "json", "nested too deep"),
    ],
)
def test_texts_that_are_no_applications_are_refused(data: bytes, form: Any, message: str) -> None:
    with pytest.raises(UnreadableFileError, match=message):
        parse_applications(data, form)


def test_numbers_keep_every_digit() -> None:
    (record,) = parse_applications(b'{"a": 0.10, "b": 1e5, "c": 12345678901234567890, "d": "x", "e": null}', "json")
    assert record == {"a": "0.10", "b": "1e5", "c": "12345678901234567890", "d": "x", "e": None}
    assert [type(value) for value in record.values()] == [JsonNumber, JsonNumber, JsonNumber, str, type(None)]


def test_a_file_says_its_form_by_its_name_before_its_content() -> None:
    assert [form_of(name, b"[") for name in ("a.CSV", "a.json", "a.ndjson", "a.txt")] == [
        "csv",
        "json",
        "jsonl",
        "json",
    ]


MAPPING = """\
name: lender
file: {decimal: ","}
loan_id: Nummer
origination_date: {column: Datum, date: "%d.%m.%Y"}
feeds:
  loan_terms:
    loan_amount: Betrag
    term: {column: Laufzeit, values: {"drei Jahre": "36"}}
  financial:
    annual_income: {column: Monatseinkommen, times: 12}
events: {status: Status, rules: {ok: []}}
"""
MAPPED = {"Nummer": "7", "Datum": "01.10.2021", "Betrag": "12.000,50", "Laufzeit": "drei Jahre"}


@pytest.fixture
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("mapping") / "lender.yaml"
    path.write_text(MAPPING)
    return mapping_named(str(path))


def test_names_of_a_mapping_become_what_landing_makes_of_them(mapping: Any, tmp_path: Any) -> None:
    raw = {**MAPPED, "Monatseinkommen": "4.000,25"}
    row = landed_rows([raw], mapping).row(0, named=True)
    assert row == {
        "loan_id": "7",
        "origination_date": "2021-10-01",
        "loan_amount": "12000.50",
        "term": "36",
        "annual_income": "48003.0",
    }
    download = tmp_path / "loans.csv"
    download.write_text(";".join([*raw, "Status"]) + "\n" + ";".join([*raw.values(), "ok"]) + "\n")
    landed = mapping.read([download], None, None).feeds
    for feed, names in {"loan_terms": ["loan_id", "loan_amount", "term"], "financial": ["annual_income"]}.items():
        assert landed[feed].select(names).row(0, named=True) == {name: row[name] for name in names}


def test_a_number_that_would_be_misread_is_refused_and_a_misspelt_raw_name_too(mapping: Any) -> None:
    rows = landed_rows([{**MAPPED, "Betrag": "12,000.50"}], mapping)
    with pytest.raises(ApplicationError, match="loan_amount: not a number"):
        features_for(["annual_income"], rows, strict=True)
    with pytest.raises(ApplicationError, match="Monatseinkomen: no column of the mapping, perhaps 'Monatseinkommen'"):
        landed_rows([{**MAPPED, "Monatseinkomen": "1"}], mapping)
    with pytest.raises(ApplicationError, match="application 1, Betrag: a list or an object"):
        landed_rows([{**MAPPED, "Betrag": []}], mapping)
    assert landed_rows([{**MAPPED, "Berater": "Frau X"}], mapping).height == 1


def test_a_platform_without_a_mapping_is_refused() -> None:
    with pytest.raises(UsageError, match="'lendingclub' has no mapping; name a YAML file, or use the feeds' names"):
        mapping_named("lendingclub")
    assert mapping_named("prosper").application_columns[0] != ""
