"""Records of a raw file as a table, and those of them that are rejected with a reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl


@dataclass(frozen=True, slots=True)
class RawTable:
    """Records of one raw file that follow each other.

    Args:
        file: Its name.
        rows: `row_number` (Int64, from 1 below the header) and every wanted column as text, absent ones missing.
        rejected: What `REJECTED_SCHEMA` names.
        numbers: Columns that the file holds as numbers, not as texts of them.
    """

    file: str
    rows: pl.DataFrame
    rejected: pl.DataFrame
    numbers: frozenset[str] = frozenset()

    @property
    def rows_in(self) -> int:
        """Records below the header."""
        return self.rows.height + self.rejected.height

    def reject(
        self,
        where: pl.Expr,
        kind: str | pl.Expr,
        *,
        reason: pl.Expr | None = None,
        value: pl.Expr | None = None,
        remedy: str = "",
    ) -> RawTable:
        """Reject the rows where `where` is true; their raw is what was read, as JSON.

        Args:
            where: Which rows; null keeps a row.
            kind: Why, in the same words for all rows that are rejected for the same cause: they are counted by it.
            reason: Why, for one row; `kind` where None.
            value: What was found.
            remedy: What to write or do.
        """
        marked = self.rows.with_columns(where.fill_null(value=False).alias("_rejected"))
        if not marked["_rejected"].any():
            return self
        # In one piece: Polars panics where `pl.format` meets a piece without rows.
        out = marked.filter("_rejected").drop("_rejected").rechunk()
        cause = pl.lit(kind) if isinstance(kind, str) else kind
        rejected = out.select(
            pl.lit(self.file).alias("file"),
            "row_number",
            (cause if reason is None else reason).cast(pl.String).alias("reason"),
            pl.struct(pl.exclude("row_number")).struct.json_encode().alias("raw"),
            cause.cast(pl.String).alias("kind"),
            (pl.lit(None) if value is None else value).cast(pl.String).alias("value"),
            pl.lit(remedy).alias("remedy"),
        )
        kept = marked.filter(~pl.col("_rejected")).drop("_rejected")
        return replace(self, rows=kept, rejected=pl.concat([self.rejected, rejected]).sort("row_number"))


__all__ = ["RawTable"]
