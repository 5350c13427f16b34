"""Every command and code block that people read is run, or read as what it is, or says why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tools.docs.blocks import blocks_of, pages, reason_of_page, unmarked
from tools.docs.running import ROOT, masked, run_page

TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGES = [page for page in pages(ROOT) if page != TUTORIAL and blocks_of(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="session")
def tutorial(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The directory in which the tutorial was done; what went wrong stands in `faults`."""

    def do(place: Path) -> None:
        (place / "faults").write_text("\n".join(run_page(TUTORIAL, place)))

    return made_once("tutorial", do)


def test_the_tutorial_does_what_it_shows(tutorial: Path) -> None:
    assert (tutorial / "faults").read_text() == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_are_run_or_marked(page: Path, tutorial: Path, tmp_path: Path) -> None:
    markdown = page.read_text(encoding="utf-8")
    assert [f"{page.name}:{block.line}" for block in unmarked(markdown)] == [], (
        "make it a block of console or python that runs, or put `<!-- output -->`, `<!-- illustration -->` or "
        "`<!-- not run: REASON -->` above it"
    )
    if not reason_of_page(markdown):
        shutil.copytree(tutorial / "home", tmp_path / "home")
        assert run_page(page, tmp_path) == []


def test_a_block_without_a_mark_or_a_reason_is_found() -> None:
    assert len(unmarked("```\nls\n```\n")) == 1
    assert len(unmarked("<!-- not run -->\n```console\n$ ls\n```\n")) == 1
    assert unmarked("<!-- not run: needs a cluster -->\n```console\n$ ls\n```\n") == []
    assert unmarked("<!-- not run on this page: needs a cluster -->\n\n```\nls\n```\n") == []


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("```console\n$ false\n```\n", "ended with 1"),
        ("```console\n$ echo one\ntwo\n```\n", "make docs-outputs"),
        ("```python\nraise SystemExit(3)\n```\n", "page.md:1"),
        ("```toml\n[labels]\nwindow_moths = 12\n```\n", "window_moths"),
        ("```json\n{]\n```\n", "page.md:1"),
    ],
)
def test_a_block_that_does_not_do_what_it_shows_is_a_fault(
    block: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.docs.running.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(block)
    faults = run_page(page, tmp_path)
    assert len(faults) == 1
    assert fault in faults[0]


def test_what_differs_from_run_to_run_is_no_difference_of_output() -> None:
    assert masked("seconds  1.5\nboosting-20220607-46b98f4c") == masked("seconds  2\nboosting-20220607-0539c2d8")
    assert masked("trainings 3") != masked("trainings 4")
