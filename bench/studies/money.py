"""Money on real loans: what the file says came in, what was expected of each loan on its day, and what choosing earned.

    .venv/bin/python bench/studies/money.py LoanStats.csv.gz --home loans --out docs/reference/money-on-real-loans.md

reads a home that `honest_replay.py` made of the same file and that is preprocessed to the last day of it, and writes
the page. Expectations are those that `gold/predictions` held on each loan's day; outcomes are cash flows to the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from p2pcredit.contracts.tables import CASH_FLOWS, FEATURE_STORE, PREDICTIONS
from p2pcredit.jobs.portfolio.book import book_of
from p2pcredit.models.economics.schedule import balances
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.portfolio.loan_returns import DAYS_A_YEAR, loan_returns
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

KINDS = {
    "principal": "total_rec_prncp",
    "interest": "total_rec_int",
    "fee": "total_rec_late_fee",
    "recovery": "recoveries",
}
"""Kind of a cash flow -> the file's total of it."""
SHARES = (0.10, 0.25, 0.50)
DRAWS = 2000
_SEED = 20220232
_TAIL = 0.05
_MISSED_MONTHS = 4
"""From the last payment to the default: a month to the instalment that is missed, and 90 days."""
_LEAST_LOANS = 30
BORN = pl.col("origination_date")
HALF_YEAR = pl.format("{}H{}", BORN.dt.year(), (BORN.dt.month() > 6).cast(pl.Int8) + 1)


def read_totals(file: Path) -> pl.DataFrame:
    """Read the totals of each loan as the platform published them, and what of it tells when money was at work."""
    raw = pl.read_csv(file, skip_rows=1, infer_schema=False, truncate_ragged_lines=True)
    number = {name: pl.col(source).cast(pl.Float64).fill_null(0.0).round(2) for name, source in KINDS.items()}
    issued, paid = (pl.col(name).str.to_date("%b-%Y", strict=False) for name in ("issue_d", "last_pymnt_d"))
    months = (
        (paid.dt.year() - issued.dt.year()) * 12 + paid.dt.month().cast(pl.Int32) - issued.dt.month().cast(pl.Int32)
    )
    return raw.filter(pl.col("loan_amnt").is_not_null()).select(
        pl.col("id").alias("loan_id"),
        pl.col("funded_amnt").cast(pl.Float64).alias("disbursed"),
        pl.col("term").str.extract(r"(\d+)").cast(pl.Int64).alias("term_months"),
        (pl.col("int_rate").str.strip_chars(" %").cast(pl.Float64) / 100).alias("rate"),
        "grade",
        issued.dt.year().alias("year"),
        months.fill_null(0).alias("months_paid"),
        pl.col("loan_status").str.contains("Charged Off|Default").alias("bad"),
        *(amount.alias(name) for name, amount in number.items()),
    )


def years_by_schedule(totals: pl.DataFrame) -> Floats:
    """Give principal at work times years per loan, from the file alone: an annuity until the last payment.

    What was not paid back of a loan that was charged off stays at work until its default.
    """
    found = np.zeros(totals.height)
    rates, paid = totals["rate"].to_numpy(), totals["months_paid"].to_numpy()
    owed = totals["disbursed"].to_numpy()
    rest = np.where(totals["bad"].to_numpy(), 1.0 - totals["principal"].to_numpy() / owed, 0.0)
    for term in totals["term_months"].unique():
        own = (totals["term_months"] == term).to_numpy()
        left = np.maximum(balances(rates[own], int(term)), rest[own, None])
        months = np.arange(left.shape[1])[None, :]
        found[own] = (left * (months < paid[own, None])).sum(axis=1) / 12
    return owed * (found + rest * _MISSED_MONTHS / 12)


def by_kind(flows: pl.DataFrame, totals: pl.DataFrame) -> list[str]:
    """Write one row per kind: the file's total, that of the flows, and for how many loans they differ by a cent."""
    loans = totals.select("loan_id", pl.col("disbursed"), *KINDS)
    summed = flows.group_by("loan_id", "kind").agg(pl.col("amount").sum())
    rows = []
    for kind in ("disbursed", *KINDS):
        own = summed.filter(pl.col("kind") == kind).select("loan_id", pl.col("amount").abs().alias("came"))
        both = loans.select("loan_id", kind).join(own, on="loan_id", how="full", coalesce=True).fill_null(0.0)
        off = both.filter((pl.col(kind) - pl.col("came")).abs() > 0.005).height
        rows.append(f"| {kind} | {both[kind].sum():,.2f} | {both['came'].sum():,.2f} | {both.height:,} | {off} |")
    return rows


