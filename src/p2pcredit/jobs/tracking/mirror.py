"""What an MLflow server is to hold of a home: a run per banked model, and who is champion and challenger.

Nothing here knows MLflow: the plan is made from the ledger and the cards alone, and is the same each time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from p2pcredit.retraining.service import role_of
from p2pcredit.retraining.state import HandoffState
from p2pcredit.storage.state.model_bank import REFERENCE_FILE, ModelArtifacts, card_bytes

CHAMPION, CHALLENGER = "champion", "challenger"
ALIASES = frozenset({CHAMPION, CHALLENGER})
"""The aliases of the registered model that follow the ledger; others are left alone."""
OF_MODEL, OF_HOME, ROLE, COMPLETE = "p2pcredit.model_id", "p2pcredit.home_id", "p2pcredit.role", "p2pcredit.complete"
"""The tags by which runs and versions are found again; `COMPLETE` is set last, so that a torn run is gone on with."""

MODEL_DIRECTORY = "model"
"""Where the files of a model lie among the artifacts of its run; the other files lie above it."""
MOST_CHARACTERS = 500
"""Of a parameter: the least that an MLflow server of any version takes. The card holds all of it."""

_PARAMS = ("family", "target", "origin", "definition", "as_of", "kind", "parent", "champion_id", "device")
_COUNTS = ("matured_loans", "matured_bads", "defaults_learned_from", "unknown_outcomes", "events_of_no_loan")
_OUTSIDE = frozenset({REFERENCE_FILE})
"""Files of a model that name loans: they do not leave the home."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Which models a server is to know, and which of them bear an alias.

    Args:
        roles: Model id -> its role, in the order in which versions are made: oldest training first.
        champion: The model that scores from now on; None before the first.
        challenger: The model that waits for approval, else the newest that was trained since the champion and does not
            serve; None where there is none.
    """

    roles: Mapping[str, str]
    champion: str | None
    challenger: str | None

    def aliases(self) -> dict[str, str]:
        """Map each alias that is borne to its model."""
        borne = {CHAMPION: self.champion, CHALLENGER: self.challenger}
        return {alias: model_id for alias, model_id in borne.items() if model_id in self.roles and model_id is not None}

    def digest(self) -> str:
        """Give a digest that changes exactly where a server would have to."""
        said = [list(self.roles.items()), self.aliases()]
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A training as a run: what MLflow shows of it, and the bytes that it keeps.

    Args:
        model_id: The model; the run bears its name.
        started_at: When it ended, in milliseconds since 1970, by the ledger; None where it knows of no training.
        params: Name -> text.
        metrics: Name -> number; bounds of intervals end in `_low` and `_high`.
        tags: Name -> text.
        files: Path among the artifacts -> bytes.
    """

    model_id: str
    started_at: int | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, bytes] = field(repr=False)


def roles_in(state: HandoffState, banked: list[str]) -> Roles:
    """Say which models of the bank a server is to know, and who bears an alias.

    Args:
        state: What the ledger adds up to.
        banked: The models of the bank, by name.
    """
    known = [model_id for event in state.trainings for model_id in _made_by(event.facts)]
    order = list(dict.fromkeys(one for one in [*known, *banked] if one in set(banked)))
    return Roles({one: role_of(state, one) for one in order}, state.champion, _challenger(state))


def tracked_run(state: HandoffState, model: ModelArtifacts, attachments: Mapping[str, bytes]) -> TrackedRun:
    """Describe the training that made a model.

    Args:
        state: What the ledger adds up to.
        model: The model; its reference loans are left out, since they name loans.
        attachments: Its evidence, by file name.
    """
    card, trainings = model.card, state.trainings_that_made(model.model_id)
    facts = trainings[-1].facts if trainings else {}
    tags = {
        OF_MODEL: model.model_id,
        "p2pcredit.outcome": facts.get("outcome"),
        "p2pcredit.run_id": trainings[-1].run_id if trainings else None,
        "p2pcredit.trained_by": facts.get("by"),
        "mlflow.note.content": card.get("reason"),
    }
    files = {f"{MODEL_DIRECTORY}/{name}": data for name, data in model.files.items() if name not in _OUTSIDE}
    return TrackedRun(
        model.model_id,
        int(datetime.fromisoformat(trainings[-1].at).timestamp() * 1000) if trainings else None,
        dict(_params(card)),
        dict(_metrics(card)),
        {name: str(said) for name, said in tags.items() if said is not None},
        {"card.json": card_bytes(card), **attachments, **files},
    )


def _params(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _PARAMS:
        if card.get(name) is not None:
            yield name, _short(card[name])
    yield "features", _short(card.get("features", []))
    yield from _leaves(card.get("settings", {}), "settings")


def _metrics(card: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in [*dict(card.get("metrics", {})).items(), *((name, card.get(name)) for name in _COUNTS)]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", _short(value)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _challenger(state: HandoffState) -> str | None:
    if state.approvals.waiting:
        return state.approvals.waiting[-1].model_id
    for event in reversed(state.trainings):
        made = _made_by(event.facts)
        found = next((one for one in made if role_of(state, one) == CHALLENGER), None)
        if found is not None or state.champion in made:
            return found
    return None


def _made_by(facts: Mapping[str, Any]) -> list[str]:
    made = (facts.get("model_id"), facts.get("challenger_id"))
    return [str(model_id) for model_id in made if model_id is not None]


__all__ = ["Roles", "TrackedRun", "roles_in", "tracked_run"]
