"""`p2pcredit score`: score applications as the nightly run would."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.jobs.answering.given import mapping_named
from p2pcredit.jobs.answering.requests import score_request
from p2pcredit.readers.applications import Form, form_of, parse_applications
from p2pcredit.reporting.notice import in_one_line
from p2pcredit.storage.files import read_small_file

_MOST_BYTES = 256 << 20
_IN_A_TABLE = (
    *("loan_id", "probability_of_default", "lifetime_probability_of_default", "expected_annual_return"),
    *("score", "grade", "decision"),
)
_FORMS: tuple[Form, ...] = ("json", "jsonl", "csv")


@command
def score(
    file: Annotated[
        str, typer.Argument(help="A file ending in .json, .jsonl or .csv; - reads standard input.", metavar="FILE")
    ],
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", help="A YAML file by whose names they come; else the feeds'.", metavar="FILE"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A model of the bank; else the champion.", metavar="ID")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="json, jsonl or csv, where the name does not say.", metavar="FORM")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Score applications as the nightly run would, from JSON, JSON lines or CSV."""
    if form is not None and form not in _FORMS:
        raise UsageError(f"--format is '{form}'; write {' or '.join(_FORMS)}")
    ctx = job_context(home)
    platform = None if mapping is None else mapping_named(mapping)
    data = _read(file)
    known: Form = form if form in _FORMS else form_of(file, data)
    try:
        records = parse_applications(data, known)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{'standard input' if file == '-' else file}: {error}") from error
    receipt = score_request(ctx, records, mapping=platform, model_id=model)
    return receipt if as_json else _for_people(receipt)


def _read(file: str) -> bytes:
    if file == "-":
        data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UnreadableFileError(f"standard input has more than {_MOST_BYTES >> 20} MB; give fewer at a time")
        return data
    try:
        return read_small_file(Path(file), at_most=_MOST_BYTES)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {file}; name one, or - for standard input") from error


def _for_people(receipt: dict[str, Any]) -> dict[str, Any]:
    """Lay out the answer of one application in full, those of several as a table."""
    answers = receipt["answers"]
    head = {name: receipt[name] for name in ("request_id", "model_id")}
    if len(answers) > 1:
        table = [
            {
                **{name: answer[name] for name in _IN_A_TABLE},
                "reasons": " ".join(reason["code"] for reason in answer["reasons"]),
                "outside_training": "; ".join(answer["outside_training"]),
            }
            for answer in answers
        ]
        return {**head, "answers": table}
    (answer,) = answers
    return {**head, **answer, "reasons": [in_one_line(reason) for reason in answer["reasons"]]}
