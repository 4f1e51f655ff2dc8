"""Something that is waited for once, and then is there."""

from __future__ import annotations

import threading


class Latch:
    """Set once, and waited for by any number of threads. Cheaper than an Event; and nothing in it is lost
    when the process forks.
    """

    __slots__ = ("_held", "_is_set")

    def __init__(self) -> None:
        self._held = threading.Lock()  # Until it is set.
        self._held.acquire()
        self._is_set = False

    def set(self) -> None:
        """To be called once."""
        self._is_set = True
        self._held.release()

    def is_set(self) -> bool:
        """Whether it has been set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is set; False if the timeout, in seconds, passed before."""
        if self._is_set:
            return True
        limit = -1.0 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
        if not self._held.acquire(timeout=limit):
            return False
        self._held.release()
        return True
