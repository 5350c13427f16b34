"""The model bank: a directory per model, whole or not there, every file named with its digest, nothing pickled.

The names of a model's files stand here; those of the model itself are its family's own (`ScoringModel.to_files`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from p2pcredit.errors import BankError, StorageError
from p2pcredit.names import perhaps
from p2pcredit.storage.files import disk_error, read_small_file, sync, write_bytes_atomically
from p2pcredit.storage.home_format import mark_home
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock

MANIFEST_FILE = "manifest.json"
"""Every file that makes up the model, with its digest."""
CARD_FILE = "card.json"
"""What the model is, learned from, and can do."""
REFERENCE_FILE = "reference.parquet"
"""The loans it was developed on, with the score it gives them, for monitoring to compare with."""
EVALUATION_PREFIX = "evaluation-"
"""Starts the names of the files of the evaluation model; the rest of a name is the model family's own."""
EVIDENCE_FILE = "evidence.json"
"""Attachment: all facts for and against the model."""
EVIDENCE_PAGE_FILE = "evidence.html"
"""Attachment: the same as a page."""
SWAP_SET_FILE = "swap_set.json"
"""Attachment: who would be approved or declined anew, where a champion served."""

CARD_FORMAT = 2
"""Of the card: which facts it holds under which names. Version 0.1 wrote none, which counts as 1."""

_MOST_MODEL_BYTES = 256 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_LOCK = ".lock"
_ADDING = ".adding-"
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class ModelArtifacts:
    """A model as bytes: what training makes, the bank keeps, and reproducing compares.

    Args:
        model_id: Its name.
        files: What it is made of: the model, its evaluation model, its reference loans.
        card: What it is, learned from, and can do, and whether it earned its place.
        attachments: Files for people, named with their digests in the card; empty where they were not read.
    """

    model_id: str
    files: dict[str, bytes]
    card: dict[str, Any]
    attachments: dict[str, bytes] = field(default_factory=dict)

    @property
    def promoted(self) -> bool:
        """Whether it took over when it was made."""
        return bool(self.card["promoted"])

    @property
    def evaluation_files(self) -> dict[str, bytes]:
        """The files of the evaluation model, under the names that its family gives them; empty where there are none.

        A model is kept as fitted with everything known by then, for a hazard target also with young loans that mature
        later and then measure its challengers. So that neither side has seen the loans that decide, each is held to the
        fit that was measured at its own training.
        """
        return {
            name.removeprefix(EVALUATION_PREFIX): data
            for name, data in self.files.items()
            if name.startswith(EVALUATION_PREFIX)
        }


