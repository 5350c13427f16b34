"""Masters of Spark on the loopback, each with settings that suit a few hundred rows."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QUIET = {
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.driver.memory": "1g",
    # a few rows are sooner worked on than code for them is compiled
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
_LONGEST_START_SECONDS = 300.0


@contextmanager
def standalone(logs: Path, workers: int = 2) -> Iterator[str]:
    """Start a master with workers of one core each, on the loopback; yield its address and end it by process id."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_start(logs / "master", "master.Master", "--host", "127.0.0.1", "--port", "0"))
        address = _said(logs / "master", started[0], r"Starting Spark master at (spark://\S+)")
        for number in range(workers):
            log = logs / f"worker-{number}"
            place = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--work-dir", str(logs / f"w{number}")]
            started.append(_start(log, "worker.Worker", *place, address))
        for number in range(workers):
            _said(logs / f"worker-{number}", started[1 + number], r"(Successfully registered with master)")
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=120)


def _start(log: Path, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    import pyspark

    home = Path(pyspark.__file__).parent
    command = [
        "java",
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{home}/jars/*",
        f"org.apache.spark.deploy.{role}",
    ]
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_SCALA_VERSION": "2.13"}
    with log.open("wb") as out:
        return subprocess.Popen(
            [*command, "--webui-port", "0", *arguments], stdout=out, stderr=subprocess.STDOUT, env=environment
        )


def _said(log: Path, process: subprocess.Popen[bytes], pattern: str) -> str:
    for _ in range(int(_LONGEST_START_SECONDS * 2)):
        found = re.search(pattern, log.read_text(errors="replace"))
        if found:
            return found.group(1)
        assert process.poll() is None, log.read_text(errors="replace")
        time.sleep(0.5)
    raise AssertionError(f"{pattern} was not said within {_LONGEST_START_SECONDS} s: {log.read_text(errors='replace')}")
