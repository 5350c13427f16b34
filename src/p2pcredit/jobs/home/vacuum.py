"""Give room on the disk back: remove what no table needs any more, and keep what models can be made again from."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import timedelta

from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.storage.files import disk_error
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.vacuum import RETENTION_HOURS, require_versions, vacuum_table


def vacuum(ctx: JobContext, *, dry_run: bool = False) -> Receipt:
    """Remove the files that no table has needed for a week, nor any banked model needs to be made again.

    Args:
        ctx: The context.
        dry_run: Only say what would be removed.

    Returns:
        `dry_run`, `files`, `bytes`, `models` (whose table versions are kept), `tables` (name to `files`, `bytes` and
        `versions_kept`, those with anything to remove), `left_alone` (name to reason: a table of which a version that a
        model names cannot be read, so that what it needs is unknown).

    Raises:
        BankError: If a model in the bank was altered or is damaged, so that what it needs is unknown.
        ConflictError: If another process holds a table for too long.
        StorageError: If the disk refuses.
    """
    lake, bank = Lake(ctx.layout), ModelBank(ctx.layout)
    models = bank.model_ids()
    needed: dict[str, set[int]] = defaultdict(set)
    for model_id in models:
        for name, version in bank.get(model_id).card["delta_versions"].items():
            needed[name].add(version)
    tables: dict[str, dict[str, int]] = {}
    left_alone: dict[str, str] = {}
    for name, table in TABLES.items():
        try:
            require_versions(lake, table, needed[name])
        except StorageError as error:
            left_alone[name] = f"a model names a version of it that is gone: {error}"
            continue
        done = vacuum_table(lake, table, needed[name], dry_run=dry_run)
        if done.files:
            tables[name] = {"files": done.files, "bytes": done.size, "versions_kept": len(needed[name])}
    fits = _remove_fits_left_behind(ctx, dry_run=dry_run)
    return {
        "dry_run": dry_run,
        "files": sum(table["files"] for table in tables.values()) + len(fits),
        "bytes": sum(table["bytes"] for table in tables.values()) + sum(fits),
        "models": len(models),
        "tables": tables,
        "left_alone": left_alone,
    }


def _remove_fits_left_behind(ctx: JobContext, *, dry_run: bool) -> list[int]:
    """Remove the loans that a killed training on Spark wrote, once older than any training; return their sizes."""
    since = (ctx.at - timedelta(hours=RETENTION_HOURS)).timestamp()
    sizes: list[int] = []
    try:
        rooms = list(ctx.layout.fits.iterdir()) if ctx.layout.fits.is_dir() else []
        for room in rooms:
            files = [path.stat() for path in room.rglob("*") if path.is_file()]
            if max([room.stat().st_mtime, *(file.st_mtime for file in files)]) < since:
                sizes += [file.st_size for file in files]
                if not dry_run:
                    shutil.rmtree(room)
    except OSError as error:
        raise disk_error("remove", ctx.layout.fits, error) from error
    return sizes


__all__ = ["vacuum"]
