"""Threads that run callbacks, so that no stub on a shared call holds up another with them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from seriatim import _scheduler
from seriatim._transport import HERE, LOGGER

_BLOCKED_SECONDS = 0.01
_IDLE_SECONDS = 5.0


class CallbackThreads:
    """Runs actions on daemon threads: on one, as long as they come to an end, and on more while some block.

    None waits for long for those under way: if for 10 ms none has begun while some waited, there are too few
    threads. Safe for any thread.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._begun = 0  # Only to be compared.
        # Guards all below.
        self._lock = threading.Lock()
        self._threads = 0
        self._watched = False  # A look is due.

    def prepare(self) -> None:
        """Starts the first thread; RuntimeError if there can be none."""
        if self._threads:
            return
        with self._lock:
            if not self._threads:
                self._start()

    def run(self, action: Callable[[], None]) -> None:
        """Runs the action soon. Never waits."""
        self._waiting.put(action)
        if not self._watched:
            self._watch()

    def _watch(self) -> None:
        with self._lock:
            if self._watched:
                return
            self._watched = True
        begun = self._begun
        _scheduler.SHARED.at(time.monotonic() + _BLOCKED_SECONDS, lambda: self._look(begun))

    def _look(self, begun: int) -> None:
        """On the scheduler's thread."""
        with self._lock:
            self._watched = False
            waiting = self._waiting.qsize()
            if waiting and self._begun == begun:
                for _ in range(min(waiting, max(1, self._threads))):
                    try:
                        self._start()
                    except RuntimeError:  # At the limit of threads those that there are have to do.
                        LOGGER.warning("callbacks wait, since no more threads can be started: %d", waiting)
                        break
        if waiting:
            self._watch()

    def _start(self) -> None:
        """Under the lock."""
        threading.Thread(target=self._run, name="seriatim-callbacks", daemon=True).start()
        self._threads += 1

    def _run(self) -> None:
        HERE.is_ours = True
        while True:
            try:
                action = self._waiting.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._threads > 1:
                        self._threads -= 1
                        return
                continue
            self._begun += 1
            try:
                action()
            except BaseException:
                LOGGER.exception("callbacks of a stub failed")
            del action  # This thread waits now, and must not keep what was asked.


SHARED = CallbackThreads()
"""Those of this process."""
