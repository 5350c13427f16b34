"""What a person reads of a receipt: nothing is left out, and no line is a wall of text."""

from __future__ import annotations

from p2pcredit.cli.printing import lines_of

LONG = 130


def test_every_fact_is_there_whatever_its_shape() -> None:
    receipt = {
        "model": "m1",
        "none": None,
        "empty": {},
        "no": [],
        "metrics": {"auc": 0.7123456, "auc_low": 0.68, "auc_high": None, "loans": 12},
        "nested": {"inner": {"deepest": 0.5}, "plain": True},
        "checks": [{"status": "pass", "finding": "a"}, {"status": "fail", "finding": "b"}],
        "feeds": {"first": {"rows": 1, "broken": 0}, "the_second": {"rows": 20, "broken": None}},
        "deep": [{"name": "first", "values": [1, 2]}],
        "sentences": ["one thing", "another thing"],
        "one_sentence": ["alone here"],
    }
    assert lines_of(receipt) == [
        "model         m1",
        "none          -",
        "empty         -",
        "no            -",
        "metrics       auc 0.7123 [0.68, -], loans 12",
        "nested:",
        "  inner  deepest 0.5",
        "  plain  True",
        "checks:",
        "  status  finding",
        "  pass    a",
        "  fail    b",
        "feeds:",
        "              rows  broken",
        "  first       1     0",
        "  the_second  20    -",
        "deep:",
        "  name    first",
        "  values  1, 2",
        "sentences:",
        "  one thing",
        "  another thing",
        "one_sentence  alone here",
    ]


def test_what_is_too_much_for_a_line_stands_below_and_is_whole() -> None:
    names = [f"feature_number_{number}" for number in range(30)]
    metrics = {name: number / 7 for number, name in enumerate(names)}
    lines = lines_of({"features": names, "metrics": metrics, "why": "x " * LONG})
    assert lines[0] == "features:"
    assert lines.count("metrics:") == 1
    words = " ".join(lines).replace(",", " ").split()
    assert all(words.count(name) == 2 for name in names)
    assert max(len(line) for line in lines if not line.startswith("why")) < LONG


def test_rows_of_other_keys_are_no_table() -> None:
    assert lines_of([{"a": 1}, {"b": 2}]) == ["a  1", "", "b  2"]
    assert lines_of([{"a": [1]}, {"a": [2]}]) == ["a  1", "", "a  2"]


def test_amounts_are_whole_numbers_and_small_values_keep_their_digits() -> None:
    assert lines_of({"income": 46197.23, "debt": -12345.6, "share": 0.0000123456}) == [
        "income  46197",
        "debt    -12346",
        "share   1.235e-05",
    ]


def test_rows_of_more_than_twice_the_width_are_laid_out_fact_by_fact() -> None:
    rows = [{"name": "first", "meaning": "word " * 30}, {"name": "second", "meaning": "brief"}]
    assert lines_of(rows, 60) == ["name     first", f"meaning  {'word ' * 30}", "", "name     second", "meaning  brief"]
    assert lines_of(rows, 80)[0].split() == ["name", "meaning"]
    assert lines_of(rows)[0].split() == ["name", "meaning"]
