"""One thread that runs things later, for all threaded stubs of the process."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from seriatim._transport import HERE, LOGGER

_MOST_UNSEEN = 1_000
"""With more actions asked for, the thread looks at them, though it is too early: most have been cancelled."""


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

    The thread isn't woken for what is later than something that it waits for anyway: most actions are limits
    on how long something may take, and are cancelled long before.
    """

    def __init__(self) -> None:
        self._asked: deque[ScheduledAction] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._sleeps_until = math.inf  # Written by the thread.
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
        self._asked.append(scheduled)
        # In this order: either the thread sees what was asked, or it is seen here for how long it sleeps.
        if when < self._sleeps_until or len(self._asked) > _MOST_UNSEEN:
            self._bell.put(None)
        return scheduled

    def _run(self) -> None:
        HERE.is_ours = True
        order = itertools.count()
        heap: list[tuple[float, int, ScheduledAction]] = []
        while True:
            self._sleeps_until = heap[0][0] if heap else math.inf
            if not self._asked:
                delay = min(max(0.0, heap[0][0] - time.monotonic()), threading.TIMEOUT_MAX) if heap else None
                with contextlib.suppress(queue.Empty):
                    self._bell.get(timeout=delay)
            self._see(heap, order)
            while heap and heap[0][0] <= time.monotonic():
                _run(heapq.heappop(heap)[2])

    def _see(self, heap: list[tuple[float, int, ScheduledAction]], order: Iterator[int]) -> None:
        """Takes in what was asked for, and forgets what was cancelled if that may be much."""
        many = len(self._asked) > _MOST_UNSEEN
        while self._asked:
            asked = self._asked.popleft()
            if asked.action is not None:
                heapq.heappush(heap, (asked.when, next(order), asked))
        if many:
            heap[:] = [entry for entry in heap if entry[2].action is not None]
            heapq.heapify(heap)


def _run(due: ScheduledAction) -> None:
    action = due.action
    if action is not None:
        try:
            action()
        except Exception:
            LOGGER.exception("a stub's check failed")


SHARED = Scheduler()
"""The scheduler of this process."""
