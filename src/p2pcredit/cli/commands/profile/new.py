"""`p2pcredit profile new`: look at files, and draft a mapping of them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.asking import answers_of, is_conversation
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.raw_files import RAW_FILES, QueryOption, raw_files
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.jobs.landing.queries import fetched
from p2pcredit.platforms.drafting.columns import MOST_ROWS, FileFacts, look_at
from p2pcredit.platforms.drafting.draft import draft_mapping
from p2pcredit.platforms.drafting.questions import Draft
from p2pcredit.readers.warehouse.addresses import is_address, without_login
from p2pcredit.text import one_line


@command
def new(
    files: Annotated[list[str], typer.Argument(help=f"Raw downloads of one lender: {RAW_FILES}.", metavar="RAW")],
    query: QueryOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the draft there; a file that exists stays.", metavar="FILE")
    ] = None,
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Ask nothing, on a terminal either; open questions stand in the draft.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt | None:
    """Look at files, and draft a mapping of them with comments and open questions.

    The first 200,000 rows of each file are looked at. The draft goes to standard output, or to --out. It is the same in
    every home. On a terminal the questions are asked, their answers stand in the draft, and it is written to a file.
    """
    talking = is_conversation(no_input=no_input or as_json)
    if talking and out is not None and out.exists():
        raise UsageError(f"{out} exists; name another file")
    paths, queries = raw_files(files, query)
    for path in paths:
        if not path.is_file():
            raise SourceError(f"there is no file {path}; check the path")
    with fetched(queries, most_rows=MOST_ROWS + 1) as results:
        looked = [look_at(path) for path in [*paths, *results]]
    answers: dict[str, str] = {}
    if talking:
        answers = answers_of(lambda so_far: draft_mapping(looked, so_far))
        out = out or _free_name(looked)
    draft = draft_mapping(looked, answers)
    if out is not None:
        try:
            with out.open("x", encoding="utf-8") as stream:
                stream.write(draft.text)
        except FileExistsError as error:
            raise UsageError(f"{out} exists; name another file") from error
    facts = {
        file.path.name: {
            "rows_looked_at": file.rows.height,
            "whole": file.is_whole,
            "columns": {
                one.name: {
                    "kind": one.kind,
                    "filled": round(one.filled, 4),
                    "distinct": one.distinct,
                    "dates": list(one.patterns),
                }
                for one in file.columns
            },
        }
        for file in looked
    }
    if as_json:
        return {"mapping": draft.text, "questions": draft.questions, "path": str(out) if out else None, "files": facts}
    for file in looked:
        if not file.is_whole:
            sys.stderr.write(f"Note: only the first {MOST_ROWS:,} rows of {file.path.name} were looked at\n")
    if out is None:
        sys.stdout.write(draft.text)
        return None
    if talking:
        sys.stdout.write(
            _goodbye(out, draft, [*_quoted(files), *(f"--query {shlex.quote(str(path))}" for path in query or [])])
        )
        return None
    return {"path": str(out), "questions": draft.questions}


def _free_name(looked: Sequence[FileFacts]) -> Path:
    """Name a file of this directory that does not exist yet, after the first file that was looked at."""
    stem = looked[0].path.name.partition(".")[0]
    names = (Path(f"{stem}{number}.yaml") for number in ("", *(f"_{n}" for n in range(2, 1000))))
    return next(name for name in names if not name.exists())


def _goodbye(out: Path, draft: Draft, files: Sequence[str]) -> str:
    left = "".join(f"  - {one_line(question)}\n" for question in draft.questions)
    still = f"These stay open in it, as lines that say QUESTION:\n{left}" if left else "No question is open.\n"
    return f"\nWrote {out}. {still}Next:\n  p2pcredit profile check {shlex.quote(str(out))} {' '.join(files)}\n"


def _quoted(files: Sequence[str]) -> list[str]:
    """Write paths as a shell takes them, addresses without their secrets."""
    return [shlex.quote(without_login(one) if is_address(one) else one) for one in files]
