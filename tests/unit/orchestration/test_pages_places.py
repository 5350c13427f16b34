"""Where Airflow shows the pages, the links that lead there, and the token by which the two know each other."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from p2pcredit.errors import SettingsError
from p2pcredit.orchestration.pages.places import PLACES, base_path, link_to, places
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.pages_token import read_or_make_token, read_token, token_file


@pytest.mark.parametrize(
    ("said", "expected"),
    [("", PLACES), (" ", PLACES), ("dag_run,nav", ("nav", "dag_run")), ("none", ()), ("dag, dag", ("dag",))],
)
def test_the_places_are_those_that_the_variable_names(said: str, expected: tuple[str, ...]) -> None:
    assert places({"P2P_PAGES_IN": said}) == expected


@pytest.mark.parametrize("said", ["tabs", "nav,", "none,nav", "NAV"])
def test_a_place_that_is_none_is_refused_with_those_that_are(said: str) -> None:
    with pytest.raises(SettingsError, match="write nav, dag, dag_run"):
        places({"P2P_PAGES_IN": said})


def test_links_lead_into_the_frame_where_the_navigation_has_one_and_to_the_page_itself_where_not() -> None:
    assert link_to("/models/a b", "", PLACES) == "/plugin/p2pcredit/p2pcredit/models/a%20b"
    assert link_to("/decisions/one", "/air", ("dag",), id="a&b") == "/air/p2pcredit/decisions/one?id=a%26b"
    assert link_to("/models/a", "", ()) == ""
    assert base_path("https://host/air/flow/") == "/air/flow"


def test_the_token_is_made_once_for_its_owners_eyes_and_read_by_both(tmp_path: Path) -> None:
    file = token_file(tmp_path, {})
    assert file == Layout(tmp_path).pages_token
    assert read_token(file) is None
    made = read_or_make_token(file)
    assert len(made) >= 32
    assert read_or_make_token(file) == read_token(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert token_file(tmp_path, {"P2P_PAGES_TOKEN_FILE": f"{tmp_path}/other"}) == tmp_path / "other"


def test_two_servers_that_make_the_token_at_once_end_up_with_one(tmp_path: Path) -> None:
    file, found = tmp_path / "token", list[str]()
    threads = [threading.Thread(target=lambda: found.append(read_or_make_token(file))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {file.read_text(encoding="ascii")}


@pytest.mark.parametrize(
    "content", [b"", b"short", b"x" * 31, b"\xff" * 40, b"two lines of it that are long enough\nb"]
)
def test_a_file_that_holds_no_token_is_said_and_never_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="remove it") as said:
        read_or_make_token(file)
    assert not content.strip() or content.decode("latin-1") not in str(said.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_refuses_is_said_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SettingsError, match="cannot make the token"):
        read_or_make_token(tmp_path / "token")
