"""The five daily feeds that a platform lands: four about a loan at origination, one about its servicing.

Two more may land: applications, with what was decided of each, and the columns that a lender declares as features.

A landing file has a header with the `source` names below. Required columns must be there; any other column of the
contract may be left out and is then missing on every row; columns that no contract names are ignored and reported.

What makes a row is required: the loan's id and day, its amount and term; an event's day, status and days past due. No
other value can make a row meaningless: each is one fact of its own, and what is made of several is missing where one of
them is. One that cannot be read is missing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.errors import UsageError
from p2pcredit.names import no_such

PERFORMANCE_STATUSES = frozenset({"CURRENT", "LATE", "DEFAULT", "CHARGED_OFF", "FULLY_PAID"})
"""What a servicing event may say. LATE and DEFAULT carry `days_past_due`; FULLY_PAID and CHARGED_OFF close the loan."""

PAYMENTS = frozenset({"REPORTED", "SCHEDULED"})
"""How the payments of a loan are known."""

CLOSING_STATUSES = frozenset({"CHARGED_OFF", "FULLY_PAID"})
OUTCOMES = frozenset({"APPROVED", "DECLINED", "WITHDRAWN"})
"""What may become of an application. WITHDRAWN: the applicant left before or after an offer, so it was not declined."""

SAID_TO_BE_UNKNOWN = "unknown"
"""How the status of an event begins by which a mapping says that the loan is neither good nor bad: `unknown: void`.

No status of the contract does, so the event is set aside and the loan has no label; since that is declared, it does
not count as a fault of the data.
"""


def is_said_to_be_unknown(status: str | None) -> bool:
    """Test the status of an event for one that a mapping says to be of unknown outcome.

    Examples:
        >>> [is_said_to_be_unknown(status) for status in ("unknown: void", "unknown", "void", None)]
        [True, True, False, False]
    """
    return status == SAID_TO_BE_UNKNOWN or (status or "").startswith(f"{SAID_TO_BE_UNKNOWN}: ")


DEFAULT_STATUSES = frozenset({"DEFAULT", "CHARGED_OFF"})
CURED_STATUSES = frozenset({"CURRENT", "FULLY_PAID"})
"""What a loan that was late says once it pays again."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: its name, columns, and the date column that must equal the snapshot date.

    `one_row_per_loan`: a second row of the same loan on one day is a duplicate. `key`: the column that names a row.
    `optional`: a day without a file of it has none, and lacks nothing.
    """

    name: str
    description: str
    date_column: str
    columns: tuple[Column, ...]
    one_row_per_loan: bool = True
    key: str = "loan_id"
    optional: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Column names in landing files and in bronze, in order."""
        return tuple(column.source for column in self.columns)

    @property
    def required_sources(self) -> tuple[str, ...]:
        """Column names that a landing file must have."""
        return tuple(column.source for column in self.columns if column.required)


_LOAN_ID = Column("loan_id", Kind.ID, required=True, description="The platform's id of the loan.")
_ORIGINATED = Column("origination_date", Kind.DATE, required=True, description="The day the loan was issued.")


def _number(
    source: str, description: str, *, high: float = 1e9, not_above: str = "", positive_with: str = ""
) -> Column:
    return Column(
        source,
        Kind.NUMBER,
        minimum=0,
        maximum=high,
        not_above=not_above,
        positive_with=positive_with,
        description=description,
    )


def _count(source: str, description: str, *, high: float = 10_000) -> Column:
    return Column(source, Kind.COUNT, minimum=0, maximum=high, description=description)


def _percent(source: str, name: str, description: str, *, high: float = 10.0, required: bool = False) -> Column:
    return Column(source, Kind.PERCENT, name, required=required, minimum=0, maximum=high, description=description)


MOST_TERM_MONTHS = 480
"""No contract is longer."""

