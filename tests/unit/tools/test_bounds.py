"""What the package allows of its dependencies: no lower than was tried, and what others pin. Asks no index."""

from __future__ import annotations

import pytest
from tools.bounds import ROOT, airflow_constraints, allowed, is_allowed, lower_bound, pins, release, tried

ALLOWED = allowed()
LOCKED = pins((ROOT / "requirements.lock").read_text(encoding="utf-8"))
DEPLOYED = pins((ROOT / "deploy" / "requirements.lock").read_text(encoding="utf-8"))
BESIDE = pins((ROOT / "tools" / "mlflow.lock.txt").read_text(encoding="utf-8"))
"""What is installed apart, since it refuses pins that Airflow needs."""


@pytest.mark.parametrize("name", ALLOWED)
def test_the_lowest_version_that_is_allowed_was_tried(name: str) -> None:
    bounds, extra = ALLOWED[name]
    if extra in {"airflow", "celery", "export", "kubernetes", "mlflow", "serve", "spark", "warehouse"}:
        pytest.skip("tried at what is locked; the page of versions says so")
    lowest = tried()["lowest"]["versions"][name]
    wanted = release(lower_bound(bounds))
    assert release(lowest)[: len(wanted)] == wanted, "run 'make bounds'"


def test_what_airflows_constraints_pin_is_allowed() -> None:
    pinned = airflow_constraints()["versions"]
    assert len(pinned) >= 15
    refused = {name: version for name, version in pinned.items() if not is_allowed(version, ALLOWED[name][0])}
    assert refused == {}


def test_what_is_locked_is_allowed() -> None:
    both = {name: LOCKED.get(name, []) + DEPLOYED.get(name, []) + BESIDE.get(name, []) for name in ALLOWED}
    assert [name for name, versions in both.items() if not versions] == []
    assert {name for name, found in both.items() if not all(is_allowed(v, ALLOWED[name][0]) for v in found)} == set()


def test_the_lock_has_nothing_that_the_fab_and_amazon_providers_refuse() -> None:
    for lock in (LOCKED, DEPLOYED):
        assert all(is_allowed(version, "<3") for version in lock["python-dateutil"]), "run 'make lock'"


def test_the_lock_has_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert text.count("--hash=sha256:") >= len(LOCKED)
