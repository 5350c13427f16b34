"""Every setting does something: a field that nothing reads would be set in vain."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydantic import BaseModel

import p2pcredit
from p2pcredit.settings import Settings

SOURCES = sorted(Path(p2pcredit.__file__).parent.rglob("*.py"))


def fields(model: type[BaseModel]) -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        found += fields(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else [name]
    return found


@pytest.fixture(scope="module")
def names_read() -> set[str]:
    trees = (ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES)
    return {
        node.attr
        for tree in trees
        for node in tree
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


@pytest.mark.parametrize("name", fields(Settings))
def test_a_setting_is_read_somewhere(names_read: set[str], name: str) -> None:
    assert name in names_read
