"""Run something in a child process and be asked before every step that it takes on disk: go on, be refused, or die.

The child installs a seccomp filter that hands each call which may change a disk to its parent, and the parent answers.
The filter holds for all threads of the child and for all its children, in whatever language they are written. Of the
other ways to change a file, io_uring is refused as not supported, and a writable mapping would pass unseen; nothing
here uses one.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from p2pcredit.crash_testing.syscalls import (
    AUDIT_ARCHITECTURES,
    OPENING,
    SECCOMP_NUMBERS,
    Call,
    changed_paths,
    flags_argument,
    is_sync,
    numbers_here,
)
from p2pcredit.errors import ServiceError

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # instructions of the kernel's filter language
_ALLOW, _ASK, _REFUSE = 0x7FFF0000, 0x7FC00000, 0x00050000
_IO_URING_SETUP = 425
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_QUESTION = struct.Struct("=QIIiIQ6Q")
_REPLY = struct.Struct("=QqiI")
_GO_ON = 1
_CRASHED = 70


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watched child did.

    Args:
        steps: How many changing steps it began on disk inside the directory; refused ones count.
        taking_space: How many steps that a full disk may refuse; syncs are among them.
        exit_code: How it ended; minus the signal's number where a signal ended it.
        output: All that it printed.
        stopped_at: The step at which it was killed or first refused, in words; None where it did not come to that.
        hung: Whether it had to be ended because it did not end by itself in time.
    """

    steps: int
    taking_space: int
    exit_code: int
    output: str
    stopped_at: str | None
    hung: bool


@dataclass(slots=True)
class _Orders:
    inside: str
    kill_at: int | None
    full_from: int | None
    steps: int = 0
    taking_space: int = 0
    stopped_at: str | None = None

    def answer(self, call: Call, arguments: tuple[int, ...], thread: int) -> int | None:
        """Return the error number to refuse with, 0 to go on, None to kill."""
        paths = [path for path in changed_paths(call, arguments, thread) if self._holds(path)]
        if not paths:
            return 0
        changes = not is_sync(call)
        self.steps += changes
        self.taking_space += call.takes_space
        kills = changes and self.steps == self.kill_at
        refuses = call.takes_space and self.full_from is not None and self.taking_space >= self.full_from
        if (kills or refuses) and self.stopped_at is None:
            self.stopped_at = f"{call.name} of {' to '.join(os.path.relpath(path, self.inside) for path in paths)}"
        return None if kills else errno.ENOSPC if refuses else 0

    def _holds(self, path: str) -> bool:
        return path == self.inside or path.startswith(f"{self.inside}/")


def watch(
    work: Callable[[], int],
    inside: Path,
    *,
    kill_at: int | None = None,
    full_from: int | None = None,
    seconds: float = 300.0,
) -> Watched:
    """Run `work` in a forked child and count the steps it takes on disk under `inside`.

    The caller has one thread, since it forks.

    Args:
        work: What to do; its result is the child's exit code.
        inside: The directory watched, a real path.
        kill_at: Kill the child with SIGKILL just before this step, counted from 1.
        full_from: Refuse every step that takes space from this one on, counted among themselves, as a full disk does.
        seconds: How long the child may take.

    Raises:
        ServiceError: If this system does not let a process watch its child.
    """
    explain_if_impossible()
    ours, theirs = socket.socketpair()
    output = os.memfd_create("output", os.MFD_CLOEXEC)
    child = os.fork()
    if child == 0:
        _be_the_child(work, theirs, output)
    theirs.close()
    try:
        with ours:
            listener = _take_listener(ours)
        if listener is None:
            why = _read(output).strip() or "the child could not be asked"
            raise ServiceError(f"a process cannot be watched here: {why}")
        orders = _Orders(str(inside), kill_at, full_from)
        try:
            hung = not _answer_all(listener, child, orders, time.monotonic() + seconds)
        except OSError as error:
            raise ServiceError(f"a process cannot be watched here: {error.strerror}; Linux 5.5 is needed") from error
        finally:
            os.close(listener)
        _, status = os.waitpid(child, 0)
        child = 0
        code = os.waitstatus_to_exitcode(status)
        return Watched(orders.steps, orders.taking_space, code, _read(output), orders.stopped_at, hung)
    finally:
        os.close(output)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def explain_if_impossible() -> None:
    """Say why this system cannot watch a process, where that is plain before trying.

    Raises:
        ServiceError: If it is not Linux, or not on a processor whose calls are known.
    """
    if sys.platform != "linux" or not numbers_here():
        known = " and ".join(AUDIT_ARCHITECTURES)
        raise ServiceError(f"a crash test needs Linux 5.5 or later on {known}; run it on such a machine")


