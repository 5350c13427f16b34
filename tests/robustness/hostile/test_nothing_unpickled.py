"""Nothing is unpickled or evaluated, and YAML makes no objects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import pytest
from tests.robustness.hostile.conftest import Run, every_job

import p2pcredit
from p2pcredit.engines.rows import program
from p2pcredit.errors import UsageError
from p2pcredit.platforms.mapped.profile import load_mapping

pytestmark = pytest.mark.torture
PACKAGE = Path(p2pcredit.__file__).parent
MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle", "torch"}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
GENERATED = {"program.py": ["compile", "exec"]}
"""Module -> what it calls on source that it writes itself; see the test of that source."""
METHODS = {"read_pickle", "to_pickle", "unsafe_load", "full_load", "load_all", "load_pickle", "system", "popen"}


def findings(source: str, name: str = "") -> Iterator[str]:
    """What in this source could run what a file says."""
    for node in ast.walk(ast.parse(source)):
        at = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            yield from (f"{at} {alias.name}" for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"{at} {node.module}"
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in CALLS:
                yield f"{at} {called.id}"
            if isinstance(called, ast.Attribute):
                of = called.value.id if isinstance(called.value, ast.Name) else ""
                if (
                    called.attr in METHODS
                    or (of == "yaml" and called.attr == "load")
                    or (of, called.attr) == ("np", "load")
                ):
                    yield f"{at} {of}.{called.attr}"
            for keyword in node.keywords:
                if keyword.arg in {"allow_pickle", "shell"} and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    yield f"{at} {keyword.arg}"


def test_no_module_of_the_package_can_run_what_a_file_says(torture: Any) -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 100
    found = {path.name: [one.split()[-1] for one in findings(path.read_text(), path.name)] for path in modules}
    assert {name: sorted(calls) for name, calls in found.items() if calls} == GENERATED
    torture.record("unpickling and evaluation in the source", len(modules))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import torch.serialization",
        "eval('1')",
        "exec(x)",
        "np.load(p, allow_pickle=True)",
        "np.load(p)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
        "pd.read_pickle(p)",
        "subprocess.run(x, shell=True)",
        "os.system(x)",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(findings(source))


@pytest.mark.parametrize("text", ["'); import os; os.abort() #", "{0}", "\n import os", "k1", '""" + x'])
def test_no_value_comes_into_source_that_is_written_here(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def noting(source: str, *more: Any) -> Any:
        written.append(source)
        return compile(source, *more)

    monkeypatch.setattr(program, "compile", noting, raising=False)
    made = program.RowProgram()
    column = made.given(text)
    asked = nw.col(text).str.strip_chars(text).str.contains(text, literal=True) | nw.col(text).is_in([text])
    name, slot = made.add((~asked).alias(text), {text: column})
    assert name == text
    assert made.function([slot])({text: "zzz"}) == (True,)
    words = set(re.findall(r"[a-z_]+[0-9]*", written[0]))
    plain = {"def", "calculate", "row", "return", "if", "else", "is", "not", "or", "in", "None", "one", "rue", "alse"}
    assert {word for word in words if not re.fullmatch("[kv][0-9]+", word)} <= plain | {"strip"}


POISON = """
import pickle, _pickle
class Poisoned(pickle._Unpickler):
    def __init__(self, *a, **k): raise RuntimeError("something was unpickled")
def poisoned(*a, **k): raise RuntimeError("something was unpickled")
for module in (pickle, _pickle):
    module.loads = module.load = poisoned
    module.Unpickler = Poisoned
pickle._loads = pickle._load = poisoned
pickle._Unpickler = Poisoned
"""


def test_every_job_does_its_work_where_unpickling_is_an_error(run: Run, home: Path, raw_download: Path) -> None:
    ran = run(home, *every_job(home, raw_download), preamble=POISON)
    assert [outcome.stderr + outcome.traceback for outcome in ran.outcomes if outcome.code] == []


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch made']",
        "!!python/object:p2pcredit.settings.Settings {}",
        "!!python/name:os.system",
        "!!python/module:os",
        "!unknown x",
    ],
)
def test_yaml_makes_no_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(f"name: {tag}\n")
    with pytest.raises(
        UsageError, match="is not YAML in line 1, column 7: could not determine a constructor"
    ) as caught:
        load_mapping(tmp_path / "p.yaml")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)) + "feeds: *a39\n"


@pytest.mark.parametrize("content", ["[" * 5_000, "a: " * 5_000, LAUGHS, "x" * (2 << 20)], ids=range(4))
def test_a_yaml_bomb_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "p.yaml").write_text(content)
    with pytest.raises(UsageError) as caught:
        load_mapping(tmp_path / "p.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2_000
