"""P2PCreditScore: daily scores, weekly monitoring, and a retraining decision obeyed exactly once.

`open_home` opens a home directory for notebooks and scripts. Importing this package loads no engine and no Airflow,
and nearly nothing else: what is named here is loaded when it is asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from p2pcredit.api.home import Home, open_home

__version__: str


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # not before it is asked for: an interrupt must find the program ready

        return version("p2p-credit-score")
    if name in {"Home", "open_home"}:
        from importlib import import_module

        return getattr(import_module("p2pcredit.api.home"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Home", "__version__", "open_home"]
