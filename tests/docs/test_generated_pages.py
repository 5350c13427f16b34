"""The generated pages say what the code says today, and every column, setting and error has its words."""

from __future__ import annotations

import pytest
from tools.docs.generated import ROOT, generated

from p2pcredit.contracts.dictionary import describe_column
from p2pcredit.contracts.tables import LABEL_STORE, TABLES
from p2pcredit.errors import UsageError
from p2pcredit.settings.reference import describe_settings


def test_generated_pages_and_drawings_are_current() -> None:
    stale = [path for path, text in generated().items() if not _same(path, text)]
    assert not stale, "run 'make docs'"


def _same(path: str, text: str) -> bool:
    file = ROOT / path
    return file.is_file() and file.read_text(encoding="utf-8") == text


def test_every_column_of_every_table_is_described() -> None:
    bare = [
        (name, column)
        for name, table in TABLES.items()
        for column in table.schema
        if not describe_column(table, column)
    ]
    assert not bare


def test_a_column_that_a_table_lacks_is_refused_with_the_similar_name() -> None:
    with pytest.raises(UsageError, match="definition"):
        describe_column(LABEL_STORE, "definitoin")


def test_the_pages_have_every_setting_and_every_column() -> None:
    pages = generated()
    for setting in describe_settings():
        group, _, name = setting.name.rpartition(".")
        assert f"| `{name}` | `" in pages["docs/reference/settings.md"]
        assert setting.variable == f"P2P_{group}__{name}".upper() if group else f"P2P_{name}".upper(), (
            "as the page says"
        )
    for table in TABLES.values():
        assert all(f"`{column}`" in pages["docs/reference/tables.md"] for column in table.schema)
