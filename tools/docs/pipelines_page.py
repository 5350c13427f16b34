"""Write the page of the pipelines, and draw each, from the data that the DAGs are built from."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence

from tools.docs.drawing import SOFT, Drawing
from tools.docs.markdown import code, page, table

from p2pcredit.jobs.pipeline_graph import Group, Pipeline, Step
from p2pcredit.jobs.pipelines import PIPELINES

_ROW, _BOX, _TOP = 62, 38, 20
_WIDTHS = (260, 170, 170)
_LEFTS = (30, 330, 530)
_PLACES = {"wait for the day", "check the day", "name the day"}


def pipelines_page() -> str:
    """Write the page of the pipelines."""
    parts = [
        "Three pipelines, which meet only in files. The DAG files, `p2pcredit replay` and the single commands all walk "
        "these steps. Times are UTC; a run works on the day before the one on which it fires."
    ]
    for pipeline in PIPELINES:
        name = drawing_name(pipeline)
        parts += [
            f"## {code(pipeline.dag_id)}",
            f"Schedule {code(pipeline.cron)}. By hand: {_commands(pipeline)}.",
            f"![The steps of {pipeline.dag_id}, from top to bottom]({name}.svg)",
            table(["step", "after", "what it does", "job", "then"], [_row(part) for part in pipeline.parts]),
        ]
    return page("Pipelines", *parts)


def drawing_name(pipeline: Pipeline) -> str:
    """Give the name of a pipeline's drawing."""
    return f"pipeline-{pipeline.tag}"


def drawing_of(pipeline: Pipeline) -> str:
    """Draw a pipeline from top to bottom; what is skipped to stands beside the way."""
    rows = _rows(pipeline.parts)
    columns = _columns(pipeline.parts, rows)
    drawing = Drawing(f"Steps of {pipeline.dag_id}", 760, _TOP * 2 + _ROW * max(rows.values()) + _BOX)
    for part in pipeline.parts:
        for name in part.after:
            _arrow(drawing, (columns[name], rows[name]), (columns[part.name], rows[part.name]))
    for part in pipeline.parts:
        column, row = columns[part.name], rows[part.name]
        lines = [part.name] if isinstance(part, Step) else [f"{part.name}: {len(part.steps)} tasks"]
        fill = "#eef1f4" if isinstance(part, Step) and part.job is None else "#d6e4fb"
        drawing.box(_LEFTS[column], _TOP + _ROW * row, _WIDTHS[column], _BOX, lines, fill=fill)
    return drawing.svg()


def _rows(parts: Sequence[Step | Group]) -> dict[str, int]:
    """Give each part its row: one below the lowest that it comes after."""
    rows: dict[str, int] = {}
    for part in parts:
        rows[part.name] = max((rows[name] + 1 for name in part.after), default=0)
    return rows


def _columns(parts: Sequence[Step | Group], rows: dict[str, int]) -> dict[str, int]:
    """Put what a branch skips to beside the main column, the longest way round outermost."""
    skips = {part.branch.no for part in parts if isinstance(part, Step) and part.branch is not None}
    reach = {name: max(rows[part.name] for part in parts if name in part.after) - rows[name] for name in skips}
    order = sorted(skips, key=lambda name: (reach[name], name))
    return {part.name: 1 + order.index(part.name) if part.name in skips else 0 for part in parts}


def _arrow(drawing: Drawing, start: tuple[int, int], end: tuple[int, int]) -> None:
    (column, row), (to_column, to_row) = start, end
    x, y = _LEFTS[column] + _WIDTHS[column] / 2, _TOP + _ROW * row + _BOX
    to_x, to_y = _LEFTS[to_column] + _WIDTHS[to_column] / 2, _TOP + _ROW * to_row
    if column == to_column:
        drawing.arrow(x, y, to_x, to_y - 1)
    elif column < to_column:
        middle = _TOP + _ROW * row + _BOX / 2
        drawing.line(_LEFTS[column] + _WIDTHS[column], middle, to_x, middle, SOFT)
        drawing.arrow(to_x, middle, to_x, to_y - 1)
    else:
        middle = to_y + _BOX / 2
        drawing.line(x, y, x, middle, SOFT)
        drawing.arrow(x, middle, _LEFTS[to_column] + _WIDTHS[to_column] + 2, middle)


def _row(part: Step | Group) -> list[str]:
    after = ", ".join(code(name) for name in part.after)
    if isinstance(part, Group):
        jobs = sorted({step.job for step in part.steps if step.job})
        steps = ", ".join(code(step.name) for step in part.steps)
        return [
            code(part.name),
            after,
            f"{' '.join(_sense(job) for job in jobs)} One task each: {steps}.",
            _jobs(jobs),
            "",
        ]
    sense = _sense(part.job) if part.job else str(part.kind).capitalize() + "." if str(part.kind) in _PLACES else ""
    then = f"{code(part.branch.yes)} if {code(part.branch.field)}, else {code(part.branch.no)}" if part.branch else ""
    return [code(part.name), after, sense, _jobs([part.job] if part.job else []), then]


def _jobs(jobs: list[str]) -> str:
    return ", ".join(code(job) for job in jobs)


def _sense(job: str) -> str:
    module, _, function = job.rpartition(".")
    found = getattr(importlib.import_module(f"p2pcredit.jobs.{module}"), function)
    return (inspect.getdoc(found) or "").split("\n\n")[0]


def _commands(pipeline: Pipeline) -> str:
    commands = dict.fromkeys(step.command for step in pipeline.steps if step.command)
    return ", ".join(code(f"p2pcredit {command}") for command in commands)


__all__ = ["drawing_name", "drawing_of", "pipelines_page"]
