"""A slip in a mapping ends in one line that names the key and says what to write, and in no text of a library."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.errors import SourceError, UsageError
from p2pcredit.platforms.mapped.profile import load_mapping

MAPPING = """
name: lender
file: {decimal: ",", encoding: windows-1252}
loan_id: Nr
origination_date: {column: Start, date: "%d.%m.%Y"}
feeds:
  loan_terms:
    loan_amount: Amount
    term: {column: Months, values: {"": "36"}}
    interest_rate: {column: Rate, times: 100, round: 2}
  demographic:
    state: {columns: [Region, Land]}
events:
  status: State
  "on": {column: Since, date: iso}
  days_past_due: Late
  read_on: 2020-12-31
  rules:
    paid: [{status: FULLY_PAID}]
    lost: [{status: LATE, days_past_due: 30, after_days: -90}, {status: CHARGED_OFF, days_past_due: 120}]
    open: []
    slow: past_due
"""
SOUND = yaml.safe_load(MAPPING)
FOREIGN = re.compile(
    r"pydantic|Input should|Field required|Extra inputs|valid (?:string|dict)|polars|panick|Traceback|\bstr\b"
)
ODD_VALUES: list[Any] = [None, True, 7, -1.5, float("inf"), "", "x", "%Q", [], ["x"], {}, {"x": "y"}, [[1]], {"x": {}}]


def told(tmp_path: Path, text: str) -> str:
    """The one line that a mapping ends in; empty where it is sound."""
    path = tmp_path / "lender.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load_mapping(path)
    except UsageError as error:
        message = str(error)
        assert "\n" not in message
        assert str(path) in message
        assert FOREIGN.search(message.replace(str(path), "")) is None, message
        return message.removeprefix(f"the profile {path}").lstrip(", ")
    return ""


def paths(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every key and item of a mapping stands."""
    places = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in places:
        yield (*at, key)
        yield from paths(value, (*at, key))


def changed(at: tuple[Any, ...], change: Any) -> str:
    """The mapping with `change(parent, key)` done at a place."""
    mapping = copy.deepcopy(SOUND)
    parent = mapping
    for key in at[:-1]:
        parent = parent[key]
    change(parent, at[-1])
    return yaml.safe_dump(mapping, sort_keys=False)


PLACES = list(paths(SOUND))


def renamed(parent: Any, key: Any) -> None:
    parent[f"{key}x"] = parent.pop(key)


@pytest.mark.parametrize("at", [at for at in PLACES if isinstance(at[-1], str)], ids=lambda at: ".".join(map(str, at)))
def test_a_key_that_is_left_out_or_misspelt_is_named_or_not_needed(tmp_path: Path, at: tuple[Any, ...]) -> None:
    without = told(tmp_path, changed(at, lambda parent, key: parent.pop(key)))
    assert not without or str(at[-1]) in without or at[-2] in without
    misspelt = told(tmp_path, changed(at, renamed))
    words = at[:2] == ("events", "rules") or "values" in at  # texts of the download, not keys of the mapping
    assert f"{at[-1]}x" in misspelt or (words and not misspelt) or at == ("feeds", "demographic")


