"""The platforms: built-in ones and those of other packages by name, and any by the path of a YAML mapping.

Another package adds a platform with an entry point in the group `p2pcredit.platforms`: a function or class that gives a
`Profile` for the day of a landing. A platform that a mapping can describe needs no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import polars as pl

from p2pcredit.errors import PluginError, UsageError
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.plugins import Registry
from p2pcredit.text import one_line


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
        """Open the feeds of these files, part by part. `first` and `last` are the days asked for, None where open."""

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Read the files into one book in memory."""

    def columns(self, file: Path) -> pl.DataFrame:
        """Read every column of a download as text, those too that no feed takes; leave out records of another shape."""


class ProfileFactory(Protocol):
    """What a platform is registered as: a function or class that gives its profile."""

    def __call__(self, *, today: date | None) -> Profile:
        """Make the profile for a landing on the day `today`: a later date of a status cannot be read. None: none is."""


PLATFORMS = Registry[ProfileFactory](
    group="p2pcredit.platforms",
    what="platform",
    built_in={
        "bondora": "p2pcredit.platforms.mapped.shipped:bondora",
        "lendingclub": "p2pcredit.platforms.lendingclub.profile:LendingClub",
        "loan_tape": "p2pcredit.platforms.mapped.shipped:loan_tape",
        "mintos": "p2pcredit.platforms.mapped.shipped:mintos",
        "prosper": "p2pcredit.platforms.mapped.shipped:prosper",
        "synthetic": "p2pcredit.platforms.synthetic.profile:synthetic",
    },
    needs=("__call__",),
    unknown=UsageError,
)
SOURCES = {
    "bondora": "Bondora's public loan data set, by its public legend of columns",
    "lendingclub": "LendingClub's public downloads, LoanStats and the file of accepted loans, in both layouts",
    "loan_tape": "a servicing tape: loans*.csv, and tape*.csv with a row per loan and month, columns named as in feeds",
    "mintos": "a loan book as Mintos publishes it, by the columns of its public export",
    "prosper": "Prosper's public loan data, 81 columns",
    "synthetic": "loans made up by a seed, with the shape and the faults of LendingClub's",
}
"""What a download of each platform of this package is."""
_OF_A_PROFILE = ("name", "remedies", "expected", "read_on", "parts", "read", "columns")


def profile_named(name_or_path: str, today: date | None = None) -> Profile:
    """Make the profile of that name, or the one that a YAML file describes.

    Args:
        name_or_path: A name among `PLATFORMS`, or the path of a YAML file.
        today: The day of the landing: dates of statuses that lie after it cannot be read. None where none is too late.

    Raises:
        UsageError: If there is neither, or the YAML file is no mapping.
        PluginError: If another package brings the platform and it cannot be used, or if two bring it.

    Examples:
        >>> profile_named("lendingclub").name
        'lendingclub'
        >>> profile_named("zopa")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        p2pcredit.errors.UsageError: there is no platform 'zopa'; known are ...
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        from p2pcredit.platforms.mapped.profile import load_mapping  # a platform in Python needs no mapping

        return load_mapping(path, today)
    try:
        PLATFORMS.require(name_or_path)
    except UsageError as error:
        raise UsageError(f"{error}; or name a YAML file, ending in .yaml") from None
    make = PLATFORMS.load(name_or_path)
    if name_or_path in PLATFORMS.built_in:
        return make(today=today)
    return _brought(name_or_path, make, today)


def _brought(name: str, make: ProfileFactory, today: date | None) -> Profile:
    """Make the profile of another package's platform, and check its shape."""
    told, mend = PLATFORMS.describe(name), "mend that package, or uninstall it"
    try:
        profile = make(today=today)
    except Exception as error:
        raise PluginError(one_line(f"{told} gave no profile ({type(error).__name__}: {error}); {mend}")) from error
    PLATFORMS.check(name, profile, _OF_A_PROFILE)
    if profile.name != name:
        raise PluginError(f"{told} gave a profile named '{profile.name}', where '{name}' belongs; {mend}")
    return profile


__all__ = ["PLATFORMS", "Profile", "ProfileFactory", "profile_named"]
