"""Try small harmful changes of the rooms that decide and say which the tests notice: `python -m tools.mutation`."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tools.mutation import results as told
from tools.mutation import rooms, worker
from tools.mutation.mutants import Mutant, digest_of_code, find_mutants

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "p2pcredit"
HARMLESS = Path(__file__).with_name("harmless.toml")


@dataclass(frozen=True)
class Module:
    """A module to be changed.

    Args:
        name: Path below the package.
        source: Its text.
        tests: What runs against each change.
        tests_digest: Digest of these and of what they share.
        made: How many changes the operators know.
        drawn: Those to be tried.
    """

    name: str
    source: bytes
    tests: list[str]
    tests_digest: str
    made: int
    drawn: list[Mutant]

    @property
    def digest(self) -> str:
        """Digest of its code: results stay while only words change."""
        return digest_of_code(self.source)

    def changed_by(self, mutant: Mutant) -> worker.ChangedModule:
        """Return the module with a change, for a child to import."""
        path = PACKAGE / self.name
        dotted = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        return worker.ChangedModule(dotted, path, mutant.apply(self.source))


def read_module(path: Path, sample: int | None, seed: int) -> Module:
    """Read a module with the changes that the seed draws: by digest, so that a draw stays while other code changes."""
    name = path.relative_to(PACKAGE).as_posix()
    source = path.read_bytes()
    made = find_mutants(name, source)
    drawn = made
    if sample is not None and len(made) > sample:
        order = sorted(made, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())
        drawn = sorted(order[:sample], key=lambda m: (m.start, -m.end))
    drawn = [*on_purpose(name, source), *drawn]
    tests = rooms.tests_of(name, ROOT)
    digest = hashlib.sha256()
    for test in tests:
        files = sorted((ROOT / test).rglob("*.py")) if (ROOT / test).is_dir() else [ROOT / test]
        for file in files if test.startswith("tests") else ():
            digest.update(file.read_bytes())
    return Module(name, source, tests, digest.hexdigest()[:16], len(made), drawn)


def on_purpose(name: str, source: bytes) -> list[Mutant]:
    """List the changes written down by hand for a module; report one whose place is gone, since it tries nothing."""
    found = []
    for module, before, after, wrong in rooms.ON_PURPOSE:
        if module != name:
            continue
        start = source.find(before.encode())
        if start < 0:
            print(f"tools/mutation/rooms.py: '{before}' no longer stands in {module}; write what does", file=sys.stderr)
            continue
        line = source[:start].count(b"\n")
        code = source.decode().splitlines()[line].strip()
        change = f"on purpose: {wrong}"
        found.append(Mutant(name, "", line + 1, code, change, start, start + len(before.encode()), after))
    return found


def check_tests(modules: list[Module], scratch: Path, jobs: int, seconds: float) -> dict[str, float]:
    """Run the tests of each module on the module as it stands: they must pass. Returns the seconds that each list took.

    Doctests of all modules run together, since they take no time to speak of.
    """
    took: dict[tuple[str, ...], float] = {}
    doctests = tuple(test for module in modules for test in module.tests if test.startswith("src"))
    waiting = deque(tests for tests in dict.fromkeys((doctests, *map(_without_doctests, modules))) if tests)
    running: dict[int, tuple[str, ...]] = {}
    children: list[worker.Child] = []
    try:
        while waiting or children:
            while waiting and len(children) < jobs:
                tests = waiting.popleft()
                children.append(worker.start(scratch / f"as-it-stands-{len(waiting)}.log", tests, seconds, None))
                running[children[-1].pid] = tests
            child, code = worker.wait_for_one(children)
            children.remove(child)
            took[running.pop(child.pid)] = time.monotonic() - child.started_at
            if code != 0:
                sys.stderr.write(child.log.read_text(errors="replace")[-4000:])
                sys.exit("the tests fail on the code as it stands; mend that first")
            shutil.rmtree(child.log.with_suffix(""), ignore_errors=True)
    finally:
        worker.stop(children)
    return {module.name: took.get(_without_doctests(module), 0.0) for module in modules}


def _without_doctests(module: Module) -> tuple[str, ...]:
    return tuple(test for test in module.tests if not test.startswith("src"))


def is_waiting(module: Module, mutant: Mutant, found: told.Results) -> bool:
    """Return whether a change is still to be tried."""
    return found.known(module.name, module.digest, mutant.key, module.tests_digest) is None


def try_all(
    modules: list[Module], found: told.Results, scratch: Path, jobs: int, took: dict[str, float], until: float
) -> None:
    """Try what is not known yet, until time runs out."""
    waiting = deque(
        (module, mutant) for module in modules for mutant in module.drawn if is_waiting(module, mutant, found)
    )
    many, done = len(waiting), 0
    running: dict[int, tuple[Module, Mutant]] = {}
    children: list[worker.Child] = []
    try:
        while children or (waiting and time.monotonic() < until):
            while waiting and len(children) < jobs and time.monotonic() < until:
                module, mutant = waiting.popleft()
                log = scratch / f"{mutant.key}.log"
                limit = 30 + 6 * took[module.name]
                children.append(worker.start(log, module.tests, limit, module.changed_by(mutant)))
                running[children[-1].pid] = module, mutant
            child, code = worker.wait_for_one(children)
            children.remove(child)
            module, mutant = running.pop(child.pid)
            if code == -signal.SIGKILL:  # by the system, for want of memory: that says nothing of the tests
                print(f"killed from outside, to be tried again: {module.name}:{mutant.line}", file=sys.stderr)
                continue
            result = _result(module, mutant, child, code)
            found.add(result)
            done += 1
            shutil.rmtree(child.log.with_suffix(""), ignore_errors=True)
            print(f"{done}/{many} {result.outcome:8} {module.name}:{mutant.line} {mutant.change}", flush=True)
    finally:
        worker.stop(children)


def _result(module: Module, mutant: Mutant, child: worker.Child, code: int | None) -> told.Result:
    outcome = told.SURVIVED if code == 0 else told.NOTICED
    by = "time" if code is None else ""
    if code:
        lines = child.log.read_text(errors="replace").splitlines()
        by = next((line for line in lines if line.startswith(("FAILED ", "ERROR "))), f"exit code {code}")[:200]
    child.log.unlink(missing_ok=True)
    where = mutant.function, mutant.line, mutant.code, mutant.change
    return told.Result(mutant.key, module.name, module.digest, module.tests_digest, outcome, by, *where)


def write_table(modules: list[Module], found: told.Results, out: Path) -> float:
    """Write the page of what is known; returns the share noticed of those tried that are not harmless."""
    results, left = {}, {}
    for module in modules:
        known = [found.last(module.name, m.key) for m in module.drawn]
        results[module.name] = [result for result in known if result is not None]
        left[module.name] = len(known) - len(results[module.name])
    harmless = told.read_harmless(HARMLESS)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(told.render(results, {module.name: module.made for module in modules}, harmless, left))
    tried = [result for found_in in results.values() for result in found_in]
    judged = [r for r in tried if r.outcome == told.NOTICED or (r.module, r.code, r.change) not in harmless]
    return sum(r.outcome == told.NOTICED for r in judged) / len(judged) if judged else 0.0


def main() -> int:
    """Run; exit code 1 where fewer are noticed than wanted."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument(
        "rooms", nargs="*", help=f"{', '.join(rooms.ROOMS)}, or a module such as jobs/monitoring/week.py; else all"
    )
    parser.add_argument("--sample", type=int, default=40, help="at most so many changes of a module (default 40)")
    parser.add_argument("--whole", action="store_true", help="every change of every module")
    parser.add_argument("--seed", type=int, default=18, help="draws the sample (default 18)")
    parser.add_argument("--minutes", type=float, default=60.0, help="start no change after so long (default 60)")
    parser.add_argument("--jobs", type=int, default=2, help="children at a time (default 2)")
    parser.add_argument("--least", type=float, default=0.95, help="share to be noticed, 0 to 1 (default 0.95)")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutation" / "results.jsonl")
    parser.add_argument("--table", type=Path, default=ROOT / "docs" / "reference" / "mutation.md")
    parser.add_argument("--table-only", action="store_true", help="write the table of what is known; try nothing")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    os.chdir(ROOT)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # children are stopped on the way out
        signal.signal(number, lambda *_: sys.exit(130))
    try:
        paths = rooms.modules(PACKAGE, options.rooms)
    except ValueError as error:
        parser.error(str(error))
    modules = [read_module(path, None if options.whole else options.sample, options.seed) for path in paths]
    found = told.Results(options.results)
    if not options.table_only:
        scratch = options.results.parent / f"scratch-{os.getpid()}"
        scratch.mkdir(parents=True)
        worker.import_libraries()
        try:
            wanted = [module for module in modules if any(is_waiting(module, m, found) for m in module.drawn)]
            took = check_tests(wanted, scratch, options.jobs, 60 * options.minutes)
            try_all(wanted, found, scratch, options.jobs, took, until)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    share = write_table(modules, found, options.table)
    print(f"noticed: {share:.1%} of those that are not harmless; see {options.table}")
    return 0 if share >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
