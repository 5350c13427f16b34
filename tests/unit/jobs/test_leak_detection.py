from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from p2pcredit.cli.app import app
from p2pcredit.errors import UsageError
from p2pcredit.jobs.audit.leakage import detect_leaks
from p2pcredit.settings import Settings

HEADER = (
    "id,loan_amnt,funded_amnt,term,issue_d,loan_status,last_pymnt_d,last_credit_pull_d,annual_inc,total_rec_prncp,x"
)
REAL = Path(__file__).parents[4] / "shared/data/lendingclub/accepted_2007_to_2018_sample.csv.gz"


def download(path: Path, *, bads: int = 40, goods: int = 80) -> Path:
    """A LoanStats download; bad loans paid a little and stopped at once, good ones paid all in three years."""
    rows = [HEADER]
    every = (bads + goods) // bads
    for number in range(bads + goods):
        bad = number % every == 0 and number < every * bads
        end = ("Charged Off", "Mar-2010", 50) if bad else ("Fully Paid", "Jan-2013", 1000)
        status, paid, principal = end
        income, odd = 30000 + number * 37 % 1000, number * 7919 % 100
        rows.append(
            f"{number},1000,1000,36 months,Jan-2010,{status},{paid},Feb-2013,{income},{principal},{odd if bad else 0}"
        )
    path.write_text("\n".join(rows) + "\n")
    return path


def test_the_columns_that_must_not_be_used_are_named_with_the_reason(tmp_path: Path) -> None:
    found = detect_leaks(download(tmp_path / "LoanStats.csv"), "lendingclub", Settings())
    assert (found["outcome"], found["loans"], found["bads"]) == ("pd12 of matured loans", 120, 40)
    columns = {finding["column"]: finding for finding in found["columns"]}
    assert {"total_rec_prncp", "loan_status", "last_pymnt_d", "last_credit_pull_d", "x"} == set(found["forbidden"])
    assert columns["total_rec_prncp"]["auc"] == 1.0
    assert columns["total_rec_prncp"]["why"].startswith("exists only after origination: payments")
    assert "alone it scores" in columns["x"]["why"]  # by evidence: the profile knows nothing of it
    assert columns["annual_inc"]["why"] == "known at application: financial.annual_income"
    assert "the AUC would seem to be 1.00" in found["in_words"]


def test_too_few_bads_are_a_refusal_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"5 bad loans in .*20 bads and as many goods are needed"):
        detect_leaks(download(tmp_path / "LoanStats.csv", bads=5), "lendingclub", Settings())


def test_the_command_prints_a_table_or_json_and_needs_no_home(tmp_path: Path) -> None:
    path, home = download(tmp_path / "LoanStats.csv"), tmp_path / "none"
    asked = ["leakage", str(path), "--home", str(home)]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0
    line = next(line for line in told.stdout.splitlines() if line.strip().startswith("total_rec_prncp "))
    assert "must not be used" in line
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert "total_rec_prncp" in found["forbidden"]
    assert not home.exists()


@pytest.mark.skipif(not REAL.exists(), reason="the real LendingClub sample is not there")
def test_real_servicing_columns_are_forbidden_and_bureau_columns_are_not() -> None:
    found = detect_leaks(REAL, "lendingclub", Settings())
    forbidden = set(found["forbidden"])
    assert {"recoveries", "last_fico_range_high", "hardship_flag", "debt_settlement_flag", "out_prncp"} <= forbidden
    assert forbidden.isdisjoint({"fico_range_low", "annual_inc", "open_rv_24m", "il_util", "inq_fi"})


def test_a_loan_whose_outcome_cannot_be_known_is_neither_good_nor_bad_in_the_search_for_leaks(tmp_path: Path) -> None:
    path = download(tmp_path / "LoanStats.csv")
    lines = path.read_text().splitlines()
    eaten = [line.replace("Fully Paid", "Eaten") if place % 4 == 0 else line for place, line in enumerate(lines)]
    path.write_text("\n".join(eaten) + "\n")
    found = detect_leaks(path, "lendingclub", Settings())
    unknown = sum("Eaten" in line for line in eaten)
    assert unknown > 0
    assert (found["unknown_outcomes"], found["loans"], found["bads"]) == (unknown, 120 - unknown, 40)
    assert found["of_no_loan"] == 0
