"""What the server was asked and answered: lines of a journal first, rows of `gold/score_requests` later.

A line is on the disk before its answer leaves. `fold_requests` takes the lines into the table day by day: the rows of
a day become those that are there and those of the lines, each application of each request once. So a fold that was
killed is done again and doubles nothing, and a segment goes only once its rows are in the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from p2pcredit.contracts.tables import SCORE_REQUESTS
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.periods import DateRange
from p2pcredit.storage.disk_errors import disk_error
from p2pcredit.storage.journal import read_segment, segments
from p2pcredit.storage.tables.lake import Lake

if TYPE_CHECKING:
    from p2pcredit.jobs.answering.ready import Answered

_KEY = ["request_id", "application"]
_TAKEN_OVER = (
    "probability_of_default",
    "lifetime_probability_of_default",
    "score",
    "grade",
    "decision",
    "outside_training",
    "expected_loss",
    "expected_annual_return",
)


def receipt_and_line(
    at: datetime,
    who: str,
    request_id: str,
    model_id: str,
    asked: Sequence[Mapping[str, Any]],
    found: Answered,
) -> tuple[bytes, bytes]:
    """Write what is answered to a request, and the line of the journal that says so: the same text in both.

    Args:
        at: When it came.
        who: Who asked.
        request_id: Which request.
        model_id: Of the model that answered.
        asked: The applications as they were sent.
        found: The answers, and the features of the model as it saw them, one row per application.
    """
    head = {"request_id": request_id, "asked_at": at.astimezone(UTC).isoformat(timespec="milliseconds")}
    answers = json.dumps(found.answers, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    receipt = _with_answers({**head, "model_id": model_id}, answers)
    line = _with_answers({**head, "asked_by": who, "model_id": model_id, "asked": asked, "known": found.known}, answers)
    return receipt, line


def _with_answers(content: Mapping[str, Any], answers: str) -> bytes:
    return f'{json.dumps(content, allow_nan=False, separators=(",", ":"))[:-1]},"answers":{answers}}}'.encode()


def fold_requests(ctx: JobContext) -> Receipt:
    """Take the lines of the journal into `gold/score_requests`.

    Returns:
        `applications` that the table did not have, `segments` that are done with.

    Raises:
        ConflictError: If another process holds the table for too long.
        StorageError: If a line cannot be read, or the disk refuses.
    """
    lake, added, done = Lake(ctx.layout), 0, 0
    directory = ctx.layout.score_journal
    if not segments(directory):
        return {"applications": 0, "segments": 0}
    with lake.lock(SCORE_REQUESTS):
        for day, paths in segments(directory).items():
            with ExitStack() as held:
                read = [(path, *held.enter_context(read_segment(path))) for path in paths]
                rows = [row for path, lines, _ in read for row in _rows(path, day, lines)]
                added += _add(lake, day, rows)
                for path, _, left in read:
                    if left:
                        _remove(path)
                        done += 1
    return {"applications": added, "segments": done}


def _add(lake: Lake, day: date, rows: list[dict[str, Any]]) -> int:
    if not rows:
        return 0
    days = DateRange(day, day)
    there = lake.read(SCORE_REQUESTS, days)
    new = pl.DataFrame(rows, schema=SCORE_REQUESTS.schema).unique(_KEY, keep="first", maintain_order=True)
    new = new.join(there.select(_KEY), on=_KEY, how="anti", maintain_order="left")
    if new.height:
        lake.replace(SCORE_REQUESTS, pl.concat([there, new]), days)
    return new.height


def _rows(path: Path, day: date, lines: Sequence[bytes]) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            content = json.loads(line)
            head = {name: content[name] for name in ("request_id", "asked_at", "asked_by", "model_id")}
            parts = zip(content["asked"], content["known"], content["answers"], strict=True)
            for place, (asked, known, answer) in enumerate(parts, 1):
                told = {name: answer[name] for name in _TAKEN_OVER}
                row = {**head, **told, "application": place, "snapshot_date": day, "loan_id": answer["loan_id"]}
                row["known_on"] = None if answer["known_on"] is None else date.fromisoformat(answer["known_on"])
                row |= {"asked": _json(asked), "known": _json(known), "reasons": _json(answer["reasons"])}
                found.append(row)
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{path}: line {number} is no answered request; move the file away") from error
    return found


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error("remove", path, error) from error


__all__ = ["fold_requests", "receipt_and_line"]
