"""Masters of Spark on the loopback, each with settings that suit a few hundred rows."""

from __future__ import annotations

QUIET = {"spark.sql.shuffle.partitions": "2", "spark.default.parallelism": "2", "spark.driver.memory": "1g"}
