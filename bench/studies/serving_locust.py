"""What one client of the load test asks: one application, then the next, 25 a second. Locust reads this file."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path

from locust import FastHttpUser, constant_throughput, task

APPLICATIONS = json.loads(Path(os.environ["APPLICATIONS"]).read_text())
PHASES = itertools.count()
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}


class Client(FastHttpUser):
    """Asks for a score, 25 times a second: eight of them ask 200 times."""

    wait_time = constant_throughput(25)
    place = 0

    def on_start(self) -> None:
        """Wait for a moment of its own, as clients do that know nothing of each other: all at once they would queue."""
        time.sleep(next(PHASES) / 200)

    @task
    def score(self) -> None:
        """Ask for the score of the next application."""
        self.place += 1
        body = APPLICATIONS[self.place % len(APPLICATIONS)]
        self.client.post("/v1/score", data=json.dumps(body), headers=HEADERS)