@dataclass(frozen=True, slots=True)
class ModelBank:
    """The models under one home directory."""

    layout: Layout

    def model_ids(self) -> list[str]:
        """List all models, by name."""
        try:
            entries = list(self.layout.model_bank.iterdir())
        except FileNotFoundError:
            return []
        return sorted(entry.name for entry in entries if (entry / MANIFEST_FILE).is_file() and entry.name[0] != ".")

    def add(
        self,
        model_id: str,
        files: Mapping[str, bytes],
        card: Mapping[str, Any],
        attachments: Mapping[str, bytes] | None = None,
    ) -> None:
        """Put a model into the bank in one move. The same model again changes nothing.

        Args:
            model_id: Its name.
            files: What it is made of; each is checked against its digest whenever the model is read.
            card: What it is, learned from, and can do.
            attachments: Files for people, which lie beside the model and are no part of it: damage to them stops no
                scoring.

        Raises:
            BankError: If another model lies there under that name.
            StorageError: If the disk refuses.
        """
        content = {**files, CARD_FILE: card_bytes(card)}
        content[MANIFEST_FILE] = json_bytes({name: hashlib.sha256(data).hexdigest() for name, data in content.items()})
        target = self.layout.model(model_id)
        mark_home(self.layout.home)
        with exclusive_lock(target.parent / _LOCK, "the model bank"):
            for left in target.parent.glob(f"{_ADDING}*"):  # of a process that died; we hold the lock
                shutil.rmtree(left, ignore_errors=True)
            if not target.exists():
                self._move_in(target, {**(attachments or {}), **content})
            elif self.get(model_id).files != dict(files):
                raise BankError(f"another model named {model_id} lies in the bank already; move it away first")

    @staticmethod
    def _move_in(target: Path, content: Mapping[str, bytes]) -> None:
        temporary: Path | None = None
        try:
            temporary = target.parent / f"{_ADDING}{secrets.token_hex(8)}"
            temporary.mkdir()
            for name, data in content.items():
                write_bytes_atomically(temporary / name, data)
            os.rename(temporary, target)
            temporary = None
            sync(target.parent)
        except OSError as error:
            raise disk_error("write", target, error) from error
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)

    def attachment(self, model_id: str, name: str) -> bytes:
        """Read a file that lies beside a model, as it is now; its digest stands in the card, to check by.

        Raises:
            BankError: If it is not there.
        """
        try:
            return (self.layout.model(model_id) / Path(name).name).read_bytes()
        except OSError as error:
            raise BankError(
                f"model {model_id} lacks its file {name}; write it anew with 'p2pcredit models evidence --out'"
            ) from error

    def get(self, model_id: str) -> ModelArtifacts:
        """Load a model, every file checked against its digest.

        Raises:
            BankError: If it is missing, incomplete or altered.
        """
        directory = self.layout.model(model_id)
        try:
            raw = read_small_file(directory / MANIFEST_FILE)
        except FileNotFoundError as error:
            raise BankError(_no_model(model_id, self.model_ids())) from error
        try:
            manifest: dict[str, str] = dict(json.loads(raw))
            manifest[CARD_FILE]
            if not all(_PLAIN_NAME.fullmatch(name) for name in manifest):
                raise ValueError("a file name that leads elsewhere")
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise BankError(f"the manifest of model {model_id} is damaged; restore it from a backup") from error
        files: dict[str, bytes] = {}
        for name, digest in manifest.items():
            try:
                files[name] = read_small_file(directory / name, at_most=_MOST_MODEL_BYTES)
            except FileNotFoundError as error:
                raise BankError(f"model {model_id} lacks its file {name}; restore it from a backup") from error
            except StorageError as error:
                raise BankError(f"{name} of model {model_id}: {error}") from error
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise BankError(
                    f"{name} of model {model_id} was altered since it was written; restore it from a backup"
                )
        return ModelArtifacts(model_id, files, _read_card(model_id, files.pop(CARD_FILE)))


def _no_model(model_id: str, known: list[str]) -> str:
    """Say that there is no such model, with the similar one; of many models only the last are named."""
    named = ", ".join(known[-_MOST_NAMED:]) or "none"
    several = f" and {len(known) - _MOST_NAMED} earlier ones: see 'p2pcredit models list'"
    return f"there is no model '{model_id}' in the bank{perhaps(model_id, known)}; known are: {named}" + (
        several if len(known) > _MOST_NAMED else ""
    )


def _read_card(model_id: str, raw: bytes) -> dict[str, Any]:
    try:
        card: dict[str, Any] = dict(json.loads(raw))
        if card.get("model_id", model_id) != model_id:
            raise ValueError("another model's card")
        found = card.get("format", 1)
        if "as_of" in card:
            date.fromisoformat(card["as_of"])
    except (TypeError, ValueError, RecursionError) as error:
        raise BankError(f"the card of model {model_id} is damaged; restore it from a backup") from error
    if found != CARD_FORMAT:
        raise BankError(
            f"the card of model {model_id} has format {found}; this version reads format {CARD_FORMAT}: "
            "use the version that made it, or train the model anew"
        )
    return card


def card_bytes(card: Mapping[str, Any]) -> bytes:
    """Write a card as the bank keeps it, with its format."""
    return json_bytes({**card, "format": CARD_FORMAT})


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Encode JSON with sorted keys, so that equal content has equal bytes."""
    return json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1).encode() + b"\n"
