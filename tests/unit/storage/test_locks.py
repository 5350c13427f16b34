from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from p2pcredit.errors import ConflictError, StorageError
from p2pcredit.local_airflow.record import locked
from p2pcredit.local_airflow.settings import LocalPaths
from p2pcredit.storage import locks
from p2pcredit.storage.locks import exclusive_lock, shared_lock
from p2pcredit.storage.state.ledger import Ledger

SOURCE = Path(locks.__file__).parents[1]


def test_no_other_module_locks_files() -> None:
    # The second hears of system calls through it, the third appends to what threads write together.
    allowed = {"storage/locks.py", "crash_testing/syscall_filter.py", "storage/panics.py"}
    found = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if "fcntl" in path.read_text()}
    assert found == allowed


def test_a_wait_that_is_over_says_which_lock_which_process_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from p2pcredit.storage.locks import exclusive_lock\n"
        "with exclusive_lock(Path(sys.argv[1]), 'it'):\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConflictError) as told, exclusive_lock(path, "table gold/x", wait_seconds=0.02):
            pass
        known = f"process {holder.pid} holds {path}"
        holder.kill()
    assert str(told.value) == (
        f"another process is at work on table gold/x ({known}); run it again when that has ended, or end it if it hangs"
    )


def test_a_holder_that_the_kernel_does_not_name_is_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_HELD_LOCKS", tmp_path / "none")
    path = tmp_path / "lock"
    with (
        exclusive_lock(path, "it"),
        pytest.raises(ConflictError, match=rf"\(it holds {path}\)"),
        exclusive_lock(path, "it", wait_seconds=0),
    ):
        pass


@pytest.mark.parametrize("which", ["ledger", "airflow"])
def test_every_wait_ends(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def never(handle: int, kind: int, wait_seconds: float) -> bool:
        waited.append(wait_seconds)
        return False

    monkeypatch.setattr(locks, "wait_for_lock", never)
    lock = Ledger(tmp_path).exclusive() if which == "ledger" else locked(LocalPaths(tmp_path))
    with pytest.raises(ConflictError, match="run it again when that has ended"), lock:
        pass
    assert len(waited) == 1
    assert 0 < waited[0] < float("inf")


def test_a_waiting_process_goes_on_as_soon_as_the_lock_is_free(tmp_path: Path) -> None:
    path, taken = tmp_path / "lock", threading.Event()

    def wait() -> None:
        with exclusive_lock(path, "it"):
            taken.set()

    with exclusive_lock(path, "it"):
        rival = threading.Thread(target=wait)
        rival.start()
        assert not taken.is_set()
    rival.join()
    assert taken.is_set()


def test_a_disk_without_locks_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "lock"
    with pytest.raises(StorageError, match=rf"cannot lock {path}: No locks available"), exclusive_lock(path, "it"):
        pass
    with pytest.raises(StorageError, match="cannot lock"), shared_lock(path, "it"):
        pass
