"""The columns of the raw file that the peers read: our name -> (theirs, how its text is read)."""

COLUMNS = {
    "loan_amount": ("loan_amnt", "number"),
    "term_months": ("term", "term"),
    "interest_rate_share": ("int_rate", "percent"),
    "installment": ("installment", "number"),
    "platform_grade": ("grade", "category"),
    "platform_sub_grade": ("sub_grade", "category"),
    "purpose": ("purpose", "category"),
    "title": ("title", "text"),
    "description": ("desc", "text"),
    "application_type": ("application_type", "category"),
    "employment_title": ("emp_title", "text"),
    "employment_length_years": ("emp_length", "years"),
    "home_ownership": ("home_ownership", "category"),
    "state": ("addr_state", "category"),
    "zip3": ("zip_code", "category"),
    "annual_income": ("annual_inc", "number"),
    "income_verification": ("verification_status", "category"),
    "debt_to_income_share": ("dti", "percent"),
    "revolving_balance": ("revol_bal", "number"),
    "revolving_utilisation_share": ("revol_util", "percent"),
    "total_current_balance": ("tot_cur_bal", "number"),
    "bankcard_utilisation_share": ("bc_util", "percent"),
    "bankcard_open_to_buy": ("bc_open_to_buy", "number"),
    "revolving_limit": ("total_rev_hi_lim", "number"),
    "average_current_balance": ("avg_cur_bal", "number"),
    "collections_owed": ("tot_coll_amt", "number"),
    "earliest_credit_line": ("earliest_cr_line", "month"),
    "fico_low": ("fico_range_low", "number"),
    "fico_high": ("fico_range_high", "number"),
    "delinquencies_2y_count": ("delinq_2yrs", "number"),
    "inquiries_6m_count": ("inq_last_6mths", "number"),
    "months_since_delinquency": ("mths_since_last_delinq", "number"),
    "months_since_record": ("mths_since_last_record", "number"),
    "open_accounts_count": ("open_acc", "number"),
    "public_records_count": ("pub_rec", "number"),
    "total_accounts_count": ("total_acc", "number"),
    "bankruptcies_count": ("pub_rec_bankruptcies", "number"),
    "tax_liens_count": ("tax_liens", "number"),
    "collections_12m_count": ("collections_12_mths_ex_med", "number"),
    "mortgage_accounts_count": ("mort_acc", "number"),
    "accounts_opened_24m_count": ("acc_open_past_24mths", "number"),
    "inquiries_12m_count": ("inq_last_12m", "number"),
    "months_since_inquiry": ("mths_since_recent_inq", "number"),
    "months_since_newest_account": ("mo_sin_rcnt_tl", "number"),
    "months_since_major_derogatory": ("mths_since_last_major_derog", "number"),
    "accounts_ever_120_days_count": ("num_accts_ever_120_pd", "number"),
    "accounts_never_late_share": ("pct_tl_nvr_dlq", "percent"),
    "bankcards_nearly_full_share": ("percent_bc_gt_75", "percent"),
    "issue_month": ("issue_d", "month"),
    "loan_status": ("loan_status", "text"),
    "last_paid_month": ("last_pymnt_d", "month"),
    "last_paid_amount": ("last_pymnt_amnt", "number"),
    "funded_amount": ("funded_amnt", "number"),
    "principal_received": ("total_rec_prncp", "number"),
}

DERIVED = """
loan_id loan_amount term_months loan_to_income annual_income debt_to_income_share employment_length_years home_ownership
purpose income_verification state credit_age_months fico delinquencies_2y_count inquiries_6m_count
months_since_delinquency months_since_record open_accounts_count public_records_count bankruptcies_count
total_accounts_count revolving_balance revolving_utilisation_share revolving_to_income accounts_opened_24m_count
mortgage_accounts_count description_length annuity_to_income debt_to_income_after_share revolving_limit
loan_to_revolving_limit total_current_balance average_current_balance bankcard_utilisation_share bankcard_open_to_buy
bankcards_nearly_full_share tax_liens_count collections_12m_count collections_owed inquiries_12m_count
months_since_inquiry months_since_newest_account months_since_major_derogatory accounts_ever_120_days_count
accounts_never_late_share application_type employer_given employer_length title_length title_capitals_share
description_words_count description_capitals_share mentions_cards mentions_rates mentions_record mentions_business
mentions_trouble mentions_pleading mentions_thanks interest_rate_share installment_to_income platform_grade
platform_sub_grade
""".split()
"""The columns of the feature store, in order; `known_on` stands beside them."""

PHRASES = {
    "cards": "credit card",
    "rates": "interest rate|apr|lower rate|high rate",
    "record": "never late|never missed|never been late|on time|good credit|excellent credit",
    "business": "business",
    "trouble": "payday|pay day|divorce|medical|hospital|surgery",
    "pleading": "please|god|bless",
    "thanks": "thank",
}
"""Topic -> phrases looked for at the start of a word of title and description."""

NOTES = r"Borrower added on \d+/\d+/\d+ ?>|<br ?/?>"
"""What the platform wrote into the borrower's text."""

LABELS = {"pd12": (12, None), "pd36": (36, 36), "pd60": (60, 60)}
"""Definition -> months of its window, and the only term it is made for."""
REPORTING_LAG_DAYS = 30
YEARLY_RATE = 0.12
"""At which payments are reckoned for every loan alike."""
