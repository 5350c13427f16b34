"""Record the code and the libraries that made a model's numbers."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from p2pcredit.code_digest import code_digest
from p2pcredit.models.registry import FAMILIES

_LIBRARIES = ("p2p-credit-score", "numpy", "polars", "scikit-learn", "scipy")
_XGBOOST = ("xgboost-cpu", "xgboost")
"""One library under two names: built for processors only, and for GPUs too. One of them is installed."""
_OF_THE_PAGE = ("altair", "deltalake", "jinja2", "narwhals", "vl-convert-python")


@cache
def environment(families: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the versions of Python, of the libraries that make the numbers, and of the packages of these families."""
    brought = (FAMILIES.distribution(name) for name in families)
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in (*_LIBRARIES, _installed_xgboost())},
        **dict(one for one in brought if one is not None),
    }


def software(families: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the code's digest and the versions of all libraries and families that make numbers, tables or charts."""
    libraries = {**environment(families), **{name: version(name) for name in _OF_THE_PAGE}}
    return {"code_sha256": code_digest(), "libraries": libraries, "machine": platform.machine()}


def _installed_xgboost() -> str:
    for name in _XGBOOST[:-1]:
        with suppress(PackageNotFoundError):
            version(name)
            return name
    return _XGBOOST[-1]
