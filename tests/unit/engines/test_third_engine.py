"""A third engine is one class and one name: the jobs take it from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit import plugins
from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.engines.local import PolarsEngine
from p2pcredit.errors import PluginError, SettingsError, StorageError
from p2pcredit.jobs.checked_settings import require_engine
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.lake_engines import engine_for
from p2pcredit.jobs.training.backends import fit_backend_again, fit_backend_of
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

DAY = date(2021, 6, 1)
GROUP = "p2pcredit.engines"


class ThirdEngine(PolarsEngine):
    """Stands for another one; it hands loans over as files."""

    name = "third"
    fits_need_disk = True

    @classmethod
    @contextmanager
    def fit_backend(cls, settings: Settings, directory: Path) -> Iterator[Any]:
        directory.mkdir(parents=True)
        (directory / "loans").write_text("handed over")
        yield {"name": cls.name, "threads": settings.threads}


class Shapeless:
    """No engine."""


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobContext:
    points = [EntryPoint("third", f"{__name__}:ThirdEngine", GROUP), EntryPoint("bad", f"{__name__}:Shapeless", GROUP)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints(p for p in points if p.group == group))
    return JobContext(Layout(tmp_path), Settings(engine="third"), "test", datetime(2022, 1, 1, tzinfo=UTC))


def test_the_tables_are_worked_on_by_the_engine_that_a_package_adds(ctx: JobContext) -> None:
    engine = engine_for(ctx, Lake(ctx.layout))
    rows = pl.DataFrame({"loan_id": ["a"], "snapshot_date": [DAY]}).select(
        pl.col(name) if name in ("loan_id", "snapshot_date") else pl.lit(None, dtype=kind).alias(name)
        for name, kind in PREDICTIONS.schema.items()
    )
    made = engine.mapped(engine.frame(PREDICTIONS, DateRange(DAY, DAY)), lambda _: rows, PREDICTIONS)
    assert engine.name == "third"
    assert engine.replace(PREDICTIONS, made, DateRange(DAY, DAY))
    assert not engine.replace(PREDICTIONS, made, DateRange(DAY, DAY))
    assert engine.read(PREDICTIONS, DateRange(DAY, DAY)).per_day() == {DAY: 1}


def test_its_fits_have_a_directory_that_is_gone_afterwards(ctx: JobContext) -> None:
    with fit_backend_of(ctx) as backend:
        assert backend == {"name": "third", "threads": 2}
        assert len(list(ctx.layout.fits.rglob("loans"))) == 1
    assert not ctx.layout.fits.exists()
    with fit_backend_again(ctx, {"name": "third"}) as backend:
        assert backend == {"name": "third", "threads": 2}


def test_a_disk_that_refuses_the_loans_is_named(ctx: JobContext) -> None:
    ctx.layout.fits.parent.mkdir(parents=True, exist_ok=True)
    ctx.layout.fits.write_text("a file where the directory should be")
    with pytest.raises(StorageError, match="fits"), fit_backend_of(ctx):
        pass


def test_an_engine_that_nobody_adds_or_that_is_none_is_refused(ctx: JobContext) -> None:
    require_engine("third")
    with pytest.raises(SettingsError, match="there is no engine 'polar', perhaps 'polars' was meant"):
        require_engine("polar")
    shapeless = JobContext(ctx.layout, Settings(engine="bad"), "test", ctx.at)
    with pytest.raises(PluginError, match="'rows_together'"):
        engine_for(shapeless, Lake(ctx.layout))
