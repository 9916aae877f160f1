"""Stopped from outside: what the system asks for by a signal ends a command as Ctrl-C does, cleanly."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP")  # Windows knows the first alone, and seldom sends it


class Stop:
    """Which signal came, if one did."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def code(self, otherwise: int) -> int:
        """The exit code that shells expect after a signal, 128 more than its number."""
        return otherwise if self.signal is None else 128 + self.signal


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Inside, SIGTERM and SIGHUP raise `KeyboardInterrupt`.

    A signal that is ignored stays so (``nohup``); outside of the main thread nothing changes.
    """
    stop = Stop()

    def interrupt(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, interrupt)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
