"""P2PCreditScore: daily scores, weekly monitoring, and a retraining decision obeyed exactly once.

Importing this package loads no engine and no Airflow, and nearly nothing else.
"""

from __future__ import annotations

__version__: str


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # not before it is asked for: an interrupt must find the program ready

    return version("p2p-credit-score")


__all__ = ["__version__"]
