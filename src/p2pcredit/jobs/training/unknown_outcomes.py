"""Count the loans whose outcome cannot be known, and say why: for receipts, evidence, report and doctor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.early_statuses import early_statuses, in_words
from p2pcredit.jobs.preprocessing.set_aside import most_frequent
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.text import LONGEST_EXAMPLE, one_line
from p2pcredit.transforms.labels import first_originations, unknown_outcomes
from p2pcredit.transforms.unknown_outcomes import events_set_aside, first_set_aside, without_name

MOST_READ = 10_000
"""So many raw rows are read for an example."""


@dataclass(frozen=True, slots=True)
class UnknownOutcomes:
    """How many loans have an outcome that cannot be known.

    Args:
        loans: Loans in the book.
        unknown: Those of them of which an event was set aside before their window closed.
        of_no_loan: Events set aside whose loan cannot be read.
        reason: The commonest rule that such events broke, and what it was broken by; empty where there are none.
    """

    loans: int
    unknown: int
    of_no_loan: int
    reason: str

    @property
    def share(self) -> float:
        """Share of the loans whose outcome is unknown, 0 to 1; 0 without loans."""
        return self.unknown / self.loans if self.loans else 0.0

    def in_words(self) -> str:
        """Word it in one line: counts, the commonest reason, and the events that name no loan."""
        said = f"the outcome of {self.unknown:,} of {self.loans:,} loans cannot be known ({self.share:.1%})"
        if self.reason:
            said += f", mostly because of {self.reason}"
        if self.of_no_loan:
            said += f"; events in quarantine that name no loan, and may be of any: {self.of_no_loan:,}"
        return said


def count_unknown(lake: Lake, day: date, settings: LabelSettings) -> UnknownOutcomes:
    """Count the loans whose outcome cannot be known by the main definition, as far as that is known on a day."""
    terms, quarantine = lake.frame(silver(FEEDS["loan_terms"])), lake.frame(QUARANTINE)
    loans = first_originations(terms.filter(nw.col("snapshot_date") <= day))
    found = collect(unknown_outcomes(terms, quarantine, as_of=day, settings=settings).select("loan_id"))
    height = int(collect(loans.select(nw.len().alias("n"))).item())
    return UnknownOutcomes(height, found.height, count_of_no_loan(lake, day), commonest_reason(lake, day))


def count_of_no_loan(lake: Lake, day: date, history: DateRange | None = None) -> int:
    """Count the events set aside by a day, in a history where one is given, whose loan cannot be read."""
    nameless = without_name(lake.frame(QUARANTINE, history)).filter(nw.col("snapshot_date") <= day)
    return int(collect(nameless.select(nw.len().alias("n"))).item())


def commonest_reason(lake: Lake, day: date, history: DateRange | None = None) -> str:
    """Name the rule that events set aside by a day broke most often, with an example; empty where there is none.

    Only the files of a history are opened where one is given.

    Of each row the first rule counts, in the order of the columns: a status that cannot be read lacks its days past due
    too, and it is the status that is to be mended.
    """
    events = collect(events_set_aside(lake.frame(QUARANTINE, history)).filter(nw.col("snapshot_date") <= day))
    first = events.select("raw", pl.col("rules").str.split("; ").list.first().alias("rule"))
    most = most_frequent(first.lazy(), "rule")
    if most is None:
        return ""
    rule, count = most
    own = first.filter(pl.col("rule") == rule)
    said = f"'{rule}' ({count:,} events)"
    example = _example(own["raw"].drop_nulls().sort().head(MOST_READ).to_list(), rule.partition(":")[0])
    return f"{said}, such as {example}" if example else said


def events_set_aside_on(lake: Lake, days: DateRange) -> dict[str, int]:
    """Count the loans with an event that was set aside on these days, and the events that name no loan."""
    quarantine = lake.frame(QUARANTINE, days)
    named, nameless = collect(first_set_aside(quarantine)).height, collect(without_name(quarantine)).height
    return {"unknown_outcomes": named, "of_no_loan": nameless}


def check_outcomes(ctx: JobContext) -> tuple[Status, str]:
    """Fail where more loans have an unknown outcome than rows may be set aside before a day is no success."""
    lake = Lake(ctx.layout)
    if not lake.exists(silver(FEEDS["loan_terms"])):
        return Status.UNDETERMINED, "no loan has come in yet"
    found = count_unknown(lake, date.max, ctx.settings.labels)
    if not found.loans:
        return Status.UNDETERMINED, "no loan has come in yet"
    limit = ctx.settings.preprocessing.max_quarantined_share
    early = early_statuses(ctx.layout)
    if early and found.share <= limit:
        said = f"{in_words(early)}; one of the dates is wrong: mend it and land the file again; {found.in_words()}"
        return Status.FAIL if len(early) > limit * found.loans else Status.PASS, said
    if found.share <= limit:
        return Status.PASS, found.in_words()
    return (
        Status.FAIL,
        f"{found.in_words()}; they are neither good nor bad for any model, above the limit of {limit:.0%}; name their "
        "statuses in the mapping, or mend statuses and dates in the source, and land again",
    )


def _example(raws: list[str], column: str) -> str:
    """Return the commonest raw value of a column in these rows, as `status 'lost'`; empty where there is none."""
    found = (json.loads(raw).get(column) for raw in raws)
    values = [value.strip() for value in found if isinstance(value, str) and value.strip()]
    commonest = most_frequent(pl.LazyFrame({"value": values}, schema={"value": pl.String}), "value")
    return "" if commonest is None else f"{column} '{one_line(commonest[0], LONGEST_EXAMPLE)}'"
