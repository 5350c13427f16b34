"""Settings of governance: who must be named, whether a promotion waits for approval, and which servers are told."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

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


_WEB_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
_HEADER_TEXT = re.compile(r"[\x21-\x7e]*")


class TrackingSettings(Group):
    """Which servers are told of models and weeks.

    No card holds this group, since some of it may be secret, and none of it makes a model.
    """

    mlflow_uri: SecretStr = Field(
        SecretStr(""),
        description="Tracking URI of an MLflow server, such as `https://mlflow.example.org`, that is kept in step with "
        "bank and ledger; empty for none. Credentials belong into MLflow's own variables, such as "
        "`MLFLOW_TRACKING_TOKEN`. Needs the extra `mlflow`.",
    )
    mlflow_experiment: str = Field(
        "P2PCreditScore", min_length=1, max_length=200, description="Name of the experiment that the runs belong to."
    )
    mlflow_model: str = Field(
        "p2p-credit-score",
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Name of the registered model whose aliases `champion` and `challenger` follow the ledger; give "
        "each home one of its own.",
    )
    results_url: SecretStr = Field(
        SecretStr(""),
        description="Address to which each week's results are posted as JSON, `https://` or `http://`; empty for none.",
    )
    results_token: SecretStr = Field(
        SecretStr(""), description="Sent with the week's results as `Authorization: Bearer`; empty sends none."
    )
    deadline_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Longest that a step waits for one of these servers; what was not done by then is made up later.",
    )

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        address = self.results_url.get_secret_value()
        if address and not _WEB_ADDRESS.fullmatch(address):
            raise ValueError("results_url is no address of the web; write one that begins with https://")
        if not _HEADER_TEXT.fullmatch(self.results_token.get_secret_value()):
            raise ValueError("results_token holds what no header may; write it in plain letters, without blanks")
        return self
