"""Describe every column of every table of the lake: the data dictionary."""

from __future__ import annotations

from collections.abc import Mapping

from p2pcredit.contracts.features import FEATURES
from p2pcredit.contracts.feeds import FEEDS
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
_OF_LAYER: Mapping[str, Mapping[str, str]] = {
    "bronze": {
        "source_file": "Name of the landing file.",
        "source_digest": "SHA-256 of the landing file.",
        "unparsed": "The record's text where it has another number of fields than the header; null for sound records.",
    },
}
_OF_TABLE: Mapping[str, Mapping[str, str]] = {
    "silver/quarantine": {
        "feed": "The feed that the row came in with.",
        "rules": "Every rule that was broken, separated by `; `.",
        "raw": "The raw values as JSON: all of a row, or the one that was lost.",
        "kind": "`row` for a row set aside, `value` for an optional value that a sound row lost.",
        "column": "Of a value: its column in the feed; null for a row.",
        "loan_id": "The loan's id as it stood in the row, where it could be read.",
    },
    "gold/label_store": {
        "definition": "Name of the label, with its horizon in months: `pd12`, `pd36`, `pd60`.",
        "label": "1 where the loan defaulted within the horizon, 0 where it did not. Loans not known yet have no row.",
        "known_on": "The day the label became known: of a default its own day, of a good the end of window and lag.",
        "snapshot_date": "The same day as `known_on`.",
    },
    "gold/predictions": {
        "snapshot_date": "The day on which the loan was issued and scored.",
        "model_id": "The champion of that day, which gave the score.",
        "probability_of_default": "Probability of the main label being 1, between 0 and 1; null where refused.",
        "score": "Points: 600 at odds of 50 goods to one bad by default; more is safer.",
        "grade": "Band of the probability of default, A the safest; null where referred or refused.",
        "reason_1": "The factor that costs the loan the most points, in words; null where there is none.",
        "reason_2": "The second factor.",
        "reason_3": "The third factor.",
        "reason_4": "The fourth factor.",
        "outside_training": "Each value outside what the model was trained on: `COLUMN: missing`, "
        "`COLUMN: level never seen` or `COLUMN: beyond trained range`; empty for most loans.",
        "decision": "`approve`, `decline`, `refer` (to a person) or `refuse` (nothing is given).",
    },
    "gold/monitoring": {
        "snapshot_date": "The same day as `week_end_date`.",
        "week_end_date": "The last day that the week looks at.",
        "metric": "What was measured, such as `auc`, `psi_score`, `psi:annual_income`.",
        "segment": "The loans or rows it was measured on: `all`, `champion`, or such as `vintage=2010Q1`, `term=36`.",
        "value": "The measurement; null where nothing could be measured, never NaN.",
        "low": "Lower bound of its interval; null where it has none.",
        "high": "Upper bound of its interval; null where it has none.",
        "n": "How many loans or rows it rests on.",
        "matured_share": "Of the loans scored in the window, the share (0 to 1) whose label is known; null where "
        "labels play no part.",
        "status": "`pass`, `fail` or `undetermined`; undetermined never counts as pass.",
        "threshold": "What the value was held against; null where it is for information only.",
        "note": "One sentence for the reader, or empty.",
    },
}
_OF_FEATURES: Mapping[str, str] = {feature.name: feature.description for feature in FEATURES}


def describe_column(table: Table, column: str) -> str:
    """Describe a column of a table in one or two sentences.

    Args:
        table: A table of the lake.
        column: The name of one of its columns.

    Returns:
        The description; for bronze and silver that of the feed's contract.

    Raises:
        UsageError: If the table has no such column.

    Examples:
        >>> from p2pcredit.contracts.tables import LABEL_STORE
        >>> describe_column(LABEL_STORE, "definition")
        'Name of the label, with its horizon in months: `pd12`, `pd36`, `pd60`.'
    """
    if column not in table.schema:
        raise UsageError(no_such("column", column, table.schema))
    layer, _, name = table.name.partition("/")
    own = {**_OF_LAYER.get(layer, {}), **_OF_TABLE.get(table.name, {})}
    if column in own:
        return own[column]
    if name in FEEDS:
        for described in FEEDS[name].columns:
            if column == (described.source if layer == "bronze" else described.typed_name):
                return described.description
    if column in _SHARED:
        return _SHARED[column]
    return _OF_FEATURES.get(column, "")


__all__ = ["describe_column"]
