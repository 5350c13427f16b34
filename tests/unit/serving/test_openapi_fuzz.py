"""Requests made from the server's own description: none ends in an error of the server, whatever it holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.asked_server import AskedServer, asked_server
from tests.both_families import BothFamilies

from p2pcredit.serving.openapi import describe_server

DESCRIPTION = describe_server(1000)
SCHEMAS = DESCRIPTION["components"]["schemas"]
PROPERTIES: dict[str, dict[str, Any]] = SCHEMAS["Application"]["properties"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
TEXTS = st.sampled_from(["2021-10-01", "36 months", "10.65%", "< 1 year", "yes", "n/a", "1e5", "RENT", ""]) | st.text(
    max_size=9
)


def value_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make values as a field's schema describes them, among them such as it does not."""
    low, high = schema.get("minimum", -1e6), schema.get("maximum", 1e6)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "string": st.dates().map(str) if schema.get("format") == "date" else TEXTS,
        "number": st.floats(low, high, allow_nan=False, allow_infinity=False) | st.integers(int(low), int(high)),
        "integer": st.integers(0, 10**18),
        "boolean": st.booleans(),
    }
    return st.one_of(*(kinds[kind] for kind in schema["type"]))


APPLICATION = st.fixed_dictionaries(
    {name: value_of(PROPERTIES[name]) for name in SCHEMAS["Application"]["required"]},
    optional={
        name: value_of(schema) for name, schema in PROPERTIES.items() if name not in SCHEMAS["Application"]["required"]
    },
)
SPOILT = st.builds(
    lambda one, more: {**one, **more}, APPLICATION, st.dictionaries(st.sampled_from([*PROPERTIES, "x"]), ANYTHING)
)
CONTENT = APPLICATION | SPOILT | st.lists(APPLICATION | SPOILT, max_size=4) | ANYTHING
CONTENT = CONTENT | st.builds(lambda rows: {"applications": rows}, CONTENT)


@pytest.fixture(scope="module")
def server(both: BothFamilies) -> Iterator[AskedServer]:
    with asked_server(both.home, both_settings(both)) as asked:
        yield asked


def both_settings(both: BothFamilies) -> Any:
    from p2pcredit.settings import ServingSettings, load_settings

    generous = ServingSettings(burst=100_000, requests_per_second=100_000)
    return load_settings(both.home).model_copy(update={"serving": generous})


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DESCRIPTION["components"]})


def check(server: AskedServer, body: bytes) -> int:
    answer = server.ask("POST", "/v1/score", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 422, 413), answer.text
    assert str(answer.status_code) in DESCRIPTION["paths"]["/v1/score"]["post"]["responses"]
    validator("Scores" if answer.status_code == 200 else "Refused").validate(answer.json())
    return answer.status_code


@pytest.mark.torture
def test_no_content_ends_in_an_error_of_the_server(server: AskedServer, torture: Any) -> None:
    times, answered = torture.times(150, 10_000), Counter[int]()

    @settings(max_examples=times, suppress_health_check=list(HealthCheck))
    @given(CONTENT)
    def ask(content: Any) -> None:
        answered[check(server, json.dumps(content).encode())] += 1

    ask()
    told = ", ".join(f"{count} answered {status}" for status, count in sorted(answered.items()))
    torture.record("a request made from the server's own description", answered.total(), note=told)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_no_bytes_do(server: AskedServer, body: bytes) -> None:
    check(server, body)


def test_a_plain_application_is_answered_as_described(server: AskedServer) -> None:
    sound = {"loan_id": "A1", "origination_date": "2021-10-01", "loan_amount": 12000, "term": 36}
    validator("Request").validate(sound)
    assert check(server, json.dumps(sound).encode()) == 200


def test_the_description_is_served_and_names_every_column_of_the_contract(server: AskedServer) -> None:
    from p2pcredit.jobs.answering.problems import LANDED

    assert server.ask("GET", "/openapi.json", None).json() == DESCRIPTION
    assert set(PROPERTIES) == set(LANDED)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/v1/score", "/", "/v1", "/v1/score/..", "/%00", "/health/x"])
def test_other_ways_of_asking_are_refused_quietly(server: AskedServer, method: str, path: str) -> None:
    allowed = (200,) if (method, path) == ("GET", "/") else (404, 405)  # the first of the pages
    assert server.ask(method, path).status_code in allowed
