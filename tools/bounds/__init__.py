"""The versions that dependencies may have: what `pyproject.toml` allows, what was tried, what others pin."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TRIED = ROOT / "tools" / "bounds" / "tried.json"
AIRFLOW_CONSTRAINTS = ROOT / "tools" / "bounds" / "airflow_constraints.json"
BESIDE = ROOT / "tools" / "bounds" / "beside.in"

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?P<bounds>.*)")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


def allowed() -> dict[str, tuple[str, str]]:
    """Read what the package allows: package -> its bounds as written, and the extra that asks for it (or none)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {"": project["dependencies"], **project["optional-dependencies"]}
    found = {}
    for extra, requirements in asked.items():
        for requirement in requirements:
            parsed = _REQUIREMENT.fullmatch(requirement)
            assert parsed is not None, requirement
            found[parsed["name"]] = (parsed["bounds"], extra)
    return found


def lower_bound(bounds: str) -> str:
    """Take the lowest version that bounds allow.

    Examples:
        >>> lower_bound(">=3.3,<4")
        '3.3'
    """
    return next(part.removeprefix(">=") for part in bounds.split(",") if part.startswith(">="))


def release(version: str) -> tuple[int, ...]:
    """Split a version into the numbers that order it; what follows a release, as in `2.9.0.post0`, is left out.

    Examples:
        >>> release("1.38.1") > release("1.4"), release("2.9.0.post0"), release("3.3.0") == release("3.3")
        (True, (2, 9), True)
    """
    numbers = [int(part) for part in version.split(".") if part.isdigit()]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def is_allowed(version: str, bounds: str) -> bool:
    """Return whether bounds of the forms `>=` and `<` allow a version.

    Examples:
        >>> is_allowed("3.3.2", ">=3.3,<4"), is_allowed("4.0", ">=3.3,<4"), is_allowed("3.2", ">=3.3,<4")
        (True, False, False)
    """
    found = release(version)
    return all(
        found >= release(part[2:]) if part.startswith(">=") else found < release(part[1:]) for part in bounds.split(",")
    )


def pins(text: str) -> dict[str, list[str]]:
    """Read the pins of a lock: package -> its versions, several where they differ by Python.

    Examples:
        >>> pins("numpy==2.4 ; python_full_version < '3.12'\\nnumpy==2.5 ; python_full_version >= '3.12'\\n")
        {'numpy': ['2.4', '2.5']}
    """
    found: dict[str, list[str]] = {}
    for pin in _PIN.finditer(text):
        found.setdefault(pin["name"].lower().replace("_", "-"), []).append(pin["version"])
    return found


def tried() -> dict[str, Any]:
    """Read which versions the core tests passed on: `lowest`, `lowest-with-airflow`, `highest`."""
    found: dict[str, Any] = json.loads(TRIED.read_text(encoding="utf-8")) if TRIED.exists() else {}
    return found


def airflow_constraints() -> dict[str, Any]:
    """Read what Airflow's own constraints pin of these packages, and of which day they are."""
    found: dict[str, Any] = json.loads(AIRFLOW_CONSTRAINTS.read_text(encoding="utf-8"))
    return found
