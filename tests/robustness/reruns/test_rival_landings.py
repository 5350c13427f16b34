"""Two landings at once on one home: both are in the manifest, and every file is that of a landing alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.reruns.nightly_runs import LAST, context

from p2pcredit.jobs.landing.land import land
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw

Race = Callable[..., None]
pytestmark = pytest.mark.torture
MONTHS = [DateRange(date(2021, month, 1), date(2021, month, 28)) for month in (1, 2, 3, 4)]
LAND = """
from tests.robustness.reruns.nightly_runs import context
from p2pcredit.jobs.landing.land import land
days = span(*sys.argv[3:])
land(context(sys.argv[1], "rival", days.last), "synthetic", [Path(sys.argv[2])], days.first, days.last)
"""


def landed(home: Path) -> dict[str, bytes]:
    """Feeds and manifest; the rejected records are those of the last landing of the file, and each home has an id."""
    paths = (path for path in home.rglob("*") if path.is_file() and path.parent.name != "rejected")
    paths = (path for path in paths if path.name != "home.json")
    return {str(path.relative_to(home)): path.read_bytes() for path in paths}


def test_landings_at_once_are_all_in_the_manifest(tmp_path: Path, race: Race, torture: Any) -> None:
    raw = tmp_path / "portfolio.csv.gz"
    write_raw(raw, SyntheticSettings(MONTHS[0].first, MONTHS[-1].last, loans_per_day=3))
    for days in MONTHS:
        land(context(tmp_path / "alone", "alone", LAST), "synthetic", [raw], days.first, days.last)
    rounds = torture.times(1, 10)
    for number in range(rounds):
        home = tmp_path / f"home-{number}"
        race(*[(LAND, home, raw, days.first, days.last) for days in MONTHS])
        assert landed(home) == landed(tmp_path / "alone")
    manifest = json.loads((tmp_path / "alone" / "data" / "landing.json").read_text())
    assert [entry["first_date"] for entry in manifest["landings"]] == [str(days.first) for days in MONTHS]
    torture.record("landings at once", len(MONTHS) * rounds)
