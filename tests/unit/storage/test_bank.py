from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from p2pcredit.errors import BankError, OutsideHomeError, StorageError
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import CARD_FORMAT, ModelBank

FILES = {"model.json": b'{"points": 3}', "reference.parquet": b"\x00\x01"}
CARD = {"model_id": "m1", "metrics": {"auc": 0.7}}


@pytest.fixture
def bank(tmp_path: Path) -> ModelBank:
    bank = ModelBank(Layout(tmp_path))
    bank.add("m1", FILES, CARD)
    return bank


def test_a_model_is_read_back_as_it_was_added(bank: ModelBank) -> None:
    banked = bank.get("m1")
    assert (banked.model_id, banked.files, banked.card) == ("m1", FILES, {**CARD, "format": CARD_FORMAT})
    assert bank.model_ids() == ["m1"]


def test_an_empty_bank_has_no_models(tmp_path: Path) -> None:
    assert ModelBank(Layout(tmp_path)).model_ids() == []


def test_the_same_model_again_changes_nothing(bank: ModelBank) -> None:
    directory = bank.layout.model("m1")
    before = {path.name: path.stat().st_ino for path in directory.iterdir()}
    bank.add("m1", FILES, CARD)
    assert {path.name: path.stat().st_ino for path in directory.iterdir()} == before


def test_another_model_of_the_same_name_is_refused(bank: ModelBank) -> None:
    with pytest.raises(BankError, match="another model named m1"):
        bank.add("m1", {"model.json": b"{}"}, CARD)
    assert bank.get("m1").files == FILES


@pytest.mark.parametrize("name", ["model.json", "reference.parquet", "card.json"])
def test_an_altered_file_is_named(bank: ModelBank, name: str) -> None:
    with (bank.layout.model("m1") / name).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(BankError, match=f"^{name} of model m1 was altered"):
        bank.get("m1")


@pytest.mark.parametrize("name", ["model.json", "card.json"])
def test_a_missing_file_is_named(bank: ModelBank, name: str) -> None:
    (bank.layout.model("m1") / name).unlink()
    with pytest.raises(BankError, match=f"lacks its file {name}"):
        bank.get("m1")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"{}", b'{"model.json": "x"}', b"\xff"])
def test_a_damaged_manifest_is_said_so(bank: ModelBank, raw: bytes) -> None:
    (bank.layout.model("m1") / "manifest.json").write_bytes(raw)
    with pytest.raises(BankError, match="manifest of model m1 is damaged"):
        bank.get("m1")


def test_an_unknown_model_is_told_which_are_known(bank: ModelBank) -> None:
    with pytest.raises(BankError, match="no model 'm2' in the bank; known are: m1"):
        bank.get("m2")


@pytest.mark.parametrize("model_id", ["../x", "..", "", "m1/../../x", "/tmp"])
def test_an_id_that_leads_out_of_the_bank_is_refused(bank: ModelBank, model_id: str) -> None:
    with pytest.raises(OutsideHomeError):
        bank.get(model_id)
    with pytest.raises(OutsideHomeError):
        bank.add(model_id, FILES, CARD)


def test_a_manifest_that_names_a_path_reads_nothing_outside_the_model(bank: ModelBank, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    manifest = bank.layout.model("m1") / "manifest.json"
    content = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({**content, "../../secret": "0"}))
    with pytest.raises(BankError, match="manifest of model m1 is damaged"):
        bank.get("m1")


def test_a_model_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = ModelBank(Layout(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(StorageError, match="free some space"):
            bank.add("m1", FILES, CARD)
    assert bank.model_ids() == []
    assert [entry.name for entry in bank.layout.model_bank.iterdir()] == [".lock"]
    bank.add("m1", FILES, CARD)
    assert bank.get("m1").files == FILES


def test_what_a_dead_training_left_is_removed_by_the_next_and_never_listed(tmp_path: Path) -> None:
    bank = ModelBank(Layout(tmp_path))
    left = bank.layout.model_bank / ".adding-dead"
    left.mkdir(parents=True)
    (left / "manifest.json").write_text("{}")
    assert bank.model_ids() == []
    bank.add("m1", FILES, CARD)
    assert (bank.model_ids(), left.exists()) == (["m1"], False)


def test_two_processes_that_add_models_at_once_do_not_remove_each_others_files(tmp_path: Path) -> None:
    bank = ModelBank(Layout(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: bank.add(f"m{number}", FILES, {**CARD, "model_id": f"m{number}"}), range(16)))
    assert len(bank.model_ids()) == 16
    assert all(bank.get(model_id).files == FILES for model_id in bank.model_ids())


def test_files_beside_a_model_are_no_part_of_it(tmp_path: Path) -> None:
    bank = ModelBank(Layout(tmp_path))
    bank.add("m1", FILES, CARD, {"evidence.html": b"page"})
    assert bank.get("m1").files == FILES
    assert bank.attachment("m1", "evidence.html") == b"page"
    (bank.layout.model("m1") / "evidence.html").unlink()
    assert bank.get("m1").files == FILES
    with pytest.raises(BankError, match=r"lacks its file evidence\.html; write it anew"):
        bank.attachment("m1", "evidence.html")
    with pytest.raises(BankError):
        bank.attachment("m1", "../../secret")


def test_of_many_models_the_similar_one_and_the_last_are_named(
    bank: ModelBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"boosting-2020010{number}-abc" for number in range(1, 8)]
    monkeypatch.setattr(ModelBank, "model_ids", lambda self: names)
    with pytest.raises(BankError) as caught:
        bank.get("boosting-20200101-abd")
    said = str(caught.value)
    assert "perhaps 'boosting-20200101-abc' was meant" in said
    assert "boosting-20200102-abc" not in said
    assert said.endswith("and 2 earlier ones: see 'p2pcredit models list'")
