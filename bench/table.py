"""The results as a page: targets first, then every contender of every part, then what the figures rest on."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Part, Record, Results
from bench.targets import Outcome, judge, ratio_of

TITLES = {
    "raw-to-gold": "Raw file to gold",
    "training": "Training",
    "scoring": "Scoring",
    "monitoring": "Weekly monitoring",
    "day": "A day's increment",
    "replay": "Ten years' replay",
    "limits": "What fits",
    "gpu": "Trees on a GPU (ours: on it, two cores)",
}


def page(results: Results) -> str:
    """Render the whole page as Markdown."""
    lines = [
        "# Benchmark",
        "",
        "Made by `make bench`; do not edit. What is measured and how: [bench/README.md](../README.md).",
        "",
    ]
    lines += ["![Seconds of each contender](benchmark.svg)", "", "## Targets", ""]
    lines += target_table(judge(results.records))
    for name, part in results.parts.items():
        lines += ["", f"## {TITLES.get(name, name)}", "", *part_lines(part)]
    lines += ["", "## Measured on", "", *_about(results)]
    return "\n".join(lines) + "\n"


def target_table(outcomes: Iterable[Outcome]) -> list[str]:
    """Write one row per target and size."""
    rows = ["| work | target | loans | found | outcome |", "|---|---|---:|---:|---|"]
    for outcome in outcomes:
        target = outcome.target
        size = "" if outcome.rows is None else f"{outcome.rows:,}"
        unit = "x" if target.against else (" MB" if target.measure == "peak_mb" else " s")
        found = (
            ""
            if outcome.found is None
            else f"{outcome.found:,.2f}{unit}"
            if target.against
            else f"{outcome.found:,.0f}{unit}"
        )
        rows.append(f"| {target.work} | {target.words} | {size} | {found} | {outcome.verdict} |")
    return rows


def part_lines(part: Part) -> list[str]:
    """Write the contenders of a part, what failed, what was checked, what was concluded."""
    lines = [
        "| work | contender | loans | seconds | work alone | peak MB | times ours | repeats | note |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    lines += [_row(record, part.records) for record in part.records]
    for title, found in (("Failed", part.failures), ("Checked", part.checks), ("Found", part.sentences)):
        lines += [""] * bool(found) + [f"- {title}: {words}" for words in found]
    return lines


def _row(record: Record, others: list[Record]) -> str:
    role = "" if record.role == "ours" else f" ({record.role})"
    ours = next((o for o in others if o.who == "ours" and (o.work, o.rows) == (record.work, record.rows)), None)
    same = "work_seconds" if record.work_seconds and ours and ours.work_seconds else "seconds"
    ratio = ratio_of(record.figure(same), ours.figure(same)) if ours and ours is not record else None
    cells = (
        record.work,
        f"{record.who}{role}",
        f"{record.rows:,}",
        _seconds(record.figure("seconds")),
        _seconds(record.figure("work_seconds")),
        f"{record.figure('peak_mb') or 0:,.0f}",
        "" if ratio is None else f"{ratio:.2f}",
        str(len(record.seconds)),
        record.note,
    )
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def _about(results: Results) -> list[str]:
    """Write machine and versions: once where all parts share them, else per part."""
    seen: dict[str, list[str]] = {}
    for name, part in results.parts.items():
        words = "; ".join(f"{key} {value}" for key, value in part.about.items())
        seen.setdefault(words, []).append(TITLES.get(name, name))
    return [f"- {', '.join(names)}: {words}" for words, names in seen.items()]
