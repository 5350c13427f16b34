"""The pages within a running Airflow, in Chromium: in its frame, behind its login, at three widths."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser_checks import serious_findings
from tests.paged_home import WAITS, WEEK, make_paged_home

pytest.importorskip("airflow", reason="Airflow is not installed; the local Airflow needs the extra 'airflow'")

from p2pcredit.local_airflow import airflow as local
from p2pcredit.local_airflow.settings import LocalPaths, login

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
WAYS = (
    "/",
    "/weeks",
    f"/weeks/{WEEK}",
    "/models",
    f"/models/{WAITS}",
    "/models/fairness",
    "/decisions",
    "/book/losses",
    "/data",
)
LONGEST_MILLISECONDS = 180_000
pytestmark = [pytest.mark.filterwarnings("ignore:::airflow"), pytest.mark.filterwarnings("ignore:::sqlalchemy")]


@pytest.fixture(scope="module")
def airflow(
    small_home: Path, made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[local.LocalAirflow]:
    """Airflow on a copy of the home of the pages, with no run due."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; 'apt-get install chromium' brings it")
    made = made_once("paged-home", lambda directory: make_paged_home(small_home, directory))
    home = Path(shutil.copytree(made, tmp_path_factory.mktemp("airflow") / "home"))
    quiet = {"P2P_DAG_START": "2040-01-01T03:00", "P2P_DAG_END": "2040-01-01T05:00"}
    try:
        yield local.up(home, local.free_port(), extra_env=quiet, timeout=600)
    finally:
        local.down(home)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark"), (1920, "light")])
def test_pages_within_airflow_are_sound_at_this_width(airflow: local.LocalAirflow, width: int, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    name, password = login(LocalPaths(airflow.home))
    problems: list[str] = []
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        page.set_default_timeout(LONGEST_MILLISECONDS)
        page.goto(airflow.url)
        page.fill("input[name=username]", name)
        page.fill("input[type=password]", password)
        page.keyboard.press("Enter")
        page.wait_for_selector("nav, #root a")
        page.on("console", lambda said: problems.append(f"{page.url}: {said.text}") if said.type == "error" else None)
        page.on("request", lambda asked: problems.append(asked.url) if _is_elsewhere(asked.url, airflow.url) else None)
        for way in WAYS:
            page.goto(f"{airflow.url}/plugin/p2pcredit/p2pcredit{way}")
            inner = page.wait_for_selector("iframe")
            frame = None if inner is None else inner.content_frame()
            assert frame is not None
            frame.wait_for_selector("main h1")
            assert frame.url == f"{airflow.url}/p2pcredit{way}"
            assert frame.locator("nav[aria-label=Sections]").count() == 1
            wide, room = frame.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            if wide > room:
                problems.append(f"{way}: {wide} pixels wide in {room}")
            problems += serious_findings(frame, way)
        browser.close()
    assert not problems


def _is_elsewhere(url: str, base: str) -> bool:
    return not url.startswith((f"{base}/", "data:", "blob:"))
