"""Write the data dictionary from the contracts: the columns of landing files, and of every table."""

from __future__ import annotations

from tools.docs.markdown import code, page, table

from p2pcredit.contracts.columns import Column
from p2pcredit.contracts.dictionary import describe_column
from p2pcredit.contracts.feeds import FEEDS, Feed
from p2pcredit.contracts.tables import TABLES, Table

_LAYERS = {
    "bronze": "Bronze: the raw rows, as text",
    "silver": "Silver: typed rows, and what was set aside",
    "gold": "Gold: features, labels, scores and measurements",
}


def tables_page() -> str:
    """Write the page of all feeds and tables."""
    parts = [
        "What each landing file and each table of the lake holds. Tables are Delta tables under `scripts/datamart/`; "
        "their rows are replaced by `snapshot_date`. Types are those of Polars.",
        "## Feeds: the columns of landing files",
        "A required column makes the row: without it, or with a value outside its bounds, the row is set aside. Any "
        "other column may be left out. What texts are read as values stands in [landing files](landing-files.md).",
    ]
    parts += [_of_feed(feed) for feed in FEEDS.values()]
    for layer, title in _LAYERS.items():
        parts.append(f"## {title}")
        if layer == "bronze":
            bronze = [found for found in TABLES.values() if found.name.startswith("bronze/")]
            parts += _of_bronze(bronze)
        else:
            parts += [_of_table(found) for found in TABLES.values() if found.name.startswith(f"{layer}/")]
    return page("Tables and columns", *parts)


def _of_feed(feed: Feed) -> str:
    one = "One row a loan and day." if feed.one_row_per_loan else "Several rows of a loan a day are possible."
    head = f"### Feed `{feed.name}`\n\n{feed.description} `{feed.date_column}` must be the file's day. {one}\n\n"
    rows = [
        [code(c.source), c.kind, "yes" if c.required else "", _bounds(c), c.description or "No description."]
        for c in feed.columns
    ]
    return head + table(["column", "kind", "required", "allowed", "sense"], rows)


def _bounds(column: Column) -> str:
    if column.allowed:
        return ", ".join(code(value) for value in sorted(column.allowed))
    rules = []
    if column.minimum is not None and column.maximum is not None:
        rules.append(f"{column.minimum:,g} to {column.maximum:,.0f}")
    if column.most_years_ago is not None:
        rules.append(f"at most {column.most_years_ago} years back")
    if column.not_above:
        rules.append(f"not above {code(column.not_above)}")
    if column.positive_with:
        rules.append(f"above 0 where {code(column.positive_with)} is")
    return ", ".join(rules)


def _of_bronze(bronze: list[Table]) -> list[str]:
    names = ", ".join(code(found.name) for found in bronze)
    feed_columns = {source for feed in FEEDS.values() for source in feed.sources}
    lineage = [column for column in bronze[0].schema if column not in feed_columns]
    rows = [[code(name), str(bronze[0].schema[name]), describe_column(bronze[0], name)] for name in lineage]
    return [
        f"{names}: one row of a landing file. Each has the columns of its feed under their names there, all as text, "
        "and:",
        table(["column", "type", "sense"], rows),
    ]


def _of_table(found: Table) -> str:
    sort = ", ".join(code(name) for name in found.sorted_by)
    head = (
        f"### `{found.name}`\n\nOne row is {found.row}. Written by `p2pcredit {found.made_by}`; sorted by {sort} "
        "within a day.\n\n"
    )
    rows = [[code(name), str(kind), describe_column(found, name)] for name, kind in found.schema.items()]
    return head + table(["column", "type", "sense"], rows)


__all__ = ["tables_page"]
