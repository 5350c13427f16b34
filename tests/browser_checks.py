"""What a page shown in a browser is held to, whoever serves it."""

from __future__ import annotations

from typing import Any


def serious_findings(shown: Any, way: str) -> list[str]:
    """List what axe-core finds serious or critical in a page or frame of Playwright, each with its first element."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{way}: {one['id']}: {one['nodes'][0]['html'][:150]}"
        for one in Axe().run(shown).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
