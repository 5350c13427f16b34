"""Options that several commands about the book have alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="What was known on this day; else on the last one there is.", metavar="D")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write the page there; else into reports/.", metavar="FILE")
]
VintageOption = Annotated[Literal["quarter", "year"], typer.Option("--vintage", help="Which loans make a vintage.")]
GradesOption = Annotated[
    Literal["platform", "own"], typer.Option("--grades", help="The platform's grades, or those of the score.")
]
StressOption = Annotated[
    str,
    typer.Option(
        "--stress",
        help="Multipliers such as hazard:1.5,lgd:1.1, or units of a cause that p2pcredit.toml names, such as "
        "unemployment:+2.",
        metavar="NAME:VALUE",
    ),
]
