"""What the server answered about loans that landed later."""

from __future__ import annotations

import polars as pl

from p2pcredit.contracts.tables import SCORE_REQUESTS
from p2pcredit.errors import StorageError
from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.answering.request_log import fold_requests
from p2pcredit.jobs.context import JobContext
from p2pcredit.monitoring.inputs import NONE_ASKED
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake


def asked_before_landing(ctx: JobContext, predictions: pl.DataFrame, days: DateRange) -> pl.DataFrame:
    """Find the last answer about each scored loan that was given on or before the day of its prediction.

    What a server has logged and not yet taken into its table is taken in first.

    Args:
        ctx: The context.
        predictions: Scored loans, `loan_id` and `snapshot_date`.
        days: The days on which was asked.

    Returns:
        `loan_id, snapshot_date` (when asked), `model_id, score, decision`; one row per loan that was asked about.
    """
    try:
        fold_requests(ctx)
    except StorageError as error:  # a log that cannot be read must not keep the week from being judged
        warn(ctx, f"what the server was asked last is not in the report: {error}")
    lake = Lake(ctx.layout)
    if not lake.exists(SCORE_REQUESTS):
        return pl.DataFrame(schema=NONE_ASKED)
    landed = predictions.select("loan_id", pl.col("snapshot_date").alias("landed_on")).unique("loan_id", keep="any")
    found = (
        lake.scan(SCORE_REQUESTS, days)
        .select(*NONE_ASKED, "asked_at", "request_id")
        .join(landed.lazy(), on="loan_id")
        .filter(pl.col("snapshot_date") <= pl.col("landed_on"))
        .sort("loan_id", "asked_at", "request_id")
        .unique("loan_id", keep="last", maintain_order=True)
        .select(*NONE_ASKED)
    )
    return found.collect()


__all__ = ["asked_before_landing"]
