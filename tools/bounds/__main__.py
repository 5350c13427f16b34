"""Try the lowest and the highest versions that `pyproject.toml` allows: `make bounds`.

Each resolution gets a virtual environment below `build/bounds` and runs the core tests there; what passed is written to
`tried.json`, and `make docs` makes the page of it. Every package is asked of the index that pip is set to, so this is
no part of `make test`, which asks none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.bounds import BESIDE, ROOT, TRIED, allowed, pins, tried

PYTHON = "3.11"
TESTING = ("editables", "hatchling", "hypothesis", "pytest", "pytest-randomly", "pytest-xdist")
CORE = (
    *("tests/unit/contracts", "tests/unit/transforms", "tests/unit/storage", "tests/unit/engines"),
    *(
        "tests/unit/reporting",
        "tests/unit/models/test_bins_by_hand.py",
        "tests/unit/models/test_fitting.py",
        "tests/unit/models/test_families.py",
    ),
    *("tests/unit/models/test_scoring.py", "tests/unit/jobs/test_preprocessing_job.py"),
    *("tests/unit/jobs/test_inference_job.py", "tests/cli/test_sql_command.py", "tests/cli/test_command_line.py"),
)
"""Each room that leans on a library: tables, transforms, fits, drawings, SQL, the command line."""
OF_AIRFLOW = ("tests/dags/test_dag_structure.py", "tests/dags/test_dag_paths.py")


@dataclass(frozen=True)
class Resolution:
    """One way to choose versions.

    Args:
        strategy: Of uv.
        extras: What is installed beside the package itself.
        tests: What must pass.
    """

    strategy: str
    extras: tuple[str, ...]
    tests: tuple[str, ...]


RESOLUTIONS = {
    "lowest": Resolution("lowest-direct", ("sql", "xlsx"), CORE),
    "lowest-with-airflow": Resolution("lowest-direct", ("airflow", "sql"), OF_AIRFLOW),
    "highest": Resolution("highest", ("airflow", "sql", "xlsx"), (*CORE, *OF_AIRFLOW)),
}


def main(names: list[str]) -> int:
    """Try the resolutions of these names, or all. Returns 1 where a test failed or nothing could be resolved."""
    place = ROOT / "build" / "bounds"
    place.mkdir(parents=True, exist_ok=True)
    print("resolved together with the providers of tools/bounds/beside.in ...", flush=True)
    extras = ("airflow", "spark", "sql", "xlsx")
    _run(_compile("highest", extras, place / "beside.txt", BESIDE))
    for name in names or list(RESOLUTIONS):
        resolution = RESOLUTIONS[name]
        print(f"{name}: resolving, installing, testing ...", flush=True)
        if not _passes(resolution, place / name):
            print(f"{name}: tests failed", file=sys.stderr)
            return 1
        found = pins(_pins_file(place / name).read_text(encoding="utf-8"))
        versions = {package: found[package][0] for package in allowed() if package in found}
        about = {"on": f"{datetime.now(UTC).date()}", "python": PYTHON, "versions": versions}
        TRIED.write_text(json.dumps({**tried(), name: about}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def _passes(resolution: Resolution, venv: Path) -> bool:
    """Install the versions that a resolution chooses, and run its tests; warnings of old libraries are none of ours."""
    chosen = _pins_file(venv)
    _run(_compile(resolution.strategy, resolution.extras, chosen))
    _run([*_uv(), "venv", "--quiet", "--clear", "--python", PYTHON, str(venv)])
    install = [*_uv(), "pip", "install", "--quiet", "--python", str(venv / "bin" / "python")]
    _run([*install, "-r", str(chosen), *TESTING, "-c", str(chosen)])
    _run([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    python = [str(venv / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = [subprocess.run([*python, "-W", "default", *part], cwd=ROOT) for part in _processes(resolution.tests)]
    return all(one.returncode == 0 for one in done)


def _processes(tests: tuple[str, ...]) -> list[list[str]]:
    """Give the tests of Airflow a process of their own: it is configured before it is imported."""
    parts = [[test for test in tests if test not in OF_AIRFLOW], [test for test in tests if test in OF_AIRFLOW]]
    return [part for part in parts if part]


def _compile(strategy: str, extras: tuple[str, ...], to: Path, *beside: Path) -> list[str]:
    asked = [f"--extra={extra}" for extra in extras]
    said = ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "--upgrade"]
    inputs = [str(ROOT / "pyproject.toml"), *map(str, beside)]
    resolve = [*_uv(), "pip", "compile", *inputs, *asked, f"--resolution={strategy}", f"--python-version={PYTHON}"]
    return [*resolve, *said, "-o", str(to)]


def _pins_file(venv: Path) -> Path:
    return venv.with_name(f"{venv.name}.txt")


def _uv() -> list[str]:
    return [sys.executable, "-m", "uv"]


def _run(command: list[str]) -> None:
    if (code := subprocess.run(command, cwd=ROOT).returncode) != 0:
        sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
