"""The home's declarations of its lender's own columns: one small file, which only grows.

It is written by a landing before the first file with such a column, so that whatever holds one can be read. A name that
is declared keeps its kind, direction and set: models and tables rest on them. Words and bounds may change.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from p2pcredit.contracts.catalogue import (
    BUILT_IN,
    FeatureCatalogue,
    digest_of,
    feature_as_json,
    feature_from_json,
    landed_name,
)
from p2pcredit.contracts.feature import OWN_PREFIX, Feature
from p2pcredit.errors import StorageError, UsageError
from p2pcredit.storage.disk_errors import disk_error
from p2pcredit.storage.files import read_small_file, write_json_atomically
from p2pcredit.storage.layout import Layout

FORMAT = 1
_FIXED = ("kind", "read_as", "direction", "group")
"""What a declared name keeps for ever."""


def read_own_features(layout: Layout) -> FeatureCatalogue:
    """Read the features of a home: those of this package, and the own columns that it declares.

    Raises:
        StorageError: If the file of the declarations cannot be read, was altered, or is of a later format.
    """
    path = layout.own_features_file
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return BUILT_IN
    except OSError as error:
        raise disk_error("read", path, error) from error
    return _read(path, (there.st_mtime_ns, there.st_size, there.st_ino))


@lru_cache(maxsize=64)
def _read(path: Path, state: tuple[int, ...]) -> FeatureCatalogue:
    try:
        content = json.loads(read_small_file(path))
        if content["format"] != FORMAT:
            raise StorageError(
                f"{path} is of format {content['format']!r}, this version reads {FORMAT}; use the version that wrote it"
            )
        found = tuple(feature_from_json(one) for one in content["features"])
        said = content["digest"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(f"{path} cannot be read as declarations of own columns; restore it from a backup") from error
    if digest_of(found) != said:
        raise StorageError(f"{path} was altered by hand; restore it from a backup")
    return FeatureCatalogue(found)


def joined_with(declared: FeatureCatalogue, new: Collection[Feature], mapping: str) -> FeatureCatalogue:
    """Join the declarations of a home with those of the mapping that lands now.

    Args:
        declared: What the home declares.
        new: What the mapping declares.
        mapping: Its name.

    Raises:
        UsageError: If they contradict each other, or the mapping lacks what the home declares; in one line.
    """
    wanted = {landed_name(feature): feature for feature in new}
    for feature in declared.own:
        name = landed_name(feature)
        own, short = wanted.get(name), name.removeprefix(OWN_PREFIX)
        if own is None:
            raise UsageError(
                f"this home declares the own column '{short}', and the mapping {mapping} does not; add it under "
                "'features' (a blank where the file has none), or land in another home (--home DIR)"
            )
        for key in _FIXED:
            if getattr(own, key) != getattr(feature, key):
                said = {"read_as": "kind", "group": "set"}.get(key, key)
                raise UsageError(
                    f"this home declares the own column '{short}' with {said} {getattr(feature, key)}, and the mapping "
                    f"{mapping} says {getattr(own, key)}: models and tables rest on it; give what is new a new name"
                )
    names = [landed_name(feature) for feature in declared.own]
    return FeatureCatalogue(
        tuple(wanted[name] for name in names) + tuple(feature for name, feature in wanted.items() if name not in names)
    )


def write_own_features(layout: Layout, catalogue: FeatureCatalogue) -> None:
    """Write the declarations of a home, where they differ from what is there.

    Raises:
        StorageError: If the disk refuses.
    """
    if catalogue.own and catalogue != read_own_features(layout):
        features = [feature_as_json(feature) for feature in catalogue.own]
        content = {"format": FORMAT, "digest": digest_of(catalogue.own), "features": features}
        write_json_atomically(layout.own_features_file, content)


__all__ = ["joined_with", "read_own_features", "write_own_features"]
