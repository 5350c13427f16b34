"""How long does a process take, and how much memory do it and all its children hold at most?

Linux only: memory is read from /proc. It is the resident memory of every process of the tree, added up, so pages that
two of them share count twice; the highest sum seen is the peak. A single process's own high-water mark counts too,
which no sampling misses.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CORES = 2
SECONDS_BETWEEN_LOOKS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LIBRARIES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


class ContenderError(Exception):
    """A measured process failed; the message ends with the last lines that it said."""


@dataclass(frozen=True)
class Measured:
    """What one process, or several one after the other, took.

    Args:
        seconds: Wall time from start to end, interpreter and imports included.
        peak_mb: Most memory of the whole process tree at once, in units of 1,000,000 bytes.
        facts: The last line of its standard output where that is a JSON object.
    """

    seconds: float
    peak_mb: float
    facts: dict[str, Any] = field(default_factory=dict)

    def then(self, other: Measured) -> Measured:
        """Join two that ran one after the other: times add up, the higher peak counts, later facts replace earlier."""
        return Measured(self.seconds + other.seconds, max(self.peak_mb, other.peak_mb), {**self.facts, **other.facts})


def measure(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    limit_seconds: float = 1800.0,
    log: Path | None = None,
) -> Measured:
    """Run a command and watch it to its end. It runs on the cores of this process; see `keep_to_cores`.

    Args:
        command: The program and its arguments.
        environment: Variables beside those of this process and the ones that keep libraries to two threads.
        limit_seconds: After so long the whole tree is ended and the command counts as failed.
        log: Where its standard error goes; nowhere if None.

    Raises:
        ContenderError: If it ends with another code than 0, or not in time.
    """
    variables = {**os.environ, **threads_of(CORES), **(environment or {})}
    with ExitStack() as files:
        out = files.enter_context(tempfile.TemporaryFile())
        said = files.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=out,
            stderr=said,
            stdin=subprocess.DEVNULL,
            env=variables,
            start_new_session=True,
        )
        try:
            peak, seconds = _watch(process, start, limit_seconds)
        finally:
            end_session(process.pid)
            process.wait()
        out.seek(0)
        text = out.read().decode(errors="replace")
    if process.returncode != 0:
        raise ContenderError(_last_words(command, process.returncode, seconds, limit_seconds, text, log))
    return Measured(seconds, peak / 1e6, _facts(text))


def _watch(process: subprocess.Popen[bytes], start: float, limit: float) -> tuple[int, float]:
    """Measure the peak in bytes, and the seconds until the process ended."""
    peak, before = 0, {process.pid}
    while True:
        now = set(processes_of(process.pid))
        peak, before = max(peak, memory_of(now, now & before)), now
        try:
            process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if time.perf_counter() - start > limit:
                end_session(process.pid)
                process.wait()
                return peak, time.perf_counter() - start
            continue
        return peak, time.perf_counter() - start


def memory_of(processes: Iterable[int], settled: Collection[int]) -> int:
    """Measure the bytes that these processes hold now; at least the high-water mark of any one of them.

    Args:
        processes: Their ids.
        settled: Those of them that add to the sum: a child that is just being started still shows the memory of its
            parent, which would count twice.
    """
    together, highest = 0, 0
    for pid in processes:
        try:
            held = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
            status = Path(f"/proc/{pid}/status").read_text()
        except (OSError, IndexError):
            continue
        mark = status.partition("VmHWM:")[2].split(maxsplit=1)
        highest = max(highest, int(mark[0]) * 1024 if mark else 0)
        together += held if pid in settled else 0
    return max(together, highest)


def processes_of(session: int) -> list[int]:
    """List the processes of a session: a command that was started in its own, and all that it started."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry))
    return found


def end_session(session: int) -> None:
    """End whatever is left of a session that this module started."""
    for pid in processes_of(session):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def threads_of(cores: int) -> dict[str, str]:
    """Return the variables that keep libraries to so many threads."""
    return dict.fromkeys(_LIBRARIES, str(cores))


def keep_to_cores() -> None:
    """Keep this process, and all that it starts from here on, to two cores."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[:CORES])


def _facts(text: str) -> dict[str, Any]:
    last = text.strip().rpartition("\n")[2]
    try:
        found = json.loads(last)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _last_words(
    command: Sequence[str | Path], code: int, seconds: float, limit: float, text: str, log: Path | None
) -> str:
    name = " ".join(Path(str(part)).name for part in command[:3])
    why = f"did not end within {limit:.0f} s" if seconds > limit else f"ended with {code}"
    said = text if log is None else log.read_text(errors="replace") or text
    return f"{name} {why}: {' / '.join(said.strip().splitlines()[-4:])}"
