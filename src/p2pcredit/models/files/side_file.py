"""Files beside `model.json` that models of older versions lack: JSON with a schema version, the same bytes always."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from p2pcredit.errors import BankError

T = TypeVar("T")


def write_side_file(schema_version: int, content: Mapping[str, Any]) -> bytes:
    """Write plain JSON values with sorted keys, the same bytes for the same content.

    Raises:
        ValueError: If a number is NaN or infinite.
    """
    versioned = {"schema_version": schema_version, **content}
    return (json.dumps(versioned, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def read_side_file(
    files: Mapping[str, bytes], name: str, schema_version: int, build: Callable[[dict[str, Any]], T]
) -> T | None:
    """Read a file of a model; None for a model that an older version made without it.

    Args:
        files: The files of the model.
        name: Of the file.
        schema_version: The one that this version reads.
        build: Makes the result of the content.

    Raises:
        BankError: If the file is not what it should be.
    """
    if name not in files:
        return None
    try:
        content: dict[str, Any] = json.loads(files[name])
        if content["schema_version"] != schema_version:
            raise BankError(
                f"{name} has schema version {content['schema_version']}, this version reads {schema_version}; upgrade "
                "p2pcredit"
            )
        return build(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BankError(f"{name} cannot be read ({type(error).__name__}); restore the model from a backup") from error


__all__ = ["read_side_file", "write_side_file"]
