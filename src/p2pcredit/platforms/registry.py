"""Which platform profiles there are: built-in ones by name, others by the path of a YAML mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol

import polars as pl

from p2pcredit.errors import UsageError
from p2pcredit.names import no_such
from p2pcredit.platforms.lendingclub.profile import LendingClub
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.mapped.profile import MappedPlatform, load_mapping
from p2pcredit.platforms.mapped.prosper import prosper
from p2pcredit.platforms.synthetic.profile import Synthetic


class Profile(Protocol):
    """What turns the raw download of one platform into feeds."""

    @property
    def name(self) -> str:
        """The platform, in lower case."""

    @property
    def remedies(self) -> dict[str, str]:
        """Column of a feed -> what to write or do where its values cannot be read."""

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """Feed and column -> the raw columns that give it, of those that give some loan a value in any sound book."""

    @property
    def read_on(self) -> date | None:
        """The day on which the statuses were read, where the profile says it."""

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Which feeds do these files hold, part by part? `first` and `last` are the days asked for, None where open."""

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """The same as one book in memory."""

    def columns(self, file: Path) -> pl.DataFrame:
        """Every column of a download as text, those too that no feed takes; records of another shape are left out."""


PROFILES: dict[str, Callable[[], Profile]] = {"lendingclub": LendingClub, "prosper": prosper, "synthetic": Synthetic}


def profile_named(name_or_path: str, today: date | None = None) -> Profile:
    """The profile of that name, or the one that a YAML file describes.

    Args:
        name_or_path: A name among `PROFILES`, or the path of a YAML file.
        today: The day of the landing: dates of statuses that lie after it cannot be read. None where none is too late.

    Raises:
        UsageError: If there is neither, or the YAML file is no mapping.

    Examples:
        >>> profile_named("lendingclub").name
        'lendingclub'
        >>> profile_named("zopa")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        p2pcredit.errors.UsageError: there is no platform 'zopa'; known are ...
    """
    path = Path(name_or_path)
    if name_or_path in PROFILES:
        profile = PROFILES[name_or_path]()
    elif path.suffix in {".yaml", ".yml"}:
        profile = load_mapping(path)
    else:
        raise UsageError(f"{no_such('platform', name_or_path, PROFILES)}; or name a YAML file, ending in .yaml")
    return replace(profile, today=today) if isinstance(profile, MappedPlatform | LendingClub) else profile


__all__ = ["PROFILES", "Profile", "profile_named"]
