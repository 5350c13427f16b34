"""Write the page of the mapping language from the declarations by which mappings are read."""

from __future__ import annotations

from tools.docs.markdown import code, page, table

from p2pcredit.platforms.mapped.vocabulary import describe_mappings


def mapping_page() -> str:
    """Write every key of a mapping, and what a value, a rule and an expression may hold, on one page."""
    told = describe_mappings()
    plain = [name for name, said in told["functions"].items() if not said]
    return page(
        "The mapping language",
        "A mapping says which column of a lender's file is which column of the feeds, and what its statuses mean; how "
        "one is written stands in [land the file of your own platform](../how-to/your-own-platform.md). Editors check "
        "and complete a mapping by [its JSON schema](mapping.schema.json), which `p2pcredit feeds --json` prints too "
        "(`mappings.schema`): put `# yaml-language-server: $schema=PATH/mapping.schema.json` on its first line.",
        "## Keys",
        _words("key", told["keys"]),
        "## What a value may be",
        "The name of a column, or these keys. `column`, `columns`, `value`, `expression` and `one_hot` exclude each "
        "other.",
        _words("key", told["value_keys"]),
        "## Tables",
        "Further files of one landing. A column of a table is named with the table and a point, `customer.Income`.",
        _words("key", told["table_keys"]),
        "## A tape",
        "Files with a row per loan and day, in place of `events`: a servicing tape, or snapshots of the whole book.",
        _words("key", told["tape_keys"]),
        "## Rules of statuses",
        "A list of events, or a word. An event has these keys:",
        _words("key", told["event_keys"]),
        _words("status", told["statuses"]),
        _words("word", told["rules"]),
        "## Own columns",
        "What may stand under the name of a feature of your own (`features`).",
        _words("key", told["feature_keys"]),
        "## Expressions",
        "SQL as DuckDB reads it, one value of one row. Every column is text there, without the blanks around it; a "
        "blank or a sign of a missing value is NULL. Names with blanks stand in double quotes, texts in single ones. "
        "Allowed are arithmetic, comparisons, `AND`, `OR`, `NOT`, `IS NULL`, `IN`, `BETWEEN`, `LIKE`, `CASE`, "
        "`COALESCE`, `CAST` to a plain type, `INTERVAL`, and functions:",
        _words("function", {name: said for name, said in told["functions"].items() if said}),
        "Of SQL: " + ", ".join(code(name) for name in plain) + ".",
        "What fails in a row (a division by zero, a cast, a number too large) is missing there and counted in a "
        "warning. Queries, files, other rows, the clock and chance are refused.",
        "## Patterns of dates",
        "Any of these, and others of `%Y`, `%y`, `%m`, `%b`, `%d`, `%H`, `%M`, `%S`: "
        + ", ".join(code(pattern) for pattern in told["date_patterns"])
        + ".",
    )


def _words(title: str, words: dict[str, str]) -> str:
    return table([title, "what to write, or what it means"], [[code(name), said] for name, said in words.items()])


__all__ = ["mapping_page"]
