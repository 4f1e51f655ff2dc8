"""One thread that runs things later, for all threaded stubs of the process."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable

from seriatim._transport import HERE, LOGGER


class ScheduledAction:
    """Something that is to run later, unless it is cancelled."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forgets the action. One that is running goes on."""
        self.action = None


class Scheduler:
    """Runs short actions on a daemon thread. Safe for any thread, and for finalizers, which may run in the
    midst of anything: to ask for an action takes no lock.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[ScheduledAction] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._started = False

    def prepare(self) -> None:
        """Starts the thread; RuntimeError if there can be none. Actions wait until then."""
        if self._started:
            return
        with self._starting:
            if not self._started:
                threading.Thread(target=self._run, name="seriatim-scheduler", daemon=True).start()
                self._started = True

    def at(self, when: float, action: Callable[[], None]) -> ScheduledAction:
        """Runs the action at this time of `time.monotonic`."""
        scheduled = ScheduledAction(when, action)
        self._asked.put(scheduled)
        return scheduled

    def _run(self) -> None:
        HERE.is_ours = True
        order = itertools.count()
        heap: list[tuple[float, int, ScheduledAction]] = []
        while True:
            delay = min(max(0.0, heap[0][0] - time.monotonic()), threading.TIMEOUT_MAX) if heap else None
            try:
                asked = self._asked.get(timeout=delay)
            except queue.Empty:
                _run(heapq.heappop(heap)[2])
                continue
            heapq.heappush(heap, (asked.when, next(order), asked))
            del asked  # This thread waits now, and must not keep what was asked.


def _run(due: ScheduledAction) -> None:
    action = due.action
    if action is not None:
        try:
            action()
        except Exception:
            LOGGER.exception("a stub's check failed")


SHARED = Scheduler()
"""The scheduler of this process."""
