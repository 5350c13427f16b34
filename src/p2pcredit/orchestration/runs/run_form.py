"""The form that Airflow shows where a run is triggered by hand: one date, which may be left empty."""

from __future__ import annotations

from airflow.sdk import Param

from p2pcredit.orchestration.runs.run_dates import CONF_KEY


def run_params(weekday: int | None) -> dict[str, Param]:
    """Build the `params` of a DAG: its snapshot date, null unless a run's conf names one.

    Airflow checks a conf against them where the run is made, so a text that is no date makes no run. The tasks read the
    conf itself, and refuse keys that no parameter has.

    Args:
        weekday: The weekday on which the DAG fires, Monday 0 to Sunday 6; None where it does every day.

    Examples:
        >>> run_params(None)["snapshot_date"].value is None
        True
    """
    works_on = "The day that the run works on" if weekday is None else "The last day of the week that the run looks at"
    return {
        CONF_KEY: Param(
            None,
            description=f"{works_on}, in UTC. Left empty: the day before the run fires.",
            type=["null", "string"],
            format="date",
            title="Snapshot date",
        )
    }
