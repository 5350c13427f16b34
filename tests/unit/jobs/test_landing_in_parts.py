"""However a raw file is cut into blocks and parts, the same lands; and no more than some of it is held."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.platforms import downloads as raw_files
from p2pcredit.readers import bytestream, spool
from p2pcredit.readers.csv import reader as delimited
from p2pcredit.settings import LandingSettings, Settings
from p2pcredit.storage.layout import Layout

HEADER = "id,loan_amnt,term,issue_d,loan_status,last_pymnt_d,last_credit_pull_d,desc,funded_amnt,total_rec_prncp"
STATUSES = ("Fully Paid", "Charged Off", "Current", "Late (31-120 days)", "Default", "who knows")
TEXTS = ("", "plain", '"with, comma"', '"two\nlines"', '"said ""yes"""', "ümlaut")


def record(rng: random.Random, number: int, *, irregular: bool) -> str:
    issued = f"{rng.choice(['Jan', 'Feb', 'Mar', 'Dec'])}-{rng.choice([2009, 2010])}"
    if number % 17 == 0:
        return f"{number},too,few"
    if number % 23 == 0:
        issued = rng.choice(["Dec-2031", "Foo-2010", ""])
    text = '5" pipe' if irregular and number > 150 else rng.choice(TEXTS)
    status, paid = rng.choice(STATUSES), rng.choice(["", "Apr-2010", "Nov-2010", "x"])
    return f"{number % 190},1000,36 months,{issued},{status},{paid},Dec-2010,{text},1000,{number}"


def raw(path: Path, *, irregular: bool = False, end: str = "\n", rows: int = 200) -> Path:
    rng = random.Random(5)
    records = [record(rng, number, irregular=irregular) for number in range(1, rows + 1)]
    path.write_text(f"Notes\n{HEADER}\n" + end.join(records) + "\n\nTotal amount funded in policy code 1: 5\n")
    return path


def landed(home: Path, files: list[Path]) -> tuple[dict[str, object], dict[str, str]]:
    layout = Layout(home)
    ctx = JobContext(
        layout, Settings(landing=LandingSettings(max_rejected_share=1)), "test", datetime(2026, 11, 24, tzinfo=UTC)
    )
    receipt = land(ctx, "lendingclub", files, None, None)
    found = {
        path.relative_to(layout.landing).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(layout.landing.rglob("*"))
        if path.is_file()
    }
    return receipt, found


@pytest.mark.parametrize("irregular", [False, True], ids=["regular", "irregular late in the file"])
@pytest.mark.parametrize(("block", "part", "held"), [(64, 300, 1), (1 << 10, 3_000, 10_000), (700, 1, 1 << 20)])
def test_the_same_bytes_land_however_the_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, irregular: bool, block: int, part: int, held: int
) -> None:
    files = [raw(tmp_path / "a.csv", irregular=irregular), raw(tmp_path / "b.csv", end="\r\n", rows=120)]
    whole = landed(tmp_path / "whole", files)
    receipt = whole[0]
    assert receipt["rows_in"] == 322
    assert receipt["rows_in"] == int(str(receipt["rows_landed"])) + int(str(receipt["rows_rejected"]))
    monkeypatch.setattr(raw_files, "PART_BYTES", part)
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", held)
    monkeypatch.setattr(delimited.open_delimited, "__kwdefaults__", {"chunk_bytes": block, "when_empty": ""})
    assert landed(tmp_path / "cut", files) == whole


def test_a_file_is_passed_over_twice_and_a_part_is_the_most_that_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = raw(tmp_path / "a.csv", rows=2_000)
    part, block = 20_000, 4_096
    read_bytes, parts = [], []
    chunks, joined = bytestream.read_chunks, delimited.joined

    def counted(*args: object, **kwargs: object) -> Iterator[bytes]:
        for chunk in chunks(*args, **kwargs):  # type: ignore[arg-type]
            read_bytes.append(len(chunk))
            yield chunk

    def measured(batches: list[delimited.DelimitedText]) -> delimited.DelimitedText:
        found = joined(batches)
        parts.append(found.frame.estimated_size())
        return found

    monkeypatch.setattr(delimited, "read_chunks", counted)
    monkeypatch.setattr(raw_files, "joined", measured)
    monkeypatch.setattr(raw_files, "PART_BYTES", part)
    monkeypatch.setattr(delimited.open_delimited, "__kwdefaults__", {"chunk_bytes": block, "when_empty": ""})
    landed(tmp_path / "home", [path])
    size = path.stat().st_size
    assert sum(read_bytes) <= 2 * size  # the header is sought in the first bytes, and then the file is read once
    assert len(parts) > 5
    assert max(parts) < part + 40 * block
    assert pl.DataFrame({"bytes": read_bytes})["bytes"].max() == size  # only the search for the header reads so much