@settings(deadline=None, max_examples=150)
@given(at=st.sampled_from(PLACES), value=st.sampled_from(ODD_VALUES))
def test_a_value_of_another_kind_is_taken_or_named(
    tmp_path_factory: pytest.TempPathFactory, at: tuple[Any, ...], value: Any
) -> None:
    def put(parent: Any, key: Any) -> None:
        parent[key] = value

    message = told(tmp_path_factory.mktemp("mapping"), changed(at, put))
    names = [str(part) for part in at if isinstance(part, str) and part]
    assert not message or any(name in message for name in names)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            '"on": {',
            "on: {",
            "line 15, key 'events.on': on without quotes is read as true or false; put it in quotes: \"on\"",
        ),
        (
            "state: {columns: [Region, Land]}",
            "state: {column: Land, values: {NO: Norway}}",
            'NO without quotes .* "NO"',
        ),
        ("paid: [{", "yes: [{", "yes without quotes"),
        ('values: {"": "36"}', "values: {x: off}", "off without quotes"),
        (
            'values: {"": "36"}',
            'values: {"": 36}',
            r"key 'feeds\.loan_terms\.term\.values\.': 36 without quotes .* \"36\"",
        ),
        ("    paid:", "    1: []\n    paid:", r"key 'events\.rules\.1': 1 without quotes .* \"1\""),
        ("loan_id: Nr", "loan_id: Nr\nloan_id: Id", "line 5, key 'loan_id' stands twice, first in line 4"),
        ("    open: []", "    open: []\n    open: past_due", r"key 'events\.rules\.open' stands twice"),
        ("status: FULLY_PAID", "status: PAID", "one of CHARGED_OFF, CURRENT, DEFAULT, FULLY_PAID, LATE"),
        ("    loan_amount: A", "    loan_amnt: A", r"loan_amnt is no column .*, perhaps 'loan_amount' was meant.*term"),
        ("  days_past_due: Late", "  days_overdue: Late", "unknown, perhaps 'days_past_due' was meant; allowed here"),
        ("times: 100", "tmes: 100", r"'feeds\.loan_terms\.interest_rate\.tmes' is unknown, perhaps 'times' was meant"),
        ("times: 100", "times: 0", "makes every value 0"),
        ('"%d.%m.%Y"', "dd.mm.yyyy", "'dd.mm.yyyy' is no pattern of a date; write it with %Y"),
        ('"%d.%m.%Y"', '"%b-%Y"', "no pattern of a date"),
        ("slow: past_due", "slow: past_du", r"key 'events\.rules\.slow': found 'past_du'; write a list"),
        ("  days_past_due: Late\n", "", r"rules\.slow is past_due, which needs the column of days"),
        ("loan_id: Nr", "loan_id: row_number", "is a name that is used inside"),
        (
            "read_on: 2020-12-31",
            "read_on: 2020-02-31",
            "key 'events.read_on': 2020-02-31 is no calendar day",
        ),
        (
            "    paid:",
            "    null: []\n    paid:",
            r"line 19, key 'events\.rules\.null': null without quotes .* \"null\"",
        ),
        ("    paid:", "    ~: []\n    paid:", r"key 'events\.rules\.~': ~ without quotes is no text"),
        ("    paid:", "    2020-01-01: []\n    paid:", r"key 'events\.rules\.2020-01-01': 2020-01-01 without quotes"),
        ("name: lender", "name: 2020-12-31", "without quotes is no text"),
        ("  status: State", "\tstatus: State", "in line 14, column 1: .*indent with blanks, not tabs"),
    ],
)
def test_a_common_slip_says_what_to_write(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPING
    assert re.search(says, told(tmp_path, MAPPING.replace(old, new, 1)))


def test_rules_without_any_status_say_what_a_rule_is(tmp_path: Path) -> None:
    head = MAPPING[: MAPPING.index("  rules:")]
    assert "write what each means, such as {paid: [{status: FULLY_PAID}]" in told(tmp_path, f"{head}  rules: {{}}\n")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "lender", "&a [*a]", "? [a, b]\n: c\n", "a: &x {b: *x}"])
def test_what_is_no_mapping_of_keys_says_so(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text)


def test_byte_order_marks_before_a_mapping_do_not_count(tmp_path: Path) -> None:
    assert told(tmp_path, f"\ufeff\ufeff{MAPPING.lstrip()}") == ""


def test_an_anchor_that_is_used_twice_is_no_key_that_stands_twice(tmp_path: Path) -> None:
    twin = MAPPING.replace("paid: [{status: FULLY_PAID}]", "paid: &p [{status: FULLY_PAID}]\n    done: *p")
    assert told(tmp_path, twin) == ""


@settings(deadline=None, max_examples=60)
@given(
    at=st.sampled_from([at for at in PLACES if at[0] not in {"name", "file"}]),
    value=st.sampled_from(["Nr", "Start", "Amount", "State", "Late", "gone", ["Nr", "Nr"], 1e308, 9, "%d/%m/%y", "-1"]),
)
def test_a_download_is_read_or_refused_in_one_line_by_any_mapping_that_is_taken(
    tmp_path_factory: pytest.TempPathFactory, at: tuple[Any, ...], value: Any
) -> None:
    def put(parent: Any, key: Any) -> None:
        parent[key] = value

    directory = tmp_path_factory.mktemp("mapping")
    text = changed(at, put)
    if told(directory, text):
        return
    raw = directory / "raw.csv"
    raw.write_text(
        "Nr;Start;Amount;Months;Rate;State;Since;Late\n7;03.02.2020;1.500,5;;0,1;slow;;40\n8;x;;1;;paid;1;\n"
    )
    try:
        book = load_mapping(directory / "lender.yaml").read([raw], None, None)
    except SourceError as error:
        refused = str(error)
    else:
        refused = ""
        assert book.rows_in == 2 == book.rows_landed + book.rejected.height
    assert "\n" not in refused
