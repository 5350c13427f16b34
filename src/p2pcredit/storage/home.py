"""Which directory is home: asked once at the edge, by the command line and by the DAGs alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SPECIFIED_HOME = Path("/opt/airflow")
"""The home that the specification draws, used where it exists and nothing else is said."""

FALLBACK_NAME = "p2p-home"


def resolve_home(
    option: str | Path | None, environ: Mapping[str, str], cwd: Path, *, specified: Path = SPECIFIED_HOME
) -> Path:
    """Which directory holds data, tables, models and decisions?

    Args:
        option: What the person asked for (`--home`); blank or None means nothing.
        environ: The process's environment; `P2P_HOME` counts before `AIRFLOW_HOME`, and a blank value means unset.
        cwd: Absolute directory that a relative path starts from.
        specified: The directory used where it exists and nothing was asked for.

    Returns:
        An absolute path, which need not exist: the option, else `P2P_HOME`, else `AIRFLOW_HOME`, else `specified` where
        that is a directory, else `p2p-home` under `cwd`.

    Examples:
        >>> resolve_home(None, {"AIRFLOW_HOME": "/srv/airflow", "P2P_HOME": "loans"}, Path("/srv")).as_posix()
        '/srv/loans'
        >>> resolve_home(None, {"P2P_HOME": " "}, Path("/srv"), specified=Path("/nowhere")).as_posix()
        '/srv/p2p-home'
    """
    asked = (option, environ.get("P2P_HOME"), environ.get("AIRFLOW_HOME"))
    for candidate in asked:
        if candidate is not None and str(candidate).strip():
            return cwd / Path(candidate).expanduser()
    return specified if specified.is_dir() else cwd / FALLBACK_NAME
