"""What a Python worker of Spark lacked, read from the error that the driver was given, as one sentence.

PySpark hands over a worker's traceback as the text of an error of its own, of one type or another by where it came up.
So the text is looked at, and PySpark itself is not needed.
"""

from __future__ import annotations

import re

from p2pcredit.errors import SettingsError

_MEND = (
    "install there what the driver has, this package with its extra 'spark', or name another interpreter by "
    "spark.python"
)
_KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)"),
        "the Python of Spark's executors has no package '{}'; " + _MEND,
    ),
    (
        re.compile(r"\[PACKAGE_NOT_INSTALLED\] (\w+)"),
        "the Python of Spark's executors has no package '{}' that is new enough; " + _MEND,
    ),
    (
        re.compile(r"PYTHON_VERSION_MISMATCH\D*([\d.]+)"),
        "the Python of Spark's executors is {}, not the driver's; name one of its version by spark.python",
    ),
    (
        re.compile(r'Cannot run program "([^"]+)"'),
        "Spark's executors cannot run the Python '{}'; put it there, or name one that is there by spark.python",
    ),
)


def lack_of_executors(error: BaseException) -> SettingsError | None:
    """Say what the executors' Python lacks, where that is why work on Spark failed; None where it is not.

    Examples:
        >>> print(lack_of_executors(RuntimeError("... ModuleNotFoundError: No module named 'polars'")))
        the Python of Spark's executors has no package 'polars'; install there what the driver has, this package with \
its extra 'spark', or name another interpreter by spark.python
        >>> lack_of_executors(RuntimeError("a disk is full")) is None
        True
    """
    text = str(error)
    for pattern, sentence in _KNOWN:
        if found := pattern.search(text):
            return SettingsError(sentence.format(found[1]))
    return None


__all__ = ["lack_of_executors"]
