from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.robustness.fuzz.parquet_mutations import PARQUET_BYTES, PARQUET_LAYOUTS, PARQUET_TYPES, parquet_of
from tests.robustness.fuzz.raw_cases import RawCase, count_records, make_raw_case
from tests.robustness.fuzz.raw_seeds import RawSeed, invented_seeds, profile_for, real_seeds

from p2pcredit.errors import SourceError
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION
from p2pcredit.platforms.registry import profile_named

FAULT = "mutated raw downloads"
REFUSED = "refused"


def problem_with(case: RawCase, seeds: dict[str, RawSeed], tmp: Path) -> str | None:
    """Which law does the reading of this download break? None where none; `REFUSED` where it is refused in one line."""
    data = case.build(seeds)
    path = tmp / case.file_name
    path.write_bytes(data)
    found = judge(path, seeds[case.book], lambda: count_records(data, seeds[case.book]), tmp)
    return "a cut gzip file was landed" if found is None and case.is_cut_gzip else found


def judge(path: Path, seed: RawSeed, count: Callable[[], int], tmp: Path) -> str | None:
    """The same of any file, given how a second reader counts its records."""
    try:
        book = profile_named(profile_for(seed.platform, tmp)).read([path], None, None)
        days = book.days()
    except SourceError as error:
        message = str(error)
        good = path.name in message and "\n" not in message and "\r" not in message and len(message) < 4_000
        return REFUSED if good else f"its error is not one short line that names the file: {message[:300]!r}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return f"{type(error).__name__} escaped: {str(error)[:300]}"
    try:
        expected = count()
    except Exception as error:
        return f"it was read, though a second reader says {type(error).__name__}: {str(error)[:200]}"
    if not book.rows_in == expected == book.rows_landed + book.rejected.height:
        return f"{expected} records, {book.rows_in} in, {book.rows_landed} landed, {book.rejected.height} rejected"
    numbers = sorted([*book.origins["row_number"], *book.rejected["row_number"]])
    if numbers != list(range(1, expected + 1)):
        return "a record is lost or doubled between loans and rejected"
    if book.rejected["reason"].null_count() or book.rejected["raw"].null_count():
        return "a rejected record has no reason, or no raw text"
    if days is not None and not EARLIEST_ORIGINATION <= days.first <= days.last < date(3020, 1, 1):
        return f"it speaks of {days}"
    return None


def smallest(case: RawCase, seeds: dict[str, RawSeed], tmp: Path) -> RawCase:
    for fewer in case.smaller():
        if problem_with(fewer, seeds, tmp) not in {None, REFUSED}:
            return smallest(fewer, seeds, tmp)
    return case


def try_downloads(torture: Any, tmp: Path, seeds: dict[str, RawSeed], name: str, times: int) -> None:
    found = []
    refused = 0
    for number in range(times):
        case = make_raw_case(f"{name} {number}", seeds)
        problem = problem_with(case, seeds, tmp)
        refused += problem == REFUSED
        found += [(case, problem)] if problem not in {None, REFUSED} else []
    torture.record(FAULT, times, len(found))
    small = [smallest(case, seeds, tmp) for case, _ in found[:3]]
    for number, case in enumerate(small):
        (tmp / f"smallest_{number}_{case.file_name}").write_bytes(case.build(seeds))
    assert not found, "\n".join(
        [f"{len(found)} violations, smallest files in {tmp}"]
        + [f"{case}: {problem}" for case, problem in found[:20]]
        + [f"smallest: {case}: {problem_with(case, seeds, tmp)}" for case in small]
    )
    assert times / 20 < refused < times / 2


@pytest.mark.torture
@pytest.mark.parametrize("part", range(2))
def test_every_record_of_a_mutated_download_is_landed_or_rejected(torture: Any, tmp_path: Path, part: int) -> None:
    try_downloads(torture, tmp_path, invented_seeds(), f"invented {part}", torture.times(150, 5_000))


def parquet_case(seed: str, seeds: dict[str, RawSeed]) -> tuple[str, tuple[str, ...], bytes]:
    """Which book, what befell it, and the bytes that came of it."""
    luck = Random(seed)
    book = luck.choice(sorted(seeds))
    pool = luck.choice([PARQUET_TYPES, PARQUET_LAYOUTS, tuple(PARQUET_BYTES)])
    names = [luck.choice(pool) for _ in range(luck.choice([1, 1, 2]))]
    data = parquet_of(seeds[book].header, seeds[book].rows, names, luck)
    for name in names:
        if name in PARQUET_BYTES and data:
            data = PARQUET_BYTES[name](data, luck)
    return book, tuple(names), data


@pytest.mark.torture
def test_every_row_of_a_mutated_download_in_parquet_is_landed_or_rejected(torture: Any, tmp_path: Path) -> None:
    seeds, times = invented_seeds(), torture.times(150, 5_000)
    path, found, refused = tmp_path / "download.parquet", [], 0
    for number in range(times):
        book, names, data = parquet_case(f"parquet {number}", seeds)
        path.write_bytes(data)
        count = partial(count_rows, data)
        problem = judge(path, seeds[book], count, tmp_path)
        refused += problem == REFUSED
        if problem not in {None, REFUSED}:
            found.append(f"parquet {number}: {book}, {', '.join(names)}: {problem}")
    torture.record("mutated raw downloads in Parquet", times, len(found))
    assert not found, "\n".join([f"{len(found)} violations", *found[:20]])
    assert times / 20 < refused < times * 2 / 3


def count_rows(data: bytes) -> int:
    """The rows of a Parquet file as PyArrow reads the whole of it; fails where it is damaged."""
    table = pq.read_table(io.BytesIO(data), use_threads=False)
    table.validate(full=True)
    return int(table.num_rows)


@pytest.mark.torture
def test_every_record_of_a_mutated_real_download_is_landed_or_rejected(torture: Any, tmp_path: Path) -> None:
    seeds = real_seeds()
    if not seeds:
        pytest.skip("the real loan files of ../shared/data are not here")
    try_downloads(torture, tmp_path, seeds, "real", torture.times(100, 3_000))
