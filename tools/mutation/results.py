"""What came of each change: kept line by line, so that a run that was cut short goes on, and told as a table."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

NOTICED, SURVIVED = "noticed", "survived"


@dataclass(frozen=True)
class Result:
    """What came of one change.

    Args:
        key: The change, see `Mutant.key`; for one made on purpose, what goes wrong.
        module: Path below the package.
        source: Digest of the module that was changed.
        tests: Digest of the tests that ran; a survivor is tried again when they change.
        outcome: `noticed` or `survived`.
        by: The test that noticed it, or `time` where the tests did not end.
        function, line, code, change: Where and what.
    """

    key: str
    module: str
    source: str
    tests: str
    outcome: str
    by: str
    function: str
    line: int
    code: str
    change: str


class Results:
    """The results so far, in a file of JSON lines that only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[tuple[str, str], Result] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    result = Result(**json.loads(line))
                except (ValueError, TypeError):
                    continue  # cut short while it was written
                self._found[result.module, result.key] = result

    def known(self, module: str, source: str, key: str, tests: str) -> Result | None:
        """Return the known result of a change: noticed while its line stands in its function, survived while all stays.

        A module changes more often than a line of it. To try every change anew after each would take hours, and the
        test that noticed a change notices it still where the line is the same. A survivor is tried again as soon as
        anything of its module or of the tests is another.
        """
        found = self._found.get((module, key))
        stays = found is not None and (found.source, found.tests) == (source, tests)
        return found if found is not None and (found.outcome == NOTICED or stays) else None

    def last(self, module: str, key: str) -> Result | None:
        """Return the result of a change when it was last tried, whatever module and tests were then.

        The table is made of these: were survivors left out until they are tried again, a test that was changed would
        make them vanish.
        """
        return self._found.get((module, key))

    def add(self, result: Result) -> None:
        """Keep a result."""
        self._found[result.module, result.key] = result
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")


def read_harmless(path: Path) -> dict[tuple[str, str, str], str]:
    """Read why a change of some code harms nothing, by module, code and change."""
    if not path.exists():
        return {}
    rows = tomllib.loads(path.read_text()).get("harmless", [])
    return {(row["module"], row["code"], row["change"]): row["why"] for row in rows}


def render(
    results: Mapping[str, Sequence[Result]],
    totals: Mapping[str, int],
    harmless: Mapping[tuple[str, str, str], str],
    left: Mapping[str, int],
) -> str:
    """Render the page: a row for each module, then each survivor with the reason why it harms nothing, or as open.

    Args:
        results: Of each module, what was tried.
        totals: Of each module, how many changes there are.
        harmless: Reasons, see `read_harmless`.
        left: Of each module, how many were to be tried and were not, since time ran out.
    """
    out = [
        "# What the tests notice",
        "",
        "Written by `make mutation`: small harmful changes are made one at a time to the rooms that decide, and the",
        "tests of each module run until one fails. *Made* is how many changes the operators know in a module, *tried*",
        "how many of them a fixed seed drew. A change that no test noticed is *harmless* where the reason stands",
        "below, else *open*. The share is of the tried ones that are not harmless. A change that was noticed stays so",
        "as long as its line stands in its function; another is tried again when its module or a test changes.",
        "",
        "| module | made | tried | noticed | harmless | open | share noticed |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    sums = [0] * 5
    survivors: list[tuple[Result, str]] = []
    for module, found in results.items():
        noticed = sum(result.outcome == NOTICED for result in found)
        lived = [result for result in found if result.outcome == SURVIVED]
        told = [(result, harmless.get((result.module, result.code, result.change), "")) for result in lived]
        survivors += told
        fine = sum(bool(why) for _, why in told)
        row = [totals[module], len(found), noticed, fine, len(lived) - fine]
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        out.append(f"| `{module}` | {' | '.join(map(str, row))} | {_share(row)} |")
    out += [f"| all | {' | '.join(map(str, sums))} | {_share(sums)} |", ""]
    if late := sum(result.by == "time" for found in results.values() for result in found):
        out += [
            f"{late} of the noticed ones were noticed because the tests did not end in six times their usual time.",
            "",
        ]
    if missing := sum(left.values()):
        out += [
            f"{missing} changes were not tried: time ran out. Run `make mutation` again; it goes on from there.",
            "",
        ]
    for title, wanted in (("Open", False), ("Harmless", True)):
        rows = [(result, why) for result, why in survivors if bool(why) == wanted]
        if rows:
            out += [f"## {title}", "", *_survivors(rows)]
    return "\n".join(out).rstrip() + "\n"


def _share(row: Sequence[int]) -> str:
    _, tried, noticed, fine, _ = row
    return f"{noticed / (tried - fine):.1%}" if tried > fine else ""


def _survivors(rows: Iterable[tuple[Result, str]]) -> list[str]:
    out = ["| where | change | |", "|---|---|---|"]
    for result, why in rows:
        where = f"`{result.module}` {result.function}".strip()
        out.append(f"| {where} | {result.change.replace('|', chr(92) + '|')} | {why or 'open'} |")
    return [*out, ""]
