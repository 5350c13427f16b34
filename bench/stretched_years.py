"""Make a LoanStats file that lasts longer: the same loans, their months of issue spread over more years.

`.venv/bin/python bench/stretched_years.py LOANSTATS.csv.gz OUT.csv [YEARS]` (ten years unless said otherwise). A loan
keeps its life: all its dates move by as many months as its month of issue does, so that it pays, is late and defaults
as long after its origination as it did. Loans of one month are spread over the months that it becomes by their place in
the file, and the order of months stays. So the book is as large as it was and grows as it did, only slower.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DATES = ("issue_d", "earliest_cr_line", "last_pymnt_d", "next_pymnt_d", "last_credit_pull_d")
"""The columns that hold months in both layouts of the download."""


def month_number(text: str) -> int | None:
    """`Jun-2007` as months since year 0; None for anything else."""
    name, _, year = text.partition("-")
    return int(year) * 12 + MONTHS.index(name) if name in MONTHS and year.isdigit() else None


def month_text(number: int) -> str:
    return f"{MONTHS[number % 12]}-{number // 12:04d}"


def stretch(source: Path, target: Path, years: int = 10) -> tuple[str, str, int]:
    """Write the stretched file; returns its first and last month of issue, and how many loans it has."""
    with opened(source) as stream:
        note = stream.readline() if not stream.readline().startswith('"id"') else ""
        stream.seek(0)
        if note:
            note = stream.readline()
        header, *rows = list(csv.reader(stream))
    issue = header.index("issue_d")
    places = [header.index(name) for name in DATES if name in header]
    months = {row[issue] for row in rows if len(row) == len(header)}
    numbers = sorted(number for text in months if (number := month_number(text)) is not None)
    first, span = numbers[0], numbers[-1] - numbers[0] + 1
    counts: dict[int, int] = {}
    for number in issued(rows, header, issue):
        counts[number] = counts.get(number, 0) + 1
    seen: dict[int, int] = {}
    made: set[int] = set()
    with target.open("w", newline="", encoding="utf-8") as out:
        out.write(note)
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            number = month_number(row[issue]) if len(row) == len(header) else None
            if number is None:
                writer.writerow(row)
                continue
            place = seen[number] = seen.get(number, -1) + 1
            moved = first + int((number - first + place / counts[number]) * 12 * years / span)
            made.add(moved)
            for column in places:
                old = month_number(row[column])
                row[column] = row[column] if old is None else month_text(old + moved - number)
            writer.writerow(row)
    return month_text(min(made)), month_text(max(made)), sum(counts.values())


def issued(rows: list[list[str]], header: list[str], issue: int) -> Iterator[int]:
    for row in rows:
        number = month_number(row[issue]) if len(row) == len(header) else None
        if number is not None:
            yield number


def opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    first, last, loans = stretch(source, target, int(sys.argv[3]) if len(sys.argv) > 3 else 10)
    print(f"{loans:,} loans issued from {first} to {last}: {target}")


if __name__ == "__main__":
    main()
