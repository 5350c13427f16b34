"""How the text of one column becomes a value, and what is wrong with it where it does not.

Each kind has a pattern that a text must match before it is cast, so that no engine ever meets a cast that fails, and so
that the quarantine can say why. Patterns and blanks are spelt so that every engine reads them alike: the short
signs for blanks, digits and the end of a text mean one thing to Rust and another to Java.
"""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.id_texts import INVISIBLE, NO_DECIMALS, ROUNDED_ID, SCIENTIFIC_ID, WHOLE_DIGITS, WHOLE_ID
from p2pcredit.contracts.missing import missing_signs

BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""The characters that Unicode calls white space."""
_BLANK = f"[{BLANKS}]*"

_DECIMAL = r"(?:[0-9]{1,15}(?:\.[0-9]*)?|\.[0-9]+)"
_EXPONENT = "[eE][+-]?[0-9]{1,2}"
_NUMBER = rf"^[+-]?{_DECIMAL}(?:{_EXPONENT})?\z"
_PERCENT = rf"^[+-]?{_DECIMAL}(?:{_EXPONENT})?{_BLANK}%?\z"
_TERM = rf"^\+?[0-9]{{1,4}}(\.0*)?({_BLANK}[Mm]onths?)?\z"
_YEARS = rf"^(<{_BLANK}1|\+?(?:[0-9]{{1,3}}(?:\.[0-9]*)?|\.[0-9]+)){_BLANK}\+?{_BLANK}([Yy]ears?)?\z"
_YES = ("yes", "y", "true", "1")
_FLAG = r"^(?:[Yy][Ee][Ss]|[Nn][Oo]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[YyNn01])\z"
_LARGEST_COUNT = 1e15
_APART = f"[,'\u2019{BLANKS}]"
_IN_GROUPS = rf"^[+-]?[$€£]?{_BLANK}[0-9][0-9.]*(?:{_APART}+[0-9.]+)+{_BLANK}[$€£%]?\z"
_DATE = (
    r"^(?:(?:1[5-9]|2[0-9])[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:(?:1[5-9]|2[0-9])(?:0[48]|[2468][048]|[13579][26])|(?:16|20|24|28)00)-02-29)\z"
)


def trimmed_text(column: Column) -> nw.Expr:
    """Trim the text of a column, a category in capitals; missing where it is a sign of that."""
    bare = nw.col(column.source).str.strip_chars(BLANKS)
    text = bare.str.to_uppercase() if column.kind is Kind.CATEGORY else bare
    compared = bare if column.kind is Kind.TEXT else bare.str.to_lowercase()
    return nw.when(~compared.is_in(["", *sorted(missing_signs(column))])).then(text)


def typed_value(column: Column, text: nw.Expr) -> nw.Expr:
    """Type a trimmed text; missing where the text does not fit the kind."""
    if column.kind in {Kind.TEXT, Kind.CATEGORY}:
        return text
    if column.kind is Kind.ID:
        whole = text.str.replace_all(NO_DECIMALS, "")
        sound = ~(_is_spoilt_id(text) | text.str.contains(INVISIBLE))
        return nw.when(sound).then(nw.when(text.str.contains(WHOLE_ID)).then(whole).otherwise(text))
    pattern, _ = _PATTERNS[column.kind]
    return _CASTS[column.kind](nw.when(text.str.contains(pattern)).then(text))


def problem_with(
    column: Column, text: nw.Expr, value: nw.Expr, value_of: Callable[[str], nw.Expr] | None = None
) -> nw.Expr | None:
    """Name the rule that a column breaks, given its trimmed text and its typed value; missing where it is fine.

    Args:
        column: The column.
        text: Its trimmed text.
        value: Its typed value.
        value_of: Gives the typed value of another column, by name, in the same row; what a column may not contradict is
            not looked at where None.

    Returns:
        An expression of texts like `interest_rate: above 100 percent`; None where nothing can be wrong.
    """
    problems = [(text.is_null(), "missing")] if column.required else []
    if column.kind is Kind.ID:
        problems.append((_is_spoilt_id(text), "a number that lost digits, export ids as text"))
        problems.append((text.str.contains(INVISIBLE), "a character that cannot be seen"))
    if column.kind in _PATTERNS:
        unread, words = value.is_null() & ~text.is_null(), _PATTERNS[column.kind][1]
        if column.kind not in {Kind.DATE, Kind.FLAG}:
            grouped = nw.when(unread).then(text).str.contains(_IN_GROUPS)
            problems.append((grouped, f"{words}, {_WRITE_PLAINLY}"))
        problems.append((unread, words))
    problems += _range_problems(column, value)
    if value_of is not None:
        problems += _contradictions(column, value, value_of)
    if not problems:
        return None
    problem: nw.Expr = nw.lit(None, dtype=nw.String)
    for condition, words in reversed(problems):
        problem = nw.when(condition).then(nw.lit(f"{column.source}: {words}")).otherwise(problem)
    return problem


def _date(text: nw.Expr) -> nw.Expr:
    return text.str.to_date("%Y-%m-%d")


def _number(text: nw.Expr) -> nw.Expr:
    return text.cast(nw.Float64)


def _count(text: nw.Expr) -> nw.Expr:
    number = text.cast(nw.Float64)
    small = nw.when((number < _LARGEST_COUNT) & (number > -_LARGEST_COUNT)).then(number)
    whole = small.cast(nw.Int64)
    return nw.when(whole.cast(nw.Float64) == small).then(whole)


def plain_id(text: str) -> str:
    """Write an id as silver does.

    Examples:
        >>> plain_id(" 68407277.0 "), plain_id("007"), plain_id("LC-1.0")
        ('68407277', '007', 'LC-1.0')
    """
    bare = text.strip(BLANKS)
    digits, point, zeros = bare.partition(".")
    whole = bool(point) and digits.isascii() and digits.isdigit() and len(digits) <= WHOLE_DIGITS
    return digits if whole and not zeros.strip("0") else bare


def _is_spoilt_id(text: nw.Expr) -> nw.Expr:
    return text.str.contains(SCIENTIFIC_ID) | text.str.contains(ROUNDED_ID)


def _percent(text: nw.Expr) -> nw.Expr:
    # Not divided: Polars divides one row and many rows by a number to different last digits.
    bare = text.str.replace_all(f"{_BLANK}%", "")
    raised = nw.when(bare.str.contains("[eE]")).then(bare.str.replace_all(r"^.*[eE]\+?", ""))
    power = (raised.cast(nw.Int64).fill_null(0) - 2).cast(nw.String)
    return nw.concat_str([bare.str.replace_all("[eE].*", ""), nw.lit("e"), power]).cast(nw.Float64)


def _term(text: nw.Expr) -> nw.Expr:
    return text.str.replace_all(r"[^0-9.]", "").cast(nw.Float64).cast(nw.Int64)


def _years(text: nw.Expr) -> nw.Expr:
    return text.str.replace_all(f"^<{_BLANK}1.*", "0").str.replace_all(r"[^0-9.]", "").cast(nw.Float64)


def _flag(text: nw.Expr) -> nw.Expr:
    return text.str.to_lowercase().is_in(_YES)


_WRITE_PLAINLY = "write 24000.00 without thousands sign or name the decimal sign in the mapping"
_PATTERNS = {
    Kind.DATE: (_DATE, "not a date (YYYY-MM-DD)"),
    Kind.NUMBER: (_NUMBER, "not a number"),
    Kind.COUNT: (_NUMBER, "not a whole number"),
    Kind.PERCENT: (_PERCENT, "not a percent"),
    Kind.TERM: (_TERM, "not a term in months"),
    Kind.YEARS: (_YEARS, "not a number of years"),
    Kind.FLAG: (_FLAG, "neither yes nor no"),
}
_CASTS = {
    Kind.DATE: _date,
    Kind.NUMBER: _number,
    Kind.COUNT: _count,
    Kind.PERCENT: _percent,
    Kind.TERM: _term,
    Kind.YEARS: _years,
    Kind.FLAG: _flag,
}


def _contradictions(column: Column, value: nw.Expr, value_of: Callable[[str], nw.Expr]) -> list[tuple[nw.Expr, str]]:
    """List what cannot stand beside a value of another column; one below 0 is no value, and says nothing."""
    problems = []
    if column.not_above:
        other = value_of(column.not_above)
        problems.append(((other >= 0) & (value > other), f"above {column.not_above}"))
    if column.positive_with:
        problems.append(((value == 0) & (value_of(column.positive_with) > 0), f"0 where {column.positive_with} is not"))
    return problems


def _range_problems(column: Column, value: nw.Expr) -> list[tuple[nw.Expr, str]]:
    problems: list[tuple[nw.Expr, str]] = []
    if column.minimum is not None:
        if column.minimum >= 0:
            problems.append((value < 0, "negative"))
        problems.append((value < column.minimum, f"below {column.minimum:g}"))
    if column.maximum is not None:
        shown = f"{column.maximum * 100:g} percent" if column.kind is Kind.PERCENT else f"{column.maximum:g}"
        problems.append((value > column.maximum, f"above {shown}"))
    if column.allowed:
        problems.append((~value.is_in(sorted(column.allowed)), "unknown value"))
    if column.kind is Kind.DATE:
        landed = nw.col("snapshot_date")
        problems.append((value > landed, "in the future"))
        if column.most_years_ago is not None:
            months = (landed.dt.year() - value.dt.year()) * 12 + (landed.dt.month() - value.dt.month())
            problems.append((months > column.most_years_ago * 12, f"more than {column.most_years_ago} years back"))
    return problems
