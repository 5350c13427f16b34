"""Downloads whose numbers, separators and encodings are another country's."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.unit.platforms.mapped_lender import HEADER, MAPPING, mapping_file

from p2pcredit.errors import UnreadableFileError
from p2pcredit.platforms.mapped.profile import load_mapping

COMMAS = MAPPING.replace("loan_id: Nr", 'file: {decimal: ",", encoding: windows-1252}\nloan_id: Nr')


def test_a_download_with_semicolons_decimal_commas_and_an_older_encoding_lands_as_its_plain_twin(
    tmp_path: Path,
) -> None:
    plain, german = tmp_path / "plain.csv", tmp_path / "german.csv"
    plain.write_text(
        f"{HEADER}\n7,03.02.2020,1500.50,12,0.1234,Miete,Küste,,slow,,40\n8,04.02.2020,900,36,,,,,open,,\n"
    )
    lines = ["7;03.02.2020;1.500,50 €;12;0,1234;Miete;Küste;;slow;;40,0", "8;04.02.2020;900,00;36;;;;;open;;"]
    german.write_text("\n".join([HEADER.replace(",", ";"), *lines]), encoding="windows-1252")
    known = load_mapping(mapping_file(tmp_path)).read([plain], None, None)
    found = load_mapping(mapping_file(tmp_path, COMMAS)).read([german], None, None)
    for name, feed in known.feeds.items():
        amount = [pl.col("loan_amount").cast(pl.Float64)] if name == "loan_terms" else []
        assert found.feeds[name].with_columns(amount).equals(feed.with_columns(amount)), name


def test_what_would_be_read_as_another_number_is_rejected_where_it_makes_the_loan_and_else_lands_as_no_number(
    tmp_path: Path,
) -> None:
    raw = tmp_path / "raw.csv"
    rows = ["1;01.01.2020;12.34;12;;;;;open;;", "2;01.01.2020;1.234;12;;;;;open;;", "3;01.01.2020;5;x;0.1;;;;open;;"]
    raw.write_text("\n".join([HEADER.replace(",", ";"), *rows, "4;01.01.2020;5;12 Monate;k. A.;;;;open;;2.5"]))
    book = load_mapping(mapping_file(tmp_path, COMMAS)).read([raw], None, None)
    assert book.feeds["loan_terms"].select("loan_id", "loan_amount", "interest_rate").rows() == [
        ("2", "1234", None),
        ("3", "5", "0.1 is no number with a decimal comma"),
    ]
    assert book.rejected.select("row_number", "reason").rows() == [
        (1, "Amount is no number with a decimal comma"),
        (4, "Late is no number with a decimal comma"),
    ]
    assert '"Amount":"12.34"' in book.rejected["raw"][0]


@pytest.mark.parametrize("amount", ["1.500,50", "12,5", "$1,500.50", "1 500"])
def test_amounts_that_are_no_plain_numbers_ask_for_the_decimal_sign(tmp_path: Path, amount: str) -> None:
    raw = tmp_path / "raw.csv"
    row = f"7;03.02.2020;{amount};12;;;;;open;;"
    raw.write_text("\n".join([HEADER.replace(",", ";"), row, row.replace("7;", "8;", 1)]))
    with pytest.raises(
        UnreadableFileError, match=r"raw\.csv holds amounts such as .* 'file: {decimal: \",\"}'"
    ) as caught:
        load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert "\n" not in str(caught.value)
    others = [row.replace(amount, "1").replace("7;", "8;", 1), row.replace(amount, "2").replace("7;", "9;", 1)]
    raw.write_text("\n".join([HEADER.replace(",", ";"), row, *others]))
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert book.feeds["loan_terms"]["loan_amount"].to_list() == [amount, "1", "2"]  # one slip of the pen is quarantined


def test_a_file_that_is_not_utf_8_asks_for_its_encoding(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_bytes(f"{HEADER}\n7,03.02.2020,5,12,,,K\xfcste,,open,,\n".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match=r"not UTF-8 text: byte 0xfc .* 'file: {encoding: windows-1252}'"):
        load_mapping(mapping_file(tmp_path)).read([raw], None, None)


@pytest.mark.parametrize(
    ("incomes", "file", "said"),
    [
        (["24.000", "31.500", "9.250", "40000"], "", True),
        (["24.000", "31.500", "9.250", "40000"], 'file: {decimal: "."}', False),
        (["24.000", "31.500", "9.250", "40000.5"], "", False),
        (["24.000", "31.500", "9.250", "40000.000"], "", False),
        (["0.125", "0.250", "0.500", "0.750"], "", False),
        (["24.000", "31.500", "40000", ""], "", False),
    ],
)
def test_amounts_whose_points_all_stand_before_three_digits_are_asked_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, incomes: list[str], file: str, said: bool
) -> None:
    text = MAPPING.replace("events:", f"  financial: {{annual_income: Late}}\n{file}\nevents:", 1)
    raw = tmp_path / "raw.csv"
    raw.write_text("\n".join([HEADER, *(f"{n},03.02.2020,5,12,,,,,open,,{one}" for n, one in enumerate(incomes))]))
    load_mapping(mapping_file(tmp_path, text)).read([raw], None, None)
    line = (
        "raw.csv: in column Late each point stands before three digits, in 3 values such as '24.000'; where it groups"
    )
    assert [message.startswith(line) for message in caplog.messages if "three digits" in message] == [True] * said
