"""Describe every column of every table of the lake: the data dictionary.

A table's contract describes its columns. Those that many tables have alike are described here, once.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2pcredit.contracts.tables import Table
from p2pcredit.errors import UsageError
from p2pcredit.names import no_such

_SHARED: Mapping[str, str] = {
    "loan_id": "The platform's id of the loan, as text.",
    "snapshot_date": "The business day whose data the row comes from; rows are replaced by it.",
    "known_on": "The first day on which a person at the lender could have known the row.",
    "row_number": "Number of the row in its landing file, from 1.",
    "origination_date": "The day the loan was issued.",
    "model_id": "The model that the row speaks of; null where there was none.",
}


def describe_column(table: Table, column: str) -> str:
    """Describe a column of a table in one or two sentences.

    Args:
        table: A table of the lake.
        column: The name of one of its columns.

    Returns:
        The description of the table's contract, which for bronze and silver is that of the feed's contract; else that
        of all columns of the name.

    Raises:
        UsageError: If the table has no such column.

    Examples:
        >>> from p2pcredit.contracts.tables import LABEL_STORE
        >>> describe_column(LABEL_STORE, "definition")
        'Name of the label, with its horizon in months: `pd12`, `pd36`, `pd60`.'
        >>> describe_column(LABEL_STORE, "origination_date")
        'The day the loan was issued.'
    """
    described = {one.name: one.description for one in table.columns}
    if column not in described:
        raise UsageError(no_such("column", column, described))
    return described[column] or _SHARED.get(column, "")


__all__ = ["describe_column"]
