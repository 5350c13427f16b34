"""What the program says of itself: version, settings, feeds, and commands by their old and new names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import p2pcredit
from p2pcredit.cli.app import app
from p2pcredit.code_digest import code_digest
from p2pcredit.contracts.feeds import ALL_FEEDS, PERFORMANCE_STATUSES
from p2pcredit.platforms.mapped.dates import problem_with_pattern
from p2pcredit.platforms.mapped.vocabulary import STATUSES
from p2pcredit.settings.reference import describe_settings

ROOT = Path(p2pcredit.__file__).parents[2]


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_version_names_the_code() -> None:
    assert said("--version") == f"{p2pcredit.__version__} (code {code_digest()[:8]})\n"


@pytest.mark.parametrize("path", [(), ("land",), ("models",), ("models", "list"), ("decision", "show")])
def test_h_is_help_everywhere(path: tuple[str, ...]) -> None:
    assert said(*path, "-h") == said(*path, "--help")


def test_a_shell_completes_commands(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("P2P_", "AIRFLOW"))}
    asked = {"_P2PCREDIT_COMPLETE": "complete_bash", "COMP_WORDS": "p2pcredit mod", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("p2pcredit")
    done = subprocess.run(
        [program], env={**environ, **asked}, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.stdout.split() == ["models"]


def test_every_setting_is_listed_with_what_it_is() -> None:
    rows = json.loads(said("settings", "--json"))
    assert [row["name"] for row in rows] == [setting.name for setting in describe_settings()]
    assert {"type", "default", "bounds", "description", "variable"} <= set(rows[0])
    table = said("settings")
    assert all(row["name"] in table and row["description"].split()[0] in table for row in rows)


def test_settings_of_a_home_are_shown_beside_the_defaults_and_secrets_are_not(tmp_path: Path) -> None:
    file = tmp_path / "p2pcredit.toml"
    file.write_text('[labels]\nwindow_months = 6\n[alerts]\nurls = ["json://sesame@host"]\n')
    rows = {row["name"]: row for row in json.loads(said("settings", "--json", "--home", str(tmp_path)))}
    assert (rows["labels.window_months"]["default"], rows["labels.window_months"]["value"]) == (12, 6)
    assert "sesame" not in said("settings", "--home", str(tmp_path)) + json.dumps(rows)


def test_every_column_of_every_feed_is_listed() -> None:
    found = json.loads(said("feeds", "--json"))
    listed = {feed["feed"]: [column["column"] for column in feed["columns"]] for feed in found["feeds"]}
    assert listed == {feed.name: list(feed.sources) for feed in ALL_FEEDS.values()}
    assert all(column["description"] for feed in found["feeds"] for column in feed["columns"])
    table = said("feeds")
    assert all(name in table for names in listed.values() for name in names)


def test_the_vocabulary_of_mappings_is_what_mappings_are_read_by() -> None:
    mappings = json.loads(said("feeds", "--json"))["mappings"]
    assert set(mappings["statuses"]) == set(STATUSES) == PERFORMANCE_STATUSES
    assert {"[]", "past_due", "unknown"} == set(mappings["rules"])
    patterns = mappings["date_patterns"]
    assert patterns[0] == "iso"
    assert [pattern for pattern in patterns[1:] if problem_with_pattern(pattern)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("models", "trace", "1"), "p2pcredit trace LOAN_ID"),
        (("doctor", "--leaks", "none.csv"), "p2pcredit leakage FILE"),
        (("doctor", "--crash-test", "file/below"), "p2pcredit crash-test DIR"),
    ],
)
def test_an_old_spelling_still_works_and_says_the_new_one(
    old: tuple[str, ...], new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(app, [*old, "--home", str(tmp_path)])
    note, error = done.stderr.splitlines()
    assert note.startswith("Note: ")
    assert new in note
    by_new_name = CliRunner().invoke(app, [*new.split()[1:2], old[-1], "--home", str(tmp_path)])
    assert (by_new_name.exit_code, by_new_name.stderr.splitlines()) == (1, [error])


def test_no_text_for_people_points_into_the_source() -> None:
    texts = [*(ROOT / "docs" / "how-to").glob("*.md"), ROOT / "README.md"]
    pointing = [path.name for path in texts if "src/p2pcredit/" in path.read_text(encoding="utf-8")]
    assert set(pointing) <= {"extend.md"}  # for those who work on the source itself
