"""The floor of raw file to gold: forty columns of the raw file read, typed and written by Polars alone, FILE OUT.

No bronze, no rules, no labels: what is left is the least that anything built on Polars has to do.
"""

import sys
from pathlib import Path

import polars as pl
from columns import COLUMNS


def typed(name: str, kind: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    if kind == "percent":
        return text.str.strip_suffix("%").cast(pl.Float64, strict=False) / 100
    if kind == "term":
        return text.str.strip_suffix(" months").cast(pl.Float64, strict=False)
    if kind == "month":
        return pl.format("01-{}", text).str.to_date("%d-%b-%Y", strict=False)
    if kind == "number":
        return text.cast(pl.Float64, strict=False)
    return text


def main() -> None:
    file, out = Path(sys.argv[1]), Path(sys.argv[2])
    raw = pl.scan_csv(file, infer_schema=False)
    given = raw.collect_schema().names()
    chosen = [(ours, theirs, kind) for ours, (theirs, kind) in COLUMNS.items() if theirs in given][:40]
    raw.select(typed(theirs, kind).alias(ours) for ours, theirs, kind in chosen).sink_parquet(out)


if __name__ == "__main__":
    main()
