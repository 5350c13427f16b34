"""The documentation site builds strictly, and needs no network to be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.docs import site

OUTSIDE = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs") / "site"
    site.build(place)
    return place


def test_the_site_builds_without_warnings_and_holds_every_page(built: Path) -> None:
    pages = {page.relative_to(site.ROOT / "docs").with_suffix("") for page in (site.ROOT / "docs").rglob("*.md")}
    there = {page.relative_to(built).with_suffix("") for page in built.rglob("*.html")}
    assert {page.with_name("index") if page.name == "README" else page for page in pages} <= there


def test_no_page_takes_a_script_a_font_or_a_picture_from_the_network(built: Path) -> None:
    assert [page.name for page in built.rglob("*.html") if OUTSIDE.search(page.read_text(encoding="utf-8"))] == []
    assert not [sheet for sheet in built.rglob("*.css") if re.search(r"url\(['\"]?https?:", sheet.read_text())]


def test_every_picture_of_a_page_is_there(built: Path) -> None:
    for page in built.rglob("*.html"):
        for source in re.findall(r"<img[^>]*\bsrc=[\"']?([^\"' >]+)", page.read_text(encoding="utf-8")):
            assert source.startswith("data:") or (page.parent / source).is_file(), f"{page.name}: {source}"


def test_a_link_to_a_page_that_is_not_there_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[gone](gone.md)\n")
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "BESIDE", {})
    with pytest.raises(ValueError, match=r"docs/index\.md: the link to gone\.md"):
        site.assemble(tmp_path / "pages")
