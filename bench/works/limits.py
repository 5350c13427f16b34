"""What fits: raw file to gold, training and scoring at three sizes each, with straight lines and sentences."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from bench.measuring import CORES
from bench.records import Record
from bench.running import Run
from bench.works.raw_to_gold import measure_ours
from bench.works.scoring import LOANS_EACH, score
from bench.works.training import books, train_ours

PART = "limits"
SHARES = (4, 2, 1)


@dataclass(frozen=True)
class Line:
    """A straight line through a few points, and how far the points lie from it.

    Args:
        fixed: What nothing at all would take.
        per_million: What each million loans adds.
        residuals: Measured less fitted, one per point.
    """

    fixed: float
    per_million: float
    residuals: tuple[float, ...]

    def at(self, rows: int) -> float:
        """Return what the line says of so many loans."""
        return self.fixed + self.per_million * rows / 1e6


def run(run: Run) -> None:
    """Measure, fit, and say it in sentences."""
    for share in SHARES:
        measure_ours(run, run.rows // share, PART)
        score(run, run.rows // LOANS_EACH // share, PART, floors=False)
    for book in books(run):
        train_ours(run, book, PART)
    assert run.part is not None
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    run.part.sentences = sentences(run.part.records, CORES, memory)
    run.results.save()


def fit_line(rows: list[int], figures: list[float]) -> Line:
    """Fit a line by least squares.

    Examples:
        >>> found = fit_line([1_000_000, 2_000_000], [3.0, 5.0])
        >>> round(found.fixed, 6), round(found.per_million, 6)
        (1.0, 2.0)
    """
    millions = np.array(rows) / 1e6
    slope, fixed = np.polyfit(millions, figures, 1)
    return Line(float(fixed), float(slope), tuple(float(r) for r in np.array(figures) - (fixed + slope * millions)))


def sentences(records: list[Record], cores: int, memory_gb: float) -> list[str]:
    """Write what a reader may rely on: one sentence per work, with the lines behind it."""
    found = []
    for work in dict.fromkeys(record.work for record in records):
        points = sorted((r for r in records if r.work == work and r.who == "ours"), key=lambda r: r.rows)
        if len(points) < 2:
            continue
        rows, most = [point.rows for point in points], points[-1]
        inside = "work_seconds" if all(point.work_seconds for point in points) else "seconds"
        taken = [point.figure(inside) or 0.0 for point in points]
        held = [point.figure("peak_mb") or 0.0 for point in points]
        seconds, memory = fit_line(rows, taken), fit_line(rows, held)
        found.append(
            f"On {cores} cores and {memory_gb:.0f} GB: {work}, {most.rows:,} loans in {taken[-1]:.3g} s with at most "
            f"{held[-1]:,.0f} MB. {_line(seconds, 's', rows)} {_line(memory, 'MB', rows)} With "
            f"{rows[-1] / rows[0]:.3g} times the loans the peak is {held[-1] / held[0]:.2f} times as high."
        )
    return found


def _line(line: Line, unit: str, rows: list[int]) -> str:
    off = ", ".join(f"{residual:+.3g}" for residual in line.residuals)
    sizes = ", ".join(f"{size:,}" for size in rows)
    if line.at(rows[-1]) <= line.at(rows[0]) * (1 + 1e-9):
        return f"No line: the {unit} do not grow from {rows[0]:,} to {rows[-1]:,} loans beyond the noise."
    return (
        f"Fitted: {line.fixed:.3g} {unit} and {line.per_million:.3g} {unit} per million loans "
        f"(off by {off} at {sizes})."
    )
