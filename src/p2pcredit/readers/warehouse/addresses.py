"""Addresses of databases and the queries that are asked of them; what may be shown of an address holds no secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, unquote

from p2pcredit.errors import UsageError
from p2pcredit.text import LONGEST_EXAMPLE, one_line

SCHEMES = ("postgresql", "snowflake", "bigquery")
_ALIASES = {"postgres": "postgresql"}
_MARK = "://"
_QUERY = "query="
_NAMED = "name="
_OWN = ("query", "name")
_SECRET = ("password", "sslpassword", "token", "oauth_client_secret", "private_key", "passcode")
HIDDEN = "***"
_HOST = r"(?:[\w.-]*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
_FILE_NAME = re.compile(r"[^\W_][\w. -]{0,99}")


@dataclass(frozen=True, slots=True)
class Address:
    """A database, with the secrets that its address may hold. Build it with `parse_address`.

    Args:
        scheme: One of `SCHEMES`.
        hosts: The server, or several between commas, with their ports; empty for the server of this machine.
        path: The database, and what stands below it.
        user: The login that the address names, or None.
        password: The password that it names, or None.
        options: Its other parameters.
    """

    scheme: str
    hosts: str
    path: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address without user, password and parameters."""
        return f"{self.scheme}{_MARK}{self.hosts}/{self.path}"

    @property
    def with_secrets(self) -> str:
        """The whole address, every part of it percent-encoded, for the driver alone."""
        return self.changed({})

    def changed(self, options: dict[str, str]) -> str:
        """Write the whole address with these parameters where it does not name them itself."""
        given = {**options, **dict(self.options)}
        user = "" if self.user is None else quote(self.user, safe="")
        login = user if self.password is None else f"{user}:{quote(self.password, safe='')}"
        asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given.items())
        return (
            f"{self.scheme}{_MARK}{login}{'@' if login else ''}{self.hosts}/{quote(self.path, safe='/')}"
            f"{'?' if asked else ''}{asked}"
        )

    def hidden_in(self, text: str) -> str:
        """Put `***` for every secret of this address in a text."""
        secrets = [self.password, *(value for name, value in self.options if name.lower() in _SECRET)]
        for secret in sorted((one for one in secrets if one), key=len, reverse=True):
            for spelled in (secret, quote(secret, safe=""), quote(secret)):
                text = text.replace(spelled, HIDDEN)
        return text


@dataclass(frozen=True, slots=True)
class WarehouseQuery:
    """What is asked of a database.

    Args:
        address: The database.
        text: The query.
        name: What its result is called, as the name of a file.
    """

    address: Address
    text: str
    name: str


def is_address(text: str) -> bool:
    """Return whether a text is the address of something, no path of a file.

    Examples:
        >>> is_address("postgresql://db/loans"), is_address("loans.csv")
        (True, False)
    """
    return _MARK in text


def without_login(text: str) -> str:
    """Put `***` for the user, the password and the parameters of an address that holds such.

    Examples:
        >>> without_login("postgresql://me:pass@db/loans?password=x"), without_login("s3://bucket//a.csv")
        ('postgresql://***@db/loans?***', 's3://bucket//a.csv')
    """
    scheme, mark, rest = text.partition(_MARK)
    login, at, place = rest.rpartition("@")
    front, asked, _ = (place if at else rest).partition("?")
    return f"{scheme}{mark}{HIDDEN if login else ''}{at}{front}{asked}{HIDDEN if asked else ''}"


