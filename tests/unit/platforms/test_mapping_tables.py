"""Further files beside the loans: joined by keys, told where a key stands twice or nothing fits."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.unit.platforms.mapped_lender import mapping_file

from p2pcredit.errors import HeaderError, UnreadableFileError, UsageError
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.mapped.profile import load_mapping

MAPPING = """
name: lender
files: "loans_*.csv"
tables:
  customer: {files: "customers*.csv", key: Num, matches: Customer}
  bureau: {files: "bureau*.csv", key: [Nr, Bank], matches: [Nr, Bank], duplicates: last}
loan_id: Nr
origination_date: Start
feeds:
  loan_terms: {loan_amount: Amount, term: Months}
  demographic: {home_ownership: customer.Home}
  financial: {annual_income: {expression: "as_number(\\"customer.Monthly\\") * 12"}}
  credit_history: {fico_low: bureau.Score}
events: {status: State, rules: {open: []}}
"""
LOANS = "Nr,Customer,Bank,Start,Amount,Months,State\n1,7.0,a,2020-01-01,500,12,open\n2,8,a,2020-01-02,500,12,open\n"
CUSTOMERS = "Num;Home;Monthly\n7;RENT;1000\n9;OWN;2000\n"
BUREAU = "Nr,Bank,Score\n1,a,600\n1,a,650\n1,b,700\n"


def book(tmp_path: Path, **changed: str) -> RawBook:
    texts = {"loans_2020_01.csv": LOANS, "customers.csv": CUSTOMERS, "bureau_1.csv": BUREAU}
    texts |= {f"{name}.csv": text for name, text in changed.items()}
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    profile = load_mapping(mapping_file(tmp_path, MAPPING))
    return profile.read(profile.files_in(folder), None, None)


def test_the_columns_of_tables_stand_beside_the_loans(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = book(tmp_path)
    assert found.feeds["demographic"]["home_ownership"].to_list() == ["RENT", None]
    assert found.feeds["financial"]["annual_income"].to_list() == ["12000.0", None]
    assert found.feeds["credit_history"]["fico_low"].to_list() == ["650", None]
    assert (found.rows_in, found.rows_landed) == (2, 2)
    said = [record.getMessage() for record in caplog.records]
    assert (
        "bureau_1.csv: 1 rows repeat a Nr, Bank, such as '1, a'; the last of them counts, as the mapping says" in said
    )
    assert any(
        "1 of 2 loans have no row in the table customer (Customer of the loans with Num of" in one for one in said
    )


def test_a_key_that_stands_twice_is_refused_unless_the_mapping_says_which_row_counts(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableFileError, match=r"1 rows repeat a Num, such as '7'; say which row counts, tables: {cus"
    ):
        book(tmp_path, customers=CUSTOMERS + "7;OWN;1\n")


def test_a_table_that_fits_no_loan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableFileError, match="no loan has a row in the table customer; compare Customer of the loans"
    ):
        book(tmp_path, customers="Num;Home;Monthly\n70;RENT;1000\n")


def test_a_table_without_its_key_or_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match="table customer"):
        book(tmp_path, customers="Number;Home\n7;RENT\n")
    profile = load_mapping(mapping_file(tmp_path, MAPPING))
    loans = tmp_path / "in" / "loans_2020_01.csv"
    with pytest.raises(UsageError, match=r"joins customer from files named customers\*\.csv; give that file"):
        profile.read([loans], None, None)


def test_files_of_several_months_land_together(tmp_path: Path) -> None:
    later = LOANS.replace("1,7.0", "3,9").replace("2,8", "4,7")
    found = book(
        tmp_path,
        loans_2020_02=later,
        customers_2=CUSTOMERS.replace("7;", "8;").replace("9;", "10;"),
        bureau_2=BUREAU.replace("1,", "3,"),
    )
    assert found.feeds["demographic"]["home_ownership"].to_list() == ["RENT", "OWN", "RENT", "RENT"]


def test_files_of_another_layout_name_their_columns_as_alternatives(tmp_path: Path) -> None:
    text = MAPPING.replace("loan_amount: Amount", "loan_amount: {columns: [Amount, Sum]}").replace(
        "Amount, Sum", "Amount, Sum"
    )
    loans = tmp_path / "b.csv"
    loans.write_text(LOANS.replace("Amount", "Sum"))
    for name, content in (("customers.csv", CUSTOMERS), ("bureau.csv", BUREAU)):
        (tmp_path / name).write_text(content)
    profile = load_mapping(mapping_file(tmp_path, text))
    found = profile.read([loans, tmp_path / "customers.csv", tmp_path / "bureau.csv"], None, None)
    assert found.feeds["loan_terms"]["loan_amount"].to_list() == ["500", "500"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "key: Num, matches",
            "keys: Num, matches",
            "key 'tables.customer.keys' is unknown, perhaps 'key' was meant; allowed",
        ),
        ("key: Num, matches: Customer", "key: Num, matches: [Customer, Nr]", "name as many, in the same order"),
        ("duplicates: last", "duplicates: best", "key 'tables.bureau.duplicates': .*write first or last"),
        (
            "matches: Customer",
            "matches: bureau.Nr",
            "a column of bureau, which is not joined before it; write bureau above",
        ),
        (
            'files: "customers*.csv", key: Num',
            "key: Num",
            "key 'tables.customer.files' is missing; write how its files",
        ),
    ],
)
def test_a_slip_in_a_table_says_what_to_write(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPING
    with pytest.raises(UsageError, match=says):
        load_mapping(mapping_file(tmp_path, MAPPING.replace(old, new)))


def test_a_directory_is_landed_only_where_the_mapping_names_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory; give files, or say in the mapping how they are named"):
        load_mapping(mapping_file(tmp_path, MAPPING.replace('files: "loans_*.csv"\n', ""))).files_in(tmp_path)
    with pytest.raises(UsageError, match=r"holds no file named loans_\*\.csv or customers"):
        load_mapping(mapping_file(tmp_path, MAPPING)).files_in(tmp_path)


CHAIN = MAPPING.replace(
    "  bureau:", '  region: {files: "regions*.csv", key: Id, matches: customer.Region}\n  bureau:'
).replace("home_ownership: customer.Home", "home_ownership: customer.Home, state: region.Name")


def test_a_table_is_joined_by_a_column_of_a_table_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    customers = "Num;Home;Monthly;Region\n7;RENT;1000;3\n8;OWN;2000;4\n"
    texts = {"loans_1": LOANS, "customers": customers, "bureau_1": BUREAU, "regions": "Id,Name\n3,North\n5,South\n"}
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    profile = load_mapping(mapping_file(tmp_path, CHAIN))
    assert profile.read(profile.files_in(folder), None, None).feeds["demographic"]["state"].to_list() == ["North", None]


@pytest.mark.parametrize(
    ("matches", "said"),
    [
        (
            "bureau.Region",
            "region is matched with a column of bureau, which is not joined before it; write bureau above",
        ),
        ("region.Name", "region is matched with a column of its own; match a column of the loans' file"),
    ],
)
def test_a_table_is_not_joined_by_what_is_joined_later(tmp_path: Path, matches: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_mapping(mapping_file(tmp_path, CHAIN.replace("customer.Region", matches)))