def _be_the_child(work: Callable[[], int], channel: socket.socket, output: int) -> None:
    code = _CRASHED
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        try:
            listener = _install_filter()
        except OSError as error:
            os.write(2, f"{error.strerror}; a container may need a seccomp profile that allows 'seccomp'\n".encode())
            os._exit(code)
        socket.send_fds(channel, [b"."], [listener])  # sendmsg is not asked about; a write would wait for an answer
        os.close(listener)
        channel.close()
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        with suppress(BaseException):
            os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _take_listener(channel: socket.socket) -> int | None:
    _, handles, _, _ = socket.recv_fds(channel, 1, 1)
    return handles[0] if handles else None


def _answer_all(listener: int, child: int, orders: _Orders, deadline: float) -> bool:
    """Answer until no process is left to ask; False where time ran out and the child was killed."""
    calls = numbers_here()
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    in_time = True
    while True:
        if time.monotonic() > deadline and in_time:
            in_time = False
            os.kill(child, signal.SIGKILL)
        for _, events in poll.poll(1000):
            if events & select.POLLIN:
                _answer_one(listener, child, orders, calls)
            elif events & (select.POLLHUP | select.POLLERR):
                return in_time


def _answer_one(listener: int, child: int, orders: _Orders, calls: dict[int, Call]) -> None:
    question = bytearray(_QUESTION.size)
    with suppress(FileNotFoundError, InterruptedError):  # the process that asked was killed meanwhile
        fcntl.ioctl(listener, _RECEIVE, question)
        key, thread, _, number, _, _, *arguments = _QUESTION.unpack(question)
        error = orders.answer(calls[number], tuple(arguments), thread)
        if error is None:
            os.kill(child, signal.SIGKILL)
            return
        reply = _REPLY.pack(key, 0, -error, 0 if error else _GO_ON)
        fcntl.ioctl(listener, _ANSWER, bytearray(reply))


def _read(handle: int) -> str:
    return os.pread(handle, os.fstat(handle).st_size, 0).decode(errors="replace")


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


@cache
def _filter() -> list[tuple[int, int, int, int]]:
    """Build the filter: stop at the calls of `CALLS`, at an `open` only where its flags may change something."""
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, AUDIT_ARCHITECTURES[os.uname().machine]), (_RETURN, 0, 0, _ALLOW)]
    program.append((_LOAD, 0, 0, 0))
    program += [(_EQUAL, 0, 1, _IO_URING_SETUP), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    for number, call in numbers_here().items():
        flags = flags_argument(call)
        if flags is None:
            program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ASK)]
        else:
            program += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, 16 + 8 * flags)]
            program += [(_ANY_BIT, 0, 1, OPENING), (_RETURN, 0, 0, _ASK), (_RETURN, 0, 0, _ALLOW)]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _install_filter() -> int:
    """Put the filter in place for this process; returns the handle on which the questions come."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    wanted = _filter()
    instructions = (_Instruction * len(wanted))(*(_Instruction(*one) for one in wanted))
    program = _Program(len(wanted), instructions)
    number = SECCOMP_NUMBERS[os.uname().machine]
    return _check(libc.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
