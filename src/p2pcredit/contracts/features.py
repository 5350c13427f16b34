"""The one list of columns a model may see, with the direction that credit sense demands and the words of its reason.

A column that exists only after origination (payments, recoveries, last FICO, settlement, hardship) is not here and so
reaches no model. Every feature belongs to a set and carries a review. The default model learns from the set
`application` alone: the platform's price and grade, the borrower's wording and the state are sets of their own.
"""

from __future__ import annotations

from p2pcredit.contracts import reviews
from p2pcredit.contracts.feature import Feature

PRODUCT = "term_months"
"""The feature that tells products apart: its effect is learned within quarters of origination, beside their levels."""

NEW_TERM = "term not learned from"
"""What `outside_training` says of a loan whose product none of the training loans was, or too few were."""

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

PROHIBITED_TOPICS = frozenset({"trouble", "pleading"})
"""Topics whose words stand for marital status and health, or for religion: never learned from."""

FEATURES: tuple[Feature, ...] = (
    Feature(
        "loan_amount", "numeric", 1, "Amount requested is high", "Amount lent, in currency.", review=reviews.STATED
    ),
    Feature("term_months", "numeric", 1, "Term of the loan is long", "Term in months.", review=reviews.STATED),
    Feature(
        "loan_to_income",
        "numeric",
        1,
        "Amount requested is high for the income",
        "Loan amount over yearly income.",
        review=reviews.STATED,
    ),
    Feature(
        "annual_income", "numeric", -1, "Income is low", "Stated yearly income, in currency.", review=reviews.STATED
    ),
    Feature(
        "debt_to_income_share",
        "numeric",
        1,
        "Debt payments are high for the income",
        "Monthly debts over monthly income.",
        review=reviews.CAPACITY_BY_REPORT,
    ),
    Feature(
        "employment_length_years",
        "numeric",
        0,
        "Time in employment",
        "Years employed; 10 means ten or more.",
        review=reviews.EMPLOYMENT,
    ),
    Feature("home_ownership", "category", 0, "Housing situation", "RENT, OWN, MORTGAGE ...", review=reviews.HOUSING),
    Feature("purpose", "category", 0, "Purpose of the loan", "What the money is for.", review=reviews.PURPOSE),
    Feature(
        "income_verification",
        "category",
        0,
        "Verification of the income",
        "Whether the income was verified.",
        review=reviews.VERIFIED,
    ),
    Feature("state", "category", 0, "Region", "State or region of the borrower.", group="state", review=reviews.REGION),
    Feature(
        "credit_age_months",
        "numeric",
        -1,
        "Credit history is short",
        "Months since the first credit line.",
        made_of=("earliest_credit_line", "origination_date"),
        review=reviews.HISTORY,
    ),
    Feature(
        "fico",
        "numeric",
        -1,
        "Bureau score is low",
        "Middle of the FICO range, where the platform gives it.",
        made_of=("fico_low", "fico_high"),
        review=reviews.SCORE,
    ),
    Feature(
        "delinquencies_2y_count",
        "numeric",
        1,
        "Recent delinquencies",
        "Delinquencies in two years.",
        review=reviews.HISTORY,
    ),
    Feature(
        "inquiries_6m_count",
        "numeric",
        1,
        "Many recent credit inquiries",
        "Inquiries in six months.",
        review=reviews.HISTORY,
    ),
    Feature(
        "months_since_delinquency",
        "numeric",
        -1,
        "A delinquency not long ago",
        "Months since the last; 1200 is never.",
        looked_up_with="delinquencies_2y_count",
        counted_by=("delinquencies_2y_count",),
        review=reviews.HISTORY,
    ),
    Feature(
        "months_since_record",
        "numeric",
        -1,
        "A public record not long ago",
        "Months since the last; 1200 is never.",
        looked_up_with="public_records_count",
        counted_by=("public_records_count",),
        review=reviews.PUBLIC_RECORD,
    ),
    Feature(
        "open_accounts_count", "numeric", 0, "Number of open credit lines", "Open credit lines.", review=reviews.HISTORY
    ),
    Feature(
        "public_records_count",
        "numeric",
        1,
        "Derogatory public records",
        "Derogatory public records.",
        review=reviews.PUBLIC_RECORD,
    ),
    Feature(
        "bankruptcies_count",
        "numeric",
        1,
        "Bankruptcy on record",
        "Bankruptcies on public record.",
        review=reviews.PUBLIC_RECORD,
    ),
    Feature(
        "total_accounts_count",
        "numeric",
        0,
        "Number of credit lines ever held",
        "Credit lines ever.",
        review=reviews.HISTORY,
    ),
    Feature(
        "revolving_balance",
        "numeric",
        0,
        "Balance on revolving credit",
        "Revolving credit used, in currency.",
        review=reviews.HISTORY,
    ),
    Feature(
        "revolving_utilisation_share",
        "numeric",
        1,
        "Revolving credit is heavily used",
        "Revolving balance over limit.",
        review=reviews.HISTORY,
    ),
    Feature(
        "revolving_to_income",
        "numeric",
        1,
        "Revolving balance is high for the income",
        "Revolving balance over income.",
        review=reviews.CAPACITY_BY_REPORT,
    ),
    Feature(
        "accounts_opened_24m_count",
        "numeric",
        1,
        "Many accounts opened recently",
        "Accounts opened in 24 months.",
        review=reviews.HISTORY_2012Q2,
    ),
    Feature(
        "mortgage_accounts_count",
        "numeric",
        -1,
        "No or few mortgage accounts",
        "Mortgage accounts.",
        review=reviews.HISTORY_2012Q2,
    ),
    Feature(
        "description_length",
        "numeric",
        0,
        "Borrower's description of the loan",
        "Characters of the borrower's text.",
        blank=0.0,
        made_of=("description",),
        group="wording",
        review=reviews.WORDING_OF_DESCRIPTION,
    ),
    Feature(
        "annuity_to_income",
        "numeric",
        1,
        "Payment would be high for the income",
        "Yearly payments over yearly income, for amount and term at a fixed rate of 12%, so that no price is in it.",
        review=reviews.STATED,
    ),
    Feature(
        "debt_to_income_after_share",
        "numeric",
        1,
        "Debt payments with this loan are high for the income",
        "Monthly debts over monthly income, with the payment of this loan at a fixed rate of 12%.",
        review=reviews.CAPACITY_BY_REPORT,
    ),
    Feature(
        "revolving_limit",
        "numeric",
        -1,
        "Limits on revolving credit are low",
        "Limit of all revolving credit, in currency; from balance and utilisation where the platform does not give it.",
        review=reviews.HISTORY,
    ),
    Feature(
        "loan_to_revolving_limit",
        "numeric",
        1,
        "Amount requested is high against other credit lines",
        "Loan amount over the limit of all revolving credit.",
        review=reviews.CAPACITY_BY_REPORT,
    ),
    Feature(
        "total_current_balance",
        "numeric",
        0,
        "Balances of all accounts",
        "All balances together, in currency.",
        review=reviews.HISTORY_2012Q3,
    ),
    Feature(
        "average_current_balance",
        "numeric",
        0,
        "Mean balance of the accounts",
        "Mean balance, in currency.",
        review=reviews.HISTORY_2012Q3,
    ),
    Feature(
        "bankcard_utilisation_share",
        "numeric",
        1,
        "Bank cards are heavily used",
        "Bank card balances over limits.",
        review=reviews.HISTORY_2012Q2,
    ),
    Feature(
        "bankcard_open_to_buy",
        "numeric",
        -1,
        "Little unused limit on bank cards",
        "Unused limit, in currency.",
        review=reviews.HISTORY_2012Q2,
    ),
    Feature(
        "bankcards_nearly_full_share",
        "numeric",
        1,
        "Bank cards are nearly full",
        "Cards used above 75%.",
        review=reviews.HISTORY_2012Q2,
    ),
    Feature("tax_liens_count", "numeric", 1, "Tax liens on record", "Tax liens.", review=reviews.PUBLIC_RECORD),
    Feature(
        "collections_12m_count",
        "numeric",
        1,
        "Debts sent to collection",
        "Collections in twelve months.",
        review=reviews.HISTORY,
    ),
    Feature(
        "collections_owed",
        "numeric",
        0,
        "Amounts owed to collectors",
        "Ever owed to collectors, in currency.",
        review=reviews.HISTORY_2012Q3,
    ),
    Feature(
        "inquiries_12m_count",
        "numeric",
        1,
        "Many credit inquiries in a year",
        "Inquiries in twelve months.",
        review=reviews.HISTORY_2015Q4,
    ),
    Feature(
        "months_since_inquiry",
        "numeric",
        -1,
        "A credit inquiry not long ago",
        "Months since the last; 1200 is never.",
        looked_up_with="months_since_newest_account",
        counted_by=("inquiries_6m_count", "inquiries_12m_count"),
        review=reviews.HISTORY_2012Q2,
    ),
    Feature(
        "months_since_newest_account",
        "numeric",
        -1,
        "An account opened not long ago",
        "Months since the newest.",
        review=reviews.HISTORY_2012Q3,
    ),
    Feature(
        "months_since_major_derogatory",
        "numeric",
        -1,
        "A serious delinquency not long ago",
        "Months since an account was 90 days late; 1200 is never.",
        looked_up_with="accounts_ever_120_days_count",
        counted_by=("accounts_ever_120_days_count",),
        review=reviews.HISTORY_2012Q3,
    ),
    Feature(
        "accounts_ever_120_days_count",
        "numeric",
        1,
        "Serious delinquencies",
        "Accounts ever 120 days late.",
        review=reviews.HISTORY_2012Q3,
    ),
    Feature(
        "accounts_never_late_share",
        "numeric",
        -1,
        "Accounts that were paid late",
        "Accounts never late.",
        review=reviews.HISTORY_2012Q3,
    ),
    Feature("application_type", "category", 0, "Type of the application", "INDIVIDUAL or JOINT.", review=reviews.JOINT),
    Feature(
        "employer_given",
        "numeric",
        0,
        "Employer as stated",
        "1 where an employer or job is named, else 0.",
        blank=0.0,
        made_of=("employment_title",),
        group="wording",
        review=reviews.WORDING,
    ),
    Feature(
        "employer_length",
        "numeric",
        0,
        "Length of the employer's name",
        "Characters of the employer or job as written.",
        blank=0.0,
        made_of=("employment_title",),
        group="wording",
        review=reviews.WORDING,
    ),
    Feature(
        "title_length",
        "numeric",
        0,
        "Borrower's title of the loan",
        "Characters of the title.",
        blank=0.0,
        made_of=("title",),
        group="wording",
        review=reviews.WORDING,
    ),
    Feature(
        "title_capitals_share",
        "numeric",
        0,
        "Capitals in the title of the loan",
        "Capital letters among the letters.",
        made_of=("title",),
        group="wording",
        review=reviews.WORDING,
    ),
    Feature(
        "description_words_count",
        "numeric",
        0,
        "Words of the description of the loan",
        "Words of the text.",
        blank=0.0,
        made_of=("description",),
        group="wording",
        review=reviews.WORDING_OF_DESCRIPTION,
    ),
    Feature(
        "description_capitals_share",
        "numeric",
        0,
        "Capitals in the description of the loan",
        "Capital letters among the letters of the text.",
        missing="No description of the loan",
        made_of=("description",),
        group="wording",
        review=reviews.WORDING_OF_DESCRIPTION,
    ),
    *(
        Feature(
            f"mentions_{topic}",
            "numeric",
            0,
            f"Wording of the borrower's text ({topic})",
            f"1 where the text has: {words}.",
            made_of=("title", "description"),
            group="prohibited" if topic in PROHIBITED_TOPICS else "wording",
            review=reviews.PROHIBITED_WORDS if topic in PROHIBITED_TOPICS else reviews.WORDING,
        )
        for topic, words in PHRASES.items()
    ),
    Feature(
        "interest_rate_share",
        "numeric",
        1,
        "Interest rate is high",
        "Yearly interest rate.",
        "price",
        review=reviews.PRICE,
    ),
    Feature(
        "installment_to_income",
        "numeric",
        1,
        "Payment is high for the income",
        "Payment over income.",
        "price",
        made_of=("installment", "annual_income"),
        review=reviews.PRICE,
    ),
    Feature(
        "platform_grade", "category", 0, "Platform's grade", "The platform's own grade.", "price", review=reviews.PRICE
    ),
    Feature(
        "platform_sub_grade",
        "category",
        0,
        "Platform's sub-grade",
        "The platform's own finer grade.",
        "price",
        review=reviews.PRICE,
    ),
)

FEATURE_STORE_KEYS = ("loan_id", "snapshot_date", "known_on")
