"""What can befall the columns and values of a sound book, on the way from a lender to us, that is a fault and no news.

Every mutation leaves a file that can be read as a table. Those of `SAME` change the spelling alone: the numbers must
stay as they were. Those of `VALUES` spoil single cells, those of `COLUMNS` a whole column or file.
"""

from __future__ import annotations

from tests.robustness.fuzz.books.book import NUMBERS, Mutation, size
from tests.robustness.fuzz.books.cells import (
    MISSING_SIGNS,
    blank_some,
    cells,
    far_again,
    half_blank,
    ids,
    impossible,
    respelled,
    without_months_of,
)
from tests.robustness.fuzz.books.tables import (
    a_third,
    drop,
    exchanged,
    extra,
    fill,
    header_only,
    rename,
    rows_again,
    shifted,
    whole_table,
)
from tests.robustness.fuzz.books.units import (
    all_as,
    grouped_points,
    in_milliseconds,
    in_seconds,
    in_years,
    incomes,
    no_incomes,
    shares_for_percents,
    units,
)

from p2pcredit.contracts.columns import Kind

NO_NUMBERS = ("n.v.", "unknown", "24,000.00", "1.234,5", "-1", "12 apples", "1e14", "0x1F", "=A1+B1", "--5", "1/2")
RUBBISH = ("?!", "rubbish", "see remarks")
NO_DATES = ("31/12/2009", "2009-13-01", "2109-01-01", "12.2009", "40148", "yesterday")
SAME: dict[str, Mutation] = {
    "blanks around values": respelled(lambda kind: True, lambda text: f"  {text}\u00a0"),
    "numbers with a sign": respelled(
        lambda kind: kind in NUMBERS, lambda text: text if text[0] in "+-" else f"+{text}"
    ),
    "counts with a point": respelled(
        lambda kind: kind is Kind.COUNT, lambda text: f"{text.removesuffix('.0')}.0", most=None
    ),
    "categories in small letters": respelled(lambda kind: kind is Kind.CATEGORY, str.lower, most=None),
    "ids with blanks": ids(lambda text: f" {text} "),
    "an unknown column": whole_table(extra),
    "rows that stand twice": whole_table(rows_again),
}
VALUES: dict[str, Mutation] = {
    "signs of a missing value": blank_some,
    "numbers that are none": cells(lambda kind: kind in NUMBERS, *NO_NUMBERS),
    "terms and years that are none": cells(
        lambda kind: kind in {Kind.TERM, Kind.YEARS}, "long", "-3", "9999", "36 weeks"
    ),
    "terms never lent for": cells(lambda kind: kind is Kind.TERM, "48", "84 months", "12"),
    "dates that are none": cells(lambda kind: kind is Kind.DATE, *NO_DATES),
    "levels never seen": cells(lambda kind: kind is Kind.CATEGORY, "XYZZY", "PERSONAL USE", "0"),
    "numbers far out": cells(lambda kind: kind in NUMBERS, "999999999", "1e8"),
    "ids turned into numbers": ids(lambda text: "6.84E+07", lambda text: ""),
    "a range upside down": impossible("fico_low", "fico_high", "760", "700"),
    "debts without an income": impossible("annual_income", "debt_to_income", "0", "12.5"),
    "ids of other loans": ids(lambda text: f"{text}9", lambda text: f"0{text}"),
    "months of a counted delinquency blank": without_months_of("months_since_delinquency", "delinquencies_2y_count"),
    "months of a counted record blank": without_months_of("months_since_record", "public_records_count"),
}
COLUMNS: dict[str, Mutation] = {
    "a renamed column": whole_table(rename),
    "a dropped column": whole_table(drop),
    "an empty column": whole_table(fill("")),
    "a column of signs of missing": whole_table(fill(*MISSING_SIGNS)),
    "a column of rubbish": whole_table(fill(*RUBBISH)),
    "a header only": whole_table(header_only),
    "a third of the rows": whole_table(a_third),
    "columns shifted by one": whole_table(shifted),
    "a hundred times too large": units(100.0),
    "a thousand times too small": units(0.001),
    "all zero": all_as(lambda texts: "0"),
    "all the smallest": all_as(lambda texts: min(texts, key=size)),
    "all the largest": all_as(lambda texts: max(texts, key=size)),
    "shares for percents": shares_for_percents,
    "ids as floats": ids(lambda text: f"{text}.0" if text.isdigit() else text, most=None),
    "decimal commas": respelled(lambda kind: kind in NUMBERS, lambda text: text.replace(".", ","), most=None),
    "levels all new": cells(lambda kind: kind is Kind.CATEGORY, "XYZZY", most=None),
    "levels spelled anew": respelled(
        lambda kind: kind is Kind.CATEGORY,
        lambda text: f"{text}/other",
        lambda text: f"{len(text)}{text[:1]}",
        most=None,
    ),
    "half of a column blank": half_blank,
    "terms in years": respelled(lambda kind: kind is Kind.TERM, in_years, most=None),
    "incomes of a month": incomes(1 / 12),
    "incomes of twelve years": incomes(12.0),
    "no incomes": no_incomes,
    "points between thousands": grouped_points,
    "a far value again and again": far_again,
    "another term for all": cells(lambda kind: kind is Kind.TERM, "48 months", "120", most=None),
    "two columns exchanged": exchanged,
    "dates counted since 1970": respelled(lambda kind: kind is Kind.DATE, in_seconds, in_milliseconds, most=None),
}
ALL: dict[str, Mutation] = {**SAME, **VALUES, **COLUMNS}
