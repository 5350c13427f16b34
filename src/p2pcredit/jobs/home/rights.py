"""Check whether this user can write everywhere in a home where jobs write: by writing, since mode bits may deceive.

A network file system may refuse what the mode bits allow, or squash a user, and an access list may allow more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from p2pcredit.contracts.results import Status
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.data_checks import Finding
from p2pcredit.storage.files import try_to_append_to, try_to_write_in
from p2pcredit.storage.layout import Layout

_MOST_NAMED = 5


def check_rights(ctx: JobContext) -> Finding:
    """Open each file that is written in place, and write a file in each directory that jobs write in, and remove it.

    Files that are only ever replaced need a right to their directory alone, and so are passed over.
    """
    layout = ctx.layout
    if not layout.home.is_dir():
        return Status.UNDETERMINED, f"{layout.home} does not exist yet"
    tried, refused = 0, dict[Path, str]()
    for tries, paths in ((try_to_append_to, _files(layout)), (try_to_write_in, _directories(layout))):
        for path in paths:
            tried += 1
            try:
                tries(path)
            except StorageError as error:
                refused[path] = str(error)
    if not refused:
        return Status.PASS, f"this user (uid {os.geteuid()}) can write in each of {tried} places"
    named = ", ".join(str(path.relative_to(layout.home)) for path in list(refused)[:_MOST_NAMED])
    more = len(refused) - _MOST_NAMED
    first = next(iter(refused.values()))
    return (
        Status.FAIL,
        f"{len(refused)} of {tried} places cannot be written by this user (uid {os.geteuid()}): {named}"
        f"{f' and {more} more' if more > 0 else ''}; the first: {first}",
    )


def _files(layout: Layout) -> Iterator[Path]:
    """Give the files that are written in place or opened to be locked: locks, activity, alerts of replays, decision."""
    yield from (path for path in (layout.activity, layout.replay_alerts, layout.decision_file) if os.path.lexists(path))
    for directory in _directories(layout):
        yield from sorted(path for path in directory.glob(".*lock") if path.is_file())


def _directories(layout: Layout) -> Iterator[Path]:
    """Give the home and the directories of jobs below it. A model's own directory is never written again."""
    yield layout.home
    for top in (layout.logs, layout.landing, layout.datamart, layout.model_bank, layout.reports):
        closed: list[str] = []
        for place, below, _ in os.walk(top, onerror=lambda error: closed.append(error.filename)):  # noqa: B023
            if Path(place) == layout.model_bank:
                below.clear()
            below.sort()
            yield Path(place)
        yield from (Path(place) for place in closed if os.path.lexists(place))


__all__ = ["check_rights"]
