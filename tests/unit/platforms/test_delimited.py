from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2pcredit.errors import HeaderError, SourceError, UnreadableFileError
from p2pcredit.readers.csv import vectorized as counted_csv
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.csv.reader import DelimitedText, open_delimited, read_delimited


def first_line(lines: Sequence[Sequence[str]]) -> int:
    return 0


def read(path: Path, content: bytes, *, chunk_bytes: int = 1 << 20) -> DelimitedText:
    path.write_bytes(content)
    return read_delimited(path, first_line, chunk_bytes=chunk_bytes)


def cells(text: DelimitedText) -> list[tuple[str | None, ...]]:
    return text.frame.drop("row_number").rows()


def test_quoted_commas_quotes_and_line_breaks_are_read(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b'id,note\r\n1,"a, ""b""\r\nc"\r\n2,\r\n')
    assert cells(text) == [("1", 'a, "b"\r\nc'), ("2", None)]
    assert text.malformed == ()


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b"\xef\xbb\xbfid,b\n1,2\n").header == ("id", "b")


def test_a_last_line_without_line_end_is_a_row(tmp_path: Path) -> None:
    assert cells(read(tmp_path / "a.csv", b"a,b\n1,2\n3,4")) == [("1", "2"), ("3", "4")]


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b"a,b\n\n1,2\r\n\r\n3,4\n\n")
    assert text.frame["row_number"].to_list() == [1, 2]


def test_ragged_records_are_misfits_with_their_row_number_and_raw_text(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b'a,b,c\n1,2,3\n4,"x, y"\n5,6,7,8\n9,9,9\n')
    assert cells(text) == [("1", "2", "3"), ("9", "9", "9")]
    assert text.frame["row_number"].to_list() == [1, 4]
    assert [(m.row_number, m.fields, m.raw) for m in text.malformed] == [
        (2, ("4", "x, y"), '4,"x, y"'),
        (3, ("5", "6", "7", "8"), "5,6,7,8"),
    ]


def test_a_ragged_record_that_spans_lines_loses_no_text(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b'a,b,c\n1,"x\ny"\n2,3,4\n')
    assert cells(text) == [("2", "3", "4")]
    assert "\n".join(m.raw for m in text.malformed) == '1,"x\ny"'


def test_a_quote_inside_an_unquoted_field_is_a_quote(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b'a,b\n1,5" pipe\n2,"x, y"\n')
    assert cells(text) == [("1", '5" pipe'), ("2", "x, y")]


def test_a_quote_that_is_never_closed_swallows_no_later_row(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b'a,b,c\n1,"open,2\n3,4,5\n6,7,8\n')
    assert cells(text) == [("3", "4", "5"), ("6", "7", "8")]
    assert [m.raw for m in text.malformed] == ['1,"open,2']


def test_zero_bytes_and_huge_fields_in_rows_are_read(tmp_path: Path) -> None:
    huge = "x" * 300_000
    text = read(tmp_path / "a.csv", f'a,b\n1\0,2\n3,"{huge}"\n'.encode())
    assert cells(text) == [("1\0", "2"), ("3", huge)]


def test_a_huge_field_beside_irregular_quotes_does_not_crash(tmp_path: Path) -> None:
    huge = "x" * 300_000
    text = read(tmp_path / "a.csv", f'a,b\n1,5" pipe\n3,"{huge}"\n'.encode())
    assert text.rows == 2


def test_only_wanted_columns_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b,c\n1,2,3\n")
    assert read_delimited(path, first_line, ["c", "a", "z"]).frame.columns == ["row_number", "a", "c"]


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match="'a' stands twice"):
        read(tmp_path / "a.csv", b"a,b,a\n1,2,3\n")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "0 bytes"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "0 bytes"),
        ("a.csv.gz", b"a,b\n1,2\n", "is not gzip"),
        ("a.csv", b"a,b\n\xff\xfe,2\n", "not UTF-8 text: byte 0xff"),
        ("a.csv", b"PK\x03\x04rest", "zip archive"),
        ("a.XLSX", b"PK\x03\x04rest", "is a spreadsheet; save its sheet as CSV"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "is a spreadsheet; save its sheet as CSV"),
        ("a.csv", b"PAR1rest", "Parquet"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a.csv", b"\0\1\2\3", "not text"),
        ("a.csv", bytes(range(128, 256)) * 20, "not UTF-8"),
    ],
)
def test_files_that_are_no_csv_are_unreadable_in_one_line(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says) as caught:
        read(tmp_path / name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_cut_off_gzip_stream_says_how_much_could_be_read(tmp_path: Path, share: float) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000)))
    with pytest.raises(UnreadableFileError, match=r"ends in the middle of the gzip stream; \d+ bytes could be read"):
        read(tmp_path / "a.csv.gz", whole[: int(len(whole) * share)])


