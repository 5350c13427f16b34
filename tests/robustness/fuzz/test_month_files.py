from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.robustness.fuzz.landing_days import land_clean
from tests.robustness.fuzz.laws import context
from tests.robustness.fuzz.parquet_mutations import PARQUET_BYTES

from p2pcredit.contracts.feeds import FINANCIAL
from p2pcredit.errors import SourceError
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.read import read_landing

MONTH = DateRange(date(2010, 1, 1), date(2010, 1, 31))


@pytest.mark.torture
def test_a_damaged_month_is_refused_or_every_row_of_it_is_read(torture: Any, tmp_path: Path) -> None:
    ctx = context(tmp_path)
    land_clean(ctx.layout, MONTH)
    path = ctx.layout.landing / "financial" / "financial_2010_01.parquet"
    whole = path.read_bytes()
    found = []
    times = torture.times(60, 3_000)
    for number in range(times):
        luck = Random(f"month {number}")
        name = luck.choice(list(PARQUET_BYTES))
        data = PARQUET_BYTES[name](whole, luck)
        path.write_bytes(data)
        try:
            rows = read_landing(ctx.layout, FINANCIAL, MONTH).frame.height
        except SourceError as error:
            if path.name not in str(error) or "\n" in str(error):
                found.append(f"seed 'month {number}', {name}: {str(error)[:300]!r}")
            continue
        expected = pq.read_metadata(io.BytesIO(data)).num_rows
        if rows != expected:
            found.append(f"seed 'month {number}', {name}: {rows} of {expected} rows read")
    torture.record("mutated landing files of a month", times, len(found))
    assert not found, "\n".join(found)
