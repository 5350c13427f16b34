"""The heavy pieces of a fit on Spark: trees through `xgboost.spark`, values counted by an aggregation.

The driver writes the loans of a fit as Parquet where executors see it, and gets back trees or counts. Rows keep their
order within a worker, so one worker grows the trees that this machine would have grown, to the byte.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.engines.spark.session import spark_session
from p2pcredit.models.binning.counts import Counts, count_values
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import Examples, Grow
from p2pcredit.settings import SparkSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ROWS_PER_GROUP = 100_000
_LOG_OF_XGBOOST = "XGBoost-PySpark"
_TREES = "worker int, place bigint, columns array<float>, bad double"


@dataclass(frozen=True)
class SparkBackend:
    """Grows trees and counts values on Spark.

    Args:
        settings: Where Spark runs, and how many workers grow a booster.
        room: A directory that driver and executors see, for the loans of one fit at a time.
    """

    settings: SparkSettings
    room: Path

    @property
    def about(self) -> dict[str, Any]:
        """Its name and facts on a card."""
        return {"name": "spark", "tree_workers": self.settings.tree_workers}

    def at_once(self, threads: int) -> int:
        """Return 1: fits run one after the other."""
        return 1

    @contextmanager
    def growing(self, examples: Examples) -> Iterator[Grow]:
        """Write the loans once; with one worker the trees are those of `LocalBackend.growing`, to the byte."""
        from xgboost.spark import SparkXGBRegressor  # takes any objective as it is named

        logging.getLogger(_LOG_OF_XGBOOST).setLevel(logging.WARNING)
        workers = min(self.settings.tree_workers, examples.bads.size)
        started: dict[str, Any] = {} if examples.margin is None else {"base_margin_col": "margin"}
        schema = _TREES if examples.margin is None else f"{_TREES}, margin double"
        with self._handed(_loans(examples, workers), schema) as loans:
            ordered = loans.repartitionById(workers, "worker").sortWithinPartitions("place")

            def grow(parameters: dict[str, Any], rounds: int) -> xgb.Booster:
                trainer = SparkXGBRegressor(
                    features_col="columns",
                    label_col="bad",
                    num_workers=workers,
                    n_estimators=rounds,
                    random_state=parameters["seed"],
                    missing=float("nan"),
                    verbose=False,
                    verbosity=0,
                    **{name: value for name, value in parameters.items() if name != "seed"},
                    **started,
                )
                grown: xgb.Booster = trainer.fit(ordered).get_booster()
                return grown

            yield grow

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        """Count what the values of each of the features hold, in their order; see `count_values`.

        Spark counts whole loans per value and kind of outcome, which no order changes; the sums are made of those here.
        """
        kinds, kind = np.unique(np.column_stack([bads, goods]), axis=0, return_inverse=True)
        numeric = [feature.kind == "numeric" for feature in features]
        names = [f"f{place}" for place in range(len(features))]
        rows = columns.select(
            *(
                (pl.col(feature.name).cast(pl.Float64).fill_nan(None) + 0.0).alias(name)
                if number
                else pl.col(feature.name).cast(pl.String).alias(name)
                for feature, name, number in zip(features, names, numeric, strict=True)
            ),
            pl.Series("kind", kind.reshape(-1), dtype=pl.Int32),
        ).to_arrow()
        types = [f"{name} {'double' if number else 'string'}" for name, number in zip(names, numeric, strict=True)]
        with self._handed(rows, ", ".join([*types, "kind int"])) as loans:
            found = _counted(loans, names, numeric)
        parts = {int(part["feature"][0]): part for part in found.partition_by("feature")}
        nothing = found.clear()
        return (_as_counts(feature, parts.get(place, nothing), kinds) for place, feature in enumerate(features))

    @contextmanager
    def _handed(self, rows: pa.Table, schema: str) -> Iterator[DataFrame]:
        """Write the rows where executors read them, and remove them afterwards."""
        self.room.mkdir(parents=True, exist_ok=True)
        path = self.room / f"{uuid.uuid4().hex}.parquet"
        try:
            pq.write_table(rows, path, row_group_size=_ROWS_PER_GROUP, use_dictionary=False)
            reader = spark_session(self.settings).read.option("__globPaths__", "false")
            yield reader.schema(schema).parquet(str(path))
        finally:
            path.unlink(missing_ok=True)


def _loans(examples: Examples, workers: int) -> pa.Table:
    """Lay out a booster's loans as executors read them: each worker's are neighbours."""
    loans, width = examples.columns.shape
    place = np.arange(loans, dtype=np.int64)
    starts = pa.array(np.arange(0, loans * width + 1, width, dtype=np.int64))
    found = {
        "worker": pa.array((place * workers // loans).astype(np.int32)),
        "place": pa.array(place),
        "columns": pa.LargeListArray.from_arrays(starts, pa.array(examples.columns.reshape(-1))),
        "bad": pa.array(examples.bads),
    }
    return pa.table(found if examples.margin is None else {**found, "margin": pa.array(examples.margin)})


def _counted(loans: DataFrame, names: Sequence[str], numeric: Sequence[bool]) -> pl.DataFrame:
    """Count the loans of each feature, value and kind: `feature`, `number`, `level`, `kind`, `count`, in that order."""
    told = (
        f"{place}, {name}, CAST(NULL AS STRING)" if number else f"{place}, CAST(NULL AS DOUBLE), {name}"
        for place, (name, number) in enumerate(zip(names, numeric, strict=True))
    )
    long = loans.selectExpr("kind", f"stack({len(names)}, {', '.join(told)}) AS (feature, number, level)")
    found = pl.DataFrame(long.groupBy("feature", "number", "level", "kind").count().toArrow())
    return found.sort("feature", "number", "level", "kind")


def _as_counts(feature: Feature, found: pl.DataFrame, kinds: Floats) -> Counts:
    loans = found["count"].cast(pl.Float64).to_numpy()
    outcomes = kinds[found["kind"].to_numpy()]
    values = found["number" if feature.kind == "numeric" else "level"]
    return count_values(feature, values, loans * outcomes[:, 0], loans * outcomes[:, 1], loans)
