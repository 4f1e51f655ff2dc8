"""Calls again where that is safe, for threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from seriatim._backoff import BEING_MADE, RetryPolicy
from seriatim._failures import CallFailure
from seriatim._stub import DurableObjectStub

_R = TypeVar("_R")


class Retry:
    """Calls one object through a stub that is got anew when it breaks, and makes a call again where that
    is safe.

        retry = Retry(lambda: namespace.get_by_name("foo"))
        value = retry.call(lambda stub: CounterStub(stub.channel()).Increment(request))

    A call is made again only if its cause is retryable or overloaded, and only if it had no effect
    (`Fate.NOT_EXECUTED`). One whose fate is `Fate.UNKNOWN` is made again only through `call_idempotent`.
    The wait before an attempt grows, and is longer where there was too much to do. `give_up_after` the first
    failure, or when the call's own timeout has passed since its first attempt, it fails as its last attempt
    did.

    Order. A call that is made again is made later, so other threads' calls that were made after it may be
    executed before it. Where that counts, use a `DurableObjectStub` by itself: when it breaks, make the
    calls that were `NOT_EXECUTED` again, in their order, on a new stub.

    Safe for any number of threads. Waits on the caller's own thread.
    """

    def __init__(
        self,
        get_stub: Callable[[], DurableObjectStub],
        *,
        give_up_after: float = 60.0,
        max_attempts: int | None = None,
        initial_backoff: float = 0.05,
        overloaded_backoff: float = 1.0,
        max_backoff: float = 1.0,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """`get_stub` gives a new stub on the object each time.

        No attempt begins later than `give_up_after` seconds after the first failure, which by default
        outlasts the restart of a host, nor is there more than `max_attempts`, the first one included, if
        that is given. The wait before an attempt is a random part of the backoff, which is
        `initial_backoff` at first and doubles each time, up to `max_backoff`; and `overloaded_backoff` is
        added where there was too much to do. `jitter` gives the random part, from 0 to 1.
        """
        self._get_stub = get_stub
        self._policy = RetryPolicy(
            give_up_after, max_attempts, initial_backoff, overloaded_backoff, max_backoff, jitter
        )
        self._lock = threading.Lock()
        self._current: DurableObjectStub | None = None
        self._closed = threading.Event()

    def call(self, attempt: Callable[[DurableObjectStub], _R]) -> _R:
        """Makes a call, waits for it, and makes it again if it had no effect and that may help.

        `attempt` makes one call on the stub that it is given, and returns what that call returns.
        """
        return self._call(attempt, idempotent=False)

    def call_idempotent(self, attempt: Callable[[DurableObjectStub], _R]) -> _R:
        """Makes a call that may well be executed twice, and makes it again also if it is unknown whether
        it was executed.
        """
        return self._call(attempt, idempotent=True)

    def close(self) -> None:
        """Closes the stub: calls made so far are finished, later ones fail, none is made again."""
        with self._lock:
            self._closed.set()
            current = self._current
        if current is not None:
            current.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()
        with self._lock:
            current = self._current
        if current is not None:
            current.__exit__(exc_type, exc_val, exc_tb)

    def _call(self, attempt: Callable[[DurableObjectStub], _R], *, idempotent: bool) -> _R:
        call = self._policy.new_call(idempotent=idempotent)
        while True:
            being_made = BEING_MADE.set(call)
            try:
                return attempt(self._stub())
            except CallFailure as failure:
                pause = call.pause_after(failure, time.monotonic())
                if pause is None or self._closed.wait(pause):
                    raise
            finally:
                BEING_MADE.reset(being_made)

    def _stub(self) -> DurableObjectStub:
        """The stub in use; a new one if there is none, or if it is broken."""
        with self._lock:
            if self._current is None or (self._current.is_broken and not self._closed.is_set()):
                self._current = self._get_stub()
                if self._closed.is_set():
                    self._current.close()
            return self._current
