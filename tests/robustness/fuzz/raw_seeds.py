"""Raw downloads from which broken ones are made: a few invented loans always, real ones where they are at hand."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from pathlib import Path

from p2pcredit.platforms.lendingclub.profile import LAYOUTS

SHARED = Path(__file__).parents[4] / "shared" / "data"
_REAL = {
    "LoanStats": "lendingclub/LoanStats_2007_2010.csv.gz",
    "accepted": "lendingclub/accepted_2007_to_2018_sample.csv.gz",
    "prosper": "prosper/prosperLoanData_sample.csv.gz",
}
_REAL_ROWS = 12

OWN_MAPPING = """
name: my_lender
loan_id: Contract
origination_date: {column: Paid out, date: "%d.%m.%Y"}
feeds:
  loan_terms:
    loan_amount: Amount
    term: Months
    interest_rate: {column: Rate, times: 100, round: 2}
  demographic:
    home_ownership: {column: Home, values: {"Miete": RENT}}
    employment_length: {column: Employed months, times: 0.083333, round: 0}
events:
  status: State
  "on": {column: Since, date: "%d.%m.%Y"}
  days_past_due: Days late
  rules:
    paid: [{status: FULLY_PAID}]
    lost: [{status: LATE, days_past_due: 30, after_days: -90}, {status: CHARGED_OFF, days_past_due: 120}]
    open: []
    late: past_due
"""


OWN_MAPPINGS = {
    "own": OWN_MAPPING,
    "own, by semicolons": OWN_MAPPING.replace(
        "loan_id: Contract", 'file: {decimal: ",", encoding: windows-1252}\nloan_id: Contract'
    ),
}
ANY_SEPARATOR = ",;\t|"


def profile_for(platform: str, tmp: Path) -> str:
    """Return what a person writes after `land`: the platform's name, or the path of the mapping, written to `tmp`."""
    if platform not in OWN_MAPPINGS:
        return platform
    path = tmp / "own.yaml"
    path.write_text(OWN_MAPPINGS[platform])
    return str(path)


@dataclass(frozen=True)
class RawSeed:
    """The rows of a download, the line above its header, and the columns that tell the header from other lines.

    `separators` are those under which a header is sought, `delimiter` is the one that it is written with.
    """

    platform: str
    header: list[str]
    rows: list[list[str]]
    required: tuple[str, ...]
    note: str = ""
    quote_all: bool = False
    separators: str = ANY_SEPARATOR
    delimiter: str = ","
    encoding: str = "utf-8"


def invented_seeds() -> dict[str, RawSeed]:
    """Invent loans in every layout that can be landed."""
    club = ["id", "loan_amnt", "funded_amnt", "term", "int_rate", "issue_d", "loan_status", "desc", "last_pymnt_d"]
    club += ["last_credit_pull_d", "total_rec_prncp", "out_prncp", "fico_range_low", "fico_range_high", "zip_code"]
    statuses = ["Fully Paid", "Charged Off", "Late (31-120 days)", "Current", "Default"]
    rest = ["Mar-2013", "1000", "0", "700", "704", "860xx"]
    loans = [
        [str(n), "5000", "5000", " 36 months", "10.65%", "Dec-2010", statuses[n % 5], 'a, "b"\nc', "Jan-2012", *rest]
        for n in range(8)
    ]
    summary = ["Total amount funded in policy code 1: 40000"] + [""] * (len(club) - 1)
    prosper = ["LoanNumber", "LoanOriginationDate", "LoanOriginalAmount", "Term", "BorrowerRate", "LoanStatus"]
    prosper += ["ClosedDate", "LoanCurrentDaysDelinquent", "EmploymentStatusDuration", "BorrowerState"]
    ends = [("Completed", "2011-05-01 00:00:00", "0"), ("Past Due (31-60 days)", "", "45"), ("Current", "", "0")]
    people = [[str(n), "2010-12-31 00:00:00", "5000", "36", "0.1065", *ends[n % 3], "77.5", "CA"] for n in range(8)]
    own = ["Contract", "Paid out", "Amount", "Months", "Rate", "Home", "Employed months", "State", "Since", "Days late"]
    states = [("paid", "01.05.2011", "0"), ("late", "", "45"), ("open", "", "0"), ("lost", "01.06.2011", "130")]
    owns = [[f"K{n}", "31.12.2010", "900", "12", "0.1234", "Miete", "30", *states[n % 4]] for n in range(8)]
    commas = [[*row[:2], "1.900,50 €", "12", "0,1234", "Mühle", *row[6:]] for row in owns]
    needed = ("Contract", "State", "Paid out", "Amount", "Months")
    small = {"loan": LAYOUTS["LoanStats"], "prosper": tuple(prosper[i] for i in (0, 5, 1, 2, 3))}
    return {
        "invented LoanStats": RawSeed("lendingclub", club, [*loans, summary], small["loan"], "Notes", quote_all=True),
        "invented accepted": RawSeed("lendingclub", club, loans, small["loan"]),
        "invented Prosper": RawSeed("prosper", prosper, people, small["prosper"]),
        "a mapping of one's own": RawSeed("own", own, owns, needed),
        "one by semicolons": RawSeed("own, by semicolons", own, commas, needed, delimiter=";", encoding="windows-1252"),
    }


def real_seeds() -> dict[str, RawSeed]:
    """Read a few real loans of each download that is at hand."""
    seeds = {}
    for name, file in _REAL.items():
        path = SHARED / file
        if not path.is_file():
            continue
        with gzip.open(path, "rb") as stream:
            text = stream.read(400_000).decode("utf-8", "replace")
        lines = io.StringIO(text, newline="")
        note = lines.readline().strip() if name == "LoanStats" else ""
        header, *rows = [row for row in csv.reader(lines) if row][: _REAL_ROWS + 1]
        required = invented_seeds()["invented Prosper"].required if name == "prosper" else LAYOUTS["LoanStats"]
        platform = "prosper" if name == "prosper" else "lendingclub"
        seeds[f"real {name}"] = RawSeed(platform, header, rows, required, note, quote_all=name == "LoanStats")
    return seeds
