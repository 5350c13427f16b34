from __future__ import annotations

import subprocess
import sys

import pytest

from p2pcredit.engines.spark.session import spark_session
from p2pcredit.errors import MissingExtraError
from p2pcredit.settings import SparkSettings

_JOBS = """
import sys
from p2pcredit.cli.app import COMMANDS, GROUPS
for table in (COMMANDS, *(table for table, _ in GROUPS.values())):
    for name, command in table.items():
        command.load(name)
import p2pcredit.jobs.scoring.score
import p2pcredit.jobs.preprocessing.stages
import p2pcredit.jobs.training.train
found = sorted(name for name in sys.modules if name.split(".")[0] in {"pyspark", "py4j"} or "engines.spark" in name)
print(found)
"""


def test_missing_pyspark_is_told_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtraError, match=r"pip install 'WHEEL\[spark\]'"):
        spark_session(SparkSettings())


def test_nothing_of_spark_is_loaded_without_need() -> None:
    ran = subprocess.run([sys.executable, "-c", _JOBS], capture_output=True, text=True, check=True, timeout=600)

    assert ran.stdout.strip() == "[]"
