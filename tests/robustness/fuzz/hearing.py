"""Hear the warnings that a person would have seen while something runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def warnings_heard() -> Iterator[list[str]]:
    """List the warnings of the package as they come."""
    ear = _Ear()
    logging.getLogger("p2pcredit").addHandler(ear)
    try:
        yield ear.words
    finally:
        logging.getLogger("p2pcredit").removeHandler(ear)


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


__all__ = ["warnings_heard"]
