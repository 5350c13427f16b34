"""`p2pcredit --version`: the version, and which code it is."""

from __future__ import annotations

import typer


def print_version(asked: bool) -> None:
    """Print the version with the start of the digest of the code that runs, and end the program."""
    if not asked:
        return
    from p2pcredit import __version__
    from p2pcredit.code_digest import code_digest

    typer.echo(f"{__version__} (code {code_digest()[:8]})")
    raise typer.Exit
