"""Connections to databases by ADBC drivers, and what their errors mean in one line without secrets."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from p2pcredit.errors import MissingExtraError, P2PCreditError, ServiceError, SourceError
from p2pcredit.readers.warehouse.addresses import Address
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_MODULES = {
    "postgresql": "adbc_driver_postgresql.dbapi",
    "snowflake": "adbc_driver_snowflake.dbapi",
    "bigquery": "adbc_driver_bigquery.dbapi",
}
_CONNECT_SECONDS = "30"
_FIRST = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
"""What PostgreSQL is told before the first query: all see the database of one instant, and none can change it."""
_SAID = re.compile(r"(?:FATAL|ERROR):\s+(?P<said>[^\n]*)")
_PREFACE = re.compile(r"^(?:[A-Z_]+: )?(?:\[[^\]]*\] )*(?:Failed to connect: |Execution error[^:]*: )?")
_ABOUT_LOGIN = re.compile(r"password|authentication|role|no pg_hba", re.IGNORECASE)


@contextmanager
def connected(address: Address) -> Iterator[Any]:
    """Open a connection in which nothing can be changed.

    Yields:
        A connection as ADBC's DBAPI has it.

    Raises:
        MissingExtraError: If the driver is not installed.
        ServiceError: If no server answers.
        SourceError: If it refuses the login, or has no such database.
    """
    try:
        driver = importlib.import_module(_MODULES[address.scheme])
    except ImportError as error:
        raise _without_driver(address) from error
    wording = None
    try:
        connection = _connect(driver, address)
    except Exception as error:
        wording = _cannot_connect(address, error)
    if wording is not None:  # outside the handler: the error of the driver may hold the address
        raise wording
    try:
        yield connection
    finally:
        with suppress(Exception):
            connection.close()


def refused_query(address: Address, name: str, error: BaseException) -> SourceError:
    """Word what a database said of a query."""
    return SourceError(f"{name}: {address.shown} says: {said_of(address, error)}; mend the query")


def said_of(address: Address, error: BaseException) -> str:
    """Take what the database itself said out of an error, in one line without secrets and without the query."""
    text = str(error)
    found = _SAID.search(text)
    bare = found["said"] if found else _PREFACE.sub("", text).partition("Query was")[0]
    return one_line(address.hidden_in(bare), 4 * LONGEST_EXAMPLE) or type(error).__name__


def _connect(driver: Any, address: Address) -> Any:
    if address.scheme == "bigquery":
        project, _, dataset = (address.hosts + "/" + address.path).strip("/").partition("/")
        options = {"adbc.bigquery.sql.project_id": project, **dict(address.options)}
        return driver.connect(db_kwargs=options | ({"adbc.bigquery.sql.dataset_id": dataset} if dataset else {}))
    if address.scheme == "postgresql":
        own = {"connect_timeout": _CONNECT_SECONDS, "application_name": "p2pcredit"}
        connection = driver.connect(address.changed(own), autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute(_FIRST)
        return connection
    return driver.connect(address.with_secrets)


def _cannot_connect(address: Address, error: Exception) -> P2PCreditError:
    said = said_of(address, error)
    if not _SAID.search(str(error)) and "password" not in str(error):
        return ServiceError(f"{address.shown} does not answer ({said}); check host and port, and that it runs")
    if _ABOUT_LOGIN.search(said):
        advice = "check user and password; a password may stand in ~/.pgpass or PGPASSWORD"
    else:
        advice = "check the name of the database"
    return SourceError(f"{address.shown} refuses the login ({said}); {advice}")


def _without_driver(address: Address) -> P2PCreditError:
    if address.scheme == "postgresql":
        return MissingExtraError("a query of a database", "warehouse")
    package = _MODULES[address.scheme].partition(".")[0].replace("_", "-")
    return SourceError(f"a query of {address.scheme} needs its driver: pip install {package}")


__all__ = ["connected", "refused_query", "said_of"]