def against_the_file(own: pl.DataFrame, totals: pl.DataFrame) -> list[str]:
    """Write one row per year and grade: net annualised return by the service and from the file's totals alone."""
    lost = pl.col("disbursed") - pl.col("principal")
    theirs = totals.with_columns(
        pl.Series("years", years_by_schedule(totals)),
        (pl.col("interest") + pl.col("fee") + pl.col("recovery") - pl.when("bad").then(lost).otherwise(0.0)).alias(
            "net"
        ),
    )
    ours = own.select("loan_id", income().alias("own_net"), (pl.col("days_at_work") / DAYS_A_YEAR).alias("own_years"))
    both = theirs.join(ours, on="loan_id", how="inner")
    rows = []
    for (year, grade), cell in sorted(both.partition_by("year", "grade", as_dict=True).items()):
        if cell.height < _LEAST_LOANS:
            continue
        file, service = _sum(cell, "net") / _sum(cell, "years"), _sum(cell, "own_net") / _sum(cell, "own_years")
        gain = f"{_sum(cell, 'net'):,.0f} | {_sum(cell, 'own_net'):,.0f}"
        rows.append(
            f"| {year} | {grade} | {cell.height:,} | {gain} | {file:.2%} | {service:.2%} | {service - file:+.2%} |"
        )
    return rows


def _sum(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].to_numpy().sum())


def income() -> pl.Expr:
    """Give what a loan brought, net of what was lost."""
    return pl.col("interest") + pl.col("fees") + pl.col("recoveries") - pl.col("lost")


def scored_loans(lake: Lake, own: pl.DataFrame) -> pl.DataFrame:
    """Join to each loan what was expected of it on its day; loans whose term has not passed are left out."""
    told = lake.scan(FEATURE_STORE).select("loan_id", "platform_sub_grade").collect().unique("loan_id")
    columns = ("probability_of_default", "lifetime_probability_of_default", "expected_loss", "expected_annual_return")
    given = (
        lake.scan(PREDICTIONS)
        .filter(pl.col("expected_annual_return").is_not_null())
        .select("loan_id", "snapshot_date", *columns)
        .collect()
        .sort("snapshot_date", "loan_id")
        .unique("loan_id", keep="first")
    )
    return (
        own.filter("mature")
        .join(given.drop("snapshot_date"), on="loan_id")
        .join(told, on="loan_id")
        .with_columns(
            income().alias("income"),
            (pl.col("days_at_work") / DAYS_A_YEAR).alias("years"),
            (pl.col("lost") - pl.col("recoveries")).alias("loss"),
            (pl.col("expected_loss") * pl.col("invested")).alias("expected"),
            BORN.dt.strftime("%Y-%m").alias("vintage"),
            HALF_YEAR.alias("half_year"),
        )
        .sort("origination_date", "loan_id")
    )


def losses(loans: pl.DataFrame) -> Iterator[str]:
    """Write one row per half-year and term: expected lifetime loss, what came, and their ratio with its interval."""
    cells = sorted(loans.partition_by("half_year", "term_months", as_dict=True).items())
    terms = sorted(loans.partition_by("term_months", as_dict=True).items())
    for name, cell in [
        *((f"{half} | {term}", cell) for (half, term), cell in cells),
        *((f"all | {term}", cell) for (term,), cell in terms),
        ("all | all", loans),
    ]:
        came, expected = (cell[column].to_numpy() for column in ("loss", "expected"))
        weights = draws(cell.height)
        ratios = (weights @ came) / (weights @ expected)
        low, high = np.quantile(ratios, [_TAIL, 1 - _TAIL])
        lent = cell["invested"].sum()
        yield (
            f"| {name} | {cell.height:,} | {expected.sum() / lent:.2%} | {came.sum() / lent:.2%} | "
            f"{came.sum() / expected.sum():.2f} ({low:.2f} to {high:.2f}) |"
        )


def draws(units: int, number: int = DRAWS) -> Floats:
    """Draw units with replacement: how often each was drawn, (draws, units)."""
    random = np.random.default_rng(_SEED)
    return random.multinomial(units, np.full(units, 1.0 / units), size=number).astype(np.float64)


