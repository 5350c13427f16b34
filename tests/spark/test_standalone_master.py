from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from tests.robustness.reruns import daily_book
from tests.spark import trained_homes
from tests.spark.masters import QUIET, standalone

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.jobs.audit.reproduce import reproduce
from p2pcredit.jobs.preprocessing.stages import load_bronze, refine_silver
from p2pcredit.periods import DateRange
from p2pcredit.settings import SparkSettings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

DAYS = DateRange(date(2010, 1, 25), date(2010, 2, 5))

_REFINING = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.robustness.reruns import daily_book
from p2pcredit.jobs.preprocessing.stages import refine_silver
from p2pcredit.periods import DateRange
from p2pcredit.settings import SparkSettings
from p2pcredit.engines.spark.session import spark_session
from datetime import date
spark = SparkSettings(master={master!r}, conf={conf!r})
ctx = replace(daily_book.context(Path({home!r})), settings=daily_book.SETTINGS.model_copy(
    update={{"engine": "spark", "spark": spark}}))
print(refine_silver(ctx, "loan_terms", DateRange(date(2010, 1, 25), date(2010, 2, 5))))
session = spark_session(spark)
print("executors", session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1)
session.stop()
"""
_TRAINING = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
import numpy as np
from tests.spark import trained_homes
from p2pcredit.engines.spark.fitting import SparkBackend
from p2pcredit.engines.spark.session import spark_session
from p2pcredit.models.fitting.backend import LOCAL
from p2pcredit.settings import SparkSettings
spark = SparkSettings(master={master!r}, conf={conf!r})
home = Path({home!r})
print("model", trained_homes.trained(trained_homes.context(home, spark)).model_id)
two = SparkBackend(spark.model_copy(update={{"tree_workers": 2}}), home / "room")
few = trained_homes.few_values()
margins = [trained_homes.margin_of(backend, few) for backend in (LOCAL, two)]
print("two workers agree", np.array_equal(*margins))
session = spark_session(spark)
print("executors", session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1)
session.stop()
"""
_CONF = {**QUIET, "spark.executor.memory": "600m", "spark.driver.host": "127.0.0.1", "spark.executor.cores": "1",
         "spark.scheduler.minRegisteredResourcesRatio": "1.0"}  # fmt: skip


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    logs = tmp_path_factory.mktemp("logs")
    with standalone(logs) as address:
        yield address


def _run(text: str, master: str, home: Path) -> str:
    """What a process of its own says that works on this master; it ran on both workers."""
    child = text.format(root=str(Path(__file__).parents[2]), master=master, conf=_CONF, home=str(home))
    ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False, timeout=900)
    assert ran.returncode == 0, ran.stderr
    assert "executors 2" in ran.stdout
    return ran.stdout


def test_a_standalone_master_with_two_workers_writes_the_rows_of_the_local_engine(master: str, tmp_path: Path) -> None:
    homes = [tmp_path / "local", tmp_path / "spark"]
    for home in homes:
        daily_book.land(home, DAYS)
        load_bronze(daily_book.context(home), "loan_terms", DAYS)
    refine_silver(daily_book.context(homes[0]), "loan_terms", DAYS)

    _run(_REFINING, master, homes[1])

    for table in (silver(FEEDS["loan_terms"]), QUARANTINE):
        local, spark = (Lake(daily_book.context(home).layout).read(table) for home in homes)
        assert local.height
        assert_frame_equal(spark, local, check_exact=True)


def test_a_model_trained_there_is_that_of_the_local_engine_and_is_made_again_elsewhere(
    master: str, homes: Callable[[str], Path], spark_here: SparkSettings
) -> None:
    here = homes("trained-here")
    trained_homes.refined(here, loans_per_day=25)
    there = here.with_name("there")
    shutil.copytree(here, there)
    local = trained_homes.trained(trained_homes.context(here))

    said = _run(_TRAINING, master, there)

    assert f"model {local.model_id}\n" in said
    assert "two workers agree True" in said
    spark = ModelBank(trained_homes.context(there).layout).get(local.model_id)
    assert {**spark.card, "engine": None} == {**local.card, "engine": None}
    again = reproduce(trained_homes.context(there, spark_here), spark.model_id)
    assert again["identical"] is True
    assert "made on Spark" in again["reason"]
