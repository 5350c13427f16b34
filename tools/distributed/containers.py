"""Run a command as in a container, by mounts of its own: read-only root, home, secrets and a private /tmp.

No image is used: the machine's own files are the root file system, and the environment of the checkout is what runs. A
directory that is closed to other users (root's own, where its Python may lie) is replaced by an empty one in which only
what is needed appears.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

EMPTY = {"/opt": "0755", "/run": "0755", "/tmp": "1777"}
"""Directories that begin empty in a container, with their modes."""


def why_impossible() -> str | None:
    """Return why this machine does not allow a process mounts of its own; None where it does."""
    try:
        done = subprocess.run(["unshare", "--mount", "setpriv", "--version"], capture_output=True, text=True)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    return None if done.returncode == 0 else f"no mounts of its own for a process: {done.stderr.strip()}"


def contained(
    command: list[str], place: Path, mounts: Mapping[str, Path], user: int, group: int, root: Path
) -> list[str]:
    """Wrap a command so that it runs contained.

    Args:
        command: Program and arguments.
        place: Empty directory of this container, for the mounts that are moved.
        mounts: Path in the container to the directory or file that appears there.
        user, group: Whom it runs as.
        root: The checkout, which is needed with the Python that runs this.

    Returns:
        Program and arguments; to be started by root.
    """
    needed = {str(path): path for path in (Path(sys.base_prefix).resolve(), root.resolve())}
    empty = {**EMPTY, **dict.fromkeys(closed_directories(needed.values()), "0755")}
    hidden = {path: real for path, real in needed.items() if any(Path(path).is_relative_to(top) for top in empty)}
    steps = ["set -e"]
    places = []
    for number, (path, real) in enumerate({**hidden, **mounts}.items()):
        held = place / str(number)
        held.mkdir(parents=True, exist_ok=True) if real.is_dir() else _touch(held)
        steps.append(f"mount --bind {_q(real)} {_q(held)}")
        places.append((held, path, real.is_dir()))
    steps += [f"mount -t tmpfs -o mode={mode} tmpfs {_q(path)}" for path, mode in empty.items() if Path(path).is_dir()]
    for held, path, is_directory in places:
        steps.append(f"mkdir -p {_q(path if is_directory else Path(path).parent)}")
        steps += [] if is_directory else [f"touch {_q(path)}"]
        steps.append(f"mount --bind {_q(held)} {_q(path)}")
    steps.append("mount -o remount,bind,ro /")
    steps.append(
        f"exec setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all "
        + shlex.join(command)
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(steps)]


def closed_directories(paths: Iterable[Path]) -> list[str]:
    """List the outermost directories on the way to these paths that other users cannot pass."""
    closed = []
    for path in paths:
        for parent in [*reversed(path.parents), path]:
            if not parent.stat().st_mode & 0o001:
                closed.append(str(parent))
                break
    return sorted(set(closed))


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _q(path: str | Path) -> str:
    return shlex.quote(str(path))
