"""Settings of governance: who must be named, whether a promotion waits for approval, when a model is reviewed."""

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
        "account, `required` refuses the act. With an `approval` other than `none` it is refused too.",
    )
    approval: Literal["none", "named", "four_eyes"] = Field(
        "none",
        description="What a promotion needs before its model serves, whether a training made it or a person: `none` "
        "lets it serve at once, `named` waits for `models approve` by a named person, `four_eyes` for one who neither "
        "developed nor trained nor promoted the model. The ledger line of a promotion keeps what it needs, so a change "
        "of this setting counts for later promotions.",
    )
    developer: str = Field(
        "",
        description="Who answers for the development of the models that the schedule trains; `four_eyes` refuses "
        "this name as approver's. Empty: who trained by hand, and of scheduled trainings no person.",
    )
    review_months: int = Field(
        12,
        ge=1,
        le=120,
        description="Months after which the model that serves is to be reviewed again, counted from its last approval; "
        "from its first day of service where no person approved it.",
    )
    notice_days: int = Field(
        30,
        ge=1,
        le=366,
        description="Days before an approval ends, or a review is due, from which on that is said.",
    )
