"""Keep what a library in Rust prints when one of its threads panics from the person who reads standard error.

On a full disk threads of a writer panic after its error was raised. That error says what is wrong in one line; the
texts of the threads, and their backtraces, say nothing that a person can use.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STANDARD_ERROR = 2
_PANIC = re.compile(rb"(?:\n|^)thread '[^\n]*panicked at (?:(?!\n\n|\nnote: )[\s\S])*(?:\nnote: [^\n]*(?:\n|$)|\n?)")
_SETTLED_SECONDS, _LONGEST_SECONDS = 0.05, 0.5


class _Aside:
    """Standard error, put aside while any thread of the process wants it so."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = 0
        self.own: int | None = None
        self.taken: int | None = None

    def put(self) -> None:
        with self.lock:
            self.wanted += 1
            if self.wanted == 1:
                with suppress(OSError, AttributeError):  # it is closed, or the system has no such files
                    self.taken = os.memfd_create("panics", os.MFD_CLOEXEC)
                    fcntl.fcntl(self.taken, fcntl.F_SETFL, os.O_APPEND)  # else threads write over each other
                    self.own = os.dup(_STANDARD_ERROR)
                    os.dup2(self.taken, _STANDARD_ERROR)

    def give_back(self, *, failed: bool) -> None:
        with self.lock:
            self.wanted -= 1
            if self.wanted:
                return
            own, taken, self.own, self.taken = self.own, self.taken, None, None
            if own is not None and taken is not None:
                if failed:
                    _let_settle(taken)
                os.dup2(own, _STANDARD_ERROR)
                os.close(own)
                said = without_panics(_read(taken))
                with suppress(OSError):
                    os.write(_STANDARD_ERROR, said)
            if taken is not None:
                os.close(taken)


_ASIDE = _Aside()


@contextmanager
def panics_hidden() -> Iterator[None]:
    """Take the texts of panics out of what is written to standard error in the block; the rest comes at its end.

    Other threads may be in such a block at the same time. Where the block ends by an error, the threads of the library
    have a moment to end too.
    """
    _ASIDE.put()
    failed = False
    try:
        yield
    except Exception as error:
        failed = type(error).__name__ != "CommitFailedError"  # another writer was first, which is no fault
        raise
    finally:
        _ASIDE.give_back(failed=failed)


def without_panics(text: bytes) -> bytes:
    """Take the texts of panics with their backtraces out of what a process wrote.

    Examples:
        >>> without_panics(b"one\\n\\nthread 'w' (7) panicked at a.rs:3:4:\\nshut down\\nnote: run with `X=1`\\ntwo\\n")
        b'one\\ntwo\\n'
    """
    return _PANIC.sub(b"", text)


def _let_settle(file: int) -> None:
    before, waited = -1, 0.0
    while before != (size := os.fstat(file).st_size) and waited < _LONGEST_SECONDS:
        before = size
        time.sleep(_SETTLED_SECONDS)
        waited += _SETTLED_SECONDS


def _read(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


__all__ = ["panics_hidden", "without_panics"]
