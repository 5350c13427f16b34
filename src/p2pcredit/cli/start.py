"""Start the program so that an interrupt always ends it: with exit code 130 and one line, also while it still imports.

An interrupt in the middle of an import can be lost: what imports may catch it, or be left half made. So it waits until
the import is over, a fraction of a second; a second one does not wait. One that something swallowed all the same, such
as a library that calls back from C, is raised again.
"""

from __future__ import annotations

import errno
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import Any
else:
    import _signal as signal  # what `signal` is made of: that takes 10 ms to load, and an interrupt then is a traceback

INTERRUPTED = 130
"""The exit code of a program that an interrupt ended: 128 and the number of the signal."""

_LINE = "Error: interrupted; what was done stays done, run it again to go on\n"
_IMPORTERS = frozenset(
    {"importlib._bootstrap", "importlib._bootstrap_external", "_frozen_importlib", "_frozen_importlib_external"}
)
_AGAIN_SECONDS = 0.02


class Interrupts:
    """Whether an interrupt came, and when it is raised."""

    def __init__(self) -> None:
        self.came = False

    def listen(self) -> None:
        """Handle the interrupt, unless this process was started with it ignored."""
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            return
        signal.signal(signal.SIGINT, self._take)
        signal.signal(signal.SIGALRM, self._look_again)

    def rest(self) -> None:
        """Raise nothing any more: the program ends."""
        if self.came:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.came and _is_importing(frame):
            os.write(2, _LINE.encode())
            os._exit(INTERRUPTED)
        self.came = True
        self._raise_when_it_is_time(frame)

    def _look_again(self, number: int, frame: FrameType | None) -> None:
        if _is_handled(sys.exc_info()[1]):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
        else:
            self._raise_when_it_is_time(frame)

    def _raise_when_it_is_time(self, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
        if not _is_importing(frame):
            raise KeyboardInterrupt


interrupts = Interrupts()
"""Those of this process."""


class _Closed(io.FileIO):
    """Stands in place of a standard output that was closed by who started this, and knows whether it was written to.

    It holds the null device, so that no file opened later gets the number of standard output.
    """

    def __init__(self) -> None:
        super().__init__(os.devnull, "w")
        self.lost = False

    def write(self, data: Any, /) -> int:
        """Write to nowhere."""
        self.lost = True
        return super().write(data)


def _open_what_was_closed() -> _Closed | None:
    """Put the null device in place of standard streams that were closed; return what stands for standard output.

    In the order of their numbers, since each gets the lowest that is free.
    """
    closed = None
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115
    if sys.stdout is None:
        closed = _Closed()
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(closed), encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    return closed


def main() -> None:
    """Run the program. What cannot be printed, on a full disk, ends it in one line too; a reader who left, in none."""
    code: object = 0
    closed = _open_what_was_closed()
    try:
        interrupts.listen()
        from p2pcredit.cli.app import app

        app()
    except KeyboardInterrupt:
        interrupts.rest()
        code = INTERRUPTED
    except SystemExit as end:
        interrupts.rest()
        code = end.code
    except OSError as error:  # what jobs meet is worded by their command: this is of what is printed
        code = _unprinted(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unprinted(error)
    if closed is not None and closed.lost and code in (None, 0):
        sys.stderr.write(
            "Error: cannot write to standard output: it is closed; what was done stays done, print it to a file or to "
            "/dev/null\n"
        )
        code = 1
    if interrupts.came or code == INTERRUPTED:
        code = INTERRUPTED
        sys.stderr.write(_LINE)
    sys.exit(code if code is None or isinstance(code, int | str) else 1)


def _unprinted(error: OSError) -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left of it goes nowhere
    if error.errno != errno.EPIPE:
        what = error.strerror or error
        sys.stderr.write(f"Error: cannot write to standard output: {what}; free some space, or print it elsewhere\n")
    return 1


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") in _IMPORTERS:
            return True
        frame = frame.f_back
    return False


def _is_handled(error: BaseException | None) -> bool:
    """Return whether an interrupt is among the errors in whose handling this one was raised."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False


__all__ = ["INTERRUPTED", "Interrupts", "interrupts", "main"]
