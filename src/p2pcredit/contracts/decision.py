"""The retraining decision: four fields of the specification that every reader needs, and ours that none must need."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from p2pcredit.errors import UnreadableDecisionError
from p2pcredit.names import similar_name
from p2pcredit.text import one_line

SCHEMA_VERSION = 1
MAX_DECISION_BYTES = 1 << 20
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LIKENESS_OF_A_SLIP = 0.85
_MOST_UNKNOWN_NAMED = 5
_LONGEST_NAME = 40
_CORE = ("decision_date", "performance_score", "retrain", "reason")


class Decision(BaseModel):
    """One retraining decision.

    Args:
        decision_date: The last day whose data it rests on.
        performance_score: Matured AUC of the champion, else the estimate, else None.
        retrain: Whether to train.
        reason: Text that names the score and the threshold.
        schema_version, decision_id, model_id, score_name, threshold, evidence, expires_on: Ours; a file written by hand
            may leave them out.
        remedy: Ours too: `recalibrate` asks the training step for the cheaper remedy alone; anything else, or nothing,
            for a full training.
        kind: Ours: the kind of change asked for, `refresh`, `redevelopment` or `recalibration`; None where none is.
        trigger: Ours: what asked for it, such as `calendar`; None where nothing did.
        next_refresh_on: Ours: when the policy's calendar asks next; None where it has none.
        decided_by: Ours: the person who decided, `schedule` for a scheduled run, None where it is not said.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)

    decision_date: date
    performance_score: float | None
    retrain: bool = Field(strict=True)
    reason: str = Field(strict=True)
    schema_version: int = SCHEMA_VERSION
    decision_id: str | None = None
    model_id: str | None = None
    score_name: str | None = None
    threshold: float | None = None
    evidence: tuple[str, ...] = ()
    expires_on: date | None = None
    remedy: str | None = None
    kind: str | None = None
    trigger: str | None = None
    next_refresh_on: date | None = None
    decided_by: str | None = None
    _unknown_fields: tuple[str, ...] = PrivateAttr(default=())

    @field_validator("decision_date", "expires_on", "next_refresh_on", mode="before")
    @classmethod
    def _iso_dates_only(cls, value: object) -> object:
        if value is None or isinstance(value, date):
            return value
        if isinstance(value, str) and _ISO_DATE.fullmatch(value):
            return date.fromisoformat(value)
        raise ValueError("must be a date written YYYY-MM-DD")

    @field_validator("performance_score", "threshold", mode="before")
    @classmethod
    def _finite_or_null(cls, value: object) -> object:
        if isinstance(value, bool | str):
            raise ValueError("must be a number or null")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("must be a finite number or null")
        return value

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """Names of the fields of its file that are no part of a decision, and say nothing to any run."""
        return self._unknown_fields

    def first_day(self) -> date:
        """Give the day before its date: the first snapshot date whose run may act on it where a person made it."""
        return date.fromordinal(max(self.decision_date.toordinal() - 1, 1))

    def valid_until(self, valid_days: int) -> date:
        """Give the last day on which it may be acted on."""
        if self.expires_on is not None:
            return self.expires_on
        return date.fromordinal(min(self.decision_date.toordinal() + valid_days, date.max.toordinal()))

    def content_digest(self) -> str:
        """Hash what it decides: equal for equal date, score, verdict and reason, whatever else the file holds."""
        core = {key: value for key, value in self.as_json().items() if key in _CORE}
        return hashlib.sha256(json.dumps(core, sort_keys=True).encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """Give the file's content as plain JSON values, the four fields first."""
        return self.model_dump(mode="json")


_WORDS = {
    "bool_type": "write true or false, without quotes",
    "string_type": "write a text, in quotes",
    "float_parsing": "write a number or null",
    "float_type": "write a number or null",
}
"""Kind of error of Pydantic -> what to write."""


def parse_decision(raw: bytes) -> Decision:
    """Read the bytes of a decision file.

    Raises:
        UnreadableDecisionError: With the reason in one line; the file must then be set aside, never read as "no".

    Examples:
        >>> text = b'{"decision_date": "2024-01-15", "performance_score": 0.65, "retrain": true, "reason": "low"}'
        >>> parse_decision(text).retrain
        True
        >>> parse_decision(b'{"retrain": "yes"')
        Traceback (most recent call last):
        ...
        p2pcredit.errors.UnreadableDecisionError: not JSON: Expecting ',' delimiter: line 1 column 18 (char 17)
    """
    if len(raw) > MAX_DECISION_BYTES:
        raise UnreadableDecisionError(f"{len(raw)} bytes or more, where a decision has at most {MAX_DECISION_BYTES}")
    try:
        content = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise UnreadableDecisionError(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise UnreadableDecisionError("nested too deeply for a decision") from error
    except json.JSONDecodeError as error:
        raise UnreadableDecisionError(f"not JSON: {error}") from error
    except ValueError as error:
        raise UnreadableDecisionError(str(error)) from error
    if not isinstance(content, dict):
        raise UnreadableDecisionError(
            f"a JSON {type(content).__name__} where an object with {', '.join(_CORE)} belongs"
        )
    _refuse_slips(content)
    missing = [key for key in _CORE if key not in content]
    if missing:
        raise UnreadableDecisionError(f"the field '{missing[0]}' is missing")
    try:
        decision = Decision.model_validate(content)
        decision._unknown_fields = tuple(sorted(name for name in content if name not in Decision.model_fields))
        texts = [decision.as_json(), decision.unknown_fields]
        json.dumps(texts, ensure_ascii=False).encode()  # half a surrogate pair could never be written back
        return decision
    except UnicodeEncodeError as error:
        raise UnreadableDecisionError("a text holds half a character (a lone surrogate)") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise UnreadableDecisionError(f"field '{where}': {said}") from error


def unknown_fields_in_words(names: Sequence[str]) -> str:
    """Say that fields of a decision file are unknown and which there are; empty where all are known.

    Examples:
        >>> print(unknown_fields_in_words(["ticket"]))  # doctest: +ELLIPSIS
        the field 'ticket' is unknown and says nothing to any run; known are decision_date, ..., expires_on, remedy, ...
        >>> print(unknown_fields_in_words(["a", "b"]))  # doctest: +ELLIPSIS
        the fields 'a', 'b' are unknown and say nothing to any run; known are ...
    """
    if not names:
        return ""
    shown = ", ".join(f"'{one_line(name, _LONGEST_NAME)}'" for name in names[:_MOST_UNKNOWN_NAMED])
    if len(names) > _MOST_UNKNOWN_NAMED:
        shown += f" and {len(names) - _MOST_UNKNOWN_NAMED} others"
    what = f"the field {shown} is unknown and says" if len(names) == 1 else f"the fields {shown} are unknown and say"
    return f"{what} nothing to any run; known are {', '.join(Decision.model_fields)}"


def _refuse_slips(content: Mapping[str, Any]) -> None:
    """Refuse an unknown field whose name is like one that is not there: `expire_on` would never end a decision.

    Raises:
        UnreadableDecisionError: If there is one. Fields of other names are left aside, and said: they may be notes.
    """
    lacking = [name for name in Decision.model_fields if name not in content]
    for name in content:
        if name not in Decision.model_fields and (meant := similar_name(name, lacking, _LIKENESS_OF_A_SLIP)):
            raise UnreadableDecisionError(f"the field '{name}' is unknown, perhaps '{meant}' was meant")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a field stands twice")
    return content


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
