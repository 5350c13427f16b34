"""The vocabulary of mappings: every key that a mapping may hold, the statuses of events, the patterns of dates."""

from __future__ import annotations

from typing import Any

from p2pcredit.contracts.feeds import PERFORMANCE_STATUSES
from p2pcredit.platforms.mapped.dates import COMMON_PATTERNS, ISO
from p2pcredit.platforms.mapped.events import PAST_DUE, UNKNOWN
from p2pcredit.platforms.mapped.yaml_file import EXPECTED, EXPECTED_OF_RULE, EXPECTED_OF_SOURCE

STATUSES = {
    "CURRENT": "paid as agreed",
    "LATE": "days past due, no default yet",
    "DEFAULT": "in default; carries its days past due",
    "CHARGED_OFF": "written off; closes the loan",
    "FULLY_PAID": "paid back; closes the loan",
}


def describe_mappings() -> dict[str, Any]:
    """Give what a mapping may hold.

    Returns:
        `keys` (key -> what to write), `value_keys` (what a value may be instead of the name of a column),
        `event_keys`, `statuses` (of events -> meaning), `rules` (words in place of events -> meaning),
        `date_patterns`.
    """
    return {
        "keys": dict(EXPECTED),
        "value_keys": dict(EXPECTED_OF_SOURCE),
        "event_keys": dict(EXPECTED_OF_RULE),
        "statuses": {name: STATUSES[name] for name in sorted(PERFORMANCE_STATUSES)},
        "rules": {
            "[]": "nothing has happened yet; the loan goes on",
            PAST_DUE: "late now: 30 and 90 days past due as long ago as its days past due say",
            UNKNOWN: "neither good nor bad: no label, ever",
        },
        "date_patterns": [ISO, *COMMON_PATTERNS],
    }


__all__ = ["STATUSES", "describe_mappings"]
