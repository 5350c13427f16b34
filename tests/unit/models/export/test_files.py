"""What an exported file is and says, apart from its numbers."""

from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pcredit.errors import MissingExtraError
from p2pcredit.models.export.formats.onnx_graph import as_onnx
from p2pcredit.models.export.formats.pmml_file import as_pmml
from p2pcredit.models.export.formats.python_file import as_python
from p2pcredit.models.export.formats.sql_query import as_sql
from p2pcredit.models.export.trees import double_bound
from p2pcredit.models.ratios import complete_ratios

from .conftest import ABOUT, Case

Make = Callable[..., Case]


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False), st.integers(-3, 3))
@example(-float(np.finfo(np.float32).max), 0)
@example(-float(np.finfo(np.float32).max), 1)
@example(float(np.finfo(np.float32).max), 0)
@example(-math.inf, 1)
@example(math.inf, -1)
def test_a_double_goes_left_where_its_single_does(below: float, steps: int) -> None:
    sign, middle = double_bound(below)
    value = middle
    for _ in range(abs(steps)):
        value = math.nextafter(value, math.inf if steps > 0 else -math.inf)
    with np.errstate(over="ignore"):
        left = bool(np.float32(value) < np.float32(below))
    assert left == (value < middle if sign == "<" else value <= middle)


def test_python_file_needs_no_package(case: Make, tmp_path: Path) -> None:
    made = case("scorecard", 20)
    (tmp_path / "model.py").write_text(as_python(made.formula, ABOUT))
    rows = made.rows.select(made.columns).write_csv()
    done = subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "model.py"], input=rows, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("loan_id,probability_of_default,score,grade,decision,reason_1")
    assert [line.split(",")[0] for line in lines[1:]] == made.rows["loan_id"].to_list()


@pytest.mark.parametrize(
    ("given", "told"),
    [("loan_id,fico\nL1,700\n", "row 1: the row lacks the column"), ("", ""), (None, "holds 'much'; give a number")],
)
def test_python_file_says_in_one_line_what_is_wrong(case: Make, tmp_path: Path, given: str | None, told: str) -> None:
    made = case("scorecard", 1)
    (tmp_path / "model.py").write_text(as_python(made.formula, ABOUT))
    text = f"{','.join(made.columns)}\n{','.join(['much'] * len(made.columns))}\n" if given is None else given
    done = subprocess.run([sys.executable, tmp_path / "model.py"], input=text, capture_output=True, text=True)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if told else 0)


@pytest.mark.parametrize("write", [as_python, as_sql, as_pmml])
def test_header_says_which_model_it_is_and_what_is_left_out(case: Make, write: Callable[..., str]) -> None:
    text = write(case("boosting", 1).formula, ABOUT)
    for words in (
        "model-1",
        "d" * 64,
        "2024-01-01",
        "License of use: none",
        "lifetime probability",
        "- fico (number):",
    ):
        assert words in text
    assert ("Left out: reasons;" in text) == (write is not as_python)


def test_onnx_file_says_the_same(case: Make) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(as_onnx(case("scorecard", 1).formula, ABOUT))
    assert {one.key: one.value for one in model.metadata_props}["card_sha256"] == "d" * 64
    assert "Left out: reasons;" in model.doc_string


def test_onnx_without_its_package_names_the_extra(case: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case("scorecard", 1)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match="needs the extra 'export'"):
        as_onnx(made.formula, ABOUT)


def test_pmml_of_a_scorecard_is_a_scorecard(case: Make) -> None:
    made = case("scorecard", 1)
    root = ET.fromstring(as_pmml(made.formula, ABOUT))
    spaces = {"p": "http://www.dmg.org/PMML-4_4"}
    found = root.findall("p:Scorecard/p:Characteristics/p:Characteristic", spaces)
    assert [one.get("name") for one in found] == [f"{name}_points" for name in made.model.feature_names]


def test_an_income_of_minus_zero_is_an_income_of_zero() -> None:
    number = {"loan_amount": pl.Float64, "annual_income": pl.Float64, "loan_to_income": pl.Float64}
    loans = pl.DataFrame(
        {"loan_amount": [9.0, 9.0], "annual_income": [0.0, -0.0], "loan_to_income": [None] * 2}, schema=number
    )
    usual: dict[str, float | str | None] = {"loan_amount": 5.0, "annual_income": 20.0, "loan_to_income": 0.25}
    assert complete_ratios(loans, ["loan_to_income"], usual)["loan_to_income"].to_list() == [1e30, 1e30]
