"""The vocabulary of mappings: every key that a mapping may hold, the statuses of events, the patterns of dates.

All of it comes from the declarations by which mappings are read: the list that is printed, the page of the reference
and the JSON schema by which editors check and complete a mapping.
"""

from __future__ import annotations

from typing import Any

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, PERFORMANCE_STATUSES
from p2pcredit.platforms.mapped.dates import COMMON_PATTERNS, ISO
from p2pcredit.platforms.mapped.expressions.grammar import FUNCTIONS, OWN_FUNCTIONS
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.statuses.events import PAST_DUE, UNKNOWN
from p2pcredit.platforms.mapped.yaml_file import (
    EXPECTED,
    EXPECTED_OF_OWN,
    EXPECTED_OF_RULE,
    EXPECTED_OF_SOURCE,
    EXPECTED_OF_TABLE,
    EXPECTED_OF_TAPE,
)

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
        `table_keys`, `tape_keys`, `feature_keys`, `event_keys`, `statuses` (of events -> meaning), `rules` (words in
        place of events -> meaning), `date_patterns`, `functions` (of expressions -> what they give, where they are no
        functions of SQL).
    """
    return {
        "keys": dict(EXPECTED),
        "value_keys": dict(EXPECTED_OF_SOURCE),
        "table_keys": dict(EXPECTED_OF_TABLE),
        "tape_keys": dict(EXPECTED_OF_TAPE),
        "feature_keys": dict(EXPECTED_OF_OWN),
        "event_keys": dict(EXPECTED_OF_RULE),
        "statuses": {name: STATUSES[name] for name in sorted(PERFORMANCE_STATUSES)},
        "rules": {
            "[]": "nothing has happened yet; the loan goes on",
            PAST_DUE: "late now: 30 and 90 days past due as long ago as its days past due say, and as late as they say "
            "today",
            UNKNOWN: "neither good nor bad: no label, ever",
        },
        "date_patterns": [ISO, *COMMON_PATTERNS],
        "functions": {**OWN_FUNCTIONS, **dict.fromkeys(sorted(FUNCTIONS - set(OWN_FUNCTIONS)), "")},
    }


def mapping_schema() -> dict[str, Any]:
    """Give the JSON schema of mappings, by which an editor checks and completes one as it is written.

    What it cannot say, such as which keys exclude each other or what an expression may hold, is said when the mapping
    is read.
    """
    schema = PlatformMapping.model_json_schema()
    feeds = {
        feed.name: {
            "type": "object",
            "description": feed.description,
            "additionalProperties": False,
            "properties": {
                column.source: {
                    "description": column.description,
                    "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Source"}],
                }
                for column in feed.columns[2:]
            },
        }
        for feed in APPLICATION_FEEDS
    }
    schema["properties"]["feeds"] = {"type": "object", "additionalProperties": False, "properties": feeds}
    schema["required"].remove("events")  # a tape stands in their place
    models = {"": schema, **schema["$defs"]}
    told = {
        "Source": EXPECTED_OF_SOURCE,
        "EventRules": EXPECTED_OF_RULE,
        "Table": EXPECTED_OF_TABLE,
        "Tape": EXPECTED_OF_TAPE,
        "OwnColumn": EXPECTED_OF_OWN,
    }
    for name, model in models.items():
        prefix = _PREFIXES.get(name, "")
        own = told.get(
            name, {key.removeprefix(prefix): said for key, said in EXPECTED.items() if key.startswith(prefix)}
        )
        for key, said in own.items():
            if key in model.get("properties", {}):
                model["properties"][key]["description"] = said
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "A mapping of a platform"}


_PREFIXES = {"FileFormat": "file.", "LoanId": "loan_id.", "Events": "events.", "Received": "events.received."}


__all__ = ["STATUSES", "describe_mappings", "mapping_schema"]
