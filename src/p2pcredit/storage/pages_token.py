"""The token by which an Airflow says to the server of the pages who asks: made by the server, read by Airflow's plugin.

A process that can read it can read the home, or has it in a file of its own. Nothing heavy is imported, since
Airflow's API server reads it too.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from p2pcredit.errors import SettingsError
from p2pcredit.storage.layout import Layout

TOKEN_FILE_VARIABLE = "P2P_PAGES_TOKEN_FILE"
URL_VARIABLE = "P2P_PAGES_URL"
DEFAULT_URL = "http://127.0.0.1:8000"
LEAST_CHARACTERS = 32

# Of a request that the plugin hands on. They count only beside the token.
PERSON_HEADER = "x-p2pcredit-person"
ROLES_HEADER = "x-p2pcredit-roles"
UNDER_HEADER = "x-p2pcredit-under"


def token_file(home: Path, environ: Mapping[str, str]) -> Path:
    """Find the file of the token.

    Args:
        home: The home directory.
        environ: `P2P_PAGES_TOKEN_FILE` names another file than the one in the home, where Airflow's API server and the
            server of the pages do not see one home.
    """
    named = environ.get(TOKEN_FILE_VARIABLE, "").strip()
    return Path(named).expanduser() if named else Layout(home).pages_token


def read_token(file: Path) -> str | None:
    """Read the token; None where the file is not there yet.

    Raises:
        SettingsError: If it cannot be read, or holds fewer than 32 characters or others than letters, digits, `_`, `-`
            and `.`.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the pages' token in {file}; let this user read it, or remove it") from error
    if len(token) < LEAST_CHARACTERS or not token.replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise SettingsError(
            f"{file} holds no token of {LEAST_CHARACTERS} or more letters and digits; remove it, and the server of the "
            "pages makes one"
        )
    return token


def read_or_make_token(file: Path) -> str:
    """Read the token, and make one of 256 random bits where none is there yet, for its owner's eyes only.

    Two that make it at once end up with one.

    Raises:
        SettingsError: As `read_token`, or if the file cannot be made.
    """
    if (found := read_token(file)) is not None:
        return found
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    except OSError as error:
        raise SettingsError(f"cannot make the token of the pages in {file} ({error.strerror or error})") from error
    return read_token(file) or read_or_make_token(file)


__all__ = [
    "DEFAULT_URL",
    "PERSON_HEADER",
    "ROLES_HEADER",
    "TOKEN_FILE_VARIABLE",
    "UNDER_HEADER",
    "URL_VARIABLE",
    "read_or_make_token",
    "read_token",
    "token_file",
]
