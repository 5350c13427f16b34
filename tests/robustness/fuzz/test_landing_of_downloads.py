from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.fuzz.laws import context
from tests.robustness.fuzz.raw_cases import count_records, make_raw_case
from tests.robustness.fuzz.raw_seeds import invented_seeds, profile_for, real_seeds

from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.landing.land import land


@pytest.mark.torture
def test_the_receipt_of_a_landing_accounts_for_every_record_and_a_refused_download_leaves_only_what_was_rejected(
    torture: Any, tmp_path: Path
) -> None:
    seeds = invented_seeds() | real_seeds()
    found = []
    times = torture.times(12, 300)
    for number in range(times):
        case = make_raw_case(f"landed {number}", seeds)
        ctx = context(tmp_path / str(number))
        path = tmp_path / case.file_name
        path.write_bytes(case.build(seeds))
        platform = profile_for(seeds[case.book].platform, tmp_path)
        try:
            receipt = land(ctx, platform, [path], None, None)
        except P2PCreditError as error:
            left = {file.parent.name for file in ctx.layout.home.rglob("*") if file.is_file()}
            if "\n" in str(error) or not left <= {"rejected"}:
                found.append(f"{case}: {error}")
            continue
        rows = count_records(path.read_bytes(), seeds[case.book])
        rejected = [
            json.loads(line)
            for file in (ctx.layout.landing / "rejected").iterdir()
            for line in file.read_text(encoding="utf-8").split("\n")
            if line
        ]
        landed = receipt["feeds"]["loan_terms"]
        if (
            not rows
            == receipt["rows_in"]
            == receipt["rows_landed"] + receipt["rows_rejected"]
            == landed + len(rejected)
        ):
            found.append(f"{case}: {rows} records, {receipt}, {len(rejected)} in the file of rejected records")
    torture.record("mutated raw downloads, landed", times, len(found))
    assert not found, "\n".join(found)
