"""Docstrings of functions begin with a verb, and no text makes a person of a mechanism."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("src", "tools", "bench", "examples", "docs")

VERBS = """
Account Add Adjust Advise Alert Answer Append Apply Ask Assign Average Bin Blank Bound Bring Build Cache Calculate
Calibrate Call Carry Cast Change Check Choose Classify Close Collect Comment Compare Compile Complete Convert Copy
Count Cut Deal Decide Decode Defer Define Defuse Describe Digest Divide Do Draw Drop Emit Encode End Estimate Exchange
Fail Fill Filter Find Fingerprint Finish Fit Fix Fold Follow Forget Fork Gather Generate Give Go Grade Group Grow Hand
Handle Hash Hide Hold Identify Ignore Import Install Invent Join Judge Keep Kill Label Land Lay Learn Leave Lend Let
List Listen Load Look Lose Make Map Mark Measure Merge Move Multiply Name Note Observe Open Order Pack Pair Parse Pass
Pause Pick Place Pool Predict Prepare Preprocess Print Project Propose Put Raise Rank Reach Read Rebuild Recode
Reconcile Record Refuse Reject Remove Render Replace Report Require Return Rewrite Round Run Say Scan Score Search
Select Send Serve Set Shorten Show Sort Split Spool Spread Start Step Stop Strip Suggest Sum Summarise Supersede
Tabulate Take Tell Test Throw Time Trace Train Trim Try Tune Turn Type Verify Wait Walk Warn Weigh Word Work Wrap
Write Yield
"""
"""What may begin a docstring. Ruff's D401 finds "Returns" and "Reading", but neither "The rows" nor "Whether"."""

VALUES = {"property", "cached_property", "setter", "fixture"}
"""Decorators of what is used like a value, and described like one: by a noun."""

PERSONS = re.compile(r"\b(?:somebody|nobody|whoever|anybody|everybody|who died)\b", re.IGNORECASE)


def not_imperative(source: str) -> list[tuple[int, str]]:
    """List lines and docstrings of functions that begin with no known verb, but for properties and fixtures."""
    return [
        (node.lineno, text.splitlines()[0])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not {_name(decorator) for decorator in node.decorator_list} & VALUES
        and (text := ast.get_docstring(node))
        and re.split(r"[^A-Za-z-]", text, maxsplit=1)[0] not in VERBS.split()
    ]


def _name(decorator: ast.expr) -> str:
    return ast.unparse(decorator).partition("(")[0].rpartition(".")[2]


def _texts(*suffixes: str) -> Iterator[Path]:
    for room in CODE:
        for path in sorted((ROOT / room).rglob("*")):
            beside = any(part.startswith(".") for part in path.relative_to(ROOT).parts)  # as bench/.venv-load
            if path.suffix in suffixes and not beside:
                yield path


def _test_helpers() -> list[Path]:
    """List the modules that tests share. Names of tests are sentences already, so tests have no docstrings to check."""
    return [path for path in sorted((ROOT / "tests").rglob("*.py")) if not path.name.startswith("test_")]


def test_the_check_finds_nouns_and_third_persons_but_no_properties_and_fixtures() -> None:
    source = '''
class Lake:
    def exists(self):
        """Whether anything has been written."""
    def rows(self):
        """The rows of a day."""
    async def read(self):
        """Reads the rows of a day."""
    @functools.cached_property
    def path(self):
        """The directory."""
    @property
    def name(self):
        """The name."""
    @pytest.fixture(scope="module")
    def home():
        """A home."""
    @cache
    def count(self):
        """Count, per day, the rows."""
    def plain(self): ...
'''
    assert not_imperative(source) == [
        (3, "Whether anything has been written."),
        (5, "The rows of a day."),
        (7, "Reads the rows of a day."),
    ]


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in [*_texts(".py"), *_test_helpers()]
        for line, text in not_imperative(path.read_text())
    ]
    assert not found, "say what it does, beginning with a verb (add a new one to VERBS):\n" + "\n".join(found)


def test_mechanisms_are_no_persons() -> None:
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in [*_texts(".py", ".md", ".html", ".yaml", ".toml"), *pages]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if PERSONS.search(line)
    ]
    assert not found, "name the process, job, reader or person that acts:\n" + "\n".join(found)
