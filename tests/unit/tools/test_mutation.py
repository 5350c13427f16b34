"""The mutator makes the changes it says, one at a time, and its table says what came of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.mutation import results as told
from tools.mutation import rooms
from tools.mutation.mutants import Mutant, digest_of_code, find_mutants

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "src" / "p2pcredit"


def changed(source: str) -> dict[str, str]:
    """What each change is called, and the source with it."""
    code = source.encode()
    return {mutant.change: mutant.apply(code).decode() for mutant in find_mutants("m.py", code)}


@pytest.mark.parametrize(
    ("source", "change", "after"),
    [
        ("x = a >= 30", "`a >= 30` -> `a > 30`", "x = (a > 30)"),
        ("x = a >= 30", "`30` -> `31`", "x = a >= 31"),
        ("x = a and b", "`a and b` -> `a or b`", "x = (a or b)"),
        ("x = not a", "`not a` -> `a`", "x = (a)"),
        ("x = 1 if a else 2", "`1 if a else 2` -> `2 if a else 1`", "x = (2 if a else 1)"),
        ("x = max(a, default=0)", "`max` -> `min`", "x = (min)(a, default=0)"),
        ("x = f(keep='last')", "`'last'` -> `'first'`", "x = f(keep='first')"),
        ("x = t.filter(a, b)", "`.filter(a, b)` dropped", "x = (t)"),
        ("x = t.filter(a, b)", "`b` of `.filter` dropped", "x = (t.filter(a))"),
        ("x = f(a, b)", "`a` and `b` of `f()` swapped", "x = (f(b, a))"),
        ("def f():\n    write(1)", "`write(1)` -> `pass`", "def f():\n    pass"),
        ("if a:\n    b = 1", "`a` -> `False`", "if False:\n    b = 1"),
        ("x = [b for b in c if d]", "`d` -> `True`", "x = [b for b in c if True]"),
        ("ALL = (1, 2, 3)", "`(1, 2, 3)` -> `(2, 3)`", "ALL = (2, 3)"),
    ],
)
def test_each_kind_of_change_is_made_and_named(source: str, change: str, after: str) -> None:
    assert changed(source)[change] == after


def test_words_types_and_imports_are_left_alone() -> None:
    source = '''"""A document of 30 words."""
from a import b
Call = Callable[[int, str, float], bool]
def f(x: Literal[1] = None) -> Literal[2]:
    """Return 3."""
    raise ValueError(f"found {4}, expected {5 + 6}")
'''
    assert changed(source) == {}


def test_a_change_keeps_its_key_while_other_lines_come_and_go() -> None:
    source = b"def f(a):\n    return a > 0\n"
    keys = {mutant.key for mutant in find_mutants("m.py", source)}
    assert keys == {mutant.key for mutant in find_mutants("m.py", b"import x\n\n" + source)}
    assert len(keys) == len(find_mutants("m.py", source)) == 3


def test_results_stay_while_only_words_change() -> None:
    before = b'def f(a):\n    """Give it."""\n    return a > 0\n'
    assert digest_of_code(before) == digest_of_code(b'"""Words."""\n# more\n\ndef f(a):\n    return (a > 0)\n')
    assert digest_of_code(before) != digest_of_code(before.replace(b"0", b"1"))


def test_equal_changes_of_one_line_have_keys_of_their_own() -> None:
    found = find_mutants("m.py", b"x = 1 + 1\n")
    assert len({mutant.key for mutant in found}) == len(found)


@pytest.mark.parametrize("path", rooms.modules(PACKAGE, []), ids=lambda path: path.stem)
def test_every_module_has_changes_that_compile_and_tests_that_are_there(path: Path) -> None:
    name, source = path.relative_to(PACKAGE).as_posix(), path.read_bytes()
    mutants = find_mutants(name, source)
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    assert all(mutant.apply(source) != source for mutant in mutants)
    assert rooms.tests_of(name, ROOT)


@pytest.mark.parametrize("place", rooms.ON_PURPOSE, ids=lambda place: place[3])
def test_what_a_change_on_purpose_replaces_stands_in_its_module_once(place: tuple[str, str, str, str]) -> None:
    module, before, _, _ = place
    assert (PACKAGE / module).read_text().count(before) == 1


def result(change: str, outcome: str, **more: str) -> told.Result:
    given = {"key": change, "module": "m.py", "source": "s", "tests": "t", "by": "", "function": "f", "code": "x"}
    return told.Result(**{**given, **more}, outcome=outcome, line=1, change=change)


def test_a_noticed_change_stays_so_and_a_survivor_is_tried_again_when_a_test_changes(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    found = told.Results(path)
    found.add(result("a", told.NOTICED))
    found.add(result("b", told.SURVIVED))
    path.write_text(path.read_text() + '{"key": "cut sho')
    again = told.Results(path)
    assert again.known("m.py", "s", "a", "other tests") is not None
    assert again.known("m.py", "s", "b", "t") is not None
    assert again.known("m.py", "s", "b", "other tests") is None
    last = again.last("m.py", "b")  # and stands in the table as a survivor until then
    assert last is not None
    assert last.outcome == told.SURVIVED
    assert again.known("m.py", "another source", "a", "t") is not None
    assert again.known("m.py", "another source", "b", "t") is None
    assert again.known("another.py", "s", "a", "t") is None


def test_the_table_counts_and_names_what_was_not_noticed() -> None:
    found = [result("a", told.NOTICED), result("b", told.SURVIVED), result("c", told.SURVIVED)]
    page = told.render({"m.py": found}, {"m.py": 9}, {("m.py", "x", "c"): "a shortcut"}, {"m.py": 2})
    assert "| `m.py` | 9 | 3 | 1 | 1 | 1 | 50.0% |" in page
    assert "| all | 9 | 3 | 1 | 1 | 1 | 50.0% |" in page
    assert "2 changes were not tried" in page
    assert "| `m.py` f | b | open |" in page
    assert "| `m.py` f | c | a shortcut |" in page


def test_a_room_that_is_none_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no room and no module is called 'attic'; rooms are retraining, monitoring"):
        rooms.modules(PACKAGE, ["attic"])
    assert [path.name for path in rooms.modules(PACKAGE, ["jobs/monitoring/week.py"])] == ["week.py"]


def test_a_change_is_a_frozen_record() -> None:
    assert Mutant("m.py", "f", 1, "x = 1", "`1` -> `2`", 4, 5, "2").apply(b"x = 1") == b"x = 2"
