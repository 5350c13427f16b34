"""What a borrower, a model or a person wrote stands in the report as words, and is never markup."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.robustness.hostile.conftest import LAST, NEXT, Run

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.reporting.weekly.facts import build_facts
from p2pcredit.reporting.weekly.page import render_report
from p2pcredit.settings import Settings

pytestmark = pytest.mark.torture
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</svg><script>alert(1)</script>",
    "</text></g></svg><iframe src=javascript:alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><body onload=alert(1)>",
    "javascript:alert(1)",
    "<!--",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "{{ 7 * 7 }}{% raw %}",
    'id="x" url(#y)',
    "\u202e<b>\u2028</b>\x01",
]
WEEK_END = date(2011, 3, 27)


class Tree(HTMLParser):
    """The page as a browser takes it: tags in order with the names of their attributes, and the words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def check_harmless(self) -> None:
        assert {tag for tag, _ in self.tags}.isdisjoint({"script", "iframe", "img", "object", "embed", "form", "a"})
        for name, value in self.values:
            assert not name.startswith("on"), name
            if name in {"href", "src", "xlink:href", "action"}:
                assert value.startswith("#"), value


def page_with(text: str) -> str:
    """A report in which `text` stands wherever a text that the program did not write itself can come to stand."""
    fail = Status.FAIL
    metrics = ("auc", "auc_estimate", "auc_estimate_then", "calibration_ratio", "psi_score", "quarantined_share")
    results = [MetricResult(name, "all", 0.6, 0.5, 0.7, 90, 0.5, fail, 0.62, text) for name in metrics]
    results += [
        MetricResult("auc", f"vintage={text}", 0.6, 0.5, 0.7, 90, 0.5, fail, 0.62, text),
        MetricResult("late30_within_3m", f"vintage={text}", 0.1, 0.0, 0.2, 90, 1.0, fail, None, text),
        MetricResult("quarantined_share", f"feed={text}", 0.1, 0.0, 0.2, 90, None, fail, 0.05, text),
        MetricResult(f"psi:{text}", "all", 0.3, 0.2, 0.4, 90, None, fail, 0.25, text),
        MetricResult(text, text, 0.3, 0.2, 0.4, 90, None, fail, 0.25, text),
    ]
    history = pl.DataFrame([{"week_end_date": WEEK_END, "model_id": text, **result.as_row()} for result in results])
    band = {"low": 560, "high": 580, "reference": 1.0, "recent": 1.0}
    facts = build_facts(
        WEEK_END,
        results,
        Settings(),
        decision={"retrain": True, "remedy": "retrain", "performance_score": 0.6, "reason": text, "evidence": [text]},
        champion={"model_id": text, "family": text, "target": text, "as_of": text, "definition": text},
        generated_at=text,
        history=history,
        score_profile={"n_reference": 9, "n_recent": 9, "bands": [band]},
        calibration_profile=[
            {"grade": text, "n": 9, "bads": 1, "expected": 0.1, "observed": 0.1, "low": 0.0, "high": 0.2}
        ],
    )
    return render_report(facts)


def test_hostile_texts_give_the_same_page_as_harmless_ones(torture: Any) -> None:
    calm = Tree(page_with("a harmless text"))
    calm.check_harmless()
    texts = HOSTILE if torture.full else [*HOSTILE[:5], "".join(HOSTILE)]
    for text in texts:
        page = page_with(text)
        tree = Tree(page)
        tree.check_harmless()
        kept = [(tag, names) for tag, names in tree.tags if tag not in {"text", "tspan", "g", "path", "line", "title"}]
        assert kept == [
            (tag, names) for tag, names in calm.tags if tag not in {"text", "tspan", "g", "path", "line", "title"}
        ]
        assert text.replace("\x01", "")[:12] in "".join(tree.words).replace("\x01", "")
    torture.record("markup in texts of the report", len(texts))


def test_hostile_values_in_loan_files_reach_no_page(run: Run, home: Path, torture: Any) -> None:
    """Loans whose every text is markup are landed, scored, monitored and reported."""
    planted = 0
    for path in sorted((home / "data").glob("*/*_2021_06.parquet")) + sorted(
        (home / "data").glob("*/*_2021_06_2*.csv")
    ):
        if path.suffix != ".csv":
            continue
        frame = pl.read_csv(path, infer_schema=False)
        texts = [
            name
            for name in (
                "purpose",
                "title",
                "description",
                "sub_grade",
                "grade",
                "state",
                "employment_title",
                "home_ownership",
                "income_verification",
                "zip3",
            )
            if name in frame.columns
        ]
        evil = pl.Series("evil", [HOSTILE[row % len(HOSTILE)] for row in range(frame.height)], dtype=pl.String)
        planted += frame.height * len(texts)
        changed = frame.with_columns(evil.alias(name) for name in texts)
        if path.name.startswith(("loan_terms", "demographic", "financial", "credit_history")):
            changed = changed.with_columns((pl.col("loan_id") + "<b onload=alert(1)>" + evil).alias("loan_id"))
        changed.write_csv(path, quote_style="always")
    assert planted
    days = ["--from", NEXT, "--to", str(LAST)]
    ran = run(home, ["preprocess", *days], ["infer", *days], ["monitor", "--week-end", str(LAST), "--json"])
    assert [outcome.code for outcome in ran.outcomes] == [0, 0, 0], ran.outcomes
    (report,) = [path for path in (home / "reports").iterdir() if str(LAST).replace("-", "_") in path.name]
    tree = Tree(report.read_text(encoding="utf-8"))
    tree.check_harmless()
    assert "Model monitoring" in tree.words
    torture.record("markup in loan files, to the report", planted)