def parse_address(text: str) -> tuple[Address, str | None, str | None]:
    """Take an address apart, with the query and the name that may stand in it.

    `query=` comes last. Where the query holds a blank it stands as it was typed, with all its signs; without one it is
    percent-encoded.

    Returns:
        The address, the query, the name of its result; None for each of these two that is not there.

    Raises:
        UsageError: For an unknown scheme, or an address that is none. The message names no part that may be a secret.

    Examples:
        >>> address, query, name = parse_address(
        ...     "postgresql://me:p%40ss@db:5432/loans?name=book&query=SELECT * FROM loans WHERE a > 1 & 3"
        ... )
        >>> address.shown, query, name
        ('postgresql://db:5432/loans', 'SELECT * FROM loans WHERE a > 1 & 3', 'book')
        >>> parse_address("postgresql:///loans?query=TABLE%20loans")[1]
        'TABLE loans'
    """
    scheme, _, rest = text.partition(_MARK)
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise UsageError(
            f"no rows are fetched from addresses of '{scheme[:20]}'; known are {known}; or download the file first"
        )
    front, _, parameters = rest.partition("?")
    asked, query = _apart(parameters)
    login, at, place = front.rpartition("@")
    hosts, _, path = place.partition("/")
    user, colon, password = login.partition(":")
    if not _HOSTS.fullmatch(hosts) or "@" in asked:
        _refuse("host and port are not plain; write '@', '/', '?' and '%' in a password as %40, %2F, %3F and %25")
    options = []
    for one in filter(None, asked.split("&")):
        name, equals, value = one.partition("=")
        if not equals:
            _refuse("a parameter of it has no '='")
        options.append((unquote(name), unquote(value)))
    own = dict(options)
    address = Address(
        scheme,
        hosts,
        unquote(path),
        unquote(user) if at and user else None,
        unquote(password) if colon else None,
        tuple(pair for pair in options if pair[0] not in _OWN),
    )
    return address, query, own.get("name")


def queries_of(addresses: Sequence[str], files: Sequence[Path]) -> list[WarehouseQuery]:
    """Put addresses and files of queries together: an address holds its query, or files hold those of one address.

    Raises:
        UsageError: If a query lacks its address or an address its query, a file cannot be read or is empty, or two
            results would have one name.
    """
    parsed = [parse_address(text) for text in addresses]
    found = [
        WarehouseQuery(address, _whole(query, "the query in the address"), name or "query")
        for address, query, name in parsed
        if query is not None
    ]
    bare = [address for address, query, _ in parsed if query is None]
    if files and len(bare) != 1:
        raise UsageError(
            "the queries of --query are asked of one address; give it without a query, such as postgresql://db/loans"
        )
    if bare and not files:
        raise UsageError(
            f"{bare[0].shown} has no query; write --query FILE, or 'postgresql://...?query=SELECT ...' in quotes"
        )
    for path in files:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise UsageError(f"the query in {path} cannot be read ({reason}); give a file of SQL") from error
        found.append(WarehouseQuery(bare[0], _whole(text, str(path)), path.name))
    names = [query.name for query in found]
    wrong = next((name for name in names if not _FILE_NAME.fullmatch(name)), None)
    if wrong is not None:
        raise UsageError(
            f"'{one_line(wrong, LONGEST_EXAMPLE)}' names no result; write letters, digits, '.', '-' and '_'"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two results would be named {twice}; name each, such as ...?name=customers&query=SELECT ...")
    return found


def _apart(parameters: str) -> tuple[str, str | None]:
    """Split parameters into those before the query, and the query."""
    if parameters.startswith(_QUERY):
        before, query = "", parameters.removeprefix(_QUERY)
    else:
        before, mark, query = parameters.partition(f"&{_QUERY}")
        if not mark:
            return parameters, None
    return before, query if any(letter.isspace() for letter in query) else unquote(query)


def _whole(text: str, where: str) -> str:
    """Strip what may stand after a query: blanks and semicolons."""
    bare = text.removeprefix("\ufeff").strip().rstrip(";").rstrip()
    if not bare:
        raise UsageError(f"{where} is empty; write a query such as SELECT * FROM loans")
    return bare


def _refuse(what: str) -> NoReturn:
    raise UsageError(f"the address of a database is none: {what}; write it as postgresql://USER@HOST:PORT/DATABASE")


__all__ = [
    "HIDDEN",
    "SCHEMES",
    "Address",
    "WarehouseQuery",
    "is_address",
    "parse_address",
    "queries_of",
    "without_login",
]
