from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

HEADER = b"loan_id,origination_date,loan_amount,term,title\n"
FIRST = date(2010, 1, 1)
PEAK_BYTES = 1 << 30


def row(number: int, title: bytes = b"t") -> bytes:
    return b"%d,2010-01-01,5,36,%s\n" % (number, title)


def many(rows: int, title: bytes) -> bytes:
    return HEADER + b"".join(row(number, title) for number in range(rows))


# Each file, and how many rows it must give, or a word of the error that refuses it.
HEAVY: dict[str, tuple[Callable[[int], bytes], Callable[[int], int | str]]] = {
    "a field of a megabyte": (lambda n: HEADER + row(1, b"x" * (n << 20)) + row(2), lambda n: 2),
    "a field of a megabyte beside a stray quote": (
        lambda n: HEADER + row(1, b'"' + b"x" * (n << 20) + b'"') + row(2, b'5" pipe') + row(3, b'"a"b'),
        lambda n: 3,
    ),
    "no line end": (lambda n: HEADER + b"x" * (70 << 20), lambda n: "no line end"),
    "no line end in gzip": (lambda n: gzip.compress(HEADER + b"y" * (90 << 20), 1), lambda n: "no line end"),
    "zero bytes in gzip": (lambda n: gzip.compress(bytes(n << 24), 1), lambda n: "not text"),
    "an open quote to the end": (lambda n: HEADER + row(1, b'"') + b"z" * (70 << 20), lambda n: "no line end"),
    "a header of two megabytes": (lambda n: b"h," * (1 << 20) + HEADER + row(1), lambda n: "header"),
    "a header without line end": (lambda n: HEADER.strip() + b",h" * (1 << 19), lambda n: "header"),
    "thousands of columns": (
        lambda n: (
            HEADER.strip() + b"".join(b",c%d" % at for at in range(5_000)) + b"\n" + row(1).strip() + b",1" * 5_000
        ),
        lambda n: 1,
    ),
    "blank lines": (lambda n: HEADER + b"\n" * (n * 200_000) + row(1) + b"\r\n" * 200_000, lambda n: 1),
    "an open quote in every row": (lambda n: many(n * 5_000, b'"o'), lambda n: "cut off"),
    "a stray quote in every row": (lambda n: many(n * 5_000, b'a"b'), lambda n: n * 5_000),
    "quotes in pairs across rows": (lambda n: many(n * 5_000, b'a,"b'), lambda n: "cut off"),
    "nothing but quotes": (lambda n: HEADER + b'"' * (n * 200_001), lambda n: "cut off"),
    "nothing but commas": (lambda n: HEADER + b"," * (n * 1_000_000), lambda n: 1),
    "carriage returns alone": (
        lambda n: HEADER.replace(b"\n", b"\r") + row(1).replace(b"\n", b"\r"),
        lambda n: "carriage",
    ),
    "ragged rows": (lambda n: many(n * 5_000, b"a,b,c"), lambda n: n * 5_000),
}


@pytest.mark.torture
def test_heavy_files_are_read_or_refused_within_bounds_of_memory_and_time(torture: Any, tmp_path: Path) -> None:
    size = torture.times(2, 20)
    days = {name: FIRST + timedelta(days=place) for place, name in enumerate(HEAVY)}
    directory = tmp_path / "data" / "loan_terms"
    directory.mkdir(parents=True)
    for name, day in days.items():
        data = HEAVY[name][0](size)
        ending = ".csv.gz" if data.startswith(b"\x1f\x8b") else ".csv"
        (directory / f"loan_terms_{day:%Y_%m_%d}{ending}").write_bytes(data)
    reader = Path(__file__).with_name("limited_reader.py")
    command = [sys.executable, str(reader), str(tmp_path), "loan_terms", *map(str, days.values())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_500, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [] if len(said) == len(HEAVY) else [f"{list(HEAVY)[len(said)]}: the reader ended ({done.returncode})"]
    for (name, (_, expected)), facts in zip(HEAVY.items(), said, strict=False):
        want = expected(size)
        found = facts["rows"] if isinstance(want, int) else facts["error"]
        if found != want if isinstance(want, int) else want not in (found or ""):
            wrong.append(f"{name}: {want!r} expected, {facts}")
        if len(facts["error"] or "") > 2_000 or facts["peak_bytes"] > PEAK_BYTES * max(1, size / 5):
            wrong.append(f"{name}: too much: {facts}"[:500])
    torture.record("heavy landing files", len(HEAVY), len(wrong), "in a process with 4 GiB and 60 s a file")
    assert not wrong, "\n".join([*wrong, done.stderr[-2_000:]])
    assert "Traceback" not in done.stderr
