"""Which engine grows the trees and counts the values of a training: the one of the settings, or that of a card."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from p2pcredit.errors import SettingsError
from p2pcredit.jobs.context import JobContext
from p2pcredit.settings import SparkSettings
from p2pcredit.storage.files import disk_error
from p2pcredit.storage.layout import Layout

if TYPE_CHECKING:
    from p2pcredit.models.fitting.backend import FitBackend

ON_SPARK = "spark"
_CPU = "cpu"


def require_engine(ctx: JobContext) -> None:
    """Can the engine of the settings train here? What is missing is told before anything is held or read.

    Raises:
        MissingExtraError: If it is Spark and PySpark is not installed.
        SettingsError: If Spark cannot start, or trees are to be grown on another device than the processor.
    """
    if ctx.settings.engine == ON_SPARK:
        if ctx.settings.training.device != _CPU:
            raise SettingsError(
                f"Spark grows trees on processors; set training.device = 'cpu', not '{ctx.settings.training.device}', "
                'or engine = "polars"'
            )
        _start(ctx.settings.spark)


@contextmanager
def fitter_of(ctx: JobContext) -> Iterator[FitBackend]:
    """Who fits by the settings.

    Raises:
        MissingExtraError, SettingsError: As `require_engine`.
        StorageError: If the disk does not take the loans that Spark is to see.
    """
    require_engine(ctx)
    if ctx.settings.engine != ON_SPARK:
        yield _here()
        return
    with _on_spark(ctx.layout, ctx.settings.spark) as fitter:
        yield fitter


@contextmanager
def fitter_again(ctx: JobContext, about: dict[str, Any]) -> Iterator[FitBackend]:
    """Who fitted a model, as `engine_of_card` tells it: on Spark with as many workers, wherever Spark runs today.

    Raises:
        MissingExtraError, SettingsError, StorageError: As `fitter_of`.
    """
    if about["name"] != ON_SPARK:
        yield _here()
        return
    settings = ctx.settings.spark.model_copy(update={"tree_workers": int(about["tree_workers"])})
    _start(settings)
    with _on_spark(ctx.layout, settings) as fitter:
        yield fitter


def engine_of_card(card: dict[str, Any]) -> dict[str, Any]:
    """Which engine fitted the model of a card? This machine's for a card that does not say.

    Examples:
        >>> engine_of_card({}), engine_of_card({"engine": {"name": "spark", "tree_workers": 2}})["tree_workers"]
        ({'name': 'polars'}, 2)
    """
    return dict(card.get("engine") or {"name": "polars"})


def _here() -> FitBackend:
    from p2pcredit.models.fitting.backend import LOCAL  # loads XGBoost, which asking what is due does not need

    return LOCAL


def _start(settings: SparkSettings) -> None:
    from p2pcredit.engines.spark.session import spark_session

    spark_session(settings)


@contextmanager
def _on_spark(layout: Layout, settings: SparkSettings) -> Iterator[FitBackend]:
    from p2pcredit.engines.spark.fitting import SparkBackend

    room = layout.fits / uuid.uuid4().hex
    try:
        yield SparkBackend(settings, room)
    except OSError as error:
        raise disk_error("write", room, error) from error
    finally:
        shutil.rmtree(room, ignore_errors=True)
        with suppress(OSError):  # not there, or another fit's loans are
            room.parent.rmdir()
