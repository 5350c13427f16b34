"""What every group of settings has in common: frozen, no unknown name, no yes or no for a number, finite numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Group(BaseModel):
    """Base of the groups. Wrong input is never shown, since it may be the address of a channel."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError(
                f"{str(value).lower()} is no value here, no setting is a yes or no; write a number or a text"
            )
        return value


def check_bads_among_loans(bads: int, loans: int) -> None:
    """Check that the least number of loans leaves room for goods beside the least number of bads.

    Raises:
        ValueError: If it leaves no good loan.
    """
    if bads >= loans:
        raise ValueError(
            f"min_matured_bads is {bads} and min_matured_loans {loans}, which leaves no good loan; raise the loans or "
            "lower the bads"
        )
