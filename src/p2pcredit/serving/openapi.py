"""Describe the server's requests as OpenAPI; what an application may hold comes from the contract of the feeds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from p2pcredit import __version__
from p2pcredit.contracts.allowed import value_schema
from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.columns import Column
from p2pcredit.jobs.answering.problems import columns_of_home
from p2pcredit.readers.applications import LIST_KEY

_TEXT = {"type": "string"}
_TEXT_OR_NOT = {"type": ["string", "null"]}
_SHARE_OR_NOT = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_REFUSALS = {
    401: "No token that holds.",
    403: "The role `score` is lacking.",
    413: "The body is too large, or holds too many applications.",
    415: "The body is not JSON.",
    422: "A field holds what it may not; `problems` has all of them.",
    429: "Too many requests of late.",
    503: "No model can answer now, or the answer could not be logged.",
}


@cache
def describe_server(
    most_applications: int, catalogue: FeatureCatalogue = BUILT_IN, *, mapped: bool = False
) -> dict[str, Any]:
    """Give the OpenAPI description.

    Args:
        most_applications: Most applications of one request.
        catalogue: The features of the home, whose own columns an application may have.
        mapped: Whether the server has a mapping, by whose names applications may come too.
    """
    refusals = {str(status): {"$ref": "#/components/responses/refused"} for status in _REFUSALS}
    score = {
        "operationId": "score",
        "summary": "Score one application, or several, with the champion.",
        "description": " ".join(f"{status}: {words}" for status, words in _REFUSALS.items()),
        "security": [{"token": []}],
        "parameters": [
            {
                "name": "names",
                "in": "query",
                "description": "Whose names the applications have: those of the feeds"
                + (", or of the server's mapping." if mapped else "; the server has no mapping."),
                "schema": {"type": "string", "enum": ["feeds", *(["mapping"] if mapped else [])], "default": "feeds"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Request"}}},
        },
        "responses": {
            "200": {
                "description": "What the champion says of each, in their order.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Scores"}}},
            },
            **refusals,
        },
    }
    health = {
        "operationId": "health",
        "summary": "Say whether the server is up.",
        "responses": {"200": {"description": "It is.", "content": {"application/json": {"schema": _HEALTH}}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "P2PCreditScore", "version": __version__},
        "paths": {"/v1/score": {"post": score}, "/health": {"get": health}},
        "components": {
            "schemas": _schemas(most_applications, columns_of_home(catalogue)),
            "responses": {
                "refused": {
                    "description": "Why not.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}},
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_HEALTH = {"type": "object", "properties": {"status": {"const": "pass"}}, "required": ["status"]}


def _schemas(most: int, columns: Mapping[str, Column]) -> dict[str, Any]:
    application = {"$ref": "#/components/schemas/Application"}
    several = {"type": "array", "items": application, "minItems": 1, "maxItems": most}
    answer = {
        "request_id": _TEXT,
        "loan_id": _TEXT,
        "model_id": _TEXT,
        "known_on": {"type": ["string", "null"], "format": "date"},
        "probability_of_default": _SHARE_OR_NOT,
        "lifetime_probability_of_default": _SHARE_OR_NOT,
        "expected_loss": _SHARE_OR_NOT,
        "expected_annual_return": {"type": ["number", "null"]},
        "window_months": {"type": "integer"},
        "score": {"type": ["integer", "null"]},
        "grade": _TEXT_OR_NOT,
        "decision": {"enum": ["approve", "decline", "refer", "refuse"]},
        "reasons": {"type": "array", "maxItems": 4, "items": {"$ref": "#/components/schemas/Reason"}},
        "reason_list": {"type": "integer", "description": "Version of the list of reasons."},
        "outside_training": {"type": "array", "items": _TEXT},
    }
    reason: dict[str, Any] = dict.fromkeys(("reason", "code", "text", "advice", "form"), _TEXT)
    reason |= dict.fromkeys(("your_value", "usual"), _TEXT_OR_NOT)
    problem = {"application": {"type": ["integer", "null"]}, "field": _TEXT, "problem": _TEXT, "allowed": _TEXT}
    return {
        "Application": {
            "type": "object",
            "properties": {name: value_schema(column) for name, column in columns.items()},
            "required": [name for name, column in columns.items() if column.required],
            "additionalProperties": False,
        },
        "Request": {
            "oneOf": [application, several, _object({LIST_KEY: several})],
        },
        "Scores": _object(
            {
                "request_id": _TEXT,
                "asked_at": {"type": "string", "format": "date-time"},
                "model_id": _TEXT,
                "answers": {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}},
            }
        ),
        "Answer": _object(answer),
        "Reason": _object(reason),
        "Refused": _object(
            {
                "error": _object(
                    {"code": _TEXT, "message": _TEXT, "problems": {"type": "array", "items": _object(problem)}}
                )
            }
        ),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


__all__ = ["describe_server"]
