"""Groups list their commands from a table, and import one when it is called."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from p2pcredit.cli import app as program
from p2pcredit.cli.app import app
from p2pcredit.cli.lazy import LazyCommand

TABLES = {"": program.COMMANDS, **{name: table for name, (table, _) in program.GROUPS.items()}}
COMMANDS = [(group, name, command) for group, table in TABLES.items() for name, command in table.items()]


@pytest.mark.parametrize(("group", "name", "command"), COMMANDS, ids=[f"{g} {n}".strip() for g, n, _ in COMMANDS])
def test_the_table_says_the_first_line_of_each_commands_help(group: str, name: str, command: LazyCommand) -> None:
    loaded = command.load(name)
    assert (loaded.name, loaded.hidden) == (name, command.hidden)
    assert loaded.help.splitlines()[0] == command.help


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "p2pcredit.cli.commands.home.export", None)


@pytest.mark.usefixtures("broken")
def test_a_command_that_cannot_be_imported_is_one_line_and_nothing_to_the_others() -> None:
    run = CliRunner().invoke
    assert "Write a table's rows to a Parquet or CSV file." in run(app, ["--help"]).stdout
    assert run(app, ["status", "--help"]).exit_code == 0
    done = run(app, ["export", "gold/predictions"])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("Error: ModuleNotFoundError: ")
    assert isinstance(run(app, ["export", "--debug"]).exception, ModuleNotFoundError)


def test_a_mistyped_command_is_wrong_usage_and_names_the_similar_one() -> None:
    done = CliRunner().invoke(app, ["models", "promotee"])
    assert done.exit_code == 2
    assert "Did you mean 'promote'?" in done.stderr


def test_names_are_completed_from_the_table() -> None:
    group = typer.main.get_command(app)
    context = group.make_context("p2pcredit", [], resilient_parsing=True)
    assert [item.value for item in group.shell_complete(context, "s")] == [
        "score",
        "serve",
        "status",
        "sql",
        "strategy",
        "settings",
    ]
    assert [item.value for item in group.shell_complete(context, "--v")] == ["--version"]


def test_help_of_a_group_imports_no_command() -> None:
    code = (
        "import sys\n"
        "from p2pcredit.cli.app import app\n"
        "try:\n    app(['models', '--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(','.join(name for name in sys.modules if name.startswith('p2pcredit.cli.commands')) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("group", TABLES)
def test_help_lists_the_whole_first_line_of_each_command(group: str) -> None:
    listed = " ".join(CliRunner().invoke(app, [*group.split(), "--help"]).stdout.split())
    for name, command in TABLES[group].items():
        assert command.hidden or f" {name} {command.help}" in listed, name
