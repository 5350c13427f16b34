"""The tables of the lake: their columns, with type and sense, and what one row is.

A table's rows are replaced by snapshot date. Types bear the names of Polars types; any engine maps them to its own.
Polars itself is imported where a schema is asked for: the pipelines read this module, and Airflow reads the pipelines.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import ALL_FEEDS, Feed
from p2pcredit.errors import UsageError
from p2pcredit.names import no_such

if TYPE_CHECKING:
    import polars as pl

TypeName = Literal["String", "Boolean", "Date", "Float64", "Int8", "Int32", "Int64", "List(String)"]

TYPES_BY_KIND: dict[Kind, TypeName] = {
    Kind.ID: "String",
    Kind.TEXT: "String",
    Kind.CATEGORY: "String",
    Kind.DATE: "Date",
    Kind.NUMBER: "Float64",
    Kind.COUNT: "Int64",
    Kind.PERCENT: "Float64",
    Kind.TERM: "Int64",
    Kind.YEARS: "Float64",
    Kind.FLAG: "Boolean",
}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a table.

    Args:
        name: The column, with its unit.
        type: The name of its Polars type.
        description: What it is; empty where `contracts.dictionary` says it of every table that has such a column.
    """

    name: str
    type: TypeName
    description: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name under the datamart, its columns, and the columns its rows are sorted by within a date.

    Args:
        row: What one row is.
        made_by: The command that writes it.
        job: `module.function` under `p2pcredit.jobs`, of a gold table that is built from silver: the group
            `gold_processing` gets a step for it, which calls the job. Empty where a step of a pipeline names the job.
    """

    name: str
    columns: tuple[TableColumn, ...]
    sorted_by: tuple[str, ...]
    row: str
    made_by: str = "preprocess"
    job: str = ""

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The Polars type of each column, by name, in their order."""
        return dict(_types_of(self.columns))


@cache
def _types_of(columns: tuple[TableColumn, ...]) -> dict[str, pl.DataType]:
    import polars as pl

    types: dict[TypeName, pl.DataType] = {
        "String": pl.String(),
        "Boolean": pl.Boolean(),
        "Date": pl.Date(),
        "Float64": pl.Float64(),
        "Int8": pl.Int8(),
        "Int32": pl.Int32(),
        "Int64": pl.Int64(),
        "List(String)": pl.List(pl.String()),
    }
    return {column.name: types[column.type] for column in columns}


def bronze(feed: Feed) -> Table:
    """Define the table of a feed's raw rows, as text, with where each came from."""
    lineage = (
        TableColumn("snapshot_date", "Date"),
        TableColumn("source_file", "String", "Name of the landing file."),
        TableColumn("row_number", "Int64"),
        TableColumn("source_digest", "String", "SHA-256 of the landing file."),
        TableColumn(
            "unparsed",
            "String",
            "The record's text where it has another number of fields than the header; null for sound records.",
        ),
    )
    text = (TableColumn(column.source, "String", column.description) for column in feed.columns)
    return Table(f"bronze/{feed.name}", (*lineage, *text), ("row_number",), "the raw row, as text")


def silver(feed: Feed) -> Table:
    """Define the table of a feed's typed rows that break no rule; an optional value that does is missing."""
    lineage = (TableColumn("snapshot_date", "Date"), TableColumn("row_number", "Int64"))
    typed = (TableColumn(c.typed_name, TYPES_BY_KIND[c.kind], c.description) for c in feed.columns)
    return Table(f"silver/{feed.name}", (*lineage, *typed), (feed.key, "row_number"), "the typed row")


