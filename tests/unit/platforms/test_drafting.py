"""A mapping is drafted from what files look like: every guess can be read, and what is not plain is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pcredit.errors import SourceError
from p2pcredit.platforms.drafting.columns import FileFacts, look_at
from p2pcredit.platforms.drafting.draft import Draft, draft_mapping
from p2pcredit.platforms.drafting.finding import overlap
from p2pcredit.platforms.mapped.profile import load_mapping

LOANS = """Contract;Client;Start Date;Loan Amount;Term;Rate;Status;Days Late;Closed On;Total Received
K1;7;03.02.2020;1.000,50;12;0,1;Repaid;0;03.02.2021;1.100,00
K2;8;13.02.2020;2.000,00;24;0,2;Late 30+;45;;10,00
K3;9;23.03.2020;3.000,00;12;0,1;Current;0;;0,00
K4;9;24.03.2020;3.000,00;12;0,1;Written off;120;24.09.2020;0,00
K5;9;25.03.2020;3.000,00;12;0,1;Frozen;0;;0,00
"""
CLIENTS = "Client No;Monthly Income\n7;1000\n8;1100\n9;1200\n"
TAPE = """Contract;Month;DPD;Outstanding;State
K1;2020-03;0;500;Active
K1;2020-04;0;0;Closed
K2;2020-03;0;2000;Active
K2;2020-04;30;2000;Active
K3;2020-04;0;2000;Odd
K4;2020-04;0;2000;Active
"""


def draft(tmp_path: Path, **files: str) -> Draft:
    looked = []
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        looked.append(look_at(tmp_path / f"{name}.csv"))
    return draft_mapping(looked)


def test_kinds_of_columns_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LOANS)
    facts = look_at(tmp_path / "a.csv")
    assert [one.kind for one in facts.columns[:7]] == [
        "category",
        "number",
        "date",
        "number",
        "number",
        "number",
        "category",
    ]
    assert facts.column("Start Date").patterns == ("%d.%m.%Y",)
    assert facts.column("Loan Amount").decimal == ","
    assert facts.column("Status").levels[0] == ("Current", 1)
    assert look_at_text(tmp_path, TAPE).column("Month").kind == "month"


def look_at_text(tmp_path: Path, text: str) -> FileFacts:
    (tmp_path / "b.csv").write_text(text)
    return look_at(tmp_path / "b.csv")


def test_a_book_of_one_file_is_drafted_and_lands_as_it_is(tmp_path: Path) -> None:
    drafted = draft(tmp_path, book_2020=LOANS)
    (tmp_path / "m.yaml").write_text(drafted.text)
    book = load_mapping(tmp_path / "m.yaml").read([tmp_path / "book_2020.csv"], None, None)
    assert book.rows_landed == 5
    assert book.feeds["loan_terms"].select("loan_id", "loan_amount", "term").row(0) == ("K1", "1000.50", "12")
    performance = book.feeds["loan_performance"].select("loan_id", "status").rows()
    assert ("K1", "FULLY_PAID") in performance
    assert ("K4", "CHARGED_OFF") in performance
    assert any("what does the status 'Frozen' mean (1 loans)?" in question for question in drafted.questions)
    assert '"Frozen": unknown  # 1 loans, QUESTION' in drafted.text
    assert "# Known only after a loan began, so no feature may be made of them: Total Received" in drafted.text


def test_joins_are_found_by_the_keys_that_files_share(tmp_path: Path) -> None:
    drafted = draft(tmp_path, book=LOANS, clients=CLIENTS)
    assert '  clients: {files: "clients*.csv", key: Client No, matches: Client}  # 100% of keys found' in drafted.text


def test_a_file_with_many_rows_a_loan_is_a_tape(tmp_path: Path) -> None:
    drafted = draft(tmp_path, book=LOANS, tape_1=TAPE)
    assert "events:" not in drafted.text
    (tmp_path / "m.yaml").write_text(drafted.text)
    book = load_mapping(tmp_path / "m.yaml").read([tmp_path / "book.csv", tmp_path / "tape_1.csv"], None, None)
    rows = book.feeds["loan_performance"].select("loan_id", "event_date", "status").rows()
    assert ("K1", "2020-04-30", "FULLY_PAID") in rows
    assert ("K2", "2020-04-30", "LATE") in rows
    assert any("'Odd'" in question for question in drafted.questions)


def test_what_is_not_plain_is_asked_and_never_guessed_at(tmp_path: Path) -> None:
    drafted = draft(tmp_path, odd="a,b\nx,1\nx,2\n")
    asked = " ".join(drafted.questions)
    for what in ("which currency", "paid out", "loan amount", "term", "what became of a loan"):
        assert what in asked


def test_days_and_months_that_cannot_be_told_apart_are_asked(tmp_path: Path) -> None:
    text = LOANS.replace(".02.", "/02/").replace(".03.", "/03/").replace("/2020", "/2020")
    text = (
        text.replace("13/", "03/")
        .replace("23/", "04/")
        .replace("24/", "05/")
        .replace("25/", "06/")
        .replace("/02.2020", "/02/2020")
    )
    drafted = draft(tmp_path, book=text.replace("/02.", "/02/").replace("/03.", "/03/"))
    assert any("written as %d/%m/%Y or %m/%d/%Y" in question for question in drafted.questions)


def test_a_file_in_another_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(LOANS.replace("Frozen", "Gelöscht").encode("windows-1252"))
    facts = look_at(tmp_path / "a.csv")
    assert facts.encoding == "windows-1252"
    assert "file: {encoding: windows-1252" in draft_mapping([facts]).text


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(SourceError):
        look_at(tmp_path / "a.csv")


def test_further_columns_are_offered_as_features_to_uncomment_and_those_of_prohibited_grounds_are_not(
    tmp_path: Path,
) -> None:
    rows = "\n".join(f"K{n};0{n}.02.2020;{n}000;12;Repaid;{n + 3};{'NS'[n % 2]}orth;{'MF'[n % 2]}" for n in range(1, 8))
    text = draft(tmp_path, loans=f"Contract;Start Date;Loan Amount;Term;Status;ShoeSize;Branch;Gender\n{rows}\n").text
    assert '#   branch: {source: Branch, kind: category, reason: "Branch", basis: ""}' in text
    assert "gender" not in text.partition("# features:")[2].partition("# Not used")[0]
    assert "# Not used: " in text
    assert "Gender" in text.partition("# Not used: ")[2]


BUREAU = {
    "account": "account_id,customer_id,opened,principal,tenor_months,interest_rate\n"
    "A,1,2023-01-02,1000,12,0.12\nB,2,2023-01-03,,,0.2\nC,3,2023-01-04,900,24,0.1\n",
    "customer": "customer_id,region,tenure,income\n1,North,7,1\n2,South,8,1\n3,North,9,3\n",
    "months": "account_id,as_of_month,dpd_bucket,months_in_arrears,balance\n"
    "A,2023-02-01,0,0,900\nA,2023-03-01,30-59,1,900\nB,2023-02-01,0,0,10\nC,2023-06-01,120+,4,800\n",
}


def test_files_of_one_name_in_directories_of_their_own_are_told_by_those(tmp_path: Path) -> None:
    paths = []
    for name, text in BUREAU.items():
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "part-0.csv")
        paths[-1].write_text(text)
    asked = draft_mapping([look_at(path) for path in paths])
    answers = {one.key: next(iter(one.choices.values())) for one in asked.asked if one.choices}
    drafted = draft_mapping([look_at(path) for path in paths], {**answers, "currency": "EUR"})
    for line in (
        "# p2pcredit profile check THIS_FILE account/part-0.csv customer/part-0.csv months/part-0.csv",
        'files: "account/part-*.csv"',
        '  customer: {files: "customer/part-*.csv", key: customer_id}  # 100% of keys found',
        "    interest_rate: {column: interest_rate, times: 100, round: 4}  # fractions, made percents",
        '    state: "customer.region"',
        'only: "\\"principal\\" IS NOT NULL AND \\"tenor_months\\" IS NOT NULL"',
        '  day: {expression: "last_day(as_date(\\"as_of_month\\"))"}',
        '  days_past_due: {expression: "as_number(regexp_extract(\\"dpd_bucket\\", \'[0-9]+\'))"}',
    ):
        assert line in drafted.text.split("\n"), drafted.text
    assert "overdue" not in drafted.text
    assert '#   tenure: {source: "customer.tenure", kind: number' in drafted.text
    (tmp_path / "m.yaml").write_text(drafted.text)
    platform = load_mapping(tmp_path / "m.yaml")
    assert platform.files_in(tmp_path) == sorted(paths)
    book = platform.read(paths, None, None)
    terms = book.feeds["loan_terms"].select("loan_id", "loan_amount", "interest_rate").rows()
    assert terms == [("A", "1000", "12.0"), ("C", "900", "10.0")]
    events = book.feeds["loan_performance"].select("loan_id", "event_date", "status", "days_past_due").rows()
    assert ("A", "2023-03-31", "LATE", "30") in events
    assert ("C", "2023-06-30", "DEFAULT", "120") in events


def test_keys_of_a_file_longer_than_what_is_looked_at_are_found_in_the_smaller_set(tmp_path: Path) -> None:
    (tmp_path / "tape.csv").write_text("Loan,Flag\n" + "".join(f"K{n},{n % 2}\n" for n in range(1500)))
    tape = look_at(tmp_path / "tape.csv")
    loans = {f"K{n}" for n in range(6000)} | {"0", "1"}
    assert overlap(loans, tape, tape.column("Loan")) < 0.3
    assert overlap(loans, tape, tape.column("Loan"), whole=False) == 1
    assert overlap(loans, tape, tape.column("Flag"), whole=False) < 0.01


def book_of(loans: int, **columns: str) -> str:
    """Write loans of which every fifth was written off; a column is a text, with `{n}`, or two, for bad `|` good."""
    header = "Ref_Nr,DisbursementDate,DisbursementGross,Term,MIS_Status,ChgOffDate,Region"
    lines = [",".join([header, *columns])]
    for n in range(loans):
        bad = n % 5 == 0
        made = f"{1 + n % 12}/{1 + n % 28}/2019"
        ended = f"{1 + n % 28}-Jun-20" if bad else ""
        own = [text.split("|")[0 if bad else -1].replace("{n}", str(n % 97)) for text in columns.values()]
        lines.append(
            ",".join([f"R{n}", made, f"{5000 + n}", "36", "CHGOFF" if bad else "P I F", ended, f"Q{n % 7}", *own])
        )
    return "\n".join([*lines, ""])


def test_columns_that_tell_the_outcome_by_themselves_are_never_offered_as_features(tmp_path: Path) -> None:
    text = book_of(500, ChgOffPrinGr="{n}00|0", Reason_Code="x|", Phase="red|green", CreateJob="{n}", Seen_By="a|a")
    drafted = draft(tmp_path, book=text)
    line = next(line for line in drafted.text.split("\n") if line.startswith("# likely written afterwards: "))
    assert line == "# likely written afterwards: ChgOffPrinGr 0.99, Reason_Code 1.00, Phase 1.00"
    offered = [line.split(":")[0] for line in drafted.text.split("\n") if line.startswith("#   ")]
    assert offered == ["#   create_job"]
    assert "employment_title" not in drafted.text  # a number is no name of a job


def test_a_needed_column_that_nearly_tells_the_outcome_is_asked_about(tmp_path: Path) -> None:
    asked = "Term alone parts the loans that went bad from those paid back (area under the curve 1.00); is it as agreed"
    changed = book_of(500).replace(",36,CHGOFF", ",11,CHGOFF")
    assert any(question.startswith(asked) for question in draft(tmp_path, book=changed).questions)
    assert not any("alone parts" in question for question in draft(tmp_path, sound=book_of(500)).questions)


def test_of_few_loans_no_column_is_said_to_tell_anything(tmp_path: Path) -> None:
    assert "likely written afterwards" not in draft(tmp_path, book=book_of(240, ChgOffPrinGr="{n}00|0")).text
    assert "likely written afterwards" in draft(tmp_path, book=book_of(250, ChgOffPrinGr="{n}00|0")).text


def test_a_day_that_only_some_statuses_have_is_asked_about_and_the_answer_lands(tmp_path: Path) -> None:
    (tmp_path / "book.csv").write_text(book_of(60))
    asked = draft_mapping([look_at(tmp_path / "book.csv")])
    question = next(one for one in asked.asked if one.key == "on blank")
    assert question.text.startswith(
        "ChgOffDate is blank where the status is 'P I F', so that what became of those loans"
    )
    drafted = draft_mapping([look_at(tmp_path / "book.csv")], {"on blank": question.answered("1"), "currency": "EUR"})
    (tmp_path / "m.yaml").write_text(drafted.text)
    book = load_mapping(tmp_path / "m.yaml").read([tmp_path / "book.csv"], None, None)
    events = book.feeds["loan_performance"].select("loan_id", "event_date", "status").rows()
    assert ("R0", "2020-06-01", "CHARGED_OFF") in events
    assert ("R1", "2022-02-02", "FULLY_PAID") in events


def test_loans_without_a_status_are_said_to_be_of_unknown_outcome(tmp_path: Path) -> None:
    drafted = draft(tmp_path, book=LOANS.replace(";Repaid;", ";;"))
    assert '    "": unknown  # 1 loans have no status' in drafted.text


@pytest.mark.parametrize("text", ["unpaid", "Not paid", "no default", "Non-default", "partially repaid", "never late"])
def test_a_status_that_is_negated_is_asked_about(tmp_path: Path, text: str) -> None:
    drafted = draft(tmp_path, book=LOANS.replace(";Repaid;", f";{text};"))
    assert any(f"what does the status '{text}' mean" in question for question in drafted.questions)


STAR = {
    "loan": "loan_id,account_id,made,amount,duration,status\n"
    + "".join(f"{n},{n + 501},{930101 + 100 * (n % 12)},{9000 + n},{12 * (1 + n % 5)},Closed\n" for n in range(60)),
    "account": "account_id,district_id\n" + "".join(f"{n + 500},{n % 40 + 1}\n" for n in range(200)),
    "district": "A1,A2\n" + "".join(f"{n},{n * 10}\n" for n in range(1, 78)),
}


def test_keys_are_found_through_a_table_and_terms_are_no_keys(tmp_path: Path) -> None:
    drafted = draft(tmp_path, **STAR)
    lines = drafted.text.split("\n")
    assert '  account: {files: "account*.csv", key: account_id}  # 100% of keys found' in lines
    assert (
        '  district: {files: "district*.csv", key: A1, matches: "account.district_id"}  # 100% of keys found' in lines
    )
    assert any("do account.district_id and A1 of district.csv say the same?" in one for one in drafted.questions)
    assert 'origination_date: {column: made, date: "%y%m%d"}' in lines
    (tmp_path / "m.yaml").write_text(drafted.text)
    load_mapping(tmp_path / "m.yaml")


def test_features_of_one_name_in_several_tables_are_told_by_their_tables(tmp_path: Path) -> None:
    other = "owner,account_id,district_id\n" + "".join(f"{n},{n + 500},{n % 40}\n" for n in range(200))
    text = draft(tmp_path, **STAR, owner=other).text
    assert '#   district_id: {source: "account.district_id"' in text
    assert '#   owner_district_id: {source: "owner.district_id"' in text
