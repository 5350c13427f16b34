"""Which columns LendingClub's download has, which feed column each becomes, and which were filled after origination."""

from __future__ import annotations

_NEEDED = ("id", "loan_amnt", "term", "issue_d", "loan_status", "last_pymnt_d")
LAYOUTS = {
    "LoanStats": _NEEDED,
    "accepted": (*_NEEDED, "fico_range_low", "fico_range_high"),
}

COLUMNS: dict[str, dict[str, str]] = {
    "loan_terms": {
        "loan_amount": "loan_amnt",
        "term": "term",
        "interest_rate": "int_rate",
        "installment": "installment",
        "amount_disbursed": "funded_amnt",
        "grade": "grade",
        "sub_grade": "sub_grade",
        "purpose": "purpose",
        "title": "title",
        "description": "desc",
        "application_type": "application_type",
    },
    "demographic": {
        "employment_title": "emp_title",
        "employment_length": "emp_length",
        "home_ownership": "home_ownership",
        "state": "addr_state",
        "zip3": "zip_code",
    },
    "financial": {
        "annual_income": "annual_inc",
        "income_verification": "verification_status",
        "debt_to_income": "dti",
        "revolving_balance": "revol_bal",
        "revolving_utilisation": "revol_util",
        "total_current_balance": "tot_cur_bal",
        "bankcard_utilisation": "bc_util",
        "bankcard_open_to_buy": "bc_open_to_buy",
        "revolving_limit": "total_rev_hi_lim",
        "average_current_balance": "avg_cur_bal",
        "collections_owed": "tot_coll_amt",
    },
    "credit_history": {
        "earliest_credit_line": "earliest_cr_line",
        "fico_low": "fico_range_low",
        "fico_high": "fico_range_high",
        "delinquencies_2y_count": "delinq_2yrs",
        "inquiries_6m_count": "inq_last_6mths",
        "months_since_delinquency": "mths_since_last_delinq",
        "months_since_record": "mths_since_last_record",
        "open_accounts_count": "open_acc",
        "public_records_count": "pub_rec",
        "total_accounts_count": "total_acc",
        "bankruptcies_count": "pub_rec_bankruptcies",
        "tax_liens_count": "tax_liens",
        "collections_12m_count": "collections_12_mths_ex_med",
        "mortgage_accounts_count": "mort_acc",
        "accounts_opened_24m_count": "acc_open_past_24mths",
        "inquiries_12m_count": "inq_last_12m",
        "months_since_inquiry": "mths_since_recent_inq",
        "months_since_newest_account": "mo_sin_rcnt_tl",
        "months_since_major_derogatory": "mths_since_last_major_derog",
        "accounts_ever_120_days_count": "num_accts_ever_120_pd",
        "accounts_never_late": "pct_tl_nvr_dlq",
        "bankcards_nearly_full": "percent_bc_gt_75",
    },
}
"""Per feed: its column -> LendingClub's. Columns that exist only after origination are in no application feed."""

ALWAYS_GIVEN = frozenset(
    {
        *("int_rate", "installment", "grade", "sub_grade", "purpose", "emp_length", "home_ownership", "addr_state"),
        *("annual_inc", "verification_status", "dti", "revol_bal", "revol_util", "earliest_cr_line", "delinq_2yrs"),
        *("inq_last_6mths", "open_acc", "pub_rec", "total_acc"),
    }
)
"""LendingClub's columns that were filled from the first year to the last; others began or ended on the way."""

AFTER_ORIGINATION: dict[str, str] = {
    "loan_status": "how the loan stands",
    "total_pymnt": "payments",
    "total_rec_": "payments",
    "last_pymnt_": "payments",
    "next_pymnt_": "payments",
    "pymnt_plan": "payments",
    "out_prncp": "what is still owed",
    "recoveries": "money recovered after charge-off",
    "collection_recovery_fee": "money recovered after charge-off",
    "last_credit_pull_d": "the bureau was asked again later",
    "last_fico_": "the bureau was asked again later",
    "hardship_": "a hardship plan",
    "deferral_term": "a hardship plan",
    "payment_plan_": "a hardship plan",
    "orig_projected_": "a hardship plan",
    "settlement_": "a settlement",
    "debt_settlement_": "a settlement",
}
"""First letters of a column -> what it holds that was not known at application."""


def known_after_origination(column: str) -> str | None:
    """Describe what a raw column holds that exists only after origination; None where it does not.

    Examples:
        >>> known_after_origination("total_rec_prncp"), known_after_origination("annual_inc")
        ('payments', None)
    """
    name = column.casefold()
    return next((what for start, what in AFTER_ORIGINATION.items() if name.startswith(start)), None)


__all__ = ["AFTER_ORIGINATION", "ALWAYS_GIVEN", "COLUMNS", "LAYOUTS", "known_after_origination"]
