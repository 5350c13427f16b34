"""The page of a weekly report, from its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.page import render_page
from p2pcredit.reporting.weekly.charts import draw_charts


def render_report(facts: Mapping[str, Any]) -> str:
    """Render the page of these facts.

    Args:
        facts: What `build_facts` gives, or the same read back from JSON.

    Returns:
        A whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = draw_charts(facts)
    except KeyError as error:
        raise MonitoringError(f"the report's facts lack something: {error}; build them with build_facts") from error
    return render_page("monitoring.html", facts, charts)