def test_damaged_gzip_is_unreadable(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 5000))
    whole[25] ^= 0xFF
    with pytest.raises(UnreadableFileError, match="gzip"):
        read(tmp_path / "a.csv.gz", bytes(whole))


def test_an_absent_file_and_a_directory_are_source_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(SourceError):
            read_delimited(path, first_line)


@pytest.mark.parametrize("together", [1, 5, 40])
def test_how_many_bytes_are_counted_together_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    long = b'"' + "ä\n,".encode() * 50 + b'"'
    content = b"id,note\n" + b'1,"a, b"\r\n\r\n2,x,3\n' * 9 + b"7," + long + b"\n8,9"
    whole = read(tmp_path / "a.csv", content)
    monkeypatch.setattr(counted_csv, "_COUNTED_TOGETHER", together)
    cut = read(tmp_path / "b.csv", content)
    assert cut.frame.equals(whole.frame)
    assert cut.malformed == whole.malformed
    assert (whole.frame.height, len(whole.malformed)) == (11, 9)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64])
def test_chunk_borders_change_nothing(tmp_path: Path, chunk_bytes: int) -> None:
    content = b'a,b\n1,"x, \xc3\xa9\ny"\n2\n3,"q""q"\n\n4,5'
    whole, cut = read(tmp_path / "a.csv", content), read(tmp_path / "b.csv", content, chunk_bytes=chunk_bytes)
    assert cut.frame.equals(whole.frame)
    assert cut.malformed == whole.malformed


FIELDS = st.text(st.sampled_from('ab1 ,"\n\r\té'), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(FIELDS, FIELDS, FIELDS), max_size=6), end=st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_csv_module_writes_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], end: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("x", "y", "z"), *rows])
    text = read(tmp_path / "a.csv", out.getvalue().encode())
    assert cells(text) == [tuple(field if field.strip(" \t\r\n") else None for field in row) for row in rows]
    assert text.malformed == ()


OTHER_FIELDS = st.text(st.sampled_from('a,;|\t" \r\n'), max_size=6)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("irregular", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(OTHER_FIELDS, OTHER_FIELDS), max_size=5))
def test_fields_may_stand_between_other_signs_than_commas(
    tmp_path: Path, separator: str, irregular: bool, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("x", "y"), *rows])
    odd = f'5" pipe{separator}1,5\n' if irregular else ""
    path = tmp_path / "a.csv"
    path.write_bytes((out.getvalue() + odd).encode())
    text = read_delimited(path, two_names, dialect=Dialect(ANY_SEPARATOR))
    expected = [tuple(field if field.strip(" \t\r\n") else None for field in row) for row in rows]
    assert cells(text) == [*expected, *([('5" pipe', "1,5")] if irregular else [])]
    assert text.malformed == ()


def two_names(lines: Sequence[Sequence[str]]) -> int:
    if tuple(lines[0]) != ("x", "y"):
        raise HeaderError(f"{len(lines[0])} names")
    return 0


def test_the_separator_is_the_first_under_which_a_header_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text, separator in (("x,y\n1,2;3\n", ","), ("x;y\n1,2;3\n", ";"), ("x\ty\n1\t2\n", "\t")):
        path.write_text(text)
        assert open_delimited(path, two_names, dialect=Dialect(ANY_SEPARATOR)).dialect.separators == separator
    path.write_text("x;y\n1;2\n")
    with pytest.raises(HeaderError, match="1 names"):
        open_delimited(path, two_names)


