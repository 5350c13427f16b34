from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.robustness.reruns import daily_book

from p2pcredit.errors import SettingsError
from p2pcredit.jobs.failures import domain_error
from p2pcredit.jobs.preprocessing.stages import load_bronze, refine_silver
from p2pcredit.periods import DateRange
from p2pcredit.settings import SparkSettings


def test_without_java_the_command_ends_in_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    child = (
        "from p2pcredit.engines.spark.session import spark_session\n"
        "from p2pcredit.errors import SettingsError\n"
        "from p2pcredit.settings import SparkSettings\n"
        "try:\n    spark_session(SparkSettings())\n"
        "except SettingsError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "JAVA_HOME": str(tmp_path)}

    ran = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, check=False, timeout=600, env=environment
    )

    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 1
    assert "needs Java 17 or later" in ran.stdout
    assert "openjdk-17-jre-headless" in ran.stdout


def test_a_package_that_executors_lack_is_named_in_one_sentence(
    homes: Callable[[str], Path], spark_here: SparkSettings
) -> None:
    bare = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert bare.is_file(), "this interpreter is its own base, and lacks nothing"
    spark = spark_here.model_copy(update={"python": str(bare)})
    settings = daily_book.SETTINGS.model_copy(update={"engine": "spark", "spark": spark})
    ctx = replace(daily_book.context(homes("lacking")), settings=settings)
    days = DateRange(date(2010, 1, 25), date(2010, 1, 28))
    daily_book.land(ctx.layout.home, days)
    load_bronze(ctx, "loan_terms", days)

    with pytest.raises(Exception, match="No module named") as raised:
        refine_silver(ctx, "loan_terms", days)

    said = domain_error(raised.value)
    assert isinstance(said, SettingsError)
    assert str(said).startswith("the Python of Spark's executors has no package '")
    assert "\n" not in str(said)
