"""Any directory name works as home, or is refused in one line at the first command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from p2pcredit.cli.app import COMMANDS, GROUPS, app
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw

FIRST, LAST = date(2021, 1, 30), date(2021, 2, 6)
USABLE = {
    "spaces": " a b  ",
    "star and question mark": "h*x?y=1",
    "hash": "a#b",
    "percent": "100%",
    "percent before letters": "a%zz%b",
    "quotes": "a'b\"c`d",
    "braces and shell": "{a,b};c&d$e!f<g>h(i)",
    "unicode": "kreditä-日本-🙂-e\u0301",
    "leading dash": "-x",
    "leading tilde": "./~x",
    "dots": "...",
    "a partition": "snapshot_month=2021-01",
    "a colon": "a:b@c",
    "long": "x" * 255,
}
UNUSABLE = {
    "brackets": ("h[a-b]c", "one of the characters [ ] | ^"),
    "closing bracket": ("h]c", "one of the characters [ ] | ^"),
    "a pipe": ("a|b", "one of the characters"),
    "a caret": ("a^b", "one of the characters"),
    "backslash": ("a\\b", "a backslash"),
    "encoded": ("h%20x", "a percent sign before two digits"),
    "encoded letter": ("a%bc", "a percent sign before two digits"),
    "line end": ("a\nb", "a line end or another control character"),
    "tab": ("a\tb", "control character"),
    "next line": ("a\x85b", "control character"),
    "line separator": ("a\u2028b", "a line end"),
    "delete": ("a\x7fb", "control character"),
    "no utf-8": (os.fsdecode(b"a\xffb"), "bytes that are not UTF-8"),
    "too long": ("x" * 256, "its name is too long"),
    "far too long": ("/".join(["x" * 200] * 18), "is a path of"),
    "url": ("s3://bucket/home", "is a URL; object storage is not supported: give the path of a directory"),
    "url of google": ("gs://bucket/home", "on a file system that has flock, rename and fsync"),
    "url of azure": ("abfss://data@account.dfs.core.windows.net/home", "object storage is not supported"),
    "file url": ("file:///srv/home", "is a URL"),
    "nobody's": ("~nobody-of-that-name/x", "begins with the ~ of an unknown user"),
    "zero": ("a\0b", "control character"),
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("P2P_") or name == "AIRFLOW_HOME":
            monkeypatch.delenv(name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(scope="session")
def tiny_book(made_once: Callable[..., Path]) -> Path:
    def make(directory: Path) -> None:
        write_raw(directory / "book.csv", SyntheticSettings(FIRST, LAST, loans_per_day=2))

    return made_once("tiny-book", make) / "book.csv"


def call(home: str, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, f"--home={home}"])


def error_of(home: str, *arguments: str) -> str:
    result = call(home, *arguments)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert len(result.stderr.splitlines()) == 1
    assert "--debug" not in result.stderr
    return str(result.stderr)


@pytest.mark.parametrize("name", USABLE.values(), ids=USABLE)
def test_the_whole_pipeline_runs_in_a_home_of_an_odd_name(name: str, tiny_book: Path, tmp_path: Path) -> None:
    landed = call(name, "land", "synthetic", str(tiny_book), "--json")
    assert landed.exit_code == 0, landed.output
    loans = json.loads(landed.stdout)["rows_landed"]
    done = call(name, "preprocess", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["features"] == loans > 0
    trained = call(name, "train", "--as-of", str(LAST), "--json")
    assert (trained.exit_code, json.loads(trained.stdout)["outcome"]) == (1, "refused"), trained.output
    for arguments in (["infer"], ["monitor", "--week-end", str(LAST)], ["status"], ["vacuum"], ["models", "list"]):
        result = call(name, *arguments)
        assert result.exit_code == 0, (arguments, result.output)
    out = tmp_path / "out.parquet"
    exported = call(name, "export", "gold/feature_store", "--out", str(out), "--json")
    assert json.loads(exported.stdout)["rows"] == loans
    checks = json.loads(call(name, "doctor", "--json").stdout)["checks"]
    assert checks["tables"]["status"] == "pass"
    assert Path(json.loads(call(name, "status", "--json").stdout)["home"]) == Path.cwd() / name
    assert [path.name for path in Path.cwd().iterdir()] == [Path(name).name]  # nothing was written beside it


@pytest.mark.parametrize("url", ["s3://bucket//home", "file:///srv/home"])
@pytest.mark.parametrize("words", [["status"], ["land", "synthetic"], ["demo"], ["models", "list"], ["airflow", "up"]])
def test_a_url_as_home_is_shown_as_it_was_typed(url: str, words: list[str]) -> None:
    assert f"the home {url} is a URL" in error_of(url, *words)


def path_parameters() -> Iterator[tuple[str, Any, Any]]:
    """List, per command, its parameters that are a path, and those that may be one."""
    tables = {"": COMMANDS, **{f"{name} ": table for name, (table, _) in GROUPS.items()}}
    for group, table in tables.items():
        for name, listed in table.items():
            module, _, function = listed.at.partition(":")
            kinds = get_type_hints(getattr(import_module(f"p2pcredit.cli.commands.{module}"), function))
            command = listed.load(name)
            for parameter in command.params:
                path = any(kind in str(kinds[parameter.name]) for kind in ("pathlib.Path", "pathlib._local.Path"))
                if parameter.name != "home" and (path or parameter.name in {"platform", "mapping", "file"}):
                    yield f"{group}{name}", command, parameter


def test_a_url_is_refused_as_it_was_typed_wherever_a_path_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    url, said = "s3://bucket//x.csv", {}
    for words, command, path in path_parameters():
        needed = [one for one in command.params if one.param_type_name == "argument" and (one.required or one is path)]
        given = [url if one is path else "x" for one in needed]
        given += [f"{path.opts[0]}={url}"] if path.param_type_name == "option" else []
        with pytest.raises(typer.Exit) as caught:
            command.make_context(words, given)  # parsed and never begun
        said[words, path.name] = caught.value.exit_code, capsys.readouterr().err
    line = f"Error: '{url}' is a URL; give the path of a file or directory on this machine\n"
    assert set(said.values()) == {(2, line)}
    assert {
        ("land", "platform"),
        ("land", "query"),
        ("export", "out"),
        ("score", "mapping"),
        ("demo", "platform"),
    } <= said.keys()


@pytest.mark.parametrize("command", ["land", "status"])
@pytest.mark.parametrize(("name", "what"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_home_that_cannot_be_is_refused_at_the_first_command(name: str, what: str, command: str) -> None:
    if "\0" not in name and not name.startswith(("s3:", "gs:", "abfss:", "file:", "~")) and len(name) < 256:
        Path(name).mkdir()
    said = error_of(name, *([command, "synthetic"] if command == "land" else [command]))
    assert what in said
    assert not list(Path.cwd().rglob("data"))


def test_a_crash_test_of_a_url_makes_no_directory_of_that_name() -> None:
    result = CliRunner().invoke(app, ["crash-test", "s3://bucket/volume"])
    assert result.exit_code == 2
    assert "s3://bucket/volume' is a URL" in result.stderr
    assert not list(Path.cwd().iterdir())


def test_a_home_below_or_linked_to_a_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    Path("a[b]/home").mkdir(parents=True)
    assert "rename that directory" in error_of("a[b]/home", "status")
    Path("plain").symlink_to("a[b]/home")
    assert "a link to " in error_of("plain", "status")


def test_a_file_a_link_to_nothing_and_a_link_to_itself_are_refused() -> None:
    Path("file").write_text("x")
    assert "is a file where a directory belongs" in error_of("file", "land", "synthetic")
    assert "a file lies above it" in error_of("file/home", "land", "synthetic")
    Path("dangling").symlink_to("nowhere")
    assert "a link to nowhere, which does not exist" in error_of("dangling", "land", "synthetic")
    Path("loop").symlink_to("loop")
    assert "a link that leads back to itself" in error_of("loop", "status")


def test_a_link_to_a_home_and_a_relative_home_are_homes(tiny_book: Path) -> None:
    Path("real").mkdir()
    Path("link").symlink_to("real")
    for home in ("link", "../here/./real", "./real/"):
        assert call(home, "land", "synthetic", str(tiny_book)).exit_code == 0
        assert call(home, "preprocess").exit_code == 0


def test_a_home_that_this_user_may_not_enter_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("closed").mkdir()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("closed") and real(path, mode))
    for command in (["land", "synthetic"], ["preprocess"], ["status"], ["doctor"]):
        assert "this user may not enter the home" in error_of("closed", *command)


def test_a_home_below_a_directory_that_this_user_may_not_enter_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.stat

    def refusing(self: Path, **more: Any) -> os.stat_result:
        if "closed" in self.parts:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, **more)

    monkeypatch.setattr(Path, "stat", refusing)
    for command in (["land", "synthetic"], ["preprocess"], ["status"]):
        assert "this user may not enter a directory above it" in error_of("closed/home", *command)


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "doctor",
        "decision show",
        "decision history",
        "decision override --retrain --why x",
        "models list",
        "models show m1",
        "export gold/predictions --out x.csv",
        "infer",
        "infer --date 2024-01-15",
        "monitor --week-end 2024-01-13",
        "train --as-of 2024-01-15",
        "preprocess",
        "replay",
        "vacuum",
        "airflow down",
    ],
)
def test_a_home_that_does_not_exist_is_refused_with_the_similar_one(command: str) -> None:
    Path("my-home").mkdir()
    said = error_of("my-hoem", *command.split())
    assert f"the home {Path.cwd()}/my-hoem does not exist; perhaps {Path.cwd()}/my-home was meant" in said
    assert [path.name for path in Path.cwd().iterdir()] == ["my-home"]


def test_an_empty_option_never_means_the_present_directory() -> None:
    result = call("", "land", "synthetic")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "it is empty; name a directory" in result.stderr
    assert not list(Path.cwd().iterdir())


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_HOME", "")
    monkeypatch.setenv("AIRFLOW_HOME", str(Path.cwd()))
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["home"] == str(Path.cwd())


def test_the_panic_of_a_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    def broken(*_: object) -> None:
        raise panic("called `Option::unwrap()` on a `None` value\nnote: run with RUST_BACKTRACE=1")

    monkeypatch.setattr("p2pcredit.jobs.home.status.status", broken)
    result = CliRunner().invoke(app, ["status", "--home", str(Path.cwd())])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "a library broke down (called `Option::unwrap()`" in result.stderr
    assert "p2pcredit.jobs.home.status" in sys.modules


def test_what_is_asked_for_outside_the_days_there_are_names_them(tiny_book: Path) -> None:
    receipt = json.loads(call("home", "land", "synthetic", str(tiny_book), "--json").stdout)
    first = receipt["first_date"]
    landed = f"{first} to {receipt['last_date']}"
    assert landed in error_of("home", "preprocess", "--date", "2019-01-01")
    assert landed in error_of("home", "replay", "--from", "2019-01-01", "--to", "2019-02-01")
    assert f"landed are {landed}: run 'p2pcredit preprocess' first" in error_of("home", "infer")
    late = call("home", "preprocess", "--from", "2022-01-01")
    assert (late.exit_code, late.stderr.count("\n")) == (2, 1)
    assert f"--from 2022-01-01 lies after the days there are, {landed}" in late.stderr
    early = call("home", "replay", "--to", "2020-01-01")
    assert (early.exit_code, early.stderr.count("\n")) == (2, 1)
    assert f"--to 2020-01-01 lies before the days there are, {landed}" in early.stderr
    done = json.loads(call("home", "preprocess", "--to", "2021-02-04", "--json").stdout)
    assert (done["from"], done["to"]) == (first, "2021-02-04")
    there = f"landed are {landed}, preprocessed are {first} to 2021-02-04"
    assert there in error_of("home", "infer", "--date", "2021-02-05")
    assert there in error_of("home", "monitor", "--week-end", "2021-02-06")
    for mistyped in ("2091-02-06", "1991-02-06"):
        assert there in error_of("home", "monitor", "--week-end", mistyped)
    activity = (Path("home") / "logs" / "activity.jsonl").read_text(encoding="utf-8")
    assert "2021-02-06" in activity
    assert not [line for line in activity.splitlines() if "send_alerts" in line and "91-02-06" in line]
    assert there in error_of("home", "train", "--as-of", "2025-01-01")
    partly = json.loads(call("home", "infer", "--from", "2021-02-03", "--to", "2021-02-09", "--json").stdout)
    assert f"not preprocessed: 5 days (preprocessed are {first} to 2021-02-04)" in partly["reason"]
    scored = json.loads(call("home", "infer", "--from", "2021-02-01", "--json").stdout)
    assert (scored["from"], scored["to"]) == ("2021-02-01", "2021-02-04")
    replayed = json.loads(call("home", "replay", "--from", "2021-02-05", "--json").stdout)
    assert replayed["days"] == 2
