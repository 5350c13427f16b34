"""Every error this package raises on purpose.

    P2PCreditError
    ├── UsageError                  what was asked for makes no sense as asked
    │   └── ApplicationError        an application that is to be scored holds what none may hold
    ├── SettingsError               a setting is missing, unknown or out of range
    ├── SourceError                 a raw or landing file cannot be used
    │   ├── MissingFeedError        a feed has not landed for a day (may heal: the file may still come)
    │   ├── UnreadableFileError     truncated, not text, or not what its name says
    │   ├── HeaderError             the columns are not those of the contract
    │   ├── QuarantineError         most rows of a day broke a rule
    │   └── SchemaDriftError        a day lacks what its feed usually has, and a model uses
    ├── StorageError                a table, bank or ledger cannot be read or written
    │   ├── MissingTableError       nothing has been written there yet
    │   ├── MissingLoanError        the lake holds no such loan, or no score of it
    │   ├── ConflictError           another process committed first (heals by trying again)
    │   ├── HomeError               a directory cannot be home: its name, its kind, this user's rights
    │   │   └── MissingHomeError    the home does not exist (may heal: its disk may still be mounted)
    │   ├── OutsideHomeError        a path leads out of the home directory
    │   └── BankError               a model directory is missing, incomplete or altered
    ├── IncompleteDayError          rows of a day were lost between two steps, or it was not preprocessed
    ├── DecisionError               the retraining hand-off cannot go on
    │   └── UnreadableDecisionError the decision file is not a decision
    ├── TrainingError               a model could not be made
    │   ├── TooLittleDataError      not enough matured loans, good or bad
    │   └── LeakError               a single feature predicts too well to be honest
    ├── MonitoringError             a metric or report could not be made
    ├── MissingExtraError           an optional dependency is not installed
    ├── PluginError                 what another package adds cannot be used
    └── ServiceError                a local Airflow or another process did not do its part (may heal)

Messages are one line: what was found, what was expected, what to do next. `retryable` is part of the type, so that a
scheduler retries only what can heal by itself.
"""

from __future__ import annotations

import collections.abc
import datetime
from typing import ClassVar


class P2PCreditError(Exception):
    """Root of all errors raised on purpose; its message is one line for the person at the keyboard."""

    retryable: ClassVar[bool] = False


class UsageError(P2PCreditError, ValueError):
    """What was asked for makes no sense as asked."""


class ApplicationError(UsageError):
    """Applications that are to be scored hold fields or values that none may hold.

    Args:
        message: The line for the person at the keyboard, which names the first problem and holds no value.
        problems: Every problem: `application` (its place, from 1), `field`, `problem`, `allowed`.
    """

    def __init__(self, message: str, problems: collections.abc.Iterable[dict[str, object]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class SettingsError(P2PCreditError, ValueError):
    """A setting is missing, unknown or out of range."""


class SourceError(P2PCreditError):
    """A raw or landing file cannot be used."""


class MissingFeedError(SourceError, FileNotFoundError):
    """A feed has not landed for a day; the file may still come."""

    retryable = True

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnreadableFileError(SourceError, ValueError):
    """A file is truncated, is not text, or is not what its name says."""


class HeaderError(SourceError, ValueError):
    """The columns of a file are not those that its contract asks for."""


class QuarantineError(SourceError, ValueError):
    """So many rows of a day broke a rule that the day is not made complete.

    Args:
        message: The line for the person at the keyboard, with a value that broke the rule.
        without_values: The same without that value, for alert channels.
    """

    def __init__(self, message: str, without_values: str = "") -> None:
        super().__init__(message)
        self.without_values = without_values or message


class SchemaDriftError(SourceError, ValueError):
    """A feed of a day lacks columns or rows that it usually has, and settings say that this stops the day."""


class StorageError(P2PCreditError):
    """A table, the model bank or the ledger cannot be read or written."""


class MissingTableError(StorageError, LookupError):
    """A table is asked for that nothing has been written to yet."""


class MissingLoanError(StorageError, LookupError):
    """The lake holds no loan of this id, or no score of it."""


class ConflictError(StorageError):
    """Another writer committed first; trying again heals it."""

    retryable = True


class HomeError(StorageError, ValueError):
    """A directory cannot be home."""


class MissingHomeError(HomeError, FileNotFoundError):
    """The home does not exist; its disk may still be mounted."""

    retryable = True

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class OutsideHomeError(StorageError, ValueError):
    """A path leads out of the home directory."""


class BankError(StorageError):
    """A model directory is missing, incomplete, or altered since it was written."""


class IncompleteDayError(P2PCreditError):
    """A day is not complete: what landed is not what its tables hold, or a run goes on without its tables.

    Args:
        message: The line for the person at the keyboard.
        days: The days, in order.
    """

    def __init__(self, message: str, days: collections.abc.Sequence[datetime.date] = ()) -> None:
        super().__init__(message)
        self.days = tuple(days)


class DecisionError(P2PCreditError):
    """The retraining hand-off cannot go on."""


class UnreadableDecisionError(DecisionError, ValueError):
    """The decision file exists and is not a decision."""


class TrainingError(P2PCreditError):
    """A model could not be made."""


class TooLittleDataError(TrainingError):
    """There are not enough matured loans, good or bad, to learn from or to judge by."""


class LeakError(TrainingError):
    """A single feature predicts too well to have been known at application."""


class MonitoringError(P2PCreditError):
    """A metric or a report could not be made."""


class MissingExtraError(P2PCreditError, ImportError):
    """An optional dependency is not installed.

    Args:
        purpose: What it is needed for.
        extra: The extra of this distribution that brings it.
    """

    def __init__(self, purpose: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs the extra '{extra}': pip install 'WHEEL[{extra}]', where WHEEL is the wheel file "
            "that this was installed from"
        )


class PluginError(P2PCreditError, ImportError):
    """What another package adds by an entry point cannot be used."""


class ServiceError(P2PCreditError):
    """A local Airflow, or another process, did not do its part."""

    retryable = True


__all__ = [
    "ApplicationError",
    "BankError",
    "ConflictError",
    "DecisionError",
    "HeaderError",
    "HomeError",
    "IncompleteDayError",
    "LeakError",
    "MissingExtraError",
    "MissingFeedError",
    "MissingHomeError",
    "MissingLoanError",
    "MissingTableError",
    "MonitoringError",
    "OutsideHomeError",
    "P2PCreditError",
    "PluginError",
    "QuarantineError",
    "SchemaDriftError",
    "ServiceError",
    "SettingsError",
    "SourceError",
    "StorageError",
    "TooLittleDataError",
    "TrainingError",
    "UnreadableDecisionError",
    "UnreadableFileError",
    "UsageError",
]
