"""Build the documentation site: `python -m tools.docs.site [DIRECTORY]`, default `build/site`.

The Markdown of `docs/` links to files of the project beside it, as readers of the repository need. So the pages are
first put together in one tree, with those files in it and the links turned to them, and Zensical builds that tree
strictly: a link to a page or heading that is not there ends the build. Nothing comes from the network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
BESIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "bench/how-it-is-measured.md",
    "bench/results/benchmark.md": "bench/benchmark.md",
    "bench/results/benchmark.svg": "bench/benchmark.svg",
    "bench/results/airflow.md": "bench/airflow.md",
}
"""Files beside `docs/` that the site holds too, and where."""

TITLES = {
    "reference/commands.md": "Commands",
    "bench/how-it-is-measured.md": "How it is measured",
    "bench/benchmark.md": "Us and our peers",
}
"""What the navigation calls a page whose first heading does not tell it from others."""

STYLE = "site.css"

_SECTIONS: tuple[tuple[str, str, dict[str, tuple[str, ...]]], ...] = (
    (
        "How to",
        "how-to",
        {
            "Begin": ("install", "your-own-platform", "cookbook-of-books", "use-from-python", "notebook"),
            "Run every night": (
                "run-on-your-airflow",
                "deploy",
                "pages-in-airflow",
                "share-a-home",
                "try-your-volume",
                "back-up-a-home",
                "run-on-spark",
            ),
            "Score": ("score-an-application", "serve-scores", "export-a-model", "loans-outside-training"),
            "Look and decide": (
                "look-at-the-pages",
                "decide-by-hand",
                "follow-the-money",
                "look-at-applicants",
                "tell-other-servers",
            ),
            "Answer for models": ("defend-a-model", "govern-models", "set-bins-by-hand", "tell-a-borrower-why"),
            "Change the code": ("extend",),
        },
    ),
    (
        "Reference",
        "reference",
        {
            "Interfaces": ("commands", "api", "settings", "mapping", "landing-files", "tables", "week-results"),
            "At work": ("home", "pipelines", "alerts", "exit-codes", "what-happens-when", "what-fits"),
            "The code": ("rooms", "versions"),
            "Measured": (),
        },
    ),
    (
        "Explanation",
        "explanation",
        {"": ("time", "maturity", "rebuilt-events", "hand-off", "champion-and-challenger", "weekly-report", "replay")},
    ),
)
"""Title, folder, and the pages by group, in order; pages that no group names follow in the last, by title."""

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
_THEME = """\
[project.theme]
font = false
features = [
  "navigation.tabs", "navigation.sections", "navigation.indexes", "navigation.top", "content.code.copy",
  "toc.follow", "search.highlight"
]

[[project.theme.palette]]
scheme = "default"
media = "(prefers-color-scheme: light)"

[[project.theme.palette]]
scheme = "slate"
media = "(prefers-color-scheme: dark)"

[project.extra]
generator = false
"""


def assemble(source: Path) -> None:
    """Put the pages together in one tree.

    Args:
        source: Directory to make; what lies there is removed.

    Raises:
        ValueError: If a link leads to a file that is not there.
    """
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source)
    places = {f"docs/{page.relative_to(source)}": page for page in source.rglob("*")}
    for name, place in BESIDE.items():
        (source / place).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, source / place)
    shutil.copyfile(Path(__file__).with_name(STYLE), source / STYLE)
    places |= {name: source / place for name, place in BESIDE.items()}
    for name, page in places.items():
        if page.suffix == ".md" and page.is_file():
            text = page.read_text(encoding="utf-8")
            page.write_text(_turned(text, name, page, places), encoding="utf-8")


def _turned(text: str, name: str, page: Path, places: dict[str, Path]) -> str:
    """Turn the links of one page from the tree of the project to that of the site; links to its code become text."""

    def turn(link: re.Match[str]) -> str:
        target = link["target"]
        if ":" in target:
            return link[0]
        meant = os.path.normpath(PurePosixPath(name).parent / target)
        found = places.get(meant) or places.get(f"{meant}/README.md")
        if found is not None and found.is_dir():
            found = found / "README.md"
        if found is not None and found.is_file():
            return f"[{link['text']}]({os.path.relpath(found, page.parent)}{link['anchor'] or ''})"
        if (ROOT / meant).exists():
            return link["text"]
        raise ValueError(f"{name}: the link to {target} leads to nothing; mend it")

    return _LINK.sub(turn, text)


def title_of(page: Path) -> str:
    """Give the first heading of a page without its code marks."""
    line = next(line for line in page.read_text(encoding="utf-8").split("\n") if line.startswith("# "))
    return line[2:].replace("`", "")


def navigation(source: Path) -> list[dict[str, object]]:
    """Put the pages in order for the navigation of the site."""
    found: list[dict[str, object]] = [{"Home": "index.md"}, {"Tutorial": "tutorial.md"}]
    for title, folder, groups in _SECTIONS:
        pages = {page.stem: page for page in sorted((source / folder).glob("*.md"), key=title_of)}
        grouped = {group: [pages.pop(stem) for stem in stems if stem in pages] for group, stems in groups.items()}
        grouped[next(reversed(grouped))] += pages.values()
        entries = {group: [_entry(page, source) for page in some] for group, some in grouped.items() if some}
        found.append({title: entries.get("") or [{group: listed} for group, listed in entries.items()]})
    measured = [source / place for place in BESIDE.values() if place.startswith("bench/") and place.endswith(".md")]
    found.append({"Benchmarks": ["benchmarks.md", *(_entry(page, source) for page in measured)]})
    records = sorted((source / "decisions").glob("[0-9]*.md"))
    found.append({"Decisions": ["decisions/README.md", *(_entry(page, source) for page in records)]})
    more = ("glossary.md", "changelog.md", "contributing.md", "security.md")
    found.append({"More": [_entry(source / name, source) for name in more]})
    return found


def _entry(page: Path, source: Path) -> dict[str, str]:
    place = page.relative_to(source).as_posix()
    return {TITLES.get(place) or title_of(page): place}


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def build(site: Path) -> None:
    """Build the site into a directory.

    Raises:
        RuntimeError: If Zensical ends with an error or warns of anything.
    """
    work = site.parent
    source = work / f"{site.name}-source"
    assemble(source)
    shutil.rmtree(site, ignore_errors=True)
    head = {
        "site_name": "P2PCreditScore",
        "docs_dir": source.name,
        "site_dir": site.name,
        "use_directory_urls": False,
        "extra_css": [STYLE],
        "nav": navigation(source),
    }
    lines = ["[project]", *(f"{key} = {_toml(value)}" for key, value in head.items()), _THEME]
    (work / "zensical.toml").write_text("\n".join(lines), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    if done.returncode or "warning" in said.lower():
        raise RuntimeError(f"the site does not build without warnings:\n{said}")


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()
    where.parent.mkdir(parents=True, exist_ok=True)
    try:
        build(where)
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error))
    print(f"open {where / 'index.html'}")