@dataclass(frozen=True)
class Chosen:
    """What loans chosen by one measure brought, by vintage.

    Args:
        income, years, loss, lent: (vintages,).
    """

    income: Floats
    years: Floats
    loss: Floats
    lent: Floats

    def rate(self, weights: Floats) -> Floats:
        """Give the net annualised return under weights of vintages."""
        return np.asarray((weights @ self.income) / (weights @ self.years))


MEASURES: dict[str, tuple[pl.Expr, bool]] = {
    "expected annual return": (pl.col("expected_annual_return"), True),
    "12-month PD": (pl.col("probability_of_default"), False),
    "lifetime PD": (pl.col("lifetime_probability_of_default"), False),
    "expected loss": (pl.col("expected_loss"), False),
    "sub-grade": (pl.col("platform_sub_grade").rank("dense"), False),
    "highest interest rate": (pl.col("interest_rate_share"), True),
}
"""By what loans are chosen, and whether more is better."""


def choose(loans: pl.DataFrame, measure: str, share: float) -> Chosen:
    """Lend the same share of each vintage's amount to the loans that a measure puts first; equals get equal parts."""
    by, more = MEASURES[measure]
    rows = []
    for vintage in loans.partition_by("vintage", maintain_order=True):
        names = ("invested", "income", "years", "loss")
        ranked = (
            vintage.with_columns(by.alias("key")).group_by("key").agg(pl.col(*names).sum()).sort("key", descending=more)
        )
        amounts = ranked["invested"].to_numpy()
        before = np.cumsum(amounts) - amounts
        part = np.clip((share * amounts.sum() - before) / amounts, 0.0, 1.0)
        rows.append([float((ranked[name].to_numpy() * part).sum()) for name in names])
    lent, income_, years, loss = np.array(rows).T
    return Chosen(income_, years, loss, lent)


def choices(loans: pl.DataFrame) -> Iterator[str]:
    """Write one row per share and measure: what was earned, and by how much more than by sub-grade and by PD."""
    vintages = loans["vintage"].n_unique()
    weights, whole = draws(vintages), np.ones((1, vintages))
    bases = ("sub-grade", "12-month PD")
    for share in SHARES:
        found = {measure: choose(loans, measure, share) for measure in MEASURES}
        for measure, own in found.items():
            low, high = np.quantile(own.rate(weights), [_TAIL, 1 - _TAIL])
            leads = " | ".join("" if base == measure else _lead(own, found[base], weights, whole) for base in bases)
            yield (
                f"| {share:.0%} | {measure} | {own.rate(whole)[0]:.2%} ({low:.2%} to {high:.2%}) | "
                f"{own.loss.sum() / own.lent.sum():.2%} | {leads} |"
            )
    everything = choose(loans, "sub-grade", 1.0)
    low, high = np.quantile(everything.rate(weights), [_TAIL, 1 - _TAIL])
    loss = everything.loss.sum() / everything.lent.sum()
    yield f"| 100% | all loans | {everything.rate(whole)[0]:.2%} ({low:.2%} to {high:.2%}) | {loss:.2%} | | |"


def _lead(own: Chosen, other: Chosen, weights: Floats, whole: Floats) -> str:
    gaps = own.rate(weights) - other.rate(weights)
    low, high = np.quantile(gaps, [_TAIL, 1 - _TAIL])
    return f"{own.rate(whole)[0] - other.rate(whole)[0]:+.2%} ({low:+.2%} to {high:+.2%})"


def summary(loans: pl.DataFrame, share: float = 0.25) -> list[str]:
    """Say in sentences what the tables come to."""
    vintages = loans["vintage"].n_unique()
    weights, whole = draws(vintages), np.ones((1, vintages))
    names = ("expected annual return", "12-month PD", "sub-grade", "highest interest rate")
    found = {name: choose(loans, name, share) for name in names}
    rates = [f"{found[name].rate(whole)[0]:.1%} by {name}" for name in names]
    lost = [f"{own.loss.sum() / own.lent.sum():.1%}" for own in found.values()]
    best = max(names, key=lambda name: float(found[name].rate(whole)[0]))
    others = [name for name in names if name != best]
    leads = [f"{_lead(found[best], found[name], weights, whole)} against {name}" for name in others]
    ratio = _sum(loans, "loss") / _sum(loans, "expected")
    return [
        f"- **Choosing by {best} earned most.** With {share:.0%} of the amount lent in every month: "
        f"{', '.join(rates)}. It earned more: {'; '.join(leads)}.",
        "- **A return is not a low loss**: lost of the amount lent, in the same order, "
        f"{', '.join(lost)}. A lender with a limit on losses wants `strategy --loss-limit`.",
        f"- **Expected losses were too high**: {ratio:.2f} of them came. The models had learned late months on book "
        "from the loans of 2007 and 2008 ([figures](figures.md)); the order of loans stood it, levels did not.",
        "- These loans were looked at before, when the models' recipe was chosen, and are one platform's in the years "
        "after a crisis. Nothing here says that later ones pay as much.",
    ]


