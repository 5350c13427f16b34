"""Settings of governance: who must be named."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from p2pcredit.settings.group import Group


class GovernanceSettings(Group):
    """Who answers for models and decisions.

    No card holds this group: it says who may let a model serve, and nothing of how one is made.
    """

    names: Literal["login", "required"] = Field(
        "login",
        description="Whose name an act of a person bears that gives none with `--by`: `login` takes the name of the "
        "account, `required` refuses the act.",
    )
