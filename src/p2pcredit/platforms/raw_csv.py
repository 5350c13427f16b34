"""The raw CSV download of a platform: its header found below notes, its rows, and what is rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from p2pcredit.errors import HeaderError
from p2pcredit.platforms.delimited import Misfit, read_delimited
from p2pcredit.platforms.raw_book import REJECTED_SCHEMA

SUMMARY_REASON = "summary line, not a loan"


@dataclass(frozen=True, slots=True)
class RawTable:
    """The records of one raw file.

    Args:
        file: Its name.
        rows: `row_number` (Int64, from 1 below the header) and every wanted column as text, absent ones missing.
        rejected: `file`, `row_number`, `reason`, `raw`.
    """

    file: str
    rows: pl.DataFrame
    rejected: pl.DataFrame

    @property
    def rows_in(self) -> int:
        """Records below the header."""
        return self.rows.height + self.rejected.height

    def reject(self, where: pl.Expr, reason: pl.Expr) -> RawTable:
        """The same table with the rows `where` is true rejected for `reason`; their raw is what was read, as JSON."""
        marked = self.rows.with_columns(where.fill_null(value=False).alias("_rejected"))
        out = marked.filter("_rejected").drop("_rejected")
        rejected = out.select(
            pl.lit(self.file).alias("file"),
            "row_number",
            reason.cast(pl.String).alias("reason"),
            pl.struct(pl.exclude("row_number")).struct.json_encode().alias("raw"),
        )
        kept = marked.filter(~pl.col("_rejected")).drop("_rejected")
        return RawTable(self.file, kept, pl.concat([self.rejected, rejected]).sort("row_number"))


def read_raw_csv(
    path: Path,
    layouts: Mapping[str, Sequence[str]],
    columns: Iterable[str],
    *,
    is_summary: Callable[[str], bool] = lambda text: False,
) -> RawTable:
    """Which records does a raw CSV file (plain or gzip) hold?

    Args:
        path: The file.
        layouts: Per known layout the columns without which it is not that layout.
        columns: The columns wanted.
        is_summary: Whether a record of another shape than the header, given its first field, is a summary line.

    Raises:
        UnreadableFileError: Empty, cut off, damaged or no text.
        HeaderError: Fits no layout; says which columns are missing.
    """

    def find_header(lines: Sequence[Sequence[str]]) -> int:
        lacking = {
            (at, layout): [name for name in required if name not in line]
            for at, line in enumerate(lines)
            for layout, required in layouts.items()
        }
        (at, layout), missing = min(lacking.items(), key=lambda item: len(item[1]))
        if missing:
            raise HeaderError(
                f"{path} fits no known layout ({', '.join(layouts)}): the nearest is {layout}, for which line {at + 1} "
                f"lacks the columns {', '.join(missing)}; check that it is the platform's own download"
            )
        return at

    wanted = list(columns)
    text = read_delimited(path, find_header, wanted)
    text.require_whole(path, is_summary)
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in wanted if name not in text.header]

    def reason(misfit: Misfit) -> str:
        first = misfit.fields[0] if misfit.fields else ""
        return (
            SUMMARY_REASON if is_summary(first) else f"{len(misfit.fields)} fields, the header has {len(text.header)}"
        )

    rejected = pl.DataFrame(
        [
            {"file": path.name, "row_number": misfit.row_number, "reason": reason(misfit), "raw": misfit.raw}
            for misfit in text.misfits
        ],
        schema=REJECTED_SCHEMA,
    )
    return RawTable(path.name, text.frame.with_columns(absent).select("row_number", *wanted), rejected)


__all__ = ["SUMMARY_REASON", "RawTable", "read_raw_csv"]
