"""The model bank: a directory per model, whole or not there, every file named with its digest, nothing pickled."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from p2pcredit.errors import BankError, StorageError
from p2pcredit.names import perhaps
from p2pcredit.storage.files import disk_error, read_small_file, sync, write_bytes_atomically
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock

REFERENCE_FILE = "reference.parquet"
"""Of a model: the loans it was developed on, with the score it gives them, for monitoring to compare with."""

_MANIFEST = "manifest.json"
_CARD = "card.json"
_MOST_MODEL_BYTES = 256 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_LOCK = ".lock"
_ADDING = ".adding-"
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class BankedModel:
    """A model as it lies in the bank: its files by name, and its card (what it is, learned from, and can do)."""

    model_id: str
    files: dict[str, bytes]
    card: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelBank:
    """The models under one home directory."""

    layout: Layout

    def model_ids(self) -> list[str]:
        """All models, by name."""
        try:
            entries = list(self.layout.model_bank.iterdir())
        except FileNotFoundError:
            return []
        return sorted(entry.name for entry in entries if (entry / _MANIFEST).is_file() and entry.name[0] != ".")

    def add(
        self,
        model_id: str,
        files: Mapping[str, bytes],
        card: Mapping[str, Any],
        beside: Mapping[str, bytes] | None = None,
    ) -> None:
        """Put a model into the bank in one move. The same model again changes nothing.

        Args:
            model_id: Its name.
            files: What it is made of; each is checked against its digest whenever the model is read.
            card: What it is, learned from, and can do.
            beside: Files for people, which lie beside the model and are no part of it: damage to them stops no scoring.

        Raises:
            BankError: If another model lies there under that name.
            StorageError: If the disk refuses.
        """
        content = {**files, _CARD: json_bytes(card)}
        content[_MANIFEST] = json_bytes({name: hashlib.sha256(data).hexdigest() for name, data in content.items()})
        target = self.layout.model(model_id)
        with exclusive_lock(target.parent / _LOCK, "the model bank"):
            for left in target.parent.glob(f"{_ADDING}*"):  # of a process that died; we hold the lock
                shutil.rmtree(left, ignore_errors=True)
            if not target.exists():
                self._move_in(target, {**(beside or {}), **content})
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

    def beside(self, model_id: str, name: str) -> bytes:
        """A file that lies beside a model, as it is now; its digest is for whoever reads the card to check.

        Raises:
            BankError: If it is not there.
        """
        try:
            return (self.layout.model(model_id) / Path(name).name).read_bytes()
        except OSError as error:
            raise BankError(
                f"model {model_id} lacks its file {name}; write it anew with 'p2pcredit models evidence --out'"
            ) from error

    def get(self, model_id: str) -> BankedModel:
        """A model, every file checked against its digest.

        Raises:
            BankError: If it is missing, incomplete or altered.
        """
        directory = self.layout.model(model_id)
        try:
            raw = read_small_file(directory / _MANIFEST)
        except FileNotFoundError as error:
            raise BankError(_no_model(model_id, self.model_ids())) from error
        try:
            manifest: dict[str, str] = dict(json.loads(raw))
            manifest[_CARD]
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
        return BankedModel(model_id, files, _read_card(model_id, files.pop(_CARD)))


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
        if "as_of" in card:
            date.fromisoformat(card["as_of"])
        return card
    except (TypeError, ValueError, RecursionError) as error:
        raise BankError(f"the card of model {model_id} is damaged; restore it from a backup") from error


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, so that equal content has equal bytes."""
    return json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1).encode() + b"\n"