LOAN_TERMS = Feed(
    "loan_terms",
    "The contract of each loan originated that day.",
    "origination_date",
    (
        _LOAN_ID,
        _ORIGINATED,
        Column(
            "loan_amount", Kind.NUMBER, required=True, minimum=1, maximum=1e9, description="Amount lent, in currency."
        ),
        Column(
            "term",
            Kind.TERM,
            "term_months",
            required=True,
            minimum=1,
            maximum=MOST_TERM_MONTHS,
            description="Term in months.",
        ),
        _percent("interest_rate", "interest_rate_share", "Yearly interest rate.", high=1.0),
        _number("installment", "Monthly payment, in currency."),
        _number("amount_disbursed", "Amount paid out, in currency, where it is not the amount lent."),
        Column(
            "payments",
            Kind.CATEGORY,
            allowed=PAYMENTS,
            description="How payments are known: REPORTED each with an event; SCHEDULED where the platform publishes "
            "totals alone, so that a loan is taken to pay as its schedule says until an event says otherwise. "
            "Missing counts as REPORTED.",
        ),
        Column("grade", Kind.CATEGORY, "platform_grade", description="The platform's own grade."),
        Column("sub_grade", Kind.CATEGORY, "platform_sub_grade", description="The platform's own finer grade."),
        Column("purpose", Kind.CATEGORY, description="What the money is for, as a category."),
        Column("title", Kind.TEXT, description="The borrower's title of the loan."),
        Column("description", Kind.TEXT, description="The borrower's own text."),
        Column("application_type", Kind.CATEGORY, description="INDIVIDUAL or JOINT, where the platform says so."),
    ),
)

DEMOGRAPHIC = Feed(
    "demographic",
    "Who the borrower is, as stated in the application.",
    "origination_date",
    (
        _LOAN_ID,
        _ORIGINATED,
        Column("employment_title", Kind.TEXT, description="Employer or job, as the borrower wrote it."),
        Column(
            "employment_length",
            Kind.YEARS,
            "employment_length_years",
            minimum=0,
            maximum=80,
            description="Years employed.",
        ),
        Column(
            "home_ownership",
            Kind.CATEGORY,
            levels=frozenset({"RENT", "OWN", "MORTGAGE", "OTHER", "NONE", "ANY"}),
            description="RENT, OWN, MORTGAGE, OTHER, NONE, ANY ...",
        ),
        Column("state", Kind.CATEGORY, description="State or region of the borrower."),
        Column("zip3", Kind.CATEGORY, description="First three digits of the postal code."),
    ),
)

FINANCIAL = Feed(
    "financial",
    "Income and balances at application.",
    "origination_date",
    (
        _LOAN_ID,
        _ORIGINATED,
        _number("annual_income", "Stated yearly income, in currency.", positive_with="debt_to_income"),
        Column("income_verification", Kind.CATEGORY, description="Whether the platform verified the income."),
        _percent(
            "debt_to_income", "debt_to_income_share", "Monthly debt payments over monthly income, without this loan."
        ),
        _number("revolving_balance", "Revolving credit used, in currency."),
        _percent("revolving_utilisation", "revolving_utilisation_share", "Revolving credit used over its limit."),
        _number("total_current_balance", "All balances together, in currency."),
        _percent("bankcard_utilisation", "bankcard_utilisation_share", "Bank card balances over their limits."),
        _number("bankcard_open_to_buy", "Unused limit on bank cards, in currency."),
        _number("revolving_limit", "Limit of all revolving credit together, in currency."),
        _number("average_current_balance", "Mean balance of all accounts, in currency."),
        _number("collections_owed", "Ever owed to collection agencies, in currency."),
    ),
)

MOST_YEARS_OF_CREDIT = 80
"""A credit history of more years is that of no living borrower: it is a century taken for another, or no date at all.
The longest of three public books have 57."""

CREDIT_HISTORY = Feed(
    "credit_history",
    "The bureau's view of the borrower at application.",
    "origination_date",
    (
        _LOAN_ID,
        _ORIGINATED,
        Column(
            "earliest_credit_line",
            Kind.DATE,
            most_years_ago=MOST_YEARS_OF_CREDIT,
            description="When the first credit line was opened.",
        ),
        _number("fico_low", "Lower end of the FICO range.", high=900, not_above="fico_high"),
        _number("fico_high", "Upper end of the FICO range.", high=900),
        _count("delinquencies_2y_count", "Delinquencies of 30 days or more in two years."),
        _count("inquiries_6m_count", "Credit inquiries in six months."),
        _number("months_since_delinquency", "Months since the last delinquency; missing means never.", high=1200),
        _number("months_since_record", "Months since the last public record; missing means never.", high=1200),
        _count("open_accounts_count", "Open credit lines."),
        _count("public_records_count", "Derogatory public records."),
        _count("total_accounts_count", "Credit lines ever."),
        _count("bankruptcies_count", "Bankruptcies on public record."),
        _count("tax_liens_count", "Tax liens."),
        _count("collections_12m_count", "Collections in twelve months, medical excluded."),
        _count("mortgage_accounts_count", "Mortgage accounts."),
        _count("accounts_opened_24m_count", "Accounts opened in twenty-four months."),
        _count("inquiries_12m_count", "Credit inquiries in twelve months."),
        _number("months_since_inquiry", "Months since the last credit inquiry; missing means never.", high=1200),
        _number("months_since_newest_account", "Months since the newest account was opened.", high=1200),
        _number("months_since_major_derogatory", "Months since an account was 90 days late or worse.", high=1200),
        _count("accounts_ever_120_days_count", "Accounts ever 120 days past due or worse."),
        _percent("accounts_never_late", "accounts_never_late_share", "Accounts that were never late.", high=1.0),
        _percent("bankcards_nearly_full", "bankcards_nearly_full_share", "Bank cards used above 75%.", high=1.0),
    ),
)

