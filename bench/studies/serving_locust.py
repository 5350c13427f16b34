"""What one client of the load test asks: one application, then the next, 25 a second. Locust reads this file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from locust import FastHttpUser, constant_throughput, task

APPLICATIONS = json.loads(Path(os.environ["APPLICATIONS"]).read_text())
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}


class Client(FastHttpUser):
    """Asks for a score, 25 times a second: eight of them ask 200 times."""

    wait_time = constant_throughput(25)
    place = 0

    @task
    def score(self) -> None:
        """Ask for the score of the next application."""
        self.place += 1
        body = APPLICATIONS[self.place % len(APPLICATIONS)]
        self.client.post("/v1/score", data=json.dumps(body), headers=HEADERS)
