"""Variables that move schedules and bound tasks: absent, they change nothing; wrong, they are refused by name."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.errors import SettingsError
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PIPELINES, PREPROCESSING
from p2pcredit.orchestration.settings.dag_settings import deadline, schedule_of, task_defaults
from p2pcredit.orchestration.settings.schedules import VARIABLES
from p2pcredit.settings.sources import OTHER_VARIABLES


def test_each_variable_of_the_dags_is_known_to_the_settings() -> None:
    assert set(OTHER_VARIABLES) == {"P2P_HOME", *VARIABLES}


def test_without_a_variable_schedules_and_tasks_are_those_of_the_specification() -> None:
    for pipeline in PIPELINES:
        found = schedule_of(pipeline, {})
        assert (found.cron, found.zone) == (pipeline.cron, "UTC")
    assert (task_defaults({}), deadline({})) == ({}, None)


@settings(deadline=None)
@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_run_is_due_when_the_pipeline_says(day: date) -> None:
    for pipeline in PIPELINES:
        assert pipeline.fires_after(day) in {None, schedule_of(pipeline, {}).due(day)}


@settings(deadline=None)
@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Pacific/Auckland"]),
    st.sampled_from([4, 6, 9, 14, 16]),
)
def test_in_any_zone_a_run_fires_on_the_utc_day_after_its_snapshot_date(day: date, zone: str, hour: int) -> None:
    environ = {"P2P_DAG_TIMEZONE": zone, "P2P_DAG_CRON_PREPROCESSING": f"30 {hour} * * *"}
    assert schedule_of(PREPROCESSING, environ).due(day).date() == day + timedelta(days=1)


def test_cron_and_zone_move_the_runs() -> None:
    environ = {"P2P_DAG_CRON_INFERENCE": "15 4 * * *", "P2P_DAG_TIMEZONE": "Europe/Berlin"}
    assert schedule_of(INFERENCE, environ).due(date(2024, 7, 1)) == datetime.fromisoformat("2024-07-02T02:15:00+00:00")
    assert schedule_of(MONITORING, environ | {"P2P_DAG_CRON_MONITORING": "0 8 * * 0"}).cron == "0 8 * * 0"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"P2P_DAG_CRON_PREPROCESSING": "@daily"}, "P2P_DAG_CRON_PREPROCESSING"),
        ({"P2P_DAG_CRON_PREPROCESSING": "*/5 * * * *"}, "P2P_DAG_CRON_PREPROCESSING"),
        ({"P2P_DAG_CRON_PREPROCESSING": "0 25 * * *"}, "P2P_DAG_CRON_PREPROCESSING"),
        ({"P2P_DAG_CRON_PREPROCESSING": "0 1 * * 0"}, "P2P_DAG_CRON_PREPROCESSING"),
        ({"P2P_DAG_TIMEZONE": "Mars/Olympus"}, "P2P_DAG_TIMEZONE"),
        ({"P2P_DAG_TIMEZONE": "../etc"}, "P2P_DAG_TIMEZONE"),
        ({"P2P_DAG_TIMEZONE": "Europe/Berlin"}, "another hour"),
    ],
)
def test_a_schedule_that_would_lose_a_day_or_cannot_be_read_is_refused(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        schedule_of(PREPROCESSING, environ)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"P2P_DAG_CRON_MONITORING": "0 6 * * 1"},
        {"P2P_DAG_CRON_MONITORING": "0 6 * * *"},
        {"P2P_DAG_TIMEZONE": "Asia/Tokyo"},
    ],
)
def test_weeks_go_on_ending_on_saturday(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="P2P_DAG_CRON_MONITORING"):
        schedule_of(MONITORING, environ)


def test_pool_queue_and_limits_are_taken_where_they_are_set() -> None:
    environ = {"P2P_DAG_POOL": "loans", "P2P_DAG_QUEUE": "big", "P2P_DAG_TASK_TIMEOUT_MINUTES": "90"}
    assert task_defaults(environ) == {"pool": "loans", "queue": "big", "execution_timeout": timedelta(minutes=90)}
    assert deadline({"P2P_DAG_DEADLINE_MINUTES": "300"}) == timedelta(hours=5)


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "10081"])
def test_a_limit_that_makes_no_sense_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="P2P_DAG_TASK_TIMEOUT_MINUTES"):
        task_defaults({"P2P_DAG_TASK_TIMEOUT_MINUTES": text})
    with pytest.raises(SettingsError, match="P2P_DAG_DEADLINE_MINUTES"):
        deadline({"P2P_DAG_DEADLINE_MINUTES": text})
    with pytest.raises(SettingsError, match="P2P_DAG_POOL"):
        task_defaults({"P2P_DAG_POOL": "two words"})
