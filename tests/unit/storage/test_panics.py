"""What a library prints when its threads panic reaches nobody who reads standard error; everything else does."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from p2pcredit.storage.panics import panics_hidden, without_panics

PANIC = b"""
thread 'tokio-rt-worker' (28308) panicked at /cargo/object_store-0.13.2/src/buffered.rs:369:41:
Already shut down
stack backtrace:
   0: rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:697:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"""
FURTHER = b"\nthread '<unnamed>' panicked at src/lib.rs:3:41:\na second one\n"
WRITES = """
import resource, secrets, sys
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import StorageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

table, days = bronze(FEEDS["loan_terms"]), [date(2020, month, 1) for month in range(1, 13)]
rows = pl.DataFrame({"snapshot_date": days * 1_500}).with_row_index("row_number")
rows = rows.with_columns(pl.Series("loan_id", [secrets.token_hex(200) for _ in range(rows.height)]))
absent = {name: kind for name, kind in table.schema.items() if name not in rows.columns}
rows = rows.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in absent.items())
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    Lake(Layout(Path(sys.argv[1]))).replace(table, rows.select(list(table.schema)), DateRange(days[0], days[-1]))
except StorageError as error:
    print(f"Error: {error}", file=sys.stderr)
"""


@pytest.mark.parametrize("backtrace", ["0", "1"])
def test_a_disk_that_refuses_a_table_is_told_in_one_line_and_by_no_panic_of_the_writer(
    tmp_path: Path, backtrace: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WRITES, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "RUST_BACKTRACE": backtrace},
    )
    assert ran.stderr.startswith("Error: cannot write ")
    assert ran.stderr.endswith("File too large; allow larger files (ulimit -f) and run it again\n")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("written", "left"),
    [
        (b"", b""),
        (b"a line\n", b"a line\n"),
        (PANIC, b""),
        (PANIC + PANIC + b"a line\n", b"a line\n"),
        (b"a line\n" + PANIC + FURTHER, b"a line\n"),
        (FURTHER, b""),
        (FURTHER + b"\na line\n", b"\na line\n"),
        (b"no thread panicked at all\n", b"no thread panicked at all\n"),
        (b"\xff\xfe" + PANIC, b"\xff\xfe"),
    ],
)
def test_panics_are_taken_out_and_nothing_else(written: bytes, left: bytes) -> None:
    assert without_panics(written) == left


def test_what_else_is_written_comes_at_the_end_of_the_block_also_where_it_fails(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        with panics_hidden():
            os.write(2, b"before\n" + PANIC)
            with panics_hidden():
                os.write(2, b"within\n")
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nwithin\nafter\n"


def put_aside() -> list[str]:
    """Files of what was put aside that this process holds open; others may be opened meanwhile by other threads."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return [target for target in found if target.startswith("/memfd:panics")]


def test_threads_put_it_aside_together_and_it_comes_back_once(capfd: pytest.CaptureFixture[str]) -> None:
    def write(number: int) -> None:
        with panics_hidden():
            os.write(2, b"%d\n" % number + FURTHER + b"\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))
    said = capfd.readouterr().err
    assert sorted(int(line) for line in said.split()) == list(range(200))
    assert put_aside() == []


def test_threads_that_write_at_the_same_time_lose_no_line(capfd: pytest.CaptureFixture[str]) -> None:
    with panics_hidden(), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: os.write(2, b"%d\n" % number), range(20_000)))
    said = capfd.readouterr().err
    assert sorted(int(line) for line in said.split()) == list(range(20_000))
