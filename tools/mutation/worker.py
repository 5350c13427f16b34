"""Run tests against a changed module, each change in a fresh child of a process that has imported the libraries.

Importing Polars, XGBoost and SciPy takes seconds and may be followed by a fork; using them may not. The parent imports
libraries only and uses none. A child hears of the change by an import hook, so no file on disk ever holds it, and runs
that are cut short leave nothing to mend.
"""

from __future__ import annotations

import doctest
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

LIBRARIES = (
    "numpy",
    "polars",
    "pyarrow.parquet",
    "deltalake",
    "narwhals",
    "scipy.special",
    "scipy.stats",
    "scipy.optimize",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.isotonic",
    "xgboost",
    "pydantic_settings",
    "threadpoolctl",
    "altair",
    "vl_convert",
    "jinja2",
    "typer.testing",
    "rich.progress",
    "yaml",
    "hypothesis.strategies",
    "hypothesis.stateful",
    "_pytest.doctest",
    "_pytest.assertion.rewrite",
)
QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
PROFILE = "mutation"
_ALREADY = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis is imported before pytest starts
PYTEST = ("-x", "-q", "-rfE", "-W", _ALREADY, "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")


class ChangedModule(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Give one module another source than the one on disk."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        self._name, self._path, self._source = name, path, source

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Answer for the changed module alone."""
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave the module to be made as usual."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)

    def get_source(self, fullname: str) -> str:
        """Return the changed source, for tracebacks."""
        return self._source.decode()


@dataclass(frozen=True)
class Child:
    """A child at work.

    Args:
        pid: Its process, the first of a group of its own.
        log: Where its output goes.
        ends_at: When it is stopped, on the monotonic clock.
        started_at: When it started, on the same clock.
    """

    pid: int
    log: Path
    ends_at: float
    started_at: float


def import_libraries() -> None:
    """Import what the tests need and is not ours; each child starts from here."""
    os.environ.update(QUIET)
    for name in LIBRARIES:
        import_module(name)


def start(log: Path, tests: Sequence[str], seconds: float, changed: ChangedModule | None) -> Child:
    """Fork a child that runs the tests on the changed module, or on ours as it stands where there is no change."""
    sys.stdout.flush()
    sys.stderr.flush()
    now = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.setsid()
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(out, 1)
            os.dup2(out, 2)
            code = _run(tests, log.with_suffix(""), changed)
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    return Child(pid, log, now + seconds, now)


def _run(tests: Sequence[str], directory: Path, changed: ChangedModule | None) -> int:
    import hypothesis
    import pytest

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # a failure is enough: none is made smaller
    hypothesis.settings.register_profile(PROFILE, deadline=None, database=None, phases=phases)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.dont_write_bytecode = changed is not None  # runs on the code as it stands spare all others the compiling
    sys.path[:] = [path for path in sys.path if path not in ("", str(Path(__file__).parent))]
    if changed is not None:
        sys.meta_path.insert(0, changed)
    # pytest reads files that it is given from disk, whatever an import hook says: doctests run on what was imported
    for path in (test for test in tests if test.startswith("src/")):
        name = ".".join(Path(path).relative_to("src").with_suffix("").parts)
        if doctest.testmod(import_module(name)).failed:
            print(f"FAILED {path}::{name}")
            return 1
    files = [test for test in tests if not test.startswith("src/")]
    laws = (f"--hypothesis-profile={PROFILE}", "--hypothesis-seed=0")
    return int(pytest.main([*PYTEST, f"--basetemp={directory}", *laws, *files])) if files else 0


def wait_for_one(children: list[Child]) -> tuple[Child, int | None]:
    """Wait until a child ends or has had its time; its exit code is None where it was stopped."""
    while True:
        for child in children:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                _end_group(child.pid)
                return child, os.waitstatus_to_exitcode(status)
            if time.monotonic() > child.ends_at:
                _end_group(child.pid)
                os.waitpid(child.pid, 0)
                return child, None
        time.sleep(0.02)


def stop(children: list[Child]) -> None:
    """Stop children with all that they started."""
    for child in children:
        _end_group(child.pid)
        with suppress(ChildProcessError):
            os.waitpid(child.pid, 0)


def _end_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
