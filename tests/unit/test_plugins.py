"""Registries: what is built in and what other packages bring, and every way in which a plugin can be broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from p2pcredit import plugins
from p2pcredit.errors import PluginError, SettingsError, UsageError
from p2pcredit.jobs.checked_settings import settings_of
from p2pcredit.models.registry import FAMILIES, family_named
from p2pcredit.monitoring.policies.registry import POLICIES
from p2pcredit.monitoring.registry import METRICS
from p2pcredit.platforms.registry import PLATFORMS, profile_named

REGISTRIES = (FAMILIES, PLATFORMS, METRICS, POLICIES)
Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with one module and one entry point, as an installer leaves it on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    plugins.entry_points.cache_clear()
    modules = []

    def put(package: str, entry: str, code: str) -> None:
        group, _, rest = entry.partition(" ")
        module = package.replace("-", "_")
        modules.append(module)
        (site / f"{module}.py").write_text(code)
        about = site / f"{module}-1.2.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (about / "entry_points.txt").write_text(f"[{group}]\n{rest.replace('MODULE', module)}\n")
        plugins.entry_points.cache_clear()

    yield put
    plugins.entry_points.cache_clear()
    for module in modules:
        sys.modules.pop(module, None)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.what)
def test_every_built_in_name_loads_and_has_the_shape_that_is_asked_of_others(registry: plugins.Registry[Any]) -> None:
    for name in registry.built_in:
        registry.require(name)
        registry.check(name, registry.load(name))


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.what)
def test_a_name_that_does_not_exist_is_refused_with_the_similar_one_and_the_list(
    registry: plugins.Registry[Any],
) -> None:
    name = registry.names()[0]
    message = f"there is no {registry.what} '{name}_', perhaps '{name}' was meant; known are {name}"
    with pytest.raises(registry.unknown, match=message):
        registry.load(f"{name}_")


def test_a_package_that_cannot_be_imported_is_named(install: Install) -> None:
    install("odd-credit", "p2pcredit.families forest = MODULE:Forest", "import a_library_that_is_not_there")
    assert FAMILIES.names() == ("scorecard", "boosting", "forest")
    said = (
        r"the family 'forest' of the package odd-credit 1\.2 cannot be imported \(ModuleNotFoundError: "
        r"No module named 'a_library_that_is_not_there'\); mend that package, or uninstall it"
    )
    with pytest.raises(PluginError, match=said):
        family_named("forest")


def test_a_package_that_ends_the_program_as_it_is_imported_is_named_too(install: Install) -> None:
    install("odd-credit", "p2pcredit.metrics rank = MODULE:rank", "raise SystemExit('bye')")
    with pytest.raises(PluginError, match=r"the package odd-credit 1\.2 cannot be imported \(SystemExit"):
        METRICS.load("rank")


def test_a_family_without_a_part_or_with_another_name_is_refused_with_its_package(install: Install) -> None:
    install("part-credit", "p2pcredit.families forest = MODULE:Forest", "class Forest:\n    name = 'forest'\n")
    with pytest.raises(PluginError, match=r"'forest' of the package part-credit 1\.2 has no 'title', .*'fit'"):
        family_named("forest")
    code = "from p2pcredit.models.family import Family\nclass Ivy(Family):\n    name = 'oak'\n    title = 'ivy'\n"
    install("ivy-credit", "p2pcredit.families ivy = MODULE:Ivy", code)
    with pytest.raises(PluginError, match=r"the package ivy-credit 1\.2 is no class whose 'name' is 'ivy'"):
        family_named("ivy")


def test_a_name_that_is_built_in_is_refused_where_it_would_be_used_and_scoring_goes_on(install: Install) -> None:
    install("bold-credit", "p2pcredit.families scorecard = MODULE:Scorecard", "Scorecard = object")
    with pytest.raises(PluginError, match=r"the package bold-credit 1\.2 adds the family 'scorecard' .* built in"):
        FAMILIES.require("scorecard")
    assert family_named("scorecard").title == "points scorecard"


def test_two_packages_with_one_name_are_both_named(install: Install) -> None:
    install("a-credit", "p2pcredit.platforms shared = MODULE:make", "make = dict")
    install("b-credit", "p2pcredit.platforms shared = MODULE:make", "make = dict")
    with pytest.raises(PluginError, match=r"packages a-credit 1\.2 and b-credit 1\.2 both add the platform 'shared'"):
        profile_named("shared")


def test_a_package_found_twice_on_the_path_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EntryPoints([EntryPoint("one", "somewhere:one", "p2pcredit.policies")] * 2)
    monkeypatch.setattr(plugins, "entry_points", lambda group: found)
    POLICIES.require("one")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def make(today):\n    raise OSError('no net')", r"gave no profile \(OSError: no net\)"),
        ("def make(today):\n    return object()", "has no 'name', 'remedies', 'expected', 'read_on', 'parts'"),
        (
            "def make(today):\n    from p2pcredit.platforms.synthetic.profile import Synthetic\n    return Synthetic()",
            "gave a profile named 'synthetic', where 'mine' belongs",
        ),
        ("make = 7", "has no '__call__'"),
    ],
)
def test_a_platform_that_gives_no_profile_is_refused_with_its_package(install: Install, code: str, said: str) -> None:
    install("my-credit", "p2pcredit.platforms mine = MODULE:make", code)
    with pytest.raises(PluginError, match=rf"the platform 'mine' of the package my-credit 1\.2 {said}"):
        profile_named("mine")
    with pytest.raises(
        UsageError,
        match="known are bondora, lendingclub, loan_tape, mintos, prosper, synthetic, mine; or name a YAML file",
    ):
        profile_named("main_street")


def test_settings_that_name_a_family_that_is_not_installed_are_refused_at_once(
    tmp_path: Path, install: Install
) -> None:
    text = '[training]\nfamilies = ["scorecard", "forest"]\npreferred_family = "scorecard"\n'
    (tmp_path / "p2pcredit.toml").write_text(text)
    with pytest.raises(SettingsError, match="there is no family 'forest'; known are scorecard, boosting"):
        settings_of(tmp_path)
    install("odd-credit", "p2pcredit.families forest = MODULE:Forest", "import a_library_that_is_not_there")
    assert settings_of(tmp_path).training.families == ("scorecard", "forest")  # by its name, without importing it


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("families = []", "setting 'training.families'"),
        ('families = ["boosting", "boosting"]', "families names 'boosting' twice; name each family once"),
        (
            'families = ["scorecard"]\npreferred_family = "boosting"',
            "preferred_family is 'boosting'; write 'simplest', or one that families names, 'scorecard'",
        ),
    ],
)
def test_families_that_contradict_each_other_are_refused(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "p2pcredit.toml").write_text(f"[training]\n{line}\n")
    with pytest.raises(SettingsError, match=said):
        settings_of(tmp_path)


def test_listing_all_names_imports_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from p2pcredit.models.registry import FAMILIES\n"
        "from p2pcredit.platforms.registry import PLATFORMS\n"
        "from p2pcredit.monitoring.policies.registry import POLICIES\n"
        "print(FAMILIES.names(), PLATFORMS.names(), POLICIES.names())\n"
        "print([name for name in ('xgboost', 'sklearn', 'scipy', 'altair', 'airflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
