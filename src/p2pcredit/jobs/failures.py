"""What went wrong, in one line: errors of the disk, the lake and the engine as errors of ours."""

from __future__ import annotations

from pathlib import Path

from p2pcredit.errors import P2PCreditError, StorageError
from p2pcredit.storage.files import disk_error


def is_panic(error: BaseException) -> bool:
    """Return whether an error is the panic of a library in Rust, which is no `Exception`, and no interrupt or exit."""
    return type(error).__name__ == "PanicException" and type(error).__module__.startswith("pyo3")


def domain_error(error: BaseException) -> P2PCreditError | None:
    """Map an error to one of this package. None where it is a fault of the program, which was not foreseen.

    Examples:
        >>> str(domain_error(PermissionError(13, "Permission denied", "a.json")))
        'cannot use a.json: Permission denied; give this user the right to it and run it again'
        >>> domain_error(KeyError("surprise")) is None
        True
    """
    if isinstance(error, P2PCreditError):
        return error
    if isinstance(error, OSError):
        name = error.filename
        return disk_error("use", Path(name if isinstance(name, str) else "the disk"), error)
    if is_panic(error):
        what = " ".join(str(error).split())[:300]
        return StorageError(
            f"a library broke down ({what}); see 'p2pcredit doctor', or run it with --debug and report it"
        )
    if isinstance(error, MemoryError):
        return StorageError("this needs more memory than there is; give it more, or work on fewer days at a time")
    if type(error).__module__.startswith(("pyspark.", "py4j.")):
        from p2pcredit.engines.spark.failures import lack_of_executors

        return lack_of_executors(error)
    from deltalake.exceptions import DeltaError
    from polars.exceptions import PolarsError

    if isinstance(error, PolarsError | DeltaError):
        what = " ".join(str(error).split())[:300]
        return StorageError(
            f"a table or file cannot be used ({what}); see 'p2pcredit doctor', mend it and run it again"
        )
    return None


__all__ = ["domain_error", "is_panic"]
