"""Every recipe of the cookbook lands as its page says."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from tools.docs.blocks import blocks_of
from tools.docs.running import ROOT

from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.mapped.profile import load_mapping

PAGE = ROOT / "docs" / "how-to" / "cookbook-of-books.md"
RECIPES = {
    title.strip(): body
    for title, body in re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    if "<!-- file" in body
}


def told(book: RawBook) -> str:
    """Tell of each loan its day, amount, term and rate, what else it has, and its events."""
    terms = book.feeds["loan_terms"].sort("loan_id")
    lines = []
    for loan, day, amount, months, rate in terms.select(
        "loan_id", "snapshot_date", "loan_amount", "term", "interest_rate"
    ).iter_rows():
        words = [
            f"{loan}: {day}, {float(amount):g} for {float(months):g} months" + (f" at {float(rate):g}%" if rate else "")
        ]
        for feed in ("demographic", "financial", "credit_history", "own_columns"):
            if feed in book.feeds:
                keys = ("loan_id", "snapshot_date", "origination_date")
                row = book.feeds[feed].filter(loan_id=loan).drop(keys, strict=False)
                words += [f"{name} {value}" for name, value in row.row(0, named=True).items() if value is not None]
        events = book.feeds["loan_performance"].filter(loan_id=loan).sort("snapshot_date", maintain_order=True)
        shown = events.select("snapshot_date", "status", "days_past_due").rows()
        words += [f"{on} {status}{'' if late in {None, '0'} else f' {late} days'}" for on, status, late in shown]
        lines.append("; ".join(words))
    return "\n".join(lines) + "\n"


def test_the_cookbook_has_a_dozen_books() -> None:
    assert len(RECIPES) >= 12


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_lands_as_the_page_says(title: str, tmp_path: Path) -> None:
    blocks = blocks_of(RECIPES[title])
    files = []
    for block in blocks:
        if block.kind == "file":
            (tmp_path / block.said).write_text(block.text, encoding="utf-8")
            files += [tmp_path / block.said] if block.said != "book.yaml" else []
    book = load_mapping(tmp_path / "book.yaml", date(2024, 12, 31)).read(files, None, None)
    (output,) = (block.text for block in blocks if block.kind == "output")
    assert told(book) == output