QUARANTINE = Table(
    "silver/quarantine",
    (
        TableColumn("feed", "String", "The feed that the row came in with."),
        TableColumn("snapshot_date", "Date"),
        TableColumn("row_number", "Int64"),
        TableColumn("rules", "String", "Every rule that was broken, separated by `; `."),
        TableColumn("raw", "String", "The raw values as JSON: all of a row, or the one that was lost."),
        TableColumn(
            "kind",
            "String",
            "`row` for a row set aside, `value` for an optional value that a sound row lost.",
        ),
        TableColumn("column", "String", "Of a value: its column in the feed; null for a row."),
        TableColumn("loan_id", "String", "The loan's id as it stood in the row, where it could be read."),
    ),
    ("feed", "row_number", "kind", "column"),
    "a row, or one optional value of a row, that broke rules: `kind` is `row` or `value`, `column` the value's column "
    "in the feed, `rules` every rule broken, separated by '; ', `raw` the raw values as JSON, `loan_id` the row's id",
)

FEATURE_STORE = Table(
    "gold/feature_store",
    (
        TableColumn("loan_id", "String"),
        TableColumn("snapshot_date", "Date"),
        TableColumn("known_on", "Date"),
        *(TableColumn(f.name, "Float64" if f.kind == "numeric" else "String", f.description) for f in FEATURES),
    ),
    ("loan_id",),
    "one loan at origination, application-time features only",
    job="preprocessing.stages.build_feature_store",
)

LABEL_STORE = Table(
    "gold/label_store",
    (
        TableColumn("loan_id", "String"),
        TableColumn("definition", "String", "Name of the label, with its horizon in months: `pd12`, `pd36`, `pd60`."),
        TableColumn(
            "label",
            "Int8",
            "1 where the loan defaulted within the horizon, 0 where it did not. Loans not known yet have no row.",
        ),
        TableColumn("origination_date", "Date"),
        TableColumn(
            "known_on",
            "Date",
            "The day the label became known: of a default its own day, of a good the end of window and lag.",
        ),
        TableColumn("snapshot_date", "Date", "The same day as `known_on`."),
    ),
    ("definition", "loan_id"),
    "one label of one loan, on the day it became known (snapshot_date equals known_on)",
    job="preprocessing.label_store.build_label_store",
)

PREDICTIONS = Table(
    "gold/predictions",
    (
        TableColumn("loan_id", "String"),
        TableColumn("snapshot_date", "Date", "The day on which the loan was issued and scored."),
        TableColumn("model_id", "String", "The champion of that day, which gave the score."),
        TableColumn(
            "probability_of_default",
            "Float64",
            "Probability of the main label being 1, between 0 and 1; null where refused.",
        ),
        TableColumn(
            "lifetime_probability_of_default",
            "Float64",
            "Probability of default within the contract term, or within the main window if that is longer, between 0 "
            "and 1; never below `probability_of_default`. Null where refused, and for a model made by version 0.1.",
        ),
        TableColumn(
            "expected_loss",
            "Float64",
            "Expected loss over the contract term, net of recoveries, as a share of the amount lent. Null where "
            "refused, where rate or term is not known, and for a model that holds no `economics.json`.",
        ),
        TableColumn(
            "expected_annual_return",
            "Float64",
            "Expected net annualised return over the contract term: interest less expected losses, over the principal "
            "at work times years, less `money.servicing_rate`. Null as `expected_loss` is.",
        ),
        TableColumn("score", "Int32", "Points: 600 at odds of 50 goods to one bad by default; more is safer."),
        TableColumn(
            "grade",
            "String",
            "Band of the probability of default, A the safest; null where referred or refused.",
        ),
        TableColumn(
            "reason_1",
            "String",
            "The factor that costs the loan the most points, in words; null where there is none.",
        ),
        TableColumn("reason_2", "String", "The second factor."),
        TableColumn("reason_3", "String", "The third factor."),
        TableColumn("reason_4", "String", "The fourth factor."),
        TableColumn(
            "outside_training",
            "List(String)",
            "Each value outside what the model was trained on: `COLUMN: missing`, `COLUMN: level never "
            "seen`, `COLUMN: beyond trained range` or `term_months: term not learned from`; empty for most loans.",
        ),
        TableColumn(
            "decision",
            "String",
            "`approve`, `decline`, `refer` (to a person) or `refuse` (nothing is given).",
        ),
    ),
    ("loan_id",),
    "one scored loan: `outside_training` lists each value outside what the model was trained on as `COLUMN: missing`, "
    "`COLUMN: level never seen`, `COLUMN: beyond trained range` or `term_months: term not learned from`; `decision` is "
    "`approve` (probability of default at or below scores.approval_cutoff), `decline`, `refer` (no grade) or `refuse` "
    "(no probability, score, grade, reasons)",
    made_by="infer",
)

