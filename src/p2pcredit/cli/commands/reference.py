"""`p2pcredit settings` and `p2pcredit feeds`: what may be set and what may be landed, printed from the code."""

from __future__ import annotations

from typing import Any

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, home_directory
from p2pcredit.contracts.catalogue import BUILT_IN
from p2pcredit.contracts.feed_reference import describe_feeds, describe_values, rules_in_words
from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.jobs.checked_settings import settings_of
from p2pcredit.platforms.mapped.shipped import mapping_file
from p2pcredit.platforms.mapped.vocabulary import describe_mappings, mapping_schema
from p2pcredit.platforms.registry import PLATFORMS, SOURCES
from p2pcredit.settings.reference import describe_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.own_features import read_own_features


@command
def settings(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List every setting: name, type, default, bounds and meaning.

    With --home also what it is in that home. Settings stand in p2pcredit.toml of a home, or in P2P_GROUP__NAME.
    """
    values = {} if home is None else _values(home_directory(home))
    found = [
        {**setting.as_json(), **({"value": values[setting.name]} if values else {})} for setting in describe_settings()
    ]
    if as_json:
        return found
    shown = ["name", "type", "bounds", "default", *(["value"] if values else []), "description"]
    return [{name: _shown(setting[name]) if name != "bounds" else setting[name] for name in shown} for setting in found]


def _values(home: Any) -> dict[str, Any]:
    """Give the value of each setting in a home; secrets stay secret."""
    found: dict[str, Any] = {}
    for name, value in settings_of(home).model_dump(mode="json").items():
        inside = value.items() if isinstance(value, dict) else [("", value)]
        found.update({f"{name}.{inner}" if inner else name: of for inner, of in inside})
    return found


def _shown(value: Any) -> object:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "empty" if value in ("", {}) else value


@command
def platforms(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List the platforms whose files land without a mapping of yours.

    Those that are YAML are examples for a mapping of your own: `file` names it. They are the same in every home.
    """
    return [
        {
            "name": name,
            "of": SOURCES.get(name, PLATFORMS.describe(name)),
            "file": str(path) if (path := mapping_file(name)).exists() else "",
        }
        for name in PLATFORMS.names()
    ]


@command
def feeds(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List the feeds with their columns, and what a mapping of a platform may hold.

    Per column its type, unit and rules; then how values are written, the signs of a missing value, and the keys,
    statuses and date patterns of mappings. With --home the lender's own columns of that home are among them; all else
    is the same in every home.
    """
    catalogue = BUILT_IN if home is None else read_own_features(Layout(home_directory(home)))
    if as_json:
        return {
            "feeds": describe_feeds(catalogue),
            "values": describe_values(),
            "mappings": {**describe_mappings(), "schema": mapping_schema()},
        }
    rules = {
        (feed.name, column.source): rules_in_words(column)
        for feed in map(catalogue.feed, ALL_FEEDS)
        for column in feed.columns
    }
    told: dict[str, Any] = {}
    for feed in describe_feeds(catalogue):
        told[feed["feed"]] = [
            {
                "column": column["column"],
                "in silver": column["in_silver"],
                "type": column["type"],
                "unit": column["unit"] or None,
                "rules": rules[feed["feed"], column["column"]] or None,
                "what it is": column["description"],
            }
            for column in feed["columns"]
        ]
    mappings = describe_mappings()
    for title, words in (
        ("types", describe_values()["types"]),
        ("keys of a mapping", mappings["keys"]),
        ("keys of a value", mappings["value_keys"]),
        ("keys of a table", mappings["table_keys"]),
        ("keys of a tape", mappings["tape_keys"]),
        ("keys of an own column", mappings["feature_keys"]),
        ("keys of an event", mappings["event_keys"]),
        ("statuses of events", mappings["statuses"]),
        ("words in place of events", mappings["rules"]),
        ("functions of expressions", {name: said for name, said in mappings["functions"].items() if said}),
    ):
        told[title] = [{"name": name, "meaning": meaning} for name, meaning in words.items()]
    return {
        **told,
        "functions of SQL in expressions": [name for name, said in mappings["functions"].items() if not said],
        "date patterns": mappings["date_patterns"],
        "signs of a missing value": describe_values()["missing"],
        "signs of a missing value in texts": describe_values()["missing_in_text"],
    }
