"""Which home, which day, from when to when: the pure parts of the DAG layer."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.errors import SettingsError, UsageError
from p2pcredit.jobs.pipelines import INFERENCE, PREPROCESSING
from p2pcredit.orchestration.runs.run_dates import job_instant, run_instant, snapshot_date
from p2pcredit.orchestration.settings.dag_defaults import dag_arguments
from p2pcredit.orchestration.settings.schedules import (
    DEFAULT_START,
    Retrying,
    feed_waiting_time,
    monitoring_waiting_time,
    retrying,
    schedule_span,
    simulated_time,
    waiting_time,
)
from p2pcredit.storage.home import resolve_home


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        ("/asked", {"P2P_HOME": "/p2p", "AIRFLOW_HOME": "/airflow"}, "/asked"),
        (Path("asked"), {"P2P_HOME": "/p2p"}, "/srv/asked"),
        (None, {"P2P_HOME": "/p2p", "AIRFLOW_HOME": "/airflow"}, "/p2p"),
        (None, {"P2P_HOME": "p2p"}, "/srv/p2p"),
        (None, {"P2P_HOME": "", "AIRFLOW_HOME": "/airflow"}, "/airflow"),
        ("", {"AIRFLOW_HOME": "  "}, "/srv/p2p-home"),
        (None, {}, "/srv/p2p-home"),
    ],
)
def test_home_is_the_option_then_the_variables_then_a_directory_here(
    option: str | Path | None, environ: dict[str, str], expected: str
) -> None:
    assert resolve_home(option, environ, Path("/srv"), specified=Path("/nowhere/at/all")) == Path(expected)


def test_the_home_of_the_specification_is_used_where_it_exists(tmp_path: Path) -> None:
    assert resolve_home(None, {}, Path("/srv"), specified=tmp_path) == tmp_path


def test_a_home_may_start_at_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/users/ada")
    assert resolve_home("~/loans", {}, Path("/srv")) == Path("/users/ada/loans")


@given(st.datetimes(datetime(1990, 1, 2), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_the_snapshot_date_is_the_utc_day_before_the_run_fired(fired_at: datetime) -> None:
    day = snapshot_date(None, fired_at)
    end_of_day = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
    assert timedelta(0) <= fired_at - end_of_day < timedelta(days=1)


def test_a_run_of_another_zone_is_dated_in_utc() -> None:
    evening_in_new_york = datetime(2011, 3, 5, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert snapshot_date({}, run_instant(evening_in_new_york, datetime(2026, 1, 1, tzinfo=UTC))) == date(2011, 3, 5)


def test_a_run_without_a_logical_date_is_dated_by_when_it_may_start() -> None:
    assert run_instant(None, datetime(2026, 11, 23, 2, tzinfo=UTC)) == datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.mark.parametrize("asked", ["2011-3-2", "tomorrow", "", "2011-02-30", 20110302, ["2011-03-02"]])
def test_a_conf_that_holds_no_date_is_refused_in_one_line(asked: object) -> None:
    with pytest.raises(UsageError) as caught:
        snapshot_date({"snapshot_date": asked}, datetime(2011, 3, 3, tzinfo=UTC))
    assert "\n" not in str(caught.value)
    assert "YYYY-MM-DD" in str(caught.value)


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"snapshotdate": "2011-02-02"}, "unknown key 'snapshotdate', perhaps 'snapshot_date' was meant"),
        ({"snapshot_date": "2011-02-02", "note": "by hand"}, "unknown key 'note'; the only one is 'snapshot_date'"),
        ({3: 4}, "unknown key '3'"),
    ],
)
def test_another_key_of_a_conf_is_refused_by_its_name_in_one_line(conf: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        snapshot_date(conf, datetime(2011, 3, 3, 1, tzinfo=UTC))
    assert "\n" not in str(caught.value)


def test_a_day_that_has_not_begun_is_refused_since_it_would_be_waited_for() -> None:
    fired_at = datetime(2011, 3, 3, 1, tzinfo=UTC)
    assert snapshot_date({"snapshot_date": "2011-03-03"}, fired_at) == date(2011, 3, 3)
    for asked in ("2011-03-04", "2101-03-03"):
        with pytest.raises(
            UsageError, match=f"'snapshot_date' is {asked}, which had not begun when the run fired"
        ) as said:
            snapshot_date({"snapshot_date": asked}, fired_at)
        assert "\n" not in str(said.value)


@pytest.mark.parametrize("conf", [None, {}, {"snapshot_date": None}])
def test_without_a_conf_a_run_works_on_the_day_before(conf: dict[str, object] | None) -> None:
    assert snapshot_date(conf, datetime(2011, 3, 3, 1, tzinfo=UTC)) == date(2011, 3, 2)


def test_feeds_and_a_week_are_waited_for_as_long_as_their_variables_say() -> None:
    minutes = {"P2P_FEED_WAIT_MINUTES": "30", "P2P_MONITORING_WAIT_MINUTES": "0"}
    assert feed_waiting_time(minutes) == timedelta(minutes=30)
    assert monitoring_waiting_time(minutes) == timedelta(0)
    assert (feed_waiting_time({}), monitoring_waiting_time({})) == (timedelta(hours=2), timedelta(hours=12))
    for wait, name in ((feed_waiting_time, "P2P_FEED_WAIT_MINUTES"), (monitoring_waiting_time, "P2P_MONITORING_WAIT")):
        with pytest.raises(SettingsError, match=name):
            wait({"P2P_FEED_WAIT_MINUTES": "soon", "P2P_MONITORING_WAIT_MINUTES": "1441"})


def test_a_feed_that_comes_in_time_leaves_an_hour_before_scoring_gives_its_day_up() -> None:
    day = date(2024, 1, 15)
    preprocessing, inference = (pipeline.fires_after(day) for pipeline in (PREPROCESSING, INFERENCE))
    assert preprocessing is not None
    assert inference is not None
    assert inference + waiting_time({}) - (preprocessing + feed_waiting_time({})) >= timedelta(hours=1)


def test_time_is_true_unless_a_switch_of_its_own_says_simulated() -> None:
    assert not simulated_time({"P2P_DAG_CATCHUP": "1"})
    assert simulated_time({"P2P_DAG_SIMULATED_TIME": "1"})
    with pytest.raises(SettingsError, match="P2P_DAG_SIMULATED_TIME"):
        simulated_time({"P2P_DAG_SIMULATED_TIME": "yes"})


def test_a_run_that_waits_keeps_no_run_by_hand_back_and_the_past_is_caught_up_on_in_order() -> None:
    assert dag_arguments("x", None, {})["max_active_runs"] > 1
    assert dag_arguments("x", None, {"P2P_DAG_CATCHUP": "1"})["max_active_runs"] == 1


def test_jobs_are_told_the_true_time_unless_the_past_is_replayed() -> None:
    past, now = datetime(2011, 3, 3, 2, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    assert job_instant(past, now, simulated=False) == now
    assert job_instant(past, now, simulated=True) == past


def test_without_a_word_the_dags_start_before_any_loan_and_do_not_catch_up() -> None:
    span = schedule_span({})
    assert (span.start, span.end, span.catchup) == (DEFAULT_START, None, False)
    assert span.start.year <= 2005


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"P2P_DAG_START": "soon"}, "P2P_DAG_START"),
        ({"P2P_DAG_END": "2011-13-01"}, "P2P_DAG_END"),
        ({"P2P_DAG_CATCHUP": "yes"}, "P2P_DAG_CATCHUP"),
        ({"P2P_DAG_START": "2011-03-06", "P2P_DAG_END": "2011-03-05"}, "P2P_DAG_END"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        schedule_span(environ)


@pytest.mark.parametrize("text", ["-1", "long", "nan", "inf", "1441"])
def test_a_waiting_time_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="P2P_WAIT_MINUTES"):
        waiting_time({"P2P_WAIT_MINUTES": text})


def test_scoring_waits_two_hours_unless_told_otherwise() -> None:
    assert waiting_time({}) == timedelta(hours=2)
    assert waiting_time({"P2P_WAIT_MINUTES": "0"}) == timedelta(0)


def test_a_task_outlives_a_fault_of_ten_minutes_unless_told_otherwise() -> None:
    usual = retrying({})
    assert sum((usual.delay * 2**n for n in range(usual.times)), timedelta(0)) > timedelta(minutes=10)
    assert retrying({"P2P_RETRIES": "0", "P2P_RETRY_SECONDS": "0.5"}) == Retrying(0, timedelta(seconds=0.5))


@pytest.mark.parametrize(
    ("name", "text"),
    [("P2P_RETRIES", text) for text in ("-1", "2.5", "often", "101", "nan")]
    + [("P2P_RETRY_SECONDS", text) for text in ("-1", "soon", "3601", "inf")],
)
def test_retries_that_make_no_sense_are_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        retrying({name: text})


def test_a_first_delay_longer_than_the_longest_becomes_the_longest() -> None:
    usual, patient = (dag_arguments("test", None, e)["default_args"] for e in ({}, {"P2P_RETRY_SECONDS": "1800"}))
    assert (usual["retries"], usual["retry_delay"], usual["max_retry_delay"]) == (
        5,
        timedelta(seconds=30),
        timedelta(minutes=5),
    )
    assert patient["retry_delay"] == patient["max_retry_delay"] == timedelta(minutes=30)
