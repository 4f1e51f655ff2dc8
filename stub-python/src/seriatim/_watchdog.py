"""Sees to it that a stub's ledger is looked at when its time comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that is to run later, unless it is cancelled."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """Runs things later."""

    def prepare(self) -> None:
        """Gets what it takes; an exception, if that can't be had."""

    def at(self, when: float, action: Callable[[], None]) -> Timer:
        """Runs the action at this time of `time.monotonic`, in a thread of its own choice."""


class Watchdog:
    """Deadlines and the end of one stub. Used under the lock of its session."""

    def __init__(self, timers: Timers, look: Callable[[], None]) -> None:
        self._timers = timers
        self._look: Callable[[], None] | None = look
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self.at: float | None = None
        """When the next look is due, if one is."""

    def watch(self, when: float | None) -> None:
        """Looks at this time, and not later. None: there is nothing to look for now.

        A look that is too early does no harm, and most times never come: so a timer that is there stays.
        """
        if self._look is None:
            return
        self.at = when
        if when is None:
            return
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer = self._timers.at(when, self._look)
        self._timer_at = when

    def looked(self) -> None:
        """The time has come."""
        self._timer = None
        self.at = None

    def rest(self) -> None:
        """There is nothing to look for any more, and nobody."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._look = None
