"""Which code this is: one digest over the source files of this package, wherever it is installed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_SUFFIXES = {".css", ".html", ".py"}


@cache
def code_digest() -> str:
    """Give one SHA-256 over this package's own source files, names and contents."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in _SUFFIXES):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


__all__ = ["code_digest"]
