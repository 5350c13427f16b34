"""Measure how long the server takes for one application at 200 requests a second, and for 1,000 at once.

`.venv/bin/python bench/studies/serving_load.py HOME [SECONDS]` copies a home that has a champion, starts
`p2pcredit serve` on the copy, lets Locust ask from 8 clients, then asks for 1,000 at once nine times. Run it on a quiet
machine, once per family: the champion answers. Prints a row of a table, with how busy the machine was. The server has
started when it listens; a champion with trees is loaded after that, so the first answer has a figure of its own.
"""

from __future__ import annotations

import csv
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.served_home import ServedHome, served_home

from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.contracts.tables import bronze
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

LOCUST = Path(__file__).resolve().parents[1] / ".venv-load" / "bin" / "locust"
FILE = Path(__file__).with_name("serving_locust.py")
MOST = {"P2P_SERVING__BURST": "100000", "P2P_SERVING__REQUESTS_PER_SECOND": "100000"}


def main() -> None:
    home, seconds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 30
    os.environ.update(MOST)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "home"
        shutil.copytree(home, copy)
        asked = applications(copy)
        began = time.perf_counter()
        with served_home(copy) as server:
            started = time.perf_counter() - began
            model = server.ask(server.connect(), asked[0])[1]["model_id"]
            first = time.perf_counter() - began
            process = psutil.Process(server.process.pid)
            before = processor_seconds(process)
            row = under_load(server, asked[:200], seconds, Path(scratch))
            each = (processor_seconds(process) - before) / max(1, int(row["Request Count"]))
            bulk = [at_once(server, asked) for _ in range(9)]
            memory = process.memory_info().rss / 2**20
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    head = "requests/s | p50 ms | p95 ms | p99 ms | failed | 1,000 at once ms | start s | first answer s | memory MB"
    head += " | busy ms a request"
    print(f"| model | {head} | load a core |")
    print("|---" + "|---:" * 11 + "|")
    kept = " | ".join([f"{float(row['Requests/s']):.0f}", row["50%"], row["95%"], row["99%"], row["Failure Count"]])
    print(
        f"| {model} | {kept} | {statistics.median(bulk) * 1e3:.0f} | {started:.1f} | {first:.1f} | {memory:.0f} | "
        f"{each * 1e3:.2f} | {busy:.1f} |"
    )


def processor_seconds(process: psutil.Process) -> float:
    """Read how long a process has kept processors busy, which other work on the machine changes little."""
    times = process.cpu_times()
    return float(times.user + times.system)


def applications(home: Path) -> list[dict[str, str]]:
    """Read a thousand applications as they landed."""
    lake = Lake(Layout(home))
    rows = lake.scan(bronze(APPLICATION_FEEDS[0])).sort("snapshot_date", descending=True).head(1_000).collect()
    for feed in APPLICATION_FEEDS[1:]:
        more = lake.scan(bronze(feed)).select("loan_id", *feed.sources[2:]).unique("loan_id").collect()
        rows = rows.join(more, on="loan_id", how="left")
    names = list(dict.fromkeys(name for feed in APPLICATION_FEEDS for name in feed.sources))
    found = [{name: text for name, text in row.items() if text} for row in rows.select(names).to_dicts()]
    times = -(-1_000 // len(found))
    return [{**row, "loan_id": f"{row['loan_id']}-{again}"} for again in range(times) for row in found][:1_000]


def under_load(server: ServedHome, asked: list[dict[str, str]], seconds: int, scratch: Path) -> dict[str, str]:
    """Let eight clients ask for so many seconds; give the line of Locust's table."""
    command = [LOCUST, "-f", FILE, "--headless", "-u", "8", "-r", "8", "-t", f"{seconds}s", "--only-summary"]
    command += ["--host", f"http://127.0.0.1:{server.port}", "--csv", scratch / "load"]
    applications = scratch / "applications.json"
    applications.write_text(json.dumps(asked))  # a variable holds no more than 128 KB
    environment = {**os.environ, "TOKEN": server.token, "APPLICATIONS": str(applications)}
    subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.DEVNULL)
    with (scratch / "load_stats.csv").open(newline="") as stream:
        return next(row for row in csv.DictReader(stream) if row["Name"] == "/v1/score")


def at_once(server: ServedHome, asked: list[dict[str, str]]) -> float:
    """Ask for all of them in one request; give the seconds."""
    connection: http.client.HTTPConnection = server.connect()
    named = [{**row, "origination_date": f"{date.fromisoformat(row['origination_date'])}"} for row in asked]
    began = time.perf_counter()
    status, answer = server.ask(connection, named)
    assert status == 200, answer
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