CASH_FLOWS = Table(
    "gold/cash_flows",
    (
        TableColumn("loan_id", "String"),
        TableColumn("snapshot_date", "Date", "The same day as `known_on`."),
        TableColumn("paid_on", "Date", "The day of the payment."),
        TableColumn(
            "kind",
            "String",
            "`disbursed`, `principal`, `interest`, `fee`, `recovery`, or `received` where the platform does not tell "
            "apart what a payment was for.",
        ),
        TableColumn(
            "amount",
            "Float64",
            "In currency, on the investor's side: below zero what was paid out, above what was received. A rebuilt "
            "payment that turned out not to have come is taken back by one of the other sign.",
        ),
        TableColumn(
            "rebuilt",
            "Boolean",
            "Whether the payment was made from a schedule and totals published later, not reported by itself.",
        ),
        TableColumn("known_on", "Date"),
    ),
    ("loan_id", "paid_on", "kind", "amount"),
    "one dated amount of one loan, on the day it became known (snapshot_date equals known_on)",
    job="preprocessing.cash_flows.build_cash_flows",
)

EXPECTED_LOSSES = Table(
    "gold/expected_losses",
    (
        TableColumn("loan_id", "String"),
        TableColumn("snapshot_date", "Date", "The day that the losses are expected from; the same as `known_on`."),
        TableColumn("model_id", "String", "The champion of that day, which gave the probabilities."),
        TableColumn("stage", "Int8", "1 no sign, 2 late or riskier than when it was made, 3 in default."),
        TableColumn("stage_reason", "String", "`none`, `days_past_due`, `pd_shift` or `default`."),
        TableColumn("days_past_due", "Int32", "By the last event known."),
        TableColumn("exposure", "Float64", "Principal owed, in currency; in default, less what was recovered."),
        TableColumn(
            "remaining_probability",
            "Float64",
            "Probability of default over what is left of the term, 0 to 1, without scenarios; 1 in default.",
        ),
        TableColumn(
            "remaining_when_made",
            "Float64",
            "What was expected of the same months when the loan was made; null where it was not scored then.",
        ),
        TableColumn("loss_given_default", "Float64", "Share of the exposure at default that does not come back."),
        TableColumn("loss_12_months", "Float64", "Expected loss of twelve months, in currency, over all scenarios."),
        TableColumn("loss_lifetime", "Float64", "Expected loss of what is left of the term, in currency."),
        TableColumn(
            "allowance",
            "Float64",
            "Twelve months' loss in stage 1, that of what is left of the term in stages 2 and 3, discounted at the "
            "loan's rate; in currency.",
        ),
        TableColumn("known_on", "Date"),
    ),
    ("loan_id",),
    "one loan open on a day for which `losses` was asked, with its stage and expected losses",
    made_by="losses",
)

