"""One call of the asyncio API, as its caller sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import grpc
from grpc import aio

from seriatim._failures import CallFailure, FailureCause, Fate, cancelled


class StubCall(aio.UnaryUnaryCall[Any, Any]):
    """A call on a stub: the `grpc.aio.UnaryUnaryCall` that a generated stub returns.

    It has its place in the order already; awaiting it gives the response, or raises CallFailure. Nobody
    has to await it.

    Cancelling it, or the task that awaits it, gives its reply up: awaiting raises
    `asyncio.CancelledError`, and `failure` says what is known. The call itself is still executed, and the
    stub goes on.
    """

    def __init__(self, deadline: float | None, loop: asyncio.AbstractEventLoop) -> None:
        self._deadline = deadline
        self._loop = loop
        # Done with the call, and never with an exception: one that no one awaits is no reason for a log.
        self._future: asyncio.Future[None] = loop.create_future()
        self._response: Any = None
        self._failure: CallFailure | None = None
        self.sequence = 0
        """The number of this call in its stub, or 0 if it got none."""

    # ---- for the stub -------------------------------------------------------------------------------

    def settle(self, response: Any, cause: FailureCause | None, fate: Fate) -> tuple[()]:
        """Ends the call, unless it has ended; without a cause it has a response. Gives no callbacks: the loop
        runs them.
        """
        if cause is not None:
            self.fail(cause, fate)
        elif not self._future.done():
            self._response = response
            self._future.set_result(None)
        return ()

    def fail(self, cause: FailureCause, fate: Fate) -> None:
        """Ends the call without a response, unless it has ended."""
        if not self._future.done():
            self._failure = CallFailure(cause, fate, self.sequence)
            self._future.set_result(None)

    def forked(self, cause: FailureCause, fate: Fate) -> None:
        """Ends the call in the child of a fork."""
        self.fail(cause, fate)

    # ---- grpc.aio.UnaryUnaryCall --------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Any]:
        yield from self._future
        if self._failure is not None:
            raise self._failure
        return self._response

    def cancel(self) -> bool:
        """Gives the reply up; False if there is one already. The call is still executed in its place."""
        return self._future.cancel()

    def cancelled(self) -> bool:
        """Whether the caller gave the call up."""
        return self._future.cancelled()

    def done(self) -> bool:
        """Whether there is a response or a failure."""
        return self._future.done()

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        """Has this called with the call when it is done; soon, if it is."""
        self._future.add_done_callback(lambda _: callback(self))

    def time_remaining(self) -> float | None:
        """The seconds until the call's timeout; None if it has none."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    async def code(self) -> grpc.StatusCode:
        """The status code, waited for."""
        failure = await self._end()
        return failure.code() if failure else grpc.StatusCode.OK

    async def details(self) -> str:
        """The status message, waited for."""
        failure = await self._end()
        return failure.details() or "" if failure else ""

    async def initial_metadata(self) -> aio.Metadata:
        """Nothing: outcomes have no metadata."""
        return aio.Metadata()

    async def trailing_metadata(self) -> aio.Metadata:
        """The details of the status, if it has some, waited for."""
        failure = await self._end()
        return failure.trailing_metadata() if failure else aio.Metadata()

    async def debug_error_string(self) -> str | None:
        """Code, reason and message of a failure, waited for."""
        failure = await self._end()
        return failure.debug_error_string() if failure else ""

    async def wait_for_connection(self) -> None:
        """Waits for the end of the call, which may not leave before others have been answered; raises
        CallFailure if it failed.
        """
        failure = await self._end()
        if failure is not None:
            raise failure

    # ---- more ---------------------------------------------------------------------------------------

    @property
    def failure(self) -> CallFailure | None:
        """What is known about a call that failed or was cancelled; None if neither, or not done."""
        if self._future.cancelled():
            return CallFailure(cancelled("the call was cancelled"), Fate.UNKNOWN, self.sequence)
        return self._failure

    async def _end(self) -> CallFailure | None:
        """Waits for the end. Cancelling this wait doesn't cancel the call."""
        if not self._future.done():
            await asyncio.wait([self._future])
        return self.failure
