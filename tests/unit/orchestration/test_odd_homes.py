"""A local Airflow and the DAGs refuse a home that they cannot work in, in one line; others they write correctly."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pcredit.errors import HomeError, MissingHomeError
from p2pcredit.local_airflow.airflow import up
from p2pcredit.local_airflow.settings import LocalPaths, database_url, local_environment
from p2pcredit.orchestration.runs.run_home import home_of_process


@pytest.mark.parametrize("name", ["a?b=c&d", "a#b", "100%", "a%zz", "a b", "ä", "a'b\"", "{a}", "~x", "a:b@c"])
def test_the_address_of_airflows_database_is_the_file_in_the_home(tmp_path: Path, name: str) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    paths = LocalPaths(tmp_path / name)
    found = local_environment(paths, 8080, {}, {})["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert found == database_url(paths)
    address = sqlalchemy.engine.make_url(found)
    assert address.database == str(paths.root / "airflow.db")
    assert address.query == {"timeout": "60"}


@pytest.mark.parametrize("name", ["a$b", "$HOME", "a[b]", "a%20b", "a\nb"])
def test_a_local_airflow_refuses_a_home_that_it_cannot_work_in(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError, match="rename that directory") as caught:
        up(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_dags_refuse_a_home_that_cannot_be_and_try_one_that_is_missing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a[b]").mkdir()
    monkeypatch.setenv("P2P_HOME", str(tmp_path / "a[b]"))
    with pytest.raises(HomeError, match="rename that directory"):
        home_of_process()
    monkeypatch.setenv("P2P_HOME", str(tmp_path / "not-mounted"))
    with pytest.raises(MissingHomeError) as caught:
        home_of_process()
    assert caught.value.retryable
    monkeypatch.setenv("P2P_HOME", "s3://bucket/home")
    with pytest.raises(HomeError, match="is a URL"):
        home_of_process()
