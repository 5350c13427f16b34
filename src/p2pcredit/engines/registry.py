"""The engines: those of this package, one line each, and those of others, by entry point.

Another package adds one with an entry point in the group `p2pcredit.engines` that names a subclass of
`p2pcredit.engines.protocol.Engine`; the setting `engine` chooses it. Nothing here imports an engine until it is asked
for. `auto` is no engine: it stands for one of the two of this package, by how many rows there are to work on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p2pcredit.plugins import Registry

if TYPE_CHECKING:  # it brings Polars, and asking which engine there is goes without
    from p2pcredit.engines.protocol import Engine
    from p2pcredit.settings import Settings

POLARS, SPARK, AUTO = "polars", "spark", "auto"
ENGINES: Registry[type[Engine]] = Registry(
    group="p2pcredit.engines",
    what="engine",
    built_in={
        POLARS: "p2pcredit.engines.local:PolarsEngine",
        SPARK: "p2pcredit.engines.spark.engine:SparkEngine",
    },
    needs=(
        *("name", "rows_together", "fits_need_disk", "require", "require_for_fits", "fit_backend", "as_fitted"),
        *("frame", "read", "run", "read_once", "mapped", "replace"),
    ),
    chosen_later=(AUTO,),
)


def engine_named(name: str) -> type[Engine]:
    """Load an engine.

    Raises:
        SettingsError: If no engine has that name, with the similar one and all there are.
        PluginError: If another package brings it and it cannot be used.

    Examples:
        >>> engine_named("polars").rows_together
        100000
        >>> engine_named("polar")
        Traceback (most recent call last):
        ...
        p2pcredit.errors.SettingsError: there is no engine 'polar', perhaps 'polars' was meant; known are polars, \
spark, auto
    """
    return ENGINES.load(name)


def engine_of_rows(settings: Settings, rows: Callable[[], int]) -> str:
    """Return the name of the engine for work on so many rows.

    Args:
        settings: With `engine = "auto"` they choose by rows; any other engine they name themselves.
        rows: Counts the rows that the work reads; called for `auto` alone.

    Examples:
        >>> from p2pcredit.settings import Settings, SparkSettings
        >>> auto = Settings(engine="auto", spark=SparkSettings(from_rows=1000))
        >>> [engine_of_rows(auto, lambda: rows) for rows in (41, 999, 1000)]
        ['polars', 'polars', 'spark']
        >>> engine_of_rows(Settings(engine="spark"), lambda: 41)
        'spark'
    """
    if settings.engine != AUTO:
        return settings.engine
    return SPARK if rows() >= settings.spark.from_rows else POLARS


__all__ = ["AUTO", "ENGINES", "POLARS", "SPARK", "engine_named", "engine_of_rows"]