def test_a_header_that_is_found_nowhere_is_told_of_the_separator_that_cuts_most(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x;z;q\n1,0;2;3\n")
    with pytest.raises(HeaderError, match="3 names"):
        open_delimited(path, two_names, dialect=Dialect(ANY_SEPARATOR))


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-2", "gb18030"])
@pytest.mark.parametrize("chunk_bytes", [1, 3, 1 << 20])
def test_text_in_another_encoding_is_read_as_it_was_meant(tmp_path: Path, encoding: str, chunk_bytes: int) -> None:
    word = {"windows-1252": "Küche €", "iso-8859-2": "Łódź", "gb18030": "借款人"}[encoding]
    path = tmp_path / "a.csv"
    path.write_bytes(f"x,y\n{word},{word}\n".encode(encoding))
    assert cells(read_delimited(path, two_names, dialect=Dialect(encoding=encoding), chunk_bytes=chunk_bytes)) == [
        (word, word)
    ]


@pytest.mark.parametrize(("encoding", "bad"), [("windows-1252", b"\x81"), ("gb18030", b"\xff"), ("gb18030", b"\x81")])
def test_bytes_that_the_encoding_does_not_know_are_named(tmp_path: Path, encoding: str, bad: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x,y\n1," + bad)
    with pytest.raises(
        UnreadableFileError, match=rf"is not {encoding} text: byte 0x\w\w near position [67]; name"
    ) as caught:
        read_delimited(path, two_names, dialect=Dialect(encoding=encoding), chunk_bytes=1 << 20)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(st.sampled_from('ab,"\n'), max_size=40))
def test_no_letter_of_any_text_is_lost(tmp_path: Path, body: str) -> None:
    text = read(tmp_path / "a.csv", f"x,y\n{body}".encode())
    kept = "".join(value or "" for row in cells(text) for value in row) + "".join(m.raw for m in text.malformed)
    for letter in "ab":
        assert kept.count(letter) == body.count(letter)
    numbers = sorted([*text.frame["row_number"].to_list(), *(m.row_number for m in text.malformed)])
    assert numbers == list(range(1, text.rows + 1))


def test_frame_is_text_with_row_numbers(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b"a,b\n")
    assert text.frame.schema == pl.Schema({"row_number": pl.Int64, "a": pl.String, "b": pl.String})


def test_a_file_of_nothing_but_a_byte_order_mark_is_empty(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="0 bytes of text"):
        read(tmp_path / "a.csv", b"\xef\xbb\xbf")


def test_a_byte_order_mark_before_the_first_row_is_part_of_its_value(tmp_path: Path) -> None:
    assert cells(read(tmp_path / "a.csv", "a,b\n\ufeff1,2\n".encode())) == [("\ufeff1", "2")]


def test_a_gzip_header_that_zlib_refuses_and_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"a,b\n1,2\n", mtime=0))
    whole[3] = 0xE0
    with pytest.raises(UnreadableFileError, match="gzip"):
        read(tmp_path / "a.csv.gz", bytes(whole[:14]))


@pytest.mark.parametrize(
    ("content", "record"),
    [
        (b"a,b,c\n1,2,3\n4,5", 2),
        (b'a,b,c\n1,2,"3', 1),
        (b'a,b,c\n1,2,"3\n', 1),
        (b'a,b,c\n1,2,"3\nx\ny\n', 1),
        (b'a,b,c\n1,2,5" pipe\n4,5', 2),
    ],
)
def test_a_file_that_ends_inside_a_record_is_cut_off(tmp_path: Path, content: bytes, record: int) -> None:
    text = read(tmp_path / "a.csv", content)
    assert text.cut_off is not None
    assert text.cut_off.row_number == record
    with pytest.raises(UnreadableFileError, match=f"ends in the middle of record {record}"):
        text.require_whole(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2", b"a,b\n1\n", b'a,b\n1,"2\n3,4\n', b"a,b\n1,2\n\r", b'a,b\n1,5" pipe', b"a,b\n1,2,3"]
)
def test_a_file_that_ends_after_a_record_is_whole(tmp_path: Path, content: bytes) -> None:
    read(tmp_path / "a.csv", content).require_whole(tmp_path / "a.csv")


def test_a_footer_may_stand_without_a_line_end(tmp_path: Path) -> None:
    text = read(tmp_path / "a.csv", b"a,b\n1,2\nTotal: 2")
    text.require_whole(tmp_path / "a.csv", lambda first: first.startswith("Total"))


def test_lines_that_end_with_a_carriage_return_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="carriage return alone"):
        read(tmp_path / "a.csv", b"a,b\r1,2\r")


def test_a_carriage_return_alone_damages_its_record_whether_quotes_are_irregular_elsewhere_or_not(
    tmp_path: Path,
) -> None:
    for other in (b"3,4\n", b'3,5" pipe\n'):
        text = read(tmp_path / "a.csv", b'a,b,c\n1,"x,y",z\rz\n' + other)
        assert [m.raw for m in text.malformed][:1] == ['1,"x,y",z\rz']


def test_a_header_without_an_end_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match="no line end"):
        read(tmp_path / "a.csv", b"a,b" + b",c" * (1 << 20))


def test_a_huge_field_beside_irregular_quotes_keeps_its_value(tmp_path: Path) -> None:
    huge = "x" * 300_000
    text = read(tmp_path / "a.csv", f'a,b\n1,5" pipe\n3,"{huge}"\n'.encode())
    assert cells(text) == [("1", '5" pipe'), ("3", huge)]
