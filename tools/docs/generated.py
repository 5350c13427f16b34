"""List what is generated: each file of the docs, and its text as the code says it today."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tools.docs import pictures
from tools.docs.api_page import api_page
from tools.docs.decisions_page import decisions_page
from tools.docs.exit_codes_page import exit_codes_page
from tools.docs.home_page import home_page
from tools.docs.mapping_page import mapping_page
from tools.docs.pipelines_page import drawing_name, drawing_of, pipelines_page
from tools.docs.results_page import results_page, results_schema
from tools.docs.rooms_page import rooms_page
from tools.docs.settings_page import settings_page
from tools.docs.tables_page import tables_page
from tools.docs.versions_page import versions_page

from p2pcredit.jobs.pipelines import PIPELINES
from p2pcredit.platforms.mapped.vocabulary import mapping_schema

ROOT = Path(__file__).resolve().parents[2]


def generated() -> dict[str, str]:
    """Make every generated file.

    Returns:
        Text by path below the root of the project.
    """
    return {
        "docs/reference/commands.md": commands_page(),
        "docs/reference/api.md": api_page(),
        "docs/reference/settings.md": settings_page(),
        "docs/reference/tables.md": tables_page(),
        "docs/reference/exit-codes.md": exit_codes_page(),
        "docs/reference/home.md": home_page(),
        "docs/reference/mapping.md": mapping_page(),
        "docs/reference/mapping.schema.json": json.dumps(mapping_schema(), indent=1, ensure_ascii=False) + "\n",
        "docs/reference/week-results.md": results_page(),
        "docs/reference/week-results.schema.json": json.dumps(results_schema(), indent=1, ensure_ascii=False) + "\n",
        "docs/reference/versions.md": versions_page(),
        "docs/reference/pipelines.md": pipelines_page(),
        "docs/reference/rooms.md": rooms_page(ROOT),
        **{f"docs/reference/{drawing_name(pipeline)}.svg": drawing_of(pipeline) for pipeline in PIPELINES},
        "docs/decisions/README.md": decisions_page(ROOT / "docs" / "decisions"),
        **{f"docs/explanation/{name}.svg": drawing for name, drawing in pictures.drawings().items()},
    }


def commands_page() -> str:
    """Let Typer write the reference of the command line, in a process of its own, as its users start it."""
    command = [sys.executable, "-m", "typer", "p2pcredit.cli.app", "utils", "docs", "--name", "p2pcredit"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() + "\n"


__all__ = ["ROOT", "commands_page", "generated"]
