"""Which code and which libraries made these numbers?"""

from __future__ import annotations

import hashlib
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import p2pcredit
from p2pcredit.models.registry import FAMILIES

_LIBRARIES = ("p2p-credit-score", "numpy", "polars", "scikit-learn", "scipy")
_XGBOOST = ("xgboost-cpu", "xgboost")
"""One library under two names: built for processors only, and for GPUs too. One of them is installed."""
_OF_THE_PAGE = ("altair", "deltalake", "jinja2", "narwhals", "vl-convert-python")
_SUFFIXES = {".css", ".html", ".py"}


@cache
def environment(families: tuple[str, ...] = ()) -> dict[str, str]:
    """Versions of Python, of the libraries that make the numbers, and of the packages that bring these families."""
    brought = (FAMILIES.distribution(name) for name in families)
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in (*_LIBRARIES, _installed_xgboost())},
        **dict(one for one in brought if one is not None),
    }


@cache
def code_digest() -> str:
    """One SHA-256 over this package's own source files, names and contents, wherever it is installed."""
    root = Path(p2pcredit.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in _SUFFIXES):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def software(families: tuple[str, ...] = ()) -> dict[str, Any]:
    """The code's digest and the versions of all libraries and families that make numbers, tables or charts."""
    libraries = {**environment(families), **{name: version(name) for name in _OF_THE_PAGE}}
    return {"code_sha256": code_digest(), "libraries": libraries, "machine": platform.machine()}


def _installed_xgboost() -> str:
    for name in _XGBOOST[:-1]:
        with suppress(PackageNotFoundError):
            version(name)
            return name
    return _XGBOOST[-1]
