"""`p2pcredit --version`: the version, and which code it is."""

from __future__ import annotations

import typer

import p2pcredit
from p2pcredit.code_digest import code_digest


def print_version(asked: bool) -> None:
    """Print the version with the start of the digest of the code that runs, and end the program."""
    if not asked:
        return
    typer.echo(f"{p2pcredit.__version__} (code {code_digest()[:8]})")
    raise typer.Exit
