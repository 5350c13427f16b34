"""The one list of columns a model may see, with the direction that credit sense demands and the words of its reason.

A column that exists only after origination (payments, recoveries, last FICO, settlement, hardship) is not here and so
reaches no model. The platform's price and grade are a named set of their own, `price`, outside the default model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FeatureKind = Literal["numeric", "category"]
FeatureSet = Literal["application", "price"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of `gold/feature_store`.

    Args:
        name: The column, with its unit.
        kind: `numeric` (Float64) or `category` (text).
        direction: +1 where more means riskier, -1 where more means safer, 0 where credit sense does not say.
        reason: Why the score is lower than it could be, in words for the borrower.
        group: `application`, or `price` for the platform's own price and grade.
        description: What it is.
        missing: The words of the reason where the value is missing; by default that there is no information on it.
        looked_up_with: For months since an event: a column that is filled wherever the event was looked for. Where it
            is filled and the months are missing, there never was one, which counts as `NEVER_MONTHS`.
        blank: The number that the feature has where the text it measures is blank; None where it is then missing.
        made_of: The columns of the landed feeds that it is calculated from. Empty where it is the column of its own
            name, or a ratio of other features (`contracts.ratios`).
    """

    name: str
    kind: FeatureKind
    direction: Literal[-1, 0, 1]
    reason: str
    description: str
    group: FeatureSet = "application"
    missing: str = ""
    looked_up_with: str = ""
    blank: float | None = None
    made_of: tuple[str, ...] = ()

    @property
    def number_of_blank(self) -> float | None:
        """The number that stands for a blank in the feed; None where a blank is missing.

        Examples:
            >>> Feature("months", "numeric", -1, "", "", looked_up_with="count").number_of_blank
            1200.0
        """
        return NEVER_MONTHS if self.looked_up_with else self.blank

    @property
    def missing_reason(self) -> str:
        """The reason for a lower score where the value is missing.

        Examples:
            >>> Feature("annual_income", "numeric", -1, "Income is low", "Stated yearly income.").missing_reason
            'No information on annual income'
        """
        return self.missing or f"No information on {self.name.removesuffix('_share').replace('_', ' ')}"


NEVER_MONTHS = 1200.0
"""Months since the last delinquency, record or inquiry of a borrower who never had one: the most that a landing file
may hold. So no model ranks never as riskier than long ago, and no reason says to a borrower that nothing is wrong.
A value that was not looked up stays missing."""

REFERENCE_RATE = 0.12
"""The yearly rate at which payments are reckoned for every loan alike: the platform's own rate is its price."""

PHRASES: dict[str, str] = {
    "cards": "credit card",
    "rates": "interest rate, apr, lower rate, high rate",
    "record": "never late, never missed, never been late, on time, good credit, excellent credit",
    "business": "business",
    "trouble": "payday, pay day, divorce, medical, hospital, surgery",
    "pleading": "please, god, bless",
    "thanks": "thank",
}
"""Topic -> stock phrases looked for in title and description, in lower case, at the start of a word.

Source:
    The topics follow Netzer, Lemaire & Herzenstein (2019), When Words Sweat, Journal of Marketing Research 56.
"""

