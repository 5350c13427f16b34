from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.fuzz.mutated_days import keeps_meaning, mutated_book
from tests.robustness.fuzz.mutated_lenders import AMONG, FEED_NAMES, run_lender, silent, sound_file


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("3 loans have a status of a day before they were made, of an amount", False),
        ("12 of 60 values of loan_terms.loan_amount cannot be read, such as 'x'", True),
        ("no row has a value in column purpose, amount and 2 others; its feed column is missing", True),
        ('{"credit_history": {"loan_amount": 3}}', True),
        ("12 of 60 values of loan_terms.loan_amounts cannot be read", False),
    ],
)
def test_a_warning_names_a_column_only_where_it_quotes_lists_or_places_it(told: str, names: bool) -> None:
    book = sound_file()
    book.columns = {"amount", "loans"}
    assert book.is_named_in(told, FEED_NAMES) is names


@pytest.mark.torture
def test_a_mutated_lenders_file_lands_right_or_something_is_said(torture: Any, tmp_path: Path) -> None:
    sound = sound_file()
    expected = run_lender(tmp_path / "sound", sound)
    assert not expected.error
    assert not expected.records
    assert len(expected.features) == len(sound.tables["loans"][1])
    assert set(expected.labels.values()) == {0, 1}
    found, outcomes = [], Counter[str]()
    times = torture.times(20, 1_000)
    for number in range(times):
        names, book = mutated_book(sound, f"lender {number}", AMONG)
        landed = run_lender(tmp_path / str(number), book)
        found += [f"{number}: {names}: {problem}" for problem in list(silent(expected, landed, book))[:2]]
        same = landed.features == expected.features and landed.labels == expected.labels
        outcomes["refused" if landed.error else "as before" if same else "said"] += 1
        if keeps_meaning(names) and landed.error:
            found.append(f"{number}: {names}: refused: {landed.error}")
    torture.record(
        "mutated columns and values of a lender's file, landed by a mapping",
        times,
        len(found),
        f"{outcomes['refused']} refused, {outcomes['said']} said, {outcomes['as before']} as before",
    )
    assert not found, "\n".join([f"{len(found)} silent", *found[:40]])
    assert all(outcomes[outcome] for outcome in ("refused", "said", "as before"))
