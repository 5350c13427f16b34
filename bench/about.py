"""What a figure rests on: the machine, without its name, and the versions of all that took part."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.measuring import CORES

OURS = ("p2p-credit-score", "polars", "deltalake", "xgboost-cpu", "xgboost", "scikit-learn", "narwhals", "numpy")
PEERS = ("pandas", "pyarrow", "pyspark", "scikit-learn", "optbinning")
EVIDENTLY = ("evidently", "pandas")


def about(their_python: Path, evidently_python: Path, root: Path, data: str) -> dict[str, str]:
    """Gather facts of this run: day, commit, machine, versions, and what loans were drawn from."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return {
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _said("git", "-C", str(root), "rev-parse", "--short", "HEAD") or "unknown",
        "processor": f"{_processor()}, {CORES} of {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GB",
        **_gpu(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "ours": ", ".join(f"{name} {found}" for name in OURS if (found := _version(name))),
        "peers": _peers(their_python, PEERS),
        "Evidently's own": _peers(evidently_python, EVIDENTLY),
        "Java": _java(),
        "loans drawn from": data,
    }


def _gpu() -> dict[str, str]:
    found = _said("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    return {"GPU": found.replace(", ", ", driver ")} if found else {}


def _peers(python: Path, names: tuple[str, ...]) -> str:
    code = f"from importlib.metadata import version; print(', '.join(n + ' ' + version(n) for n in {names!r}))"
    return _said(str(python), "-c", code) or "not installed"


def _java() -> str:
    try:
        found = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return "none"
    return found.stderr.partition('"')[2].partition('"')[0] or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _said(*command: str) -> str:
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
