"""The pages in Chromium: landmarks, no error of the console, no request elsewhere, no serious finding of axe-core."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from tests.browser_checks import serious_findings
from tests.paged_home import HOSTILE_ID, PAGES, make_paged_home
from tests.served_home import ServedHome, served_home

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
ADDRESSES = (*PAGES, f"/loans/one?id={quote(HOSTILE_ID, safe='')}", "/data/metric?name=auc")


@pytest.fixture(scope="module")
def server(small_home: Path, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Iterator[ServedHome]:
    home = made_once("paged-home", lambda directory: make_paged_home(small_home, directory))
    with served_home(home) as served:
        yield served


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; 'apt-get install chromium' brings it")
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark"), (1920, "light")])
def test_pages_are_sound_at_this_width(server: ServedHome, width: int, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    base = f"http://127.0.0.1:{server.port}"
    problems: list[str] = []
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda said: problems.append(f"{page.url}: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("request", lambda asked: problems.append(asked.url) if _is_elsewhere(asked.url, base) else None)
        page.on("dialog", lambda said: problems.append(f"{page.url} opened: {said.message}"))
        page.goto(base)
        problems.clear()  # the page to sign in comes as 401, which the console tells
        page.fill("#token", server.token)
        page.click("main button")
        for way in ADDRESSES:
            page.goto(f"{base}{way}")
            if way == "/nothing":
                problems = [one for one in problems if "404" not in one]
            assert page.locator("main").count() == 1
            assert page.locator("h1").count() == 1
            if way != "/nothing":
                assert page.locator("nav[aria-label=Sections]").count() == 1
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                problems.append(f"{way}: {wide} pixels wide")
            problems += serious_findings(page, way)
        browser.close()
    assert not problems


def _is_elsewhere(url: str, base: str) -> bool:
    return urlsplit(url).scheme not in ("data", "blob") and not url.startswith(f"{base}/")
