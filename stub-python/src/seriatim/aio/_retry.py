"""Calls again where that is safe, for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

from seriatim._backoff import BEING_MADE, RetriedCall, RetryPolicy
from seriatim._failures import CallFailure
from seriatim.aio._stub import DurableObjectStub

_R = TypeVar("_R")


class Retry:
    """Calls one object through a stub that is got anew when it breaks, and makes a call again where that
    is safe.

        retry = Retry(lambda: namespace.get_by_name("foo"))
        value = await retry.call(lambda stub: CounterStub(stub.channel()).Increment(request))

    A call is made again only if its cause is retryable or overloaded, and only if it had no effect
    (`Fate.NOT_EXECUTED`). One whose fate is `Fate.UNKNOWN` is made again only through `call_idempotent`.
    The wait before an attempt grows, and is longer where there was too much to do. `give_up_after` the first
    failure, or when the call's own timeout has passed since its first attempt, it fails as its last attempt
    did.

    Order. A call that is made again is made later, so calls that were made after it may be executed before
    it. Where order counts, either wait for each call before making the next, or use a `DurableObjectStub`
    by itself: when it breaks, make the calls that were `NOT_EXECUTED` again, in their order, on a new
    stub. Without failures the order is that of the calls.
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
        self._current: DurableObjectStub | None = None
        self._closed = asyncio.Event()

    def call(self, attempt: Callable[[DurableObjectStub], Awaitable[_R]]) -> asyncio.Task[_R]:
        """Makes a call, and makes it again if it had no effect and that may help.

        `attempt` makes one call on the stub that it is given, and returns it. The first attempt is made
        before this method returns, and so has its place in the order; await the task for the response.
        """
        return self._call(attempt, idempotent=False)

    def call_idempotent(self, attempt: Callable[[DurableObjectStub], Awaitable[_R]]) -> asyncio.Task[_R]:
        """Makes a call that may well be executed twice, and makes it again also if it is unknown whether
        it was executed.
        """
        return self._call(attempt, idempotent=True)

    def close(self) -> None:
        """Closes the stub: calls made so far are finished, later ones fail, none is made again."""
        self._closed.set()
        if self._current is not None:
            self._current.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()
        if self._current is not None:
            await self._current.__aexit__(exc_type, exc_val, exc_tb)

    def _call(
        self, attempt: Callable[[DurableObjectStub], Awaitable[_R]], *, idempotent: bool
    ) -> asyncio.Task[_R]:
        call = self._policy.new_call(idempotent=idempotent)
        being_made = BEING_MADE.set(call)
        try:
            first = attempt(self._stub())
            return asyncio.get_running_loop().create_task(self._finish(call, first, attempt))
        finally:
            BEING_MADE.reset(being_made)

    async def _finish(
        self,
        call: RetriedCall,
        made: Awaitable[_R],
        attempt: Callable[[DurableObjectStub], Awaitable[_R]],
    ) -> _R:
        """In a task of its own, whose context says from the beginning what is being made."""
        while True:
            try:
                return await made
            except CallFailure as failure:
                pause = call.pause_after(failure, time.monotonic())
                if pause is None or await self._is_closed_within(pause):
                    raise
            made = attempt(self._stub())

    async def _is_closed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            pass
        return self._closed.is_set()

    def _stub(self) -> DurableObjectStub:
        """The stub in use; a new one if there is none, or if it is broken."""
        if self._current is None or (self._current.is_broken and not self._closed.is_set()):
            self._current = self._get_stub()
            if self._closed.is_set():
                self._current.close()
        return self._current
