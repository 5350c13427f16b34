from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


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
