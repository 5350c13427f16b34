"""What every exported Python file begins with: this source is copied into it, so it needs the standard library only."""

import bisect
import csv
import math
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any

NAN = math.nan


def number_in(row: Mapping[str, Any], name: str) -> float:
    """Take a number of a row; None, NaN and an empty text are missing."""
    if name not in row:
        raise ValueError(f"the row lacks the column '{name}'; give it, empty where it is not known")
    value = row[name]
    if value is None or value == "":
        return NAN
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"the column '{name}' holds {str(value)[:40]!r}; give a number") from None


def text_in(row: Mapping[str, Any], name: str) -> str | None:
    """Take a text of a row; None, NaN and an empty text are missing."""
    if name not in row:
        raise ValueError(f"the row lacks the column '{name}'; give it, empty where it is not known")
    value = row[name]
    if value is None or value == "" or value != value:
        return None
    return str(value)


def by_edges(value: float, edges: Sequence[float], values: Sequence[Any]) -> Any:
    """Give the value of the bin; each edge belongs to the bin below it."""
    return values[bisect.bisect_left(edges, value)]


def power(base: float, exponent: float) -> float:
    """Raise a number to a power; infinite where it is too large."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def single(value: float) -> float:
    """Round to the nearest 32-bit number."""
    try:
        found: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return found


def is_level(text: str | None, level: str) -> float:
    """Give 1 where the text is that level, 0 where it is another, NaN where it is missing."""
    return NAN if text is None else float(text == level)


def sum_trees(base: float, trees: Sequence[Any], values: Sequence[float]) -> float:
    """Add a number per tree, one after the other, as 32-bit numbers."""
    columns = [single(value) for value in values]
    total = base
    for node in trees:
        while isinstance(node, tuple):
            column, below, missing_left, left, right = node
            value = columns[column]
            node = left if value < below or (missing_left and value != value) else right
        total = single(total + node)
    return total


def strongest(pushes: Sequence[tuple[float, str]]) -> list[str]:
    """Name up to four reasons, the strongest first; words that two factors share once."""
    best: dict[str, float] = {}
    for push, words in pushes:
        if push > 0.0:
            best[words] = max(push, best.get(words, 0.0))
    return sorted(best, key=lambda words: (-best[words], words))[:4]


def result(chance: float, score: float, grade: str | None, decision: str | None, reasons: list[str]) -> dict[str, Any]:
    """Lay out what is given of a loan; None where it is withheld."""
    return {
        "probability_of_default": chance if chance == chance else None,
        "score": round(score) if score == score else None,
        "grade": grade,
        "decision": decision,
        "reasons": reasons,
    }


def score_file(score: Any) -> int:
    """Score the rows of a CSV file, or of standard input, and write a CSV to standard output."""
    lines = open(sys.argv[1], newline="", encoding="utf-8") if len(sys.argv) > 1 else sys.stdin  # noqa: SIM115
    writer = csv.writer(sys.stdout, lineterminator="\n")
    reasons = [f"reason_{place}" for place in range(1, 5)]
    writer.writerow(["loan_id", "probability_of_default", "score", "grade", "decision", *reasons])
    with lines:
        for number, row in enumerate(csv.DictReader(lines), 1):
            try:
                found = score(row)
            except ValueError as error:
                sys.stderr.write(f"Error: row {number}: {error}\n")
                return 1
            told = found.pop("reasons")
            writer.writerow([row.get("loan_id", ""), *found.values(), *told, *[""] * (4 - len(told))])
    return 0


def run(score: Any) -> int:
    """Score a file; a reader that goes away, or an interrupt, ends it without a word."""
    try:
        return score_file(score)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
        return 1
    except OSError as error:
        sys.stderr.write(f"Error: cannot read {error.filename}: {error.strerror}\n")
        return 1
