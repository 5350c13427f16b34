"""Run the code blocks of a page in a scratch directory and hold their output against what the page shows.

`python -m tools.docs.running PAGE...` runs pages and writes the output that came into them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import yaml
from tools.docs.blocks import Block, blocks_of, reason_of_page

from p2pcredit.contracts.hand_bins import parse_hand_bins
from p2pcredit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WIDTH = "110"
_MASKS = (
    (re.compile(r"\b((?:boosting|scorecard|logistic)-\d{8})-[0-9a-f]{8}\b"), r"\1-H"),
    (re.compile(r"\b(monitoring-\d{4}-\d\d-\d\d)-[0-9a-f]{8}\b"), r"\1-H"),
    (re.compile(r"\bhome_id +[0-9a-f]{8}\b"), "home_id H"),
    (re.compile(r"\bseconds +[\d.,]+"), "seconds S"),
    (re.compile(r"\d+\.\d+"), "N"),
    (re.compile(r"-{3,}"), "---"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Call:
    """One command of a console block and the output that the page shows below it; None where it shows none."""

    command: str
    shown: str | None


def filled(command: str, scratch: Path) -> str:
    """Put a loan and the newest model of the home in the scratch directory for `LOAN_ID` and `MODEL_ID`."""
    models = sorted((path.name for path in scratch.glob("home/model_bank/[a-z]*")), key=_trained_on) or ["MODEL_ID"]
    return command.replace("LOAN_ID", "K-550-0").replace("MODEL_ID", models[-1])


def _trained_on(model_id: str) -> str:
    """Take the date out of a model's id.

    Examples:
        >>> _trained_on("boosting-20220607-46b98f4c")
        '20220607-46b98f4c'
    """
    return model_id.partition("-")[2]


def masked(text: str) -> str:
    """Take out of an output what differs from run to run or from machine to machine: ids, seconds, decimals, blanks.

    Examples:
        >>> masked("seconds   18.7\\nmodel boosting-20220607-46b98f4c 0.647")
        'seconds S model boosting-20220607-H N'
    """
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text.strip()


def calls_of(text: str) -> list[Call]:
    """Split a console block into commands, which follow `$ ` and may go on after a backslash, and their outputs.

    Examples:
        >>> calls_of("$ echo a\\na\\n$ true\\n")
        [Call(command='echo a', shown='a\\n'), Call(command='true', shown=None)]
    """
    calls: list[Call] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        last = next(place for place, line in enumerate(lines) if not line.endswith("\\"))
        output = "\n".join(lines[last + 1 :])
        calls.append(Call("\n".join(lines[: last + 1]), output if output.strip() else None))
    return calls


def run_page(page: Path, scratch: Path) -> list[str]:
    """Run a page's blocks in order.

    Args:
        page: The Markdown file.
        scratch: An empty directory, or one with what the page starts from; commands run there.

    Returns:
        What went wrong, one text per fault; empty where all is as the page says.
    """
    markdown = page.read_text(encoding="utf-8")
    if reason_of_page(markdown):
        return []
    faults: list[str] = []
    program = ""
    for block in blocks_of(markdown):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.kind in ("file", "source"):
            faults += [f"{where}: {fault}" for fault in _put(block, page, scratch)]
        elif block.kind:
            continue
        elif block.language == "console":
            faults += [f"{where}: {fault}" for call in calls_of(block.text) for fault in _called(call, scratch)]
        elif block.language == "python":
            program += block.text
            done = _run([sys.executable, "-c", program], scratch)
            faults += [f"{where}: {done.stderr}"] if done.returncode else []
        else:
            faults += [f"{where}: {fault}" for fault in _read(block)]
    return faults


def rewritten(page: Path, scratch: Path) -> str:
    """Run a page's console blocks and give the page with the outputs that came, where it shows any."""
    lines = page.read_text(encoding="utf-8").split("\n")
    changes: list[tuple[Block, str]] = []
    for block in blocks_of("\n".join(lines)):
        if block.kind in ("file", "source"):
            _put(block, page, scratch)
        elif block.language == "console" and not block.kind:
            text = ""
            for call in calls_of(block.text):
                done = _run(["bash", "-c", call.command], scratch)
                print(f"$ {call.command}\n{done.stdout}{done.stderr}", end="", flush=True)
                text += f"$ {call.command}\n"
                if call.shown is not None:
                    text += (done.stdout + done.stderr).replace(f"{scratch}/", "")
            changes.append((block, text))
    for block, text in reversed(changes):
        lines[block.line : block.end - 1] = [" " * block.indent + line for line in text.rstrip("\n").split("\n")]
    return "\n".join(line.rstrip() for line in lines)


def _put(block: Block, page: Path, scratch: Path) -> list[str]:
    """Write a block as the file that it is; a source stands in the page's own folder too, with the same text."""
    (scratch / block.said).write_text(block.text, encoding="utf-8")
    if block.kind == "file":
        return []
    beside = page.with_suffix("") / block.said
    same = beside.is_file() and beside.read_text(encoding="utf-8") == block.text
    return [] if same else [f"differs from {beside.relative_to(ROOT)}; make them the same"]


def _called(call: Call, scratch: Path) -> list[str]:
    done = _run(["bash", "-c", filled(call.command, scratch)], scratch)
    output = (done.stdout + done.stderr).replace(f"{scratch}/", "")
    if done.returncode:
        return [f"`{call.command}` ended with {done.returncode}:\n{output}"]
    made_here = sys.version_info[:2] == (3, 11)  # other Pythons have other versions of the libraries that train
    if call.shown is not None and made_here and masked(call.shown) != masked(output):
        return [f"`{call.command}` shows\n{call.shown}\nand gives\n{output}\nrun `make docs-outputs`"]
    return []


def _read(block: Block) -> list[str]:
    try:
        if block.language == "toml":
            content = tomllib.loads(block.text)
            if any("reason" in table for table in content.values() if isinstance(table, dict)):
                parse_hand_bins(content, "bins.toml")
            else:
                Settings.model_validate(content)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        else:
            return [f"a block of {block.language or 'no language'} is neither run nor read; mark what it is"]
    except (ValueError, yaml.YAMLError) as error:
        return [str(error)]
    return []


def _run(command: list[str], scratch: Path) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("P2P_", "AIRFLOW", "COV"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{plain.get('PATH', '')}"
    env = {**plain, "PATH": path, "COLUMNS": WIDTH, "TERM": "dumb", "NO_COLOR": "1", "HOME": str(scratch)}
    return subprocess.run(command, cwd=scratch, env=env, capture_output=True, text=True, check=False)


def main(names: list[str]) -> None:
    """Run pages one after the other in one directory, and write the outputs into them."""
    scratch = Path(tempfile.mkdtemp(prefix="docs-"))
    try:
        for name in names:
            page = ROOT / name
            page.write_text(rewritten(page, scratch), encoding="utf-8")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main(sys.argv[1:])