MONITORING = Table(
    "gold/monitoring",
    (
        TableColumn("snapshot_date", "Date", "The same day as `week_end_date`."),
        TableColumn("week_end_date", "Date", "The last day that the week looks at."),
        TableColumn("model_id", "String"),
        TableColumn("metric", "String", "What was measured, such as `auc`, `psi_score`, `psi:annual_income`."),
        TableColumn(
            "segment",
            "String",
            "The loans or rows it was measured on: `all`, `champion`, or such as `vintage=2010Q1`, `term=36`.",
        ),
        TableColumn("value", "Float64", "The measurement; null where nothing could be measured, never NaN."),
        TableColumn("low", "Float64", "Lower bound of its interval; null where it has none."),
        TableColumn("high", "Float64", "Upper bound of its interval; null where it has none."),
        TableColumn("n", "Int64", "How many loans or rows it rests on."),
        TableColumn(
            "matured_share",
            "Float64",
            "Of the loans scored in the window, the share (0 to 1) whose label is known; null where labels "
            "play no part.",
        ),
        TableColumn("status", "String", "`pass`, `fail` or `undetermined`; undetermined never counts as pass."),
        TableColumn(
            "threshold",
            "Float64",
            "What the value was held against; null where it is for information only.",
        ),
        TableColumn("note", "String", "One sentence for the reader, or empty."),
    ),
    ("metric", "segment"),
    "one metric of one segment in one week (snapshot_date equals week_end_date)",
    made_by="monitor",
)

SCORE_REQUESTS = Table(
    "gold/score_requests",
    (
        TableColumn("request_id", "String", "The request; its answer bears it."),
        TableColumn("application", "Int64", "Place of the application in the request, from 1."),
        TableColumn("snapshot_date", "Date", "The day (UTC) on which was asked."),
        TableColumn("asked_at", "String", "The instant (UTC) at which was asked."),
        TableColumn("asked_by", "String", "Who asked, as the settings or the proxy name them."),
        TableColumn("loan_id", "String"),
        TableColumn("model_id", "String", "The model that answered: the champion of that instant."),
        TableColumn("known_on", "Date", "The day as of which the values were known: that of the application."),
        TableColumn("asked", "String", "The application as it was sent, as JSON."),
        TableColumn("known", "String", "The features of the model as it saw them, as JSON."),
        TableColumn("probability_of_default", "Float64", "Within the main window; null where refused."),
        TableColumn("lifetime_probability_of_default", "Float64", "Within the contract term; null where refused."),
        TableColumn("score", "Int32", "Points; null where refused."),
        TableColumn("grade", "String", "Band of the probability of default; null where referred or refused."),
        TableColumn("decision", "String", "`approve`, `decline`, `refer` or `refuse`."),
        TableColumn("outside_training", "List(String)", "Each value outside what the model was trained on."),
        TableColumn("reasons", "String", "The reasons as they were answered, as JSON."),
        TableColumn(
            "expected_loss", "Float64", "Over the term, a share of the amount lent; null without rate or term."
        ),
        TableColumn("expected_annual_return", "Float64", "A year, as a share; null without rate or term."),
    ),
    ("request_id", "application"),
    "one application that the server answered: what was asked, known and answered, by which model, when",
    made_by="serve",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(bronze(feed) for feed in ALL_FEEDS.values()),
        *(silver(feed) for feed in ALL_FEEDS.values()),
        QUARANTINE,
        FEATURE_STORE,
        LABEL_STORE,
        PREDICTIONS,
        CASH_FLOWS,
        EXPECTED_LOSSES,
        MONITORING,
        SCORE_REQUESTS,
    )
}


BUILT_FROM_SILVER: tuple[str, ...] = tuple(table.name for table in TABLES.values() if table.job)
"""The gold tables that a step of preprocessing builds from silver."""


def table_named(name: str) -> Table:
    """Look up the contract of a table by its name, written with a slash or, as in SQL, with a point.

    Raises:
        UsageError: If there is no such table, with the similar one.

    Examples:
        >>> table_named("gold/predictions").name, table_named("gold.predictions").name
        ('gold/predictions', 'gold/predictions')
    """
    plain, sign = name.replace(".", "/"), "/" if "/" in name else "."
    if plain not in TABLES:
        raise UsageError(no_such("table", name, [known.replace("/", sign) for known in TABLES]))
    return TABLES[plain]
