"""What `model.json` holds of every model, whatever its family, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from p2pcredit.models.calibration import Calibration
from p2pcredit.models.family import SCHEMA_VERSION
from p2pcredit.models.reference_borrower import ReferenceBorrower
from p2pcredit.models.training_support import Support, support_as_json


class Described(Protocol):
    """A model with the parts that every `model.json` holds."""

    @property
    def family(self) -> str:
        """The name of its family."""

    @property
    def target(self) -> str:
        """The target that it was fitted to."""

    @property
    def calibration(self) -> Calibration:
        """Slope and intercept from margin to log-odds."""

    @property
    def neutral(self) -> ReferenceBorrower:
        """The reference borrower."""

    @property
    def support(self) -> Support:
        """The support of its training data, by feature."""


def write_model_json(model: Described, own: Mapping[str, Any]) -> bytes:
    """Write a model as JSON with sorted keys, the same bytes for the same model.

    Args:
        model: The model.
        own: What its family adds, as plain JSON values.

    Raises:
        ValueError: If a number is NaN or infinite.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "family": model.family,
        "target": model.target,
        "calibration": model.calibration.as_json(),
        "neutral": model.neutral,
        "support": support_as_json(model.support),
        **own,
    }
    return (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


__all__ = ["Described", "write_model_json"]
