"""A home of a few LendingClub loans with totals of payments, worked by hand in the tests that use it.

All were issued in January 2010 at 12% over 36 months. Loan 1 was paid off in month 5; loan 2 was charged off after a
last payment in April, and 300 were recovered; loan 3 is current at the end of the file, in June 2011.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.settings import LabelSettings, PreprocessingSettings, Settings
from p2pcredit.storage.layout import Layout

SHARED = {
    "loan_amnt": "1200",
    "funded_amnt": "1200",
    "term": " 36 months",
    "int_rate": " 12.00%",
    "installment": "39.86",
    "grade": "B",
    "sub_grade": "B2",
    "issue_d": "Jan-2010",
    "last_credit_pull_d": "Jun-2011",
    "out_prncp": "0",
    "recoveries": "0",
    "total_rec_late_fee": "0",
}
LOANS = (
    {
        "id": "1",
        "loan_status": "Fully Paid",
        "last_pymnt_d": "Jun-2010",
        "last_pymnt_amnt": "1100.00",
        "total_rec_prncp": "1200",
        "total_rec_int": "57.87",
    },
    {
        "id": "2",
        "loan_status": "Charged Off",
        "last_pymnt_d": "Apr-2010",
        "last_pymnt_amnt": "39.86",
        "total_rec_prncp": "84.40",
        "total_rec_int": "35.18",
        "total_rec_late_fee": "15.004",
        "recoveries": "300",
    },
    {
        "id": "3",
        "loan_status": "Current",
        "last_pymnt_d": "Jun-2011",
        "last_pymnt_amnt": "39.86",
        "funded_amnt": "1000",
        "out_prncp": "599.99",
        "total_rec_prncp": "400.01",
        "total_rec_int": "140.55",
    },
)
SETTINGS = Settings(
    labels=LabelSettings(lifetime_terms_months=()), preprocessing=PreprocessingSettings(max_quarantined_share=1.0)
)


def context(home: Path) -> JobContext:
    """Give the context of a job in this home."""
    return JobContext(Layout(home), SETTINGS, "test", datetime(2011, 7, 1, 1, tzinfo=UTC))


def land_loans(home: Path) -> JobContext:
    """Land the loans into an empty home."""
    home.mkdir()
    path = home.with_name("LoanStats.csv")
    names = dict.fromkeys(name for loan in LOANS for name in (*loan, *SHARED))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(names), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows({**SHARED, **loan} for loan in LOANS)
    ctx = context(home)
    land(ctx, "lendingclub", [path], None, None)
    return ctx
