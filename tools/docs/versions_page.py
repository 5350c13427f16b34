"""Write the page of versions: what the package allows of each dependency, what was tried, what others pin."""

from __future__ import annotations

from tools.bounds import BESIDE, ROOT, airflow_constraints, allowed, pins, tried
from tools.docs.markdown import code, page, table


def versions_page() -> str:
    """Write the page of versions."""
    locked = pins((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    found, constraints = tried(), airflow_constraints()
    names = list(found)
    rows = [
        [
            code(name),
            code(bounds),
            extra,
            *(found[one]["versions"].get(name, "") for one in names),
            " and ".join(locked.get(name, [])),
            constraints["versions"].get(name, ""),
        ]
        for name, (bounds, extra) in allowed().items()
    ]
    header = ["package", "allowed", "extra", *(f"tried: {name.replace('-', ' ')}" for name in names), "locked"]
    providers = [line for line in BESIDE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    days = ", ".join(f"{name.replace('-', ' ')} on {found[name]['on']}" for name in names)
    return page(
        "Versions of dependencies",
        "A version is allowed from the lowest on at which the core tests of the rooms that use it passed, in several "
        "runs; `make test` runs on what is locked.",
        f"Tried on Python {found[names[0]]['python']}: {days}. Of two versions that are locked "
        "the first is for Python 3.11, the second for later ones. The last column is what Airflow's own constraints "
        f"pin, in their public copy of {constraints['on']} for Python {constraints['python']} (branch "
        f"`{constraints['branch']}`; the files of 3.3 releases were not to be had). An empty one is not pinned there.",
        table([*header, "Airflow's constraints"], rows),
        "The lock is resolved together with these providers, so nothing in it is refused by one of them:",
        "\n".join(f"- `{name}`" for name in providers),
        "Versions below that were seen to break: deltalake 1.6.3 has no action that takes a file out of a table in a "
        "transaction of ours; Polars 1.37 refuses tables in which another tool struck out rows, and 1.32 reads no "
        "schema of deltalake; Typer 0.17 ends wrong usage with exit code 1; DuckDB 1.0 cannot be locked as "
        "`p2pcredit sql` locks it. "
        "Of the others lower versions were not tried, so lower ones may work. What is empty under `tried` "
        "was not tried there: PySpark, onnx and what the server needs are tested at what is locked. Beside the lowest "
        "Airflow the DAGs were read, and every way through them was run with stand-ins for the jobs.",
    )


__all__ = ["versions_page"]
