"""The page of an evidence pack, from its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.evidence.charts import draw_evidence
from p2pcredit.reporting.evidence.words import WORDS
from p2pcredit.reporting.page import render_page


def render_evidence(facts: Mapping[str, Any]) -> str:
    """Render the page of these facts.

    Args:
        facts: What `build_evidence` gives, or the same read back from JSON.

    Returns:
        A whole HTML document, the same for the same facts.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = draw_evidence(facts)
    except (KeyError, TypeError) as error:
        raise MonitoringError(f"the evidence lacks something: {error}; write it anew") from error
    return render_page("evidence.html", facts, charts, **WORDS)
