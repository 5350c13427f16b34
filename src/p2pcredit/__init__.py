"""P2PCreditScore: daily scores, weekly monitoring, and a retraining decision obeyed exactly once.

Importing this package loads no engine and no Airflow.
"""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("p2p-credit-score")

__all__ = ["__version__"]
