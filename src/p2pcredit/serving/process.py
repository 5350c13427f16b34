"""Run the app in this process until it is told to end."""

from __future__ import annotations

import gc
import sys
from socket import socket

import uvicorn
from fastapi import FastAPI

_SWITCH_SECONDS = 0.0005
"""How long a thread of Python runs on while another waits; at the usual 5 ms an answer could wait so long to leave."""

_COLLECTED_AFTER = (50_000, 20, 20)
"""After so many new objects the collector looks through them; the usual 700 are made by every few answers."""


def run_server(app: FastAPI, host: str, port: int, *, debug: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; requests that were begun are answered first.

    Args:
        app: The app.
        host, port: Where to listen.
        debug: Log every request.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="info" if debug else "warning",
        access_log=debug,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        limit_concurrency=512,
        ws="none",
        h11_max_incomplete_event_size=64 * 1024,
    )
    _Announcing(config).run()


def leave_uncollected() -> None:
    """Take what has been made so far out of what the collector of garbage walks through.

    Modules and models stay until the process ends, and to walk through them takes longer than many answers do. What a
    request makes is gone with its last use, so the collector has little to find and looks more rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


class _Announcing(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for server in getattr(self, "servers", ()):
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                sys.stderr.write(f"Serving on http://{shown}:{port}\n")
                sys.stderr.flush()


__all__ = ["leave_uncollected", "run_server"]
