"""Find the columns that play a part in a loan book: by the words of their names, their kinds, and their keys."""

from __future__ import annotations

import re

from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.drafting.words import MEANINGS, NEGATED, NEGATED_YET_PLAIN, ROLES
from p2pcredit.platforms.drafting.writing import expression, identifier, scalar

FOUND_IN_OTHER = 0.5
"""From which share of keys found in another file on two columns look like one key."""
ONE_EACH = 0.98
_MANY = 1000


def find(file: FileFacts, role: str) -> ColumnFacts | None:
    """Find the column that a role's words name, of the kind that the role needs; the first word that fits wins."""
    kinds, words = ROLES[role]
    for word in words:
        for one in file.columns:
            named = re.search(word, words_of(one.name))
            if one.kind in kinds and named and (role != "loan_id" or is_key(file, one)):
                return one
    return None


def is_key(file: FileFacts, one: ColumnFacts) -> bool:
    """Return whether a column has another text in each row."""
    return (
        one.kind in {"text", "number", "category"} and one.filled >= ONE_EACH and one.distinct == file.rows.height > 1
    )


def same_key(file: FileFacts, loans: FileFacts, key: ColumnFacts) -> ColumnFacts | None:
    """Find the column of another file that holds the most of a column's texts."""
    whole = loans.is_whole and file.is_whole
    own = set(loans.rows[key.name].drop_nulls().str.strip_chars())
    shares = {
        one.name: overlap(own, file, one, whole=whole)
        for one in file.columns
        if one.kind in {"text", "number", "category"}
    }
    best = max(shares, key=lambda name: shares[name], default=None)
    return file.column(best) if best is not None and shares[best] >= FOUND_IN_OTHER else None


def overlap(own: set[str], file: FileFacts, one: ColumnFacts, *, whole: bool = True) -> float:
    """Give the share of texts that a column of another file holds.

    Args:
        own: The texts.
        file: The other file, and `one`, its column.
        one: The column.
        whole: Whether both files were looked at to their ends; else the share of the smaller set, if it is not small.
    """
    theirs = set(file.rows[one.name].drop_nulls().str.strip_chars())
    few = min(len(own), len(theirs))
    return len(own & theirs) / max(few if not whole and few >= _MANY else len(own), 1)


def meaning_of(text: str) -> str | None:
    """Find the status of the contract that the words of a text name; None where none does, or they are negated.

    Examples:
        >>> [meaning_of(text) for text in ("Charged Off", "P I F", "Non-performing", "unpaid", "no default")]
        ['CHARGED_OFF', 'FULLY_PAID', 'DEFAULT', None, None]
    """
    words = text.casefold()
    if re.search(NEGATED, words) and not re.search(NEGATED_YET_PLAIN, words):
        return None
    return next((meaning for pattern, meaning in MEANINGS if re.search(pattern, words)), None)


def words_of(name: str) -> str:
    """Write the name of a column as words in small letters.

    Examples:
        >>> words_of("Loan_StatusDate")
        'loan status date'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold().replace("_", " ")


def days_past_due(file: FileFacts) -> tuple[ColumnFacts, str] | None:
    """Find the column of days past due, and write how it is read: a number, or the first one of a bucket, `30-59`."""
    plain = find(file, "days_past_due")
    if plain is not None:
        return plain, scalar(plain.name)
    words = "|".join(ROLES["days_past_due"][1])
    for one in file.columns:
        named = re.search(words, words_of(one.name))
        if one.kind == "category" and named and all(re.search("[0-9]", text) for text, _ in one.levels):
            first = f"as_number(regexp_extract({identifier(one.name)}, '[0-9]+'))"
            return one, expression(first)
    return None


__all__ = [
    "FOUND_IN_OTHER",
    "ONE_EACH",
    "days_past_due",
    "find",
    "is_key",
    "meaning_of",
    "overlap",
    "same_key",
    "words_of",
]
