"""The JSON schema of mappings, the printed vocabulary and the reader speak of the same keys."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from tests.unit.platforms.mapped_lender import MAPPING

from p2pcredit.platforms.mapped.schema.applications import ApplicationsMapping
from p2pcredit.platforms.mapped.schema.files import FileFormat, Table, Tape
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.schema.outcomes import Events, Received
from p2pcredit.platforms.mapped.schema.sources import LoanId, Source
from p2pcredit.platforms.mapped.shipped import mapping_file
from p2pcredit.platforms.mapped.vocabulary import describe_mappings, mapping_schema

jsonschema = pytest.importorskip("jsonschema")
RICH = MAPPING.replace("loan_id: Nr", "currency: EUR\nonly: \"State <> 'test'\"\nloan_id: {row_number: file}").replace(
    "term: Months", "term: {value: 36}"
)


def problems(text: str) -> list[str]:
    """What the schema has against a mapping; days are texts to JSON."""
    content = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    numbers: dict[str, Any] = {"days_past_due": int, "after_days": int, "times": float, "round": int}

    def plain(node: Any, key: str = "") -> Any:
        if isinstance(node, dict):
            return {name: plain(value, name) for name, value in node.items()}
        if isinstance(node, list):
            return [plain(item) for item in node]
        return numbers[key](node) if key in numbers and node.lstrip("-").replace(".", "").isdigit() else node

    checker = jsonschema.Draft202012Validator(mapping_schema())
    return [error.message for error in checker.iter_errors(plain(content))]


@pytest.mark.parametrize("text", [MAPPING, RICH, mapping_file("prosper").read_text(encoding="utf-8")])
def test_mappings_that_are_taken_fit_the_schema(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loan_amount: Amount", "loan_amnt: Amount"),
        ("status: FULLY_PAID", "status: PAID"),
        ("slow: past_due", "slow: past_du"),
        ("loan_id: Nr", "loan_ident: Nr"),
        ("loan_id: Nr", "currency: euro\nloan_id: Nr"),
        ("times: 100", "tmes: 100"),
    ],
)
def test_a_slip_does_not_fit_the_schema(old: str, new: str) -> None:
    assert problems(MAPPING.replace(old, new))


def test_every_key_of_a_mapping_is_described_and_no_other() -> None:
    told = describe_mappings()
    parts: dict[str, type[BaseModel]] = {
        "": PlatformMapping,
        "file.": FileFormat,
        "loan_id.": LoanId,
        "events.": Events,
        "applications.": ApplicationsMapping,
    }
    keys = {f"{at}{key}" for at, model in parts.items() for key in model.model_fields}
    keys |= {f"events.received.{key}" for key in Received.model_fields}
    assert set(told["keys"]) == keys
    assert set(told["value_keys"]) == set(Source.model_fields)
    assert set(told["table_keys"]) == set(Table.model_fields)
    assert set(told["tape_keys"]) == set(Tape.model_fields)
    schema = mapping_schema()
    assert all("description" in schema["properties"][key] for key in PlatformMapping.model_fields if key != "feeds")
    assert all("description" in schema["$defs"]["Source"]["properties"][key] for key in Source.model_fields)
