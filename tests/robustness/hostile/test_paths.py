"""What a conf, a feed or a name says never leads out of the home directory, nor into a query."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.landed_frame import write_landing

from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.contracts.tables import PREDICTIONS, QUARANTINE
from p2pcredit.errors import OutsideHomeError, P2PCreditError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.export import export
from p2pcredit.jobs.scoring.champions import promote, show_model
from p2pcredit.orchestration.runs.run_dates import snapshot_date
from p2pcredit.periods import DateRange
from p2pcredit.platforms.mapped.profile import load_mapping
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.tables.lake import Lake

pytestmark = pytest.mark.torture
DAY = date(2024, 1, 13)
DAYS = DateRange(DAY, DAY)
ASTRAY = [
    "../../x",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/b",
    "a\\b/../c",
    "x\0y",
    "x" * 300,
    "~root",
    " ",
    "a\nb",
    "\ud800",
]


@pytest.mark.parametrize("asked", [*ASTRAY, "2024-01-13/../../x", "2024-01-13\n", "2024-W02-6", 7, ["x"], {}])
def test_the_date_of_a_conf_is_a_date_or_refused(asked: Any) -> None:
    with pytest.raises(UsageError) as caught:
        snapshot_date({"snapshot_date": asked}, datetime(2024, 1, 14, tzinfo=UTC))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model_id", ASTRAY)
def test_a_model_id_is_a_plain_name(ctx: JobContext, model_id: str) -> None:
    with pytest.raises(OutsideHomeError):
        ctx.layout.model(model_id)
    for job in (lambda: show_model(ctx, model_id), lambda: promote(ctx, model_id, "why")):
        with pytest.raises(P2PCreditError):
            job()


@pytest.mark.parametrize("name", ASTRAY)
def test_a_table_is_one_of_those_there_are(ctx: JobContext, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        export(ctx, name, tmp_path / "out.csv")


@pytest.mark.parametrize("name", [*ASTRAY, "a b", "A", "../a", "a/b", "a" * 50, "a\n"])
def test_the_name_in_a_mapping_is_a_plain_name(tmp_path: Path, name: str) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_bytes(
        f"name: {name!r}\nloan_id: id\norigination_date: d\nfeeds: {{loan_terms: {{loan_amount: a, term: t}}}}\n"
        "events: {status: s, rules: {}}\n".encode("utf-8", "replace")
    )
    with pytest.raises(UsageError) as caught:
        load_mapping(profile)
    assert "\n" not in str(caught.value)


def landing_file(ctx: JobContext) -> Path:
    return ctx.layout.landing / "loan_terms" / "loan_terms_2024_01_13.csv"


def test_a_landing_file_that_links_out_of_the_landing_directory_is_not_read(ctx: JobContext) -> None:
    path = landing_file(ctx)
    path.parent.mkdir(parents=True)
    path.symlink_to("/etc/passwd")
    with pytest.raises(OutsideHomeError, match="leads out of"):
        read_landing(ctx.layout, LOAN_TERMS, DAYS)


def test_a_feed_directory_that_links_away_is_neither_read_nor_written(ctx: JobContext, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / landing_file(ctx).name).write_text("loan_id,origination_date,loan_amount,term\n")
    ctx.layout.landing.mkdir(parents=True)
    landing_file(ctx).parent.symlink_to(elsewhere)
    with pytest.raises(OutsideHomeError):
        read_landing(ctx.layout, LOAN_TERMS, DAYS)
    rows = pl.DataFrame({"snapshot_date": [DAY]})
    with pytest.raises(OutsideHomeError):
        write_landing(ctx.layout, LOAN_TERMS, rows, DAYS)
    assert len(list(elsewhere.iterdir())) == 1


def test_the_landing_directory_itself_may_lie_on_another_disk(ctx: JobContext, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    ctx.layout.home.mkdir()
    ctx.layout.landing.symlink_to(tmp_path / "disk")
    write_landing(ctx.layout, LOAN_TERMS, pl.DataFrame({"snapshot_date": [DAY]}), DAYS)
    assert read_landing(ctx.layout, LOAN_TERMS, DAYS).frame.height == 1


@pytest.mark.parametrize("place", ["table", "model"])
def test_a_table_or_model_that_links_away_is_refused(ctx: JobContext, tmp_path: Path, place: str) -> None:
    path = ctx.layout.datamart / PREDICTIONS.name if place == "table" else ctx.layout.model_bank / "m1"
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path)
    with pytest.raises(OutsideHomeError):
        ctx.layout.table(PREDICTIONS.name) if place == "table" else ctx.layout.model("m1")


def test_an_export_may_go_anywhere_and_replaces_a_link_rather_than_its_target(ctx: JobContext, tmp_path: Path) -> None:
    row = {**dict.fromkeys(PREDICTIONS.schema), "loan_id": "1", "snapshot_date": DAY}
    Lake(ctx.layout).replace(PREDICTIONS, pl.DataFrame([row], schema=PREDICTIONS.schema), DAYS)
    precious = tmp_path / "precious.csv"
    precious.write_text("precious")
    out = tmp_path / "out.csv"
    out.symlink_to(precious)
    assert export(ctx, PREDICTIONS.name, out)["rows"] == 1
    assert precious.read_text() == "precious"
    assert not out.is_symlink()


def test_no_text_becomes_part_of_a_query(ctx: JobContext) -> None:
    lake = Lake(ctx.layout)
    rows = pl.DataFrame(
        [
            {"feed": feed, "snapshot_date": DAY, "row_number": 1, "rules": "x", "raw": "' OR 1=1 --"}
            for feed in ("financial", "demographic")
        ],
        schema=QUARANTINE.schema,
    )
    lake.replace(QUARANTINE, rows, DAYS)
    for feed in ("x' OR '1' = '1", "financial' --", "", "' OR feed <> '"):
        with pytest.raises(UsageError):
            lake.replace(QUARANTINE, rows.clear(), DAYS, feed=feed)
    assert lake.replace(QUARANTINE, rows.filter(pl.col("feed") == "financial"), DAYS, feed="financial") is False
    assert lake.read(QUARANTINE).height == 2
