from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.fuzz.landing_cases import make_case
from tests.robustness.fuzz.laws import report, try_cases

FIRST = date(2010, 1, 1)
TOGETHER = 260
FAULT = "mutated landing files"


@pytest.mark.torture
@pytest.mark.parametrize("part", range(4))
def test_every_row_of_a_mutated_landing_file_is_in_silver_or_quarantine_or_the_file_is_refused(
    torture: Any, tmp_path: Path, part: int
) -> None:
    rounds = torture.times(1, 15)
    for number in range(rounds):
        cases = [
            make_case(f"landing {part} {number} {place}", FIRST + timedelta(days=place)) for place in range(TOGETHER)
        ]
        found, refused = try_cases(tmp_path / str(number), cases)
        torture.record(FAULT, len(cases), len(found))
        assert not found, report(tmp_path, found)
        assert TOGETHER / 20 < refused < TOGETHER * 3 / 4
