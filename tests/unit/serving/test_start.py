"""What the server loads before it listens, and what its collector of garbage leaves alone."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from p2pcredit.serving.process import leave_uncollected

WAITED_FOR = "import sys, p2pcredit.cli.commands.serve; print(*(name for name in {names} if name in sys.modules))"


def test_it_listens_without_libraries_that_only_some_models_or_pages_need() -> None:
    names = ("xgboost", "sklearn", "scipy", "pandas", "altair", "airflow", "mlflow", "pyspark")
    code = WAITED_FOR.format(names=names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == []


@pytest.fixture
def collected_again() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_was_made_before_requests_come_is_not_walked_through_for_each(collected_again: None) -> None:
    before = gc.get_freeze_count()
    leave_uncollected()
    assert gc.get_freeze_count() > before + 1_000
    assert gc.get_threshold()[0] > 10_000
