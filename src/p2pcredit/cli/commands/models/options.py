"""Arguments that several commands of `p2pcredit models` take."""

from __future__ import annotations

from typing import Annotated

import typer

IdArgument = Annotated[str, typer.Argument(help="The model's id, as 'models list' shows it.", metavar="ID")]