LOAN_PERFORMANCE = Feed(
    "loan_performance",
    "One servicing event of a loan, on the day it became visible.",
    "event_date",
    (
        _LOAN_ID,
        Column("event_date", Kind.DATE, required=True, description="The day the event became visible."),
        Column(
            "status", Kind.CATEGORY, required=True, allowed=PERFORMANCE_STATUSES, description="What the event says."
        ),
        Column(
            "days_past_due", Kind.COUNT, required=True, minimum=0, maximum=10_000, description="Days past due that day."
        ),
        _number("principal_outstanding", "Principal still owed after the event, in currency."),
        _number("amount_received", "Money received with the event, in currency."),
        Column(
            "rebuilt",
            Kind.FLAG,
            description="Whether the event was made from a status published later, not seen on its day; missing where "
            "that is not known.",
        ),
        _number("principal_received", "Principal received, in currency, where the platform tells it apart."),
        _number("interest_received", "Interest received, in currency."),
        _number("fees_received", "Fees received, such as for late payment, in currency."),
        _number("recovery_received", "Received after the loan was charged off, in currency."),
        Column(
            "totals_to_date",
            Kind.FLAG,
            description="Whether the amounts of principal, interest and fees are totals since origination, and not "
            "those of this event alone; missing means no.",
        ),
        Column("last_payment_date", Kind.DATE, description="Of totals: the day of the last payment among them."),
    ),
    one_row_per_loan=False,
)

APPLICATION_FEEDS = (LOAN_TERMS, DEMOGRAPHIC, FINANCIAL, CREDIT_HISTORY)
FEEDS = {feed.name: feed for feed in (*APPLICATION_FEEDS, LOAN_PERFORMANCE)}
"""The feeds that every day has."""

APPLICATIONS = Feed(
    "applications",
    "Optional: one application, on the day it was decided. All outcomes together, or rates mean nothing; the columns "
    "that the other feeds have of a loan say what was known of the applicant.",
    "decision_date",
    (
        Column("application_id", Kind.ID, required=True, description="The platform's id of the application."),
        Column("decision_date", Kind.DATE, required=True, description="The day the outcome was known."),
        Column(
            "outcome", Kind.CATEGORY, required=True, allowed=OUTCOMES, description="What became of the application."
        ),
        Column("application_date", Kind.DATE, description="The day the application came in."),
        Column("loan_id", Kind.ID, description="The loan that an approved application became; missing where none."),
        Column(
            "overridden",
            Kind.FLAG,
            description="Whether a person decided against what the policy said: APPROVED is then an override on the "
            "low side, DECLINED one on the high side. Missing counts as no.",
        ),
        Column("override_reason", Kind.CATEGORY, description="Why, as a category."),
        Column("decline_reason", Kind.CATEGORY, description="Why it was declined, as a category."),
        Column(
            "exploration",
            Kind.FLAG,
            description="Whether it was approved by lot, whatever the policy said: the unbiased check of what declined "
            "applicants would have done. Missing counts as no.",
        ),
        Column("product", Kind.CATEGORY, description="What was applied for, as a category."),
        *(
            replace(column, required=False)
            for feed in APPLICATION_FEEDS
            for column in feed.columns
            if column.source not in {"loan_id", "origination_date"}
        ),
    ),
    key="application_id",
    optional=True,
)
OWN_COLUMNS = Feed(
    "own_columns",
    "Optional: the columns that a lender's mapping declares as features, one row per loan originated that day. The own "
    "columns of a home stand beside these keys, each with `own_` before its name.",
    "origination_date",
    (_LOAN_ID, _ORIGINATED),
    optional=True,
)
OPTIONAL_FEEDS = {APPLICATIONS.name: APPLICATIONS, OWN_COLUMNS.name: OWN_COLUMNS}
ALL_FEEDS = {**FEEDS, **OPTIONAL_FEEDS}


def feed_named(name: str) -> Feed:
    """Look up the contract of a feed.

    Raises:
        UsageError: If there is no feed of that name.
    """
    if name not in ALL_FEEDS:
        raise UsageError(no_such("feed", name, ALL_FEEDS))
    return ALL_FEEDS[name]
