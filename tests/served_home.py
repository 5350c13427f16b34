"""`p2pcredit serve` as a process of its own, and clients that ask it from threads."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class ServedHome:
    """A server that listens on loopback, and its token."""

    process: subprocess.Popen[str]
    port: int
    token: str

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)

    def ask(self, connection: http.client.HTTPConnection, content: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/score", json.dumps(content), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)


@contextmanager
def served_home(home: Path) -> Iterator[ServedHome]:
    """Serve a home while the block runs."""
    command = [sys.executable, "-m", "p2pcredit", "serve", "--home", str(home), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "P2P_HOME": ""})
    assert process.stderr is not None
    readers: list[threading.Thread] = []
    try:
        said = ""
        while not (found := re.search(r"Serving on http://127\.0\.0\.1:(\d+)", said)):
            line = process.stderr.readline()
            assert line, f"the server ended: {said}"
            said += line
        token = re.search(r"p2p_\S+", said)
        assert token is not None, said
        readers.append(threading.Thread(target=process.stderr.read, daemon=True))  # else it waits once the pipe is full
        readers[0].start()
        yield ServedHome(process, int(found[1]), token[0])
    finally:
        process.terminate()
        process.wait(timeout=60)
        for reader in readers:
            reader.join(timeout=60)
        process.stderr.close()


@dataclass
class Load:
    """Clients that ask without a pause, and what they were answered.

    Args:
        server: The server.
        content: Gives what a client asks: from the client's number and the number of its request.
    """

    server: ServedHome
    content: Callable[[int, int], Any]
    answered: list[dict[str, Any]] = field(default_factory=list)
    refused: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, clients: int = 4) -> Iterator[Load]:
        """Ask while the block runs."""
        threads = [threading.Thread(target=self._ask_on, args=(client,)) for client in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            for thread in threads:
                thread.join(timeout=120)

    def await_answers(self, count: int) -> None:
        """Wait until so many more were answered, or one was not."""
        wanted = len(self.answered) + count
        while len(self.answered) < wanted and not self.lost and not self.refused:
            self._ends.wait(0.02)

    def _ask_on(self, client: int) -> None:
        number = 0
        with closing(self.server.connect()) as connection:
            while not self._ends.is_set():
                try:
                    status, receipt = self.server.ask(connection, self.content(client, number))
                except (OSError, http.client.HTTPException, ValueError) as error:
                    self.lost.append(repr(error))
                    return
                number += 1
                if status == 200:
                    self.answered.append(receipt)
                else:
                    self.refused.append((status, receipt))


__all__ = ["Load", "ServedHome", "served_home"]
