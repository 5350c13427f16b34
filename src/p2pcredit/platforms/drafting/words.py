"""Words by which the columns and statuses of a loan book are guessed at, in English and as exports shorten them."""

from __future__ import annotations

_ANY_KEY = frozenset({"text", "number", "category"})
_NUMBER = frozenset({"number"})
_DATE = frozenset({"date"})

ROLES: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "loan_id": (
        _ANY_KEY,
        (r"loan ?(id|nr|no|number|key)", r"^(id|nr|contract|agreement|account|loan)\b", r"(id|nr|number|key)$"),
    ),
    "loan_amount": (
        _NUMBER,
        (
            r"loan ?(amnt|amount|sum)",
            r"(original|granted|principal|funded).*(amount|sum)",
            r"^(amount|principal|sum|capital)$",
            r"amount",
            r"disburs|funded|granted|lent\b|borrowed",
        ),
    ),
    "term": (
        _NUMBER | {"category"},
        (r"\bterm\b", r"(loan ?)?duration", r"months$", r"tenor|maturity ?months|periods?$"),
    ),
    "origination_date": (
        _DATE,
        (r"(originat|issue|disburs|paid ?out|funded|granted|start)", r"loan ?date", r"^date$|contract ?date"),
    ),
    "closed": (
        _DATE,
        (
            r"(clos|ended|end ?date|settled|default ?date|status ?date|since|finished|repaid ?on)",
            r"(ch(ar)?ge? ?off|writ+en|write|loss|default|paid).*(date|day|on)$",
        ),
    ),
    "status": (frozenset({"category", "flag"}), (r"(loan ?)?status", r"\bstate$|\bstage$|result|outcome|performance")),
    "days_past_due": (
        _NUMBER,
        (r"\bdpd\b", r"days.*(late|past|overdue|delinq|arrear)", r"(late|overdue|delinq).*days"),
    ),
    "day": (_DATE | {"month"}, (r"(report|as ?of|snapshot|month|period|cut ?off).*", r"date|day")),
    "overdue": (_NUMBER, (r"(overdue|arrears|past ?due).*(amount|sum)?$", r"amount.*(overdue|arrears)")),
    "balance": (_NUMBER, (r"(outstanding|remaining|balance|upb)",)),
    "principal": (_NUMBER, (r"principal.*(paid|received|repaid|payment)", r"(paid|received).*principal")),
    "interest": (_NUMBER, (r"interest.*(paid|received|payment)", r"(paid|received).*interest")),
    "paid": (_NUMBER, (r"^(paid|payment|received)", r"(amount|total).*(paid|received)", r"(paid|received)$")),
}
"""What a column may be -> the kinds it may have, and the words of its name, the plainest first."""

NAMES = {
    "interest_rate": r"(interest|borrower) ?rate|^(rate|apr|interest)$|int rate",
    "installment": r"instal+ment|monthly payment",
    "grade": r"^(rating|grade|risk (class|grade))$",
    "sub_grade": r"sub ?grade",
    "purpose": r"purpose|use of loan|loan use",
    "title": r"^title$",
    "description": r"description|^desc$",
    "employment_title": r"occupation|job|emp(loyment|loyer)? title|profession",
    "employment_length": r"employment (length|duration)|emp length|years employed",
    "home_ownership": r"home ?owner|housing|residence type|home ownership",
    "state": r"^(addr )?(state|region|county|province)$",
    "annual_income": r"annual inc|yearly income|income (total|year)",
    "income_verification": r"verif",
    "debt_to_income": r"\bdti\b|debt ?to ?income",
    "revolving_balance": r"revol.*bal",
    "revolving_utilisation": r"revol.*util",
    "fico_low": r"fico.*low|score range lower",
    "fico_high": r"fico.*high|score range upper",
    "earliest_credit_line": r"earliest.*(cr|credit)|first (recorded )?credit",
    "inquiries_6m_count": r"inq(uiries)?.*6",
    "delinquencies_2y_count": r"delinq.*2",
    "open_accounts_count": r"open (acc|credit)",
    "public_records_count": r"pub(lic)? ?rec",
    "total_accounts_count": r"total (acc|credit)",
}
"""Column of a feed -> the words of names that give it; other columns are found under their own name."""

MEANINGS = (
    (r"charg|chg ?d? ?off|\bc ?/ ?o\b|writ+en|wrote|write|\bw ?/ ?o\b|loss|lost|bankrupt|insolv", "CHARGED_OFF"),
    (r"default|non.?perform|terminat|\bnp[al]\b", "DEFAULT"),
    (r"late|overdue|past ?due|arrear|delinq", "LATE"),
    (r"paid|complet|repaid|closed|settled|finished|redeem|\bp\.? ?i\.? ?f\b", "FULLY_PAID"),
    (r"current|active|open|perform|ongoing|running|grace|in progress", "CURRENT"),
)
"""Words of a status -> the status of the contract, the gravest first."""

NEGATED = r"\b(no|not|non|never|without|un|partial(ly)?|partly|part|nearly|to be)\b|\bun(?=paid|settled|closed|complet)"
"""Words after which a status may mean the opposite: `unpaid`, `no default`, `partly repaid`."""
NEGATED_YET_PLAIN = r"non.?perform"

LEAKS = (
    r"recover|last.*(pay|pymnt|credit)|total.*(pay|pymnt|rec)|received|outstanding|balance|out prncp|clos|default|"
    r"writ|charg|collect|settle|hardship|late|overdue|arrear|dpd|next.*pay|repaid|loss"
)
"""Words of columns that are known only after a loan began."""

CURRENCIES = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "zł": "PLN",
    "¥": "JPY",
    "₹": "INR",
    "Kč": "CZK",
    "CHF": "CHF",
    "SEK": "SEK",
}

__all__ = ["CURRENCIES", "LEAKS", "MEANINGS", "NAMES", "NEGATED", "NEGATED_YET_PLAIN", "ROLES"]
