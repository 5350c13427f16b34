"""Groups of commands that are listed from a table, and imported one by one when they are called.

Help of a group, completion of names and suggestions for a mistyped one read the table alone. A command that cannot be
imported is an error of its own call, and nothing to the others.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from p2pcredit.cli.wording import error_line
from p2pcredit.errors import StorageError, UsageError
from p2pcredit.readers.warehouse.addresses import without_login
from p2pcredit.storage.files import refuse_device
from p2pcredit.storage.home import is_url, shown


class WholeLine:
    """Lists a command with its whole first line. Click cuts it to what is left of a line, and a page to 45 letters."""

    help: str | None

    def get_short_help_str(self, limit: int = 0) -> str:
        """Give the first paragraph of the help on one line, however long."""
        return " ".join((self.help or "").split("\n\n")[0].split())


class ListedCommand(WholeLine, TyperCommand):
    """A command that lists its whole first line; it takes no URL as a path, and no device as the file to write."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; look at paths before, as the text that was typed: a path makes one slash of two.

        Raises:
            Exit: After one line: with code 2 where a file or directory is given as a URL, with code 1 where the file to
                write is a device or a pipe.
        """
        typed, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for param in self.params:
            if param.metavar in _PATHS and param.name != "home":
                given = typed.get(param.name)
                for text in given if isinstance(given, list | tuple) else [given]:
                    if isinstance(text, str) and is_url(text):
                        sys.stderr.write(error_line(UsageError(_no_path(text))))
                        raise typer.Exit(2)
                    if isinstance(text, str) and (param.name, param.metavar) == ("out", "FILE"):
                        _refuse_device(text)
        rest: list[str] = super().parse_args(ctx, args)
        return rest


_PATHS = frozenset({"FILE", "DIR", "PLATFORM", "MAPPING"})
"""How parameters are named in help that are, or may be, a path. `--home` has a check of its own."""


def _refuse_device(text: str) -> None:
    try:
        refuse_device(Path(text))
    except StorageError as error:
        sys.stderr.write(error_line(error))
        raise typer.Exit(1) from error


def _no_path(url: str) -> str:
    """Word it without the login that a URL may hold."""
    return f"'{shown(without_login(url))}' is a URL; give the path of a file or directory on this machine"


@dataclass(frozen=True)
class LazyCommand:
    """A command as its group lists it.

    Args:
        at: `module:function`, the module below `p2pcredit.cli.commands`.
        help: The first line of the function's docstring.
        hidden: Whether help leaves it out, such as an old spelling.
    """

    at: str
    help: str
    hidden: bool = False

    def outline(self, name: str) -> TyperCommand:
        """Build what a group lists, without the import."""
        return ListedCommand(name, help=self.help, hidden=self.hidden, rich_markup_mode=None)

    def load(self, name: str) -> Any:
        """Import the module, and build the command of its function."""
        module, _, function = self.at.partition(":")
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        loaded = getattr(import_module(f"p2pcredit.cli.commands.{module}"), function)
        alone.command(name, cls=ListedCommand, hidden=self.hidden)(loaded)
        return get_command(alone)


class LazyGroup(WholeLine, TyperGroup):
    """A group whose commands stand in a table.

    Attributes:
        table: Name -> command, in the order of the help.
    """

    table: ClassVar[Mapping[str, LazyCommand]] = {}

    def __init__(self, *, commands: Any = None, **attrs: Any) -> None:
        outlines = {name: command.outline(name) for name, command in self.table.items()}
        super().__init__(commands={**outlines, **(commands or {})}, **attrs)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and build a command of the table; groups are there already."""
        command = self.table.get(cmd_name)
        return super().get_command(ctx, cmd_name) if command is None else command.load(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called; one that cannot be imported ends in one line and exit code 1.

        Raises:
            Exit: If it cannot be imported; with `--debug` the error itself.
        """
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            if isinstance(error, typer.Exit | typer.Abort | _UsageError) or "--debug" in args:
                raise
            sys.stderr.write(error_line(error))
            raise typer.Exit(1) from error

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands from the table."""
        self._outline().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete names from the table."""
        return self._outline().shell_complete(ctx, incomplete)

    def _outline(self) -> TyperGroup:
        return TyperGroup(name=self.name, commands=dict(self.commands), params=self.params, rich_markup_mode=None)


def lazy_group(table: Mapping[str, LazyCommand]) -> type[LazyGroup]:
    """Make the class of a group of these commands, for `typer.Typer(cls=...)`."""
    return type("LazyGroup", (LazyGroup,), {"table": table})


_UsageError = typer.BadParameter.__mro__[1]
"""The error that a mistyped name is: Typer does not name it in public."""
