"""One self-contained HTML page from the facts: no script, nothing fetched, every text from the data escaped."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from jinja2.exceptions import UndefinedError
from markupsafe import Markup

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.charts import draw_charts


def render_report(facts: Mapping[str, Any]) -> str:
    """What does the page of these facts look like?

    Args:
        facts: What `build_facts` gives, or the same read back from JSON.

    Returns:
        A whole HTML document.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    page = files("p2pcredit.reporting").joinpath("templates", "monitoring.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    try:
        charts = {
            chart.key: {"title": chart.title, "about": chart.about, "svg": Markup(chart.svg)}
            for chart in draw_charts(facts)
        }
        return environment.from_string(page).render(facts=facts, charts=charts)
    except (KeyError, UndefinedError) as error:
        raise MonitoringError(f"the report's facts lack something: {error}; build them with build_facts") from error
