from __future__ import annotations

import pytest

from p2pcredit.engines.spark.failures import lack_of_executors
from p2pcredit.errors import SettingsError
from p2pcredit.jobs.failures import domain_error

WORKER = """An error occurred while calling o88.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/opt/spark/python/lib/pyspark.zip/pyspark/serializers.py", line 461, in loads
{}
"""


def error_of(module: str, text: str) -> Exception:
    kind = type("PythonException", (Exception,), {"__module__": module})
    made: Exception = kind(WORKER.format(text))
    return made


@pytest.mark.parametrize("module", ["pyspark.errors.exceptions.captured", "py4j.protocol"])
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ModuleNotFoundError: No module named 'polars'", "executors has no package 'polars'"),
        ("ModuleNotFoundError: No module named 'p2pcredit.engines'", "executors has no package 'p2pcredit.engines'"),
        ("pyspark.errors.exceptions.base.PySparkImportError: [PACKAGE_NOT_INSTALLED] PyArrow >= 15 must", "'PyArrow'"),
        ("PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9 than", "is 3.9,"),
        (
            'java.io.IOException: Cannot run program "/opt/p2p/bin/python": error=2',
            "run the Python '/opt/p2p/bin/python'",
        ),
    ],
)
def test_what_the_executors_lack_is_one_sentence_that_names_it(module: str, text: str, named: str) -> None:
    found = domain_error(error_of(module, text))
    assert isinstance(found, SettingsError)
    assert named in str(found)
    assert "executors" in str(found)
    assert "spark.python" in str(found)
    assert "\n" not in str(found)
    assert not found.retryable


def test_another_fault_of_spark_is_none_that_was_foreseen() -> None:
    assert domain_error(error_of("pyspark.errors.exceptions.captured", "java.lang.OutOfMemoryError")) is None
    assert lack_of_executors(RuntimeError("a disk is full")) is None


def test_a_module_missing_on_the_driver_is_not_said_to_be_missing_on_executors() -> None:
    assert domain_error(ModuleNotFoundError("No module named 'polars'")) is None
