"""Record a local Airflow while it is up: its processes, its port, and the variables that its DAGs were started with."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from p2pcredit.errors import ServiceError
from p2pcredit.local_airflow.processes import StartedProcess, is_running
from p2pcredit.local_airflow.settings import LocalPaths, make_private, write_secret
from p2pcredit.storage.locks import exclusive_lock

LOCK_SECONDS = 120.0
_SECRET = "P2P_ALERTS__"


@dataclass(frozen=True, slots=True)
class Record:
    """A local Airflow as it was started.

    Args:
        processes: Its components, each the leader of a session.
        port: The port of its web pages; 0 where nothing was started.
        told: Variables that it was started with beside the usual ones. A component that is brought back gets the same,
            since the others still go by them.
    """

    processes: list[StartedProcess]
    port: int
    told: dict[str, str] = field(default_factory=dict)

    def running(self) -> list[StartedProcess]:
        """List the components that still run."""
        return [process for process in self.processes if is_running(process)]


def read_record(paths: LocalPaths) -> Record:
    """Read the record. It has no process where nothing was started, or where it was taken down.

    Raises:
        ServiceError: If the record cannot be read.
    """
    try:
        content = json.loads(paths.processes.read_text(encoding="utf-8"))
        processes = [StartedProcess(**entry) for entry in content["processes"]]
        return Record(processes, int(content["port"]), dict(content.get("told", {})))
    except FileNotFoundError:
        return Record([], 0)
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"{paths.processes} is not readable; stop Airflow by hand, then remove that file") from error


def write_record(paths: LocalPaths, processes: list[StartedProcess], port: int, told: Mapping[str, str]) -> None:
    """Write the record atomically. Addresses of alert channels are never written; each start passes them anew."""
    open_ones = {name: value for name, value in told.items() if not name.startswith(_SECRET)}
    content = {"port": port, "processes": [asdict(process) for process in processes], "told": open_ones}
    draft = paths.processes.with_suffix(".draft")
    write_secret(draft, json.dumps(content, indent=1))
    draft.replace(paths.processes)


@contextlib.contextmanager
def locked(paths: LocalPaths) -> Iterator[None]:
    """Hold the right to start and stop this Airflow while the block runs.

    Raises:
        ConflictError: If another command holds it for too long.
        StorageError: If the disk refuses.
    """
    make_private(paths.root)
    with exclusive_lock(paths.lock, "starting or stopping this Airflow", wait_seconds=LOCK_SECONDS):
        yield
