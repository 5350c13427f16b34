"""Small files that unpack into large ones are refused before they fill the memory."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.robustness.hostile.conftest import Outcome, Run

from p2pcredit.storage.layout import Layout

pytestmark = pytest.mark.torture
HEADER = b"loan_id,origination_date,loan_amount,term\n"
MEGABYTE = 1 << 20
CHECK = ["preprocess", "--date", "2010-12-31"]


def packed(path: Path, head: bytes, block: bytes, times: int) -> None:
    with gzip.open(path, "wb", compresslevel=9) as stream:
        stream.write(head)
        for _ in range(times):
            stream.write(block)


def parquet_of_one_value(path: Path, rows: int) -> None:
    names = ("loan_id", "origination_date", "loan_amount", "term")
    frame = pl.select(pl.repeat("x", rows, dtype=pl.String).alias("loan_id")).with_columns(
        pl.lit("x").alias(name) for name in names[1:]
    )
    frame.write_parquet(path, compression="zstd", row_group_size=rows)


def read(run: Run, home: Path) -> tuple[Outcome, float]:
    """Reads the feed; the other feeds are not there, so it can only end in an error."""
    ran = run(home, CHECK)
    assert ran.peak_megabytes < 900
    return ran.outcomes[0], ran.peak_megabytes


@pytest.mark.parametrize("kind", ["zeros", "blank lines", "spaces", "rows", "one line", "quoted"])
def test_a_gzip_bomb_is_refused(run: Run, tmp_path: Path, kind: str, torture: Any) -> None:
    if kind not in {"zeros", "rows"} and not torture.full:
        pytest.skip("tried by `make torture`")
    times = torture.times(150, 1024)
    path = Layout(tmp_path).landing / "loan_terms" / "loan_terms_2010_12_31.csv.gz"
    path.parent.mkdir(parents=True)
    blocks = {
        "zeros": (b"", b"\0" * MEGABYTE),
        "blank lines": (HEADER, b"\n" * MEGABYTE),
        "spaces": (HEADER, b" " * MEGABYTE),
        "rows": (HEADER, b"1,2010-12-31,5,36\n" * (MEGABYTE // 18)),
        "one line": (HEADER, b"1," * (MEGABYTE // 2)),
        "quoted": (HEADER + b'"', b"1\n" * (MEGABYTE // 2)),
    }
    packed(path, *blocks[kind], times)
    outcome, peak = read(run, tmp_path)
    assert "loan_terms_2010_12_31.csv.gz" in outcome.error
    assert ("no loan data packs so well" in outcome.error) or kind == "zeros"
    torture.record(f"gzip bomb of {kind}", 1, note=f"{path.stat().st_size >> 10} KB to {times} MB, {peak:.0f} MB used")


def test_a_parquet_bomb_is_refused(run: Run, tmp_path: Path, torture: Any) -> None:
    path = Layout(tmp_path).landing / "loan_terms" / "loan_terms_2010_12_31.parquet"
    path.parent.mkdir(parents=True)
    rows = torture.times(5_000_000, 30_000_000)
    parquet_of_one_value(path, rows)
    outcome, peak = read(run, tmp_path)
    assert "no loan data packs so well" in outcome.error
    torture.record("Parquet bomb", 1, note=f"{path.stat().st_size} bytes, {rows} rows, {peak:.0f} MB used")


def test_a_zip_is_refused_unopened(run: Run, tmp_path: Path) -> None:
    path = Layout(tmp_path).landing / "loan_terms" / "loan_terms_2010_12_31.csv"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", b"\0" * (16 * MEGABYTE))
    outcome, _ = read(run, tmp_path)
    assert "is a zip archive; unpack it" in outcome.error


def test_a_raw_download_that_is_a_bomb_is_refused(run: Run, tmp_path: Path) -> None:
    raw = tmp_path / "LoanStats.csv.gz"
    packed(raw, b"id,issue_d\n", b"1,2010\n" * (MEGABYTE // 7), 120)
    (outcome,) = run(tmp_path / "home", ["land", "lendingclub", str(raw)]).outcomes
    assert outcome.code == 1
    assert outcome.error


def test_a_large_honest_file_is_read(run: Run, tmp_path: Path) -> None:
    path = Layout(tmp_path).landing / "loan_terms" / "loan_terms_2010_12_31.csv.gz"
    path.parent.mkdir(parents=True)
    with gzip.open(path, "wb") as stream:
        stream.write(HEADER)
        for start in range(0, 60_000, 1_000):
            stream.write(b"".join(b"%d,2010-12-31,%d,36\n" % (n, n % 997) for n in range(start, start + 1_000)))
    outcome, _ = read(run, tmp_path)
    assert "feed 'demographic' has not landed" in outcome.error
