"""One self-contained HTML page from facts and charts: no script, nothing fetched, every text from the data escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound
from jinja2.exceptions import UndefinedError
from markupsafe import Markup

from p2pcredit.errors import MonitoringError

if TYPE_CHECKING:
    from p2pcredit.reporting.drawing import Chart  # brings Altair, which a page without charts does not need


class _Packaged(BaseLoader):
    """Finds templates in this package, wherever it is installed."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        found = files("p2pcredit.reporting").joinpath("templates", template)
        if not found.is_file():
            raise TemplateNotFound(template)
        return found.read_text(encoding="utf-8"), None, lambda: True


def render_page(template: str, facts: Mapping[str, Any], charts: list[Chart], **words: Any) -> str:
    """Render the page of these facts.

    Args:
        template: A template's file name.
        facts: The facts, or the same read back from JSON.
        charts: The charts, by whose keys the template places them.
        words: What else the template calls: functions that turn numbers into words.

    Returns:
        A whole HTML document.

    Raises:
        MonitoringError: If a fact is missing.
    """
    drawn = {chart.key: {"title": chart.title, "about": chart.about, "svg": Markup(chart.svg)} for chart in charts}
    try:
        return _template(template).render(facts=facts, charts=drawn, **words)
    except (KeyError, UndefinedError) as error:
        raise MonitoringError(f"the report's facts lack something: {error}; build them anew") from error


def main_part(page: str) -> Markup:
    """Take the main part out of a page that `render_page` made, to stand within a page of the server.

    Examples:
        >>> main_part("<html><body><main>\\n<p>2 &lt; 3</p>\\n</main></body></html>")
        Markup('\\n<p>2 &lt; 3</p>\\n')
    """
    return Markup(page.partition("<main>")[2].rpartition("</main>")[0])


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=_Packaged(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
