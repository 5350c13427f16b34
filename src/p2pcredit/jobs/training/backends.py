"""Which engine fits: the one of the settings, with `auto` the one for so many loans, or the one that a card names."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from p2pcredit.engines.registry import POLARS, engine_named, engine_of_rows
from p2pcredit.jobs.context import JobContext
from p2pcredit.settings import Settings
from p2pcredit.storage.files import disk_error

if TYPE_CHECKING:
    from p2pcredit.engines.protocol import Engine
    from p2pcredit.models.fitting.backend import FitBackend


def require_fit_backend(ctx: JobContext) -> None:
    """Check that the engine of the settings can train here, before anything is held or read.

    Raises:
        MissingExtraError: If it is Spark and PySpark is not installed.
        SettingsError: If it cannot start, or trees are to be grown on a device that it has not.
    """
    _engine_of_settings(ctx).require_for_fits(ctx.settings)


@contextmanager
def fit_backend_of(ctx: JobContext) -> Iterator[FitBackend]:
    """Fit by the settings.

    Raises:
        MissingExtraError, SettingsError: As `require_fit_backend`.
        StorageError: If the disk does not take the loans that the engine is to see.
    """
    engine = _engine_of_settings(ctx)
    engine.require_for_fits(ctx.settings)
    with _backend(ctx, engine, ctx.settings) as backend:
        yield backend


@contextmanager
def fit_backend_again(ctx: JobContext, about: dict[str, Any]) -> Iterator[FitBackend]:
    """Fit as a model was fitted, by `engine_of_card`: on Spark with as many workers, wherever Spark runs today.

    Raises:
        MissingExtraError, SettingsError, StorageError: As `fit_backend_of`.
    """
    engine = engine_named(about["name"])
    settings = engine.as_fitted(ctx.settings, about)
    engine.require(settings)
    with _backend(ctx, engine, settings) as backend:
        yield backend


def engine_of_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return the engine that fitted the model of a card. This machine's for a card that does not say.

    Examples:
        >>> engine_of_card({}), engine_of_card({"engine": {"name": "spark", "tree_workers": 2}})["tree_workers"]
        ({'name': 'polars'}, 2)
    """
    return dict(card.get("engine") or {"name": POLARS})


def _engine_of_settings(ctx: JobContext) -> type[Engine]:
    return engine_named(engine_of_rows(ctx.settings, lambda: _loans(ctx)))


def _loans(ctx: JobContext) -> int:
    """Count the loans of the feature store."""
    from p2pcredit.contracts.tables import FEATURE_STORE  # a job that asks and trains nothing goes without the lake
    from p2pcredit.storage.tables.external_files import rows_in_files
    from p2pcredit.storage.tables.lake import Lake

    return rows_in_files(Lake(ctx.layout), FEATURE_STORE)


@contextmanager
def _backend(ctx: JobContext, engine: type[Engine], settings: Settings) -> Iterator[FitBackend]:
    directory = ctx.layout.fits / uuid.uuid4().hex
    if not engine.fits_need_disk:
        with engine.fit_backend(settings, directory) as backend:
            yield backend
        return
    try:
        with engine.fit_backend(settings, directory) as backend:
            yield backend
    except OSError as error:
        raise disk_error("write", directory, error) from error
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):  # not there, or another fit's loans are
            directory.parent.rmdir()
