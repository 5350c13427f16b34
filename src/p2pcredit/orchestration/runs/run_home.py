"""Hold all tasks of a run to one home: the first records which home it found, and each later one compares its own.

Workers whose homes are not the same directory would otherwise each do part of a day, and every task would succeed. The
record travels as an XCom, so that no worker asks the metadata database.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator

from p2pcredit.errors import HomeError
from p2pcredit.storage.home import check_home, resolve_home
from p2pcredit.storage.home_format import HomeIdentity, mark_home, read_identity

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

HOME_KEY = "home"
"""The key of the XCom by which each task says which home it works in: `id`, `format`, `path`."""


@dataclass(frozen=True, slots=True)
class RunHome:
    """The home that a task works in.

    Args:
        path: The directory.
        identity: What its `home.json` says; None where nothing has been written to it yet.
    """

    path: Path
    identity: HomeIdentity | None

    def as_facts(self) -> dict[str, Any]:
        """Return what a task's receipt says of its home: `home_id` (short) and `home_format`, where it has them."""
        return {} if self.identity is None else self.identity.as_facts()

    def as_record(self) -> dict[str, Any]:
        """Return what later tasks compare with."""
        known = self.identity
        return {
            "id": None if known is None else known.id,
            "format": None if known is None else known.format,
            "path": str(self.path),
        }


def home_of_process() -> Path:
    """Find the home that this process works in, and check that it can be one.

    Raises:
        MissingHomeError: If it does not exist; its disk may still be mounted.
        HomeError: If it cannot be home, or is of a format that this version does not read.
    """
    home = resolve_home(None, os.environ, Path.cwd())
    check_home(home)
    return home


def enter_home(context: Context, began_in: Mapping[str, Any] | None = None) -> RunHome:
    """Find the home of this process, make sure that the run began in it, and record it for the tasks that follow.

    A home to which nothing was written gets its id from the first task, so that a worker whose directory is empty, such
    as the place of a disk that is not mounted, cannot begin a run that others go on with elsewhere. A run begun by a
    version that recorded nothing goes on undetermined, which the log says.

    Args:
        context: Airflow's context of the task.
        began_in: What this task recorded itself before it was deferred.

    Raises:
        MissingHomeError: If it does not exist.
        HomeError: If it cannot be home, or the run began in another.
        StorageError: If the disk refuses the id of a home that has none.
    """
    path = home_of_process()
    found = RunHome(path, read_identity(path))
    records, asked = _records_above(context)
    if began_in is not None:
        records, asked = [*records, began_in], True
    for record in records:
        require_same_home(path, found.identity, record)
    found = RunHome(path, mark_home(path))
    shown = found.as_facts().get("home_id", "none yet")
    if not asked:
        log.info("this run begins in the home %s, id %s", path, shown)
    elif not any(record.get("id") for record in records):
        log.warning("which home this run began in is not recorded; going on in %s, id %s, undetermined", path, shown)
    if (task := context.get("ti")) is not None:
        task.xcom_push(key=HOME_KEY, value=found.as_record())
    return found


def require_same_home(home: Path, found: HomeIdentity | None, record: Mapping[str, Any], who: str = "worker") -> None:
    """Make sure that a home is the one that a task recorded.

    Args:
        home: The home of this process.
        found: Its identity; None where nothing has been written to it.
        record: What the task recorded: `id`, `format`, `path`. One without an id says nothing.
        who: Whose process it is, for the message.

    Raises:
        HomeError: If it is another, in one line with both.
    """
    began, ours = record.get("id"), None if found is None else found.id
    if not began:
        return
    if ours != began:
        here = f"has id {ours[:8]}" if ours else "has no id"
        raise HomeError(
            f"this {who}'s home {home} {here}, the run began in {record.get('path')} with id {began[:8]}: mount the "
            "same shared directory on every worker and on the triggerer, then clear the tasks of this run"
        )
    if found is not None and record.get("format") != found.format:
        raise HomeError(
            f"this {who}'s home {home} has format {found.format}, the run began in format {record.get('format')}: "
            "install the same version on every worker, then clear the tasks of this run"
        )


def _records_above(context: Context) -> tuple[list[Mapping[str, Any]], bool]:
    """Read the records of the nearest tasks above this one that left any, and whether there were tasks to ask.

    Tasks that only mark a place, were skipped, or were marked as success by hand left none: those above are asked.
    """
    task, instance = context.get("task"), context.get("ti")
    if task is None or instance is None:
        return [], False
    found: list[Mapping[str, Any]] = []
    asked, seen, waiting = False, set[str](), list(task.upstream_list)
    while waiting:
        above = waiting.pop()
        if above.task_id in seen:
            continue
        seen.add(above.task_id)
        record = None
        if not isinstance(above, EmptyOperator):
            asked = True
            record = instance.xcom_pull(task_ids=above.task_id, key=HOME_KEY, map_indexes=-1)
        if isinstance(record, Mapping):
            found.append(record)
        else:
            waiting.extend(above.upstream_list)
    return found, asked
