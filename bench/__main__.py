"""Run the benchmark: `make bench`, or `python -m bench [PART ...]`; `bench/README.md` says what the parts are."""

from __future__ import annotations

import argparse
import time
import traceback
from pathlib import Path

from bench.about import about
from bench.measuring import ContenderError, keep_to_cores
from bench.picture import draw
from bench.records import Results
from bench.running import EVIDENTLY_PYTHON, LOCAL, THEIR_PYTHON, Run
from bench.table import page
from bench.works import day, gpu, limits, money, monitoring, raw_to_gold, replay, scoring, training
from p2pcredit.errors import SettingsError
from p2pcredit.models.fitting.devices import require_device

PARTS = {module.PART: module.run for module in (raw_to_gold, training, scoring, monitoring, day, replay, limits, money)}
WHEN_ASKED = {gpu.PART: gpu.run}
"""What needs a machine that few have."""
FULL_ROWS, PEER_ROWS, HISTORY_ROWS = 2_260_000, 250_000, 50_000


def main() -> None:
    """Measure the parts asked for, one after the other; write table and picture after each."""
    known = {**PARTS, **WHEN_ASKED}
    words = f"{', '.join(PARTS)}; all of them if none is named; and, only if named, {', '.join(WHEN_ASKED)}"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=words)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="loans of the raw file (%(default)s)")
    parser.add_argument("--peer-rows", type=int, default=PEER_ROWS, help="at most so many for slow peers (%(default)s)")
    parser.add_argument("--history-rows", type=int, default=HISTORY_ROWS, help="loans of the home with ten years")
    parser.add_argument("--repeats", type=int, default=3, help="of what is short; medians are reported (%(default)s)")
    parser.add_argument("--data", type=Path, help="a LendingClub download to draw loans from; else synthetic loans")
    words = "measure raw-to-gold also on a file with as few descriptions and as full later columns as the public one"
    parser.add_argument("--like-public", action="store_true", help=words)
    parser.add_argument("--scratch", type=Path, default=LOCAL / "data", help="where files and homes are made")
    parser.add_argument("--out", type=Path, default=LOCAL / "results", help="where the results go")
    asked = parser.parse_args()
    unknown = sorted(set(asked.parts) - set(known))
    if unknown:
        parser.error(f"there is no part '{unknown[0]}'; the parts are {', '.join(known)}")
    if gpu.PART in asked.parts:
        try:
            require_device(gpu.GPU, f"the part '{gpu.PART}'")
        except SettingsError as error:
            parser.error(str(error))
    keep_to_cores()
    results = Results(asked.out / "benchmark.json")
    history = min(asked.history_rows, asked.rows)
    scratch = asked.scratch.resolve()
    run = Run(
        asked.rows, asked.peer_rows, history, asked.repeats, asked.data, scratch, results, like_public=asked.like_public
    )
    facts = about(THEIR_PYTHON, EVIDENTLY_PYTHON, LOCAL.parent, "a download" if asked.data else "a synthetic portfolio")
    failed = False
    for name in asked.parts or PARTS:
        started = time.perf_counter()
        print(f"{name}:", flush=True)
        run.part = results.begin(name, facts)
        try:
            known[name](run)
        except Exception as error:  # whatever it is, the parts before and after it stand
            if not isinstance(error, ContenderError):
                traceback.print_exc()
            run.part.failures.append(f"the part ended early: {error}")
        failed = failed or bool(run.part.failures)
        write(results, asked.out)
        print(f"  {name} took {time.perf_counter() - started:.0f} s", flush=True)
    run.clear()
    print((asked.out / "benchmark.md").read_text(encoding="utf-8"))
    raise SystemExit(1 if failed else 0)


def write(results: Results, out: Path) -> None:
    """Write JSON, table and picture of the results so far."""
    results.save()
    (out / "benchmark.md").write_text(page(results), encoding="utf-8")
    if results.records:
        (out / "benchmark.svg").write_text(draw(results.records), encoding="utf-8")


if __name__ == "__main__":
    main()
