"""The engines: those of this package, one line each, and those of others, by entry point.

Another package adds one with an entry point in the group `p2pcredit.engines` that names a subclass of
`p2pcredit.engines.protocol.Engine`; the setting `engine` chooses it. Nothing here imports an engine until it is asked
for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pcredit.plugins import Registry

if TYPE_CHECKING:  # it brings Polars, and asking which engine there is goes without
    from p2pcredit.engines.protocol import Engine

POLARS, SPARK = "polars", "spark"
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
        p2pcredit.errors.SettingsError: there is no engine 'polar', perhaps 'polars' was meant; known are polars, spark
    """
    return ENGINES.load(name)


__all__ = ["ENGINES", "POLARS", "engine_named"]
