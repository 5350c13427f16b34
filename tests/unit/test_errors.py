from __future__ import annotations

import re
from types import ModuleType

import pytest

from p2pcredit import errors
from p2pcredit.errors import MissingExtraError, MissingFeedError, P2PCreditError


def classes() -> dict[str, type[BaseException]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }


def drawn() -> dict[str, str]:
    """Child to parent, as the docstring draws it."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in str(errors.__doc__).splitlines():
        match = re.match(r"^    ((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+Error)\b", line)
        if match is None:
            continue
        depth = len(match[1]) // 4 + ("── " in line)
        path[depth:] = [match[2]]
        if depth:
            parents[match[2]] = path[depth - 1]
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    real = {
        name: next(base.__name__ for base in cls.__bases__ if issubclass(base, P2PCreditError))
        for name, cls in classes().items()
        if cls is not P2PCreditError
    }
    assert drawn() == real
    assert len(real) == len(errors.__all__) - 1


def test_all_names_exactly_the_public_names() -> None:
    imported = {"annotations", "ClassVar"}
    public = {
        name
        for name, value in vars(errors).items()
        if not name.startswith("_") and name not in imported and not isinstance(value, ModuleType)
    }
    assert sorted(public) == errors.__all__


def test_only_what_can_heal_by_itself_is_tried_again() -> None:
    healing = {name for name, cls in classes().items() if getattr(cls, "retryable", False)}
    assert healing == {"MissingFeedError", "MissingHomeError", "ConflictError", "ServiceError"}


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "MissingExtraError"])
def test_every_error_shows_its_message_plainly(name: str) -> None:
    assert str(classes()[name]("one line")) == "one line"


def test_a_missing_feed_shows_the_message_and_not_a_file_name() -> None:
    assert str(MissingFeedError("feed 'x' is late")) == "feed 'x' is late"
    assert str(MissingFeedError()) == ""


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("the demo", "airflow")
    assert error.extra == "airflow"
    assert str(error) == (
        "the demo needs the extra 'airflow': pip install 'WHEEL[airflow]', where WHEEL is the wheel file "
        "that this was installed from"
    )