FEATURES: tuple[Feature, ...] = (
    Feature("loan_amount", "numeric", 1, "Amount requested is high", "Amount lent, in currency."),
    Feature("term_months", "numeric", 1, "Term of the loan is long", "Term in months."),
    Feature(
        "loan_to_income", "numeric", 1, "Amount requested is high for the income", "Loan amount over yearly income."
    ),
    Feature("annual_income", "numeric", -1, "Income is low", "Stated yearly income, in currency."),
    Feature(
        "debt_to_income_share",
        "numeric",
        1,
        "Debt payments are high for the income",
        "Monthly debts over monthly income.",
    ),
    Feature("employment_length_years", "numeric", 0, "Time in employment", "Years employed; 10 means ten or more."),
    Feature("home_ownership", "category", 0, "Housing situation", "RENT, OWN, MORTGAGE ..."),
    Feature("purpose", "category", 0, "Purpose of the loan", "What the money is for."),
    Feature("income_verification", "category", 0, "Verification of the income", "Whether the income was verified."),
    Feature("state", "category", 0, "Region", "State or region of the borrower."),
    Feature(
        "credit_age_months",
        "numeric",
        -1,
        "Credit history is short",
        "Months since the first credit line.",
        made_of=("earliest_credit_line", "origination_date"),
    ),
    Feature(
        "fico",
        "numeric",
        -1,
        "Bureau score is low",
        "Middle of the FICO range, where the platform gives it.",
        made_of=("fico_low", "fico_high"),
    ),
    Feature("delinquencies_2y_count", "numeric", 1, "Recent delinquencies", "Delinquencies in two years."),
    Feature("inquiries_6m_count", "numeric", 1, "Many recent credit inquiries", "Inquiries in six months."),
    Feature(
        "months_since_delinquency",
        "numeric",
        -1,
        "A delinquency not long ago",
        "Months since the last; 1200 is never.",
        looked_up_with="delinquencies_2y_count",
    ),
    Feature(
        "months_since_record",
        "numeric",
        -1,
        "A public record not long ago",
        "Months since the last; 1200 is never.",
        looked_up_with="public_records_count",
    ),
    Feature("open_accounts_count", "numeric", 0, "Number of open credit lines", "Open credit lines."),
    Feature("public_records_count", "numeric", 1, "Derogatory public records", "Derogatory public records."),
    Feature("bankruptcies_count", "numeric", 1, "Bankruptcy on record", "Bankruptcies on public record."),
    Feature("total_accounts_count", "numeric", 0, "Number of credit lines ever held", "Credit lines ever."),
    Feature("revolving_balance", "numeric", 0, "Balance on revolving credit", "Revolving credit used, in currency."),
    Feature(
        "revolving_utilisation_share", "numeric", 1, "Revolving credit is heavily used", "Revolving balance over limit."
    ),
    Feature(
        "revolving_to_income",
        "numeric",
        1,
        "Revolving balance is high for the income",
        "Revolving balance over income.",
    ),
    Feature(
        "accounts_opened_24m_count", "numeric", 1, "Many accounts opened recently", "Accounts opened in 24 months."
    ),
    Feature("mortgage_accounts_count", "numeric", -1, "No or few mortgage accounts", "Mortgage accounts."),
    Feature(
        "description_length",
        "numeric",
        0,
        "Borrower's description of the loan",
        "Characters of the borrower's text.",
        blank=0.0,
        made_of=("description",),
    ),
    Feature(
        "annuity_to_income",
        "numeric",
        1,
        "Payment would be high for the income",
        "Yearly payments over yearly income, for amount and term at a fixed rate of 12%, so that no price is in it.",
    ),
    Feature(
        "debt_to_income_after_share",
        "numeric",
        1,
        "Debt payments with this loan are high for the income",
        "Monthly debts over monthly income, with the payment of this loan at a fixed rate of 12%.",
    ),
    Feature(
        "revolving_limit",
        "numeric",
        -1,
        "Limits on revolving credit are low",
        "Limit of all revolving credit, in currency; from balance and utilisation where the platform does not give it.",
    ),
    Feature(
        "loan_to_revolving_limit",
        "numeric",
        1,
        "Amount requested is high against other credit lines",
        "Loan amount over the limit of all revolving credit.",
    ),
    Feature("total_current_balance", "numeric", 0, "Balances of all accounts", "All balances together, in currency."),
    Feature("average_current_balance", "numeric", 0, "Mean balance of the accounts", "Mean balance, in currency."),
    Feature(
        "bankcard_utilisation_share", "numeric", 1, "Bank cards are heavily used", "Bank card balances over limits."
    ),
    Feature("bankcard_open_to_buy", "numeric", -1, "Little unused limit on bank cards", "Unused limit, in currency."),
    Feature("bankcards_nearly_full_share", "numeric", 1, "Bank cards are nearly full", "Cards used above 75%."),
    Feature("tax_liens_count", "numeric", 1, "Tax liens on record", "Tax liens."),
    Feature("collections_12m_count", "numeric", 1, "Debts sent to collection", "Collections in twelve months."),
    Feature("collections_owed", "numeric", 0, "Amounts owed to collectors", "Ever owed to collectors, in currency."),
    Feature("inquiries_12m_count", "numeric", 1, "Many credit inquiries in a year", "Inquiries in twelve months."),
    Feature(
        "months_since_inquiry",
        "numeric",
        -1,
        "A credit inquiry not long ago",
        "Months since the last; 1200 is never.",
        looked_up_with="months_since_newest_account",
    ),
    Feature("months_since_newest_account", "numeric", -1, "An account opened not long ago", "Months since the newest."),
    Feature(
        "months_since_major_derogatory",
        "numeric",
        -1,
        "A serious delinquency not long ago",
        "Months since an account was 90 days late; 1200 is never.",
        looked_up_with="accounts_ever_120_days_count",
    ),
    Feature("accounts_ever_120_days_count", "numeric", 1, "Serious delinquencies", "Accounts ever 120 days late."),
    Feature("accounts_never_late_share", "numeric", -1, "Accounts that were paid late", "Accounts never late."),
    Feature("application_type", "category", 0, "Type of the application", "INDIVIDUAL or JOINT."),
    Feature(
        "employer_given",
        "numeric",
        0,
        "Employer as stated",
        "1 where an employer or job is named, else 0.",
        blank=0.0,
        made_of=("employment_title",),
    ),
    Feature(
        "employer_length",
        "numeric",
        0,
        "Length of the employer's name",
        "Characters of the employer or job as written.",
        blank=0.0,
        made_of=("employment_title",),
    ),
    Feature(
        "title_length",
        "numeric",
        0,
        "Borrower's title of the loan",
        "Characters of the title.",
        blank=0.0,
        made_of=("title",),
    ),
    Feature(
        "title_capitals_share",
        "numeric",
        0,
        "Capitals in the title of the loan",
        "Capital letters among the letters.",
        made_of=("title",),
    ),
    Feature(
        "description_words_count",
        "numeric",
        0,
        "Words of the description of the loan",
        "Words of the text.",
        blank=0.0,
        made_of=("description",),
    ),
    Feature(
        "description_capitals_share",
        "numeric",
        0,
        "Capitals in the description of the loan",
        "Capital letters among the letters of the text.",
        missing="No description of the loan",
        made_of=("description",),
    ),
    *(
        Feature(
            f"mentions_{topic}",
            "numeric",
            0,
            f"Wording of the borrower's text ({topic})",
            f"1 where the text has: {words}.",
            made_of=("title", "description"),
        )
        for topic, words in PHRASES.items()
    ),
    Feature("interest_rate_share", "numeric", 1, "Interest rate is high", "Yearly interest rate.", "price"),
    Feature(
        "installment_to_income",
        "numeric",
        1,
        "Payment is high for the income",
        "Payment over income.",
        "price",
        made_of=("installment", "annual_income"),
    ),
    Feature("platform_grade", "category", 0, "Platform's grade", "The platform's own grade.", "price"),
    Feature("platform_sub_grade", "category", 0, "Platform's sub-grade", "The platform's own finer grade.", "price"),
)

FEATURE_STORE_KEYS = ("loan_id", "snapshot_date", "known_on")


def features_of(feature_set: str) -> tuple[Feature, ...]:
    """List the features a model may use: `application`, or `priced` for those together with price and grade.

    Examples:
        >>> [f.name for f in features_of("priced") if f.group == "price"][0]
        'interest_rate_share'
    """
    return tuple(f for f in FEATURES if f.group == "application" or feature_set == "priced")
