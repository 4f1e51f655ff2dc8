"""One thread that runs things later, for all threaded stubs of the process."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_LOGGER = logging.getLogger("seriatim")


class Timer:
    """Something that is to run later, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forgets the action. One that is running goes on."""
        self.action = None


class Scheduler:
    """Runs short actions on a daemon thread, which starts with the first one. Safe for any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._started = False

    def at(self, when: float, action: Callable[[], None]) -> Timer:
        """Runs the action at this time of `time.monotonic`."""
        timer = Timer(action)
        with self._condition:
            heapq.heappush(self._timers, (when, next(self._order), timer))
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="seriatim-scheduler", daemon=True).start()
            if self._timers[0][2] is timer:
                self._condition.notify()
        return timer

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._timers:
                    self._condition.wait()
                when, _, timer = self._timers[0]
                delay = when - time.monotonic()
                if timer.action is not None and delay > 0:
                    self._condition.wait(min(delay, threading.TIMEOUT_MAX))
                    continue
                heapq.heappop(self._timers)
            action = timer.action
            if action is not None:
                try:
                    action()
                except Exception:
                    _LOGGER.exception("a stub's check failed")


SHARED = Scheduler()
"""The scheduler of this process."""
