"""The session of Spark that everything of this engine runs in."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from p2pcredit.errors import MissingExtraError, SettingsError
from p2pcredit.settings import SparkSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_APP = "p2pcredit"


def spark_session(settings: SparkSettings) -> SparkSession:
    """Start the session on the master of the settings; the running one where there is one.

    Raises:
        MissingExtraError: If PySpark is not installed.
        SettingsError: If Spark cannot start: no Java, or a master or setting that it does not take.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError('engine = "spark"', "spark") from error
    builder = SparkSession.builder.appName(_APP).master(settings.master)
    for name, value in {**_defaults(settings.master), **settings.conf}.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        if error.getCondition() == "JAVA_GATEWAY_EXITED":
            raise SettingsError(
                'engine = "spark" needs Java 17 or later and found none that starts; install it (Debian: '
                'openjdk-17-jre-headless) and set JAVA_HOME, or set engine = "polars"'
            ) from error
        raise SettingsError(f"Spark does not start on {settings.master}: {_one_line(error)}") from error
    except Exception as error:  # what the JVM raises while it starts has no common class in Python
        raise SettingsError(
            f"Spark does not start on {settings.master}: {_one_line(error)}; look at the group [spark] of the settings"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    session.sparkContext.pythonExec = settings.python or sys.executable
    return session


def _defaults(master: str) -> dict[str, str]:
    """Set ANSI mode, so that a wrong cast is an error and no hole, and UTC, so that dates are equal on all executors.

    Hadoop gives its files modes by a umask of its own, 022 by default; it is set to that of this process.
    """
    found = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.parquet.compression.codec": "zstd",
    }
    if (umask := _umask()) is not None:
        found["spark.hadoop.fs.permissions.umask-mode"] = umask
    if master.startswith("local"):
        found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return found


def _umask() -> str | None:
    """Read the umask as three octal digits from the kernel; to ask for it otherwise would change it for a moment."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return line.split()[1][-3:]
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
