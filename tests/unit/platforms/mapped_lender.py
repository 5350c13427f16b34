"""A lender that a mapping describes, for tests of what mappings read."""

from __future__ import annotations

from pathlib import Path

from p2pcredit.platforms.mapped.profile import load_mapping

MAPPING = """
name: lender
loan_id: Nr
origination_date: {column: Start, date: "%d.%m.%Y"}
feeds:
  loan_terms:
    loan_amount: Amount
    term: Months
    interest_rate: {column: Rate, times: 100, round: 2}
  demographic:
    home_ownership: {column: Home, values: {"Miete": RENT}}
    state: {columns: [Region, Land]}
events:
  status: State
  "on": {column: Since, date: "%d.%m.%Y"}
  days_past_due: Late
  read_on: 2020-12-31
  rules:
    paid: [{status: FULLY_PAID}]
    lost: [{status: LATE, days_past_due: 30, after_days: -90}, {status: CHARGED_OFF, days_past_due: 120}]
    open: []
    slow: past_due
"""
HEADER = "Nr,Start,Amount,Months,Rate,Home,Region,Land,State,Since,Late"


def mapping_file(tmp_path: Path, text: str = MAPPING) -> Path:
    """Write a mapping, the lender's unless another is given."""
    path = tmp_path / "lender.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def performance(tmp_path: Path, *lines: str) -> list[tuple[str, str, str, str]]:
    """Read these lines of a download, and list the events that follow from them."""
    raw = tmp_path / "raw.csv"
    raw.write_text("\n".join([HEADER, *lines]))
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    return book.feeds["loan_performance"].select("loan_id", "event_date", "status", "days_past_due").rows()
