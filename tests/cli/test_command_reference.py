"""The command reference is made from the commands, so that it cannot drift."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"


def test_the_command_reference_is_what_the_commands_say() -> None:
    command = [sys.executable, "-m", "typer", "p2pcredit.cli.app", "utils", "docs", "--name", "p2pcredit"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert REFERENCE.read_text(encoding="utf-8").strip() == made.strip(), "run 'make docs'"
