"""The data assets of the tasks: what other DAGs can be scheduled on, and what lineage is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

SCHEME = "p2pcredit"

_TOLD = ("rows", "scored", "changed", "home_id")


def asset_named(name: str) -> Asset:
    """Build the asset of a name that a step reads or writes.

    Its name is its URI and holds no path, so it stays the same wherever home is: an Airflow has one home.

    Args:
        name: Such as `gold/feature_store`.

    Examples:
        >>> asset_named("gold/feature_store").uri
        'p2pcredit://gold/feature_store'
    """
    return Asset(f"{SCHEME}://{name}")


def describe_outputs(task: BaseOperator, context: Context, receipt: Mapping[str, Any], day: str) -> None:
    """Give the events of what a task wrote the snapshot date and the counts of its receipt.

    Args:
        task: The task.
        context: Airflow's context of it.
        receipt: The job's receipt, as JSON values.
        day: The snapshot date of the run, `YYYY-MM-DD`.
    """
    events = context.get("outlet_events")
    if events is None:
        return
    told = {"snapshot_date": day} | {key: receipt[key] for key in _TOLD if receipt.get(key) is not None}
    for outlet in task.outlets:
        events[outlet].extra = dict(told)
