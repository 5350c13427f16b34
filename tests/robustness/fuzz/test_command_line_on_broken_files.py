from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.robustness.fuzz.expected_rows import rows_of_csv, rows_of_parquet
from tests.robustness.fuzz.landing_cases import Case, make_case
from tests.robustness.fuzz.landing_days import land_clean
from tests.robustness.fuzz.laws import context, put, refused

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import QUARANTINE, TABLES, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.settings import PreprocessingSettings
from p2pcredit.storage.tables.day_receipts import is_complete
from p2pcredit.storage.tables.lake import Lake

DAY = date(2010, 1, 5)
NEXT = DAY + timedelta(days=1)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (120, 150))


def preprocess(home: Path, day: date) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("p2pcredit")), "preprocess", "--date", str(day), "--home", str(home)]
    return subprocess.run(
        [*command, "--json"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        preexec_fn=_limit,
        env={name: value for name, value in os.environ.items() if not name.startswith(("P2P_", "AIRFLOW"))},
    )


def rows_kept(ctx: JobContext, case: Case) -> tuple[int, int]:
    lake, day = Lake(ctx.layout), DateRange(case.day, case.day)
    rows = lake.read(QUARANTINE, day).filter(pl.col("feed") == case.feed, pl.col("kind") == "row")
    return lake.read(silver(FEEDS[case.feed]), day).height, rows.height


def is_ruin(set_aside: int, rows: int) -> bool:
    if set_aside <= 2:
        return 0 < rows <= 2 * set_aside
    return set_aside > rows * PreprocessingSettings().max_quarantined_share


def problem_with(ctx: JobContext, case: Case, *, is_refused: bool) -> str | None:
    done = preprocess(ctx.layout.home, case.day)
    if "Traceback" in done.stderr or "panicked" in done.stderr:
        return f"a traceback: {done.stderr[-500:]}"
    if not is_refused:
        data, sources = case.build()[0], FEEDS[case.feed].sources
        rows = len((rows_of_parquet if case.ending == ".parquet" else rows_of_csv)(data, sources))
        ruined = done.returncode == 1 and done.stderr.count("\n") == 1 and " were set aside" in done.stderr
        if done.returncode != 0 and not ruined:
            return f"{rows} rows in the file, exit {done.returncode}, {done.stderr[-500:]}"
        kept, set_aside = rows_kept(ctx, case)
        if kept + set_aside != rows or ruined != is_ruin(set_aside, rows):
            return f"{rows} rows in the file, {kept} kept, {set_aside} set aside, exit {done.returncode}, {done.stderr}"
        counts = {} if ruined else json.loads(done.stdout)["feeds"][case.feed]
        if counts and (counts["rows_in"], counts["silver"], counts["quarantined"]) != (rows, kept, set_aside):
            return f"{rows} rows in the file, {kept} kept, {set_aside} set aside, but the receipt says {counts}"
        return None
    if done.returncode != 1 or done.stderr.count("\n") != 1 or case.file_name not in done.stderr:
        return f"exit {done.returncode}, {done.stderr[-500:]!r}"
    if is_complete(ctx.layout, case.day) or any(
        Lake(ctx.layout).read(table, DateRange(case.day, case.day)).height for table in TABLES.values()
    ):
        return "something was written for a day that was refused"
    following = preprocess(ctx.layout.home, NEXT)
    if following.returncode != 0 or not is_complete(ctx.layout, NEXT):
        return f"the day after a refused day failed: {following.stderr[-500:]}"
    return None


@pytest.mark.torture
@pytest.mark.parametrize("is_refused", [True, False])
def test_the_command_says_one_line_or_accounts_for_every_row(torture: Any, tmp_path: Path, is_refused: bool) -> None:
    found, tried, number = [], 0, 0
    while tried < torture.times(1, 30):
        number += 1
        ctx = context(tmp_path / str(number))
        case = make_case(f"command {number}", DAY)
        land_clean(ctx.layout, DateRange(DAY, NEXT))
        if (refused(ctx, case) is not None) != is_refused:
            continue
        put(ctx.layout, case)
        tried += 1
        problem = problem_with(ctx, case, is_refused=is_refused)
        found += [f"{case}: {problem}"] if problem else []
    torture.record("mutated landing files, by the command line", tried, len(found))
    assert not found, "\n".join(found)
