"""What the charts of every page share: colours, axes, and SVG text that stands in the page without any script."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from p2pcredit.errors import MonitoringError

WIDTH, HEIGHT = 860, 230
BLUE, ORANGE, GREY, RED, AMBER, VIOLET = "#2f6db3", "#c8701a", "#8a8f98", "#c0392b", "#b8860b", "#7a4fa3"
LIGHT = "#b9cfe8"
STATES = ("pass", "undetermined", "fail")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in the page: its key, title, what it shows, and the SVG text."""

    key: str
    title: str
    about: str
    svg: str


def as_svg(chart: Any, key: str) -> str:
    """Render a chart as SVG text; its ids begin with the key, so that two charts in one page never share one.

    Raises:
        MonitoringError: If it cannot be drawn.
    """
    themed = chart.configure(
        background="transparent",
        font=_FONT,
        # a browser's letters may be wider than those that the text was laid out by
        padding={"left": 18, "right": 5, "top": 5, "bottom": 5},
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(labelFontSize=11, titleFontSize=11, titleFontWeight="normal", gridOpacity=0.5),
        legend=alt.LegendConfig(labelFontSize=11, title=None, orient="top", labelLimit=400, symbolLimit=8),
    )
    try:
        svg: str = vl_convert.vegalite_to_svg(
            json.dumps(_drawable(themed.to_dict(validate=False))), allowed_base_urls=[]
        )
    except ValueError as error:
        raise MonitoringError(f"the chart '{key}' could not be drawn: {' '.join(str(error).split())[:200]}") from error
    return re.sub(r'(id="|url\(#)', rf"\g<1>{key}-", svg)


def _drawable(content: Any) -> Any:
    """Remove characters that XML does not know from a chart: the library ends the whole process over one."""
    if isinstance(content, str):
        return _NOT_XML.sub("\ufffd", content)
    if isinstance(content, dict):
        return {_drawable(key): _drawable(value) for key, value in content.items()}
    return [_drawable(item) for item in content] if isinstance(content, list) else content


def base(rows: list[dict[str, Any]], width: int = WIDTH, height: int = HEIGHT) -> Any:
    """Make an empty chart of these rows."""
    return alt.Chart(data(rows)).properties(width=width, height=height)


def data(rows: list[dict[str, Any]]) -> alt.Data:
    """Turn rows into the data of a chart."""
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def colours(names: list[str], shades: list[str], **more: Any) -> Any:
    """Assign one colour to each series, in this order."""
    return alt.Color("series:N", scale=alt.Scale(domain=names, range=shades), sort=names, **more)


def rule(at: float, colour: str, axis: str = "y") -> Any:
    """Draw a dashed line at a value."""
    encoding = alt.Y("at:Q") if axis == "y" else alt.X("at:Q")
    return alt.Chart(data([{"at": at}])).mark_rule(color=colour, strokeDash=[5, 4]).encode(encoding)


def status_bars(rows: list[dict[str, Any]], title: str) -> Any:
    """Draw a bar for each row (`series`, `value`, `status`), coloured by its status, in the order of the rows."""
    return (
        base(rows, WIDTH - 160, 20 * len(rows))
        .mark_bar(size=12)
        .encode(
            x=alt.X("value:Q", title=title),
            y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
            color=alt.Color("status:N", scale=alt.Scale(domain=list(STATES), range=[BLUE, AMBER, RED])),
        )
    )