def table(columns: str, rows: Sequence[str]) -> str:
    """Lay rows out under their columns."""
    names = columns.split(" | ")
    return "\n".join([f"| {columns} |", "|---" * len(names) + "|", *rows])


def page(file: Path, home: Path) -> str:
    """Write the page."""
    lake, settings = Lake(Layout(home)), load_settings(home)
    flows = lake.scan(CASH_FLOWS).select("loan_id", "paid_on", "kind", "amount", "rebuilt", "known_on").collect()
    end: date = flows["known_on"].max()  # type: ignore[assignment]
    book = book_of(lake, settings, end, graded=False)
    own = loan_returns(book.loans, flows, end)  # every loan has ended, so that nothing is still to become known
    totals, loans = read_totals(file), scored_loans(lake, own)
    short = loans.filter(pl.col("term_months") == 36)
    return PAGE.format(
        summary="\n".join(summary(loans)),
        loans=totals.height,
        scored=loans.height,
        first=loans["origination_date"].min(),
        last=loans["origination_date"].max(),
        months=loans["vintage"].n_unique(),
        kinds=table("kind | the file | cash flows | loans | loans that differ", by_kind(flows, totals)),
        returns=table(
            "year | grade | loans | net gain, file | net gain, service | return, file | return, service | difference",
            against_the_file(own, totals),
        ),
        losses=table("made | term | loans | expected | came | came / expected", list(losses(loans))),
        choices=table(
            "lent | chosen by | return | loss | more than by sub-grade | more than by PD", list(choices(loans))
        ),
        short=table(
            "lent | chosen by | return | loss | more than by sub-grade | more than by PD", list(choices(short))
        ),
    )


PAGE = """# Money on real loans

Real LendingClub loans (`LoanStats` of 2007-06 to 2010-12, {loans:,} loans), with every payment until each loan's end.
Each model knew what was known on the day as of which it was trained, and each loan has the expectations of the model
that served on its day. The tables are written by
`.venv/bin/python bench/studies/money.py LoanStats.csv.gz --home loans`; `bench/studies/honest_replay.py` makes such a
home. For this page the three models of that replay were trained by `train --as-of` on the days on which the replay
trains (2009-08-13, 2010-02-14, 2010-08-15), and `infer` scored the days of each. Amounts are US dollars. All intervals
are of 90%.

{summary}

## All that came in

LendingClub publishes totals; the service [rebuilds
payments](../decisions/140-payments-rebuilt-as-known-on-their-days.md) from them. Added up per loan and kind they are
the file's totals to the cent.

{kinds}

## Net annualised return, by the service and from the file alone

Beside `p2pcredit returns` stands a calculation that uses nothing of it: the file's own totals, and an annuity until
the last payment for how long principal was at work; what a charged-off loan did not pay back stays at work for four
months. Cells of fewer than 30 loans are left out.

{returns}

## Expected loss when the loan was made, and what came

{scored:,} loans made from {first} to {last}, whose term has passed, with `expected_loss` as it was written on each
loan's day: by the default curve and what the book had shown of recoveries and early repayments when the champion was
made. Shares are of the amount lent, net of recoveries. The interval is of loans drawn anew.

{losses}

## What choosing would have earned

Of each of the {months} months the same share of the amount was lent, to the loans that a measure of that day puts
first; loans that it puts alike get equal parts. The return is what came: interest, fees and recoveries less what was
lost, over the principal at work, a year. Differences are percentage points. Intervals are of months drawn anew, of
differences in pairs. Lyócsa et al. (2022), *Financial Innovation* 8:32, table 4, is the model: there choosing by
expected profit earned 6.3 to 6.5%, by PD 5.3%.

{choices}

Loans of 36 months alone, so that none of it is a choice between terms:

{short}
"""


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = page(asked.file, asked.home)
    if asked.out is None:
        print(text)
    else:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
