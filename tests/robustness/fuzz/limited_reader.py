"""Reads landing files under limits of memory and processor time, and says on standard output what came of each.

Run as a process of its own: limited_reader.py HOME FEED DAY..., one JSON line per day.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import date
from pathlib import Path

from p2pcredit.contracts.feeds import feed_named
from p2pcredit.errors import P2PCreditError
from p2pcredit.storage.landing.read import check_landing
from p2pcredit.storage.layout import Layout

MEMORY_BYTES = 4 << 30
SECONDS_A_FILE = 60


def main(home: str, feed: str, *days: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for day in days:
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + SECONDS_A_FILE
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        try:
            facts = check_landing(Layout(Path(home)), feed_named(feed), date.fromisoformat(day))
            said = {"rows": facts["rows"], "error": None}
        except P2PCreditError as error:
            said = {"rows": None, "error": str(error)}
        # not ru_maxrss, which begins with the size of the process that started this one
        (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
        peak = int(line.split()[1]) << 10
        print(json.dumps({"day": day, "peak_bytes": peak, **said}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
