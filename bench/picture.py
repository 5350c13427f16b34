"""The results as a picture: a bar of seconds for each contender, one panel per work."""

from __future__ import annotations

import altair as alt
import polars as pl
import vl_convert

from bench.records import Record
from bench.table import TITLES

COLOURS = {"ours": "#1b6ca8", "peer": "#c98a2b", "floor": "#8a8f98"}
_BAR_HEIGHT, _WIDTH, _COLUMNS = 22, 300, 2


def draw(records: list[Record]) -> str:
    """Draw an SVG with one panel per work: of the sizes at which most contenders were measured, the largest.

    Whole processes where nothing else is known, else the work alone; the title of a panel says which.
    """
    panels = [_panel(group) for group in groups_of(records)]
    whole = alt.concat(*panels, columns=_COLUMNS, spacing=24).resolve_scale(
        x="independent", y="independent", color="shared"
    )
    svg: str = vl_convert.vegalite_to_svg(
        whole.properties(title="Seconds, less is better").configure_view(stroke=None).to_dict()
    )
    return svg


def groups_of(records: list[Record]) -> list[list[Record]]:
    """Group the contenders that a panel compares: same part, work and size; leave out works of a single contender."""
    groups: dict[tuple[str, str], dict[int, list[Record]]] = {}
    for record in records:
        if record.part != "limits":
            groups.setdefault((record.part, record.work), {}).setdefault(record.rows, []).append(record)
    largest = [max(sizes.items(), key=lambda item: (len(item[1]), item[0]))[1] for sizes in groups.values()]
    return [group for group in largest if len(group) > 1 or group[0].part == "replay"]


def _panel(group: list[Record]) -> alt.LayerChart:
    measure = "work_seconds" if all(record.work_seconds for record in group) else "seconds"
    order = [record.who for record in sorted(group, key=lambda record: record.figure(measure) or 0.0)]
    rows = pl.DataFrame(
        {
            "who": [record.who for record in group],
            "role": [record.role for record in group],
            "seconds": [record.figure(measure) for record in group],
        }
    ).with_columns(pl.col("seconds").round_sig_figs(3).cast(pl.String).alias("text"))
    what = "work alone" if measure == "work_seconds" else "whole process"
    shown = alt.Data(values=rows.to_dicts())  # type: ignore[no-untyped-call]
    bars = alt.Chart(shown).encode(
        y=alt.Y("who:N", sort=order, title=None, axis=alt.Axis(labelLimit=220, ticks=False)),
        x=alt.X("seconds:Q", title=None, axis=alt.Axis(tickCount=4, grid=False)),
    )
    colour = alt.Color(
        "role:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    marks = bars.mark_bar().encode(color=colour) + bars.mark_text(align="left", dx=4).encode(text="text:N")
    first = group[0]
    title = alt.TitleParams(
        f"{TITLES.get(first.part, first.part)}: {first.work}",
        subtitle=f"{first.rows:,} loans, {what}",
        anchor="start",
        fontSize=12,
    )
    panel: alt.LayerChart = marks.properties(width=_WIDTH, height=_BAR_HEIGHT * len(group), title=title)
    return panel
