"""A PostgreSQL of this test run alone: a socket in a directory of its own, on request the loopback with a password.

It is ended by its own process.
"""

from __future__ import annotations

import io
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from tools.distributed.services import DATABASE_USER, postgres_programs

SECONDS_TO_START = 60.0
NULL = "\\N"


def free_port() -> int:
    """Find a port of the loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Postgres:
    """A database to put frames into and to ask."""

    def __init__(self, programs: Path, place: Path, port: int | None = None, password: str = "") -> None:
        self.port = port
        self._environment = {**os.environ, "PGPASSWORD": password, **({} if port is None else {"PGPORT": f"{port}"})}
        self._psql: list[str | Path] = [
            programs / "psql",
            "-h",
            place,
            "-U",
            DATABASE_USER,
            "-d",
            "postgres",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
        ]

    def run(self, text: str, given: bytes = b"") -> bytes:
        done = subprocess.run([*self._psql, "-c", text], input=given, capture_output=True, env=self._environment)
        if done.returncode:
            raise AssertionError(done.stderr.decode())
        return done.stdout

    def put(self, name: str, frame: pl.DataFrame) -> None:
        kinds = {column: "text" if kind == pl.String else "double precision" for column, kind in frame.schema.items()}
        self.run(
            f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({', '.join(f'{c} {k}' for c, k in kinds.items())})"
        )
        self.run(
            f"COPY {name} FROM STDIN (FORMAT csv, NULL '{NULL}')",
            frame.write_csv(include_header=False, null_value=NULL).encode(),
        )

    def ask(self, query: str, schema: Any) -> pl.DataFrame:
        found = self.run(f"COPY (\n{query}) TO STDOUT (FORMAT csv, NULL '{NULL}', HEADER)")
        return pl.read_csv(io.BytesIO(found), schema_overrides=schema, null_values=[NULL])


@contextmanager
def running_postgres(password: str | None = None) -> Iterator[Postgres | None]:
    """Start one, and end it; None where it is not installed.

    With a password it listens on the loopback, and asks for it.
    """
    programs = postgres_programs()
    if programs is None:
        yield None
        return
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # which it refuses
        found = pwd.getpwnam(DATABASE_USER)
        os.chown(place, found.pw_uid, found.pw_gid)
        user = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    quiet: dict[str, Any] = {"cwd": place, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
    data = place / "data"
    port, login, listen = None, ["-A", "trust"], ""
    if password is not None:
        port, listen = free_port(), "127.0.0.1"
        kept = place / "password"
        kept.write_text(password)
        os.chmod(kept, 0o644)
        login = ["-A", "scram-sha-256", "--pwfile", str(kept)]
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", DATABASE_USER, *login, "-E", "UTF8", "--locale", "C.UTF-8", "-N"],
        check=True, **quiet,
    )  # fmt: skip
    options = [f"listen_addresses={listen}", f"unix_socket_directories={place}", "fsync=off", "jit=off"]
    options += [] if port is None else [f"port={port}"]
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        data,
        *(part for option in options for part in ("-c", option)),
    ]
    server = subprocess.Popen(command, **quiet)
    try:
        database = Postgres(programs, place, port, password or "")
        end = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                database.run("SELECT 1")
                break
            except AssertionError:
                if time.monotonic() > end or server.poll() is not None:
                    raise
                time.sleep(0.1)
        yield database
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(place, ignore_errors=True)
