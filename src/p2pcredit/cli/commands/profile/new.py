"""`p2pcredit profile new`: look at files, and draft a mapping of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.raw_files import RAW_FILES, QueryOption, raw_files
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.jobs.landing.queries import fetched
from p2pcredit.platforms.drafting.columns import MOST_ROWS, look_at
from p2pcredit.platforms.drafting.draft import draft_mapping


@command
def new(
    files: Annotated[list[str], typer.Argument(help=f"Raw downloads of one lender: {RAW_FILES}.", metavar="RAW")],
    query: QueryOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the draft there; a file that exists stays.", metavar="FILE")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt | None:
    """Look at files, and draft a mapping of them with comments and open questions.

    The first 200,000 rows of each file are looked at. The draft goes to standard output, or to --out. It is the same in
    every home.
    """
    paths, queries = raw_files(files, query)
    for path in paths:
        if not path.is_file():
            raise SourceError(f"there is no file {path}; check the path")
    with fetched(queries, most_rows=MOST_ROWS + 1) as results:
        looked = [look_at(path) for path in [*paths, *results]]
    draft = draft_mapping(looked)
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
    return {"path": str(out), "questions": draft.questions}
