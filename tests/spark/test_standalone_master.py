from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import daily_book
from masters import QUIET, standalone
from polars.testing import assert_frame_equal

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.jobs.preprocessing import load_bronze, refine_silver
from p2pcredit.periods import DateRange
from p2pcredit.storage.lake import Lake

DAYS = DateRange(date(2010, 1, 25), date(2010, 2, 5))

_CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = {paths!r}
import daily_book
from p2pcredit.jobs.preprocessing import refine_silver
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


def test_a_standalone_master_with_two_workers_writes_the_rows_of_the_local_engine(tmp_path: Path) -> None:
    homes = [tmp_path / "local", tmp_path / "spark"]
    for home in homes:
        daily_book.land(home, DAYS)
        load_bronze(daily_book.context(home), "loan_terms", DAYS)
    refine_silver(daily_book.context(homes[0]), "loan_terms", DAYS)
    conf = {**QUIET, "spark.executor.memory": "600m", "spark.driver.host": "127.0.0.1", "spark.executor.cores": "1",
            "spark.scheduler.minRegisteredResourcesRatio": "1.0"}  # fmt: skip
    (tmp_path / "logs").mkdir()
    with standalone(tmp_path / "logs") as master:
        child = _CHILD.format(
            paths=[str(Path(daily_book.__file__).parent)], master=master, conf=conf, home=str(homes[1])
        )
        ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False, timeout=900)

    assert ran.returncode == 0, ran.stderr
    assert "executors 2" in ran.stdout
    for table in (silver(FEEDS["loan_terms"]), QUARANTINE):
        local, spark = (Lake(daily_book.context(home).layout).read(table) for home in homes)
        assert local.height
        assert_frame_equal(spark, local, check_exact=True)
