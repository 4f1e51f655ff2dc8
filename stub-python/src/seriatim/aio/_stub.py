"""The stub of the asyncio API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from grpc import aio

from seriatim._connection import Connection
from seriatim._face import StubFace
from seriatim._ids import DurableObjectId
from seriatim._session import Session
from seriatim._transport import open_by
from seriatim.aio._channel import StubChannel
from seriatim.aio._link import AioLink

if TYPE_CHECKING:
    from seriatim.aio._client import DurableObjectNamespace


class _LoopTimers:
    """Runs things later in the loop that runs."""

    def prepare(self) -> None:
        pass

    def at(self, when: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), action)


TIMERS = _LoopTimers()
"""Those of the loop that runs."""


class DurableObjectStub(StubFace):
    """A reference to one durable object, through which it is called.

    Order. Calls are executed one at a time, in the order in which they were made. A call takes its place
    when it is made, not when it is awaited, so there is no need to wait for one before making the next.
    Between two stubs, also on the same object, there is no order.

    Failure. Anything but a normal reply breaks the stub: the calls behind the one that failed fail with
    the same cause and have not been executed, and so does every later call, at once. A broken stub stays
    broken; get a new one to go on. Each call's `CallFailure` tells what became of it. Only a call that got
    no place in the order leaves the stub as it is: one that was refused, too large, or for which the
    buffer had no room.

    Cancelling one call, or the task that awaits it, doesn't break the stub and doesn't take the call back.
    It is still executed in its place; its reply is dropped, and its fate is `UNKNOWN`.

    Timeouts. The timeout of a call travels with it, and the host breaks the stub when it runs out and the
    call's turn comes: then nothing is unknown. As long as an earlier call of this stub without a timeout, or
    with a later one, is unanswered, the host can't tell yet; and if it doesn't tell within `deadline_grace`,
    nobody knows why. Then that one call fails with `Reason.ANSWER_OVERDUE`, and the stub goes on.

    Belongs to the event loop in which its first call is made. The stream to the host opens with that call. A
    stub that isn't closed keeps it open, until nobody has the stub, its channel or the methods got from that
    any more: then it is closed, too. In an `async with` statement it is closed at the end, and what was
    sent is finished and waited for; if the block ends because its task is cancelled, the stub is cancelled
    too.
    """

    def __init__(
        self,
        namespace: DurableObjectNamespace,
        name: str | None,
        object_id: DurableObjectId | None,
        transport: aio.Channel,
        connection: Connection,
        known_id: DurableObjectId | None,
        make_session: type[Session] = Session,
    ) -> None:
        self._transport = transport
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        tasks = self._tasks
        session = make_session(
            connection,
            open_by(namespace.name, name, object_id),
            object_id,
            lambda carried, routed: AioLink(transport if routed is None else routed, carried, tasks),
            TIMERS,
            self._ended,
            known_id,
        )
        super().__init__(namespace, name, object_id, session)

    async def id(self) -> DurableObjectId:
        """The id of the object.

        For a stub got by name it is derived from the namespace's unique key, which may have to be fetched
        first; see `DurableObjectNamespace.id_from_name`.
        """
        if self._given_id is not None:
            return self._given_id
        object_id: DurableObjectId = await self._namespace.id_from_name(self._name)
        return object_id

    def channel(self) -> aio.Channel:
        """This stub as a gRPC channel: every stub that gRPC generates for the namespace's service works
        on it.

        `CounterStub(stub.channel()).Increment(request)` makes the call, which then has its place in the
        order; await what it returns for the response.

        Metadata becomes the invocation's metadata; several values of a text key are joined by commas. A
        call fails with `Reason.CALL_REFUSED` and breaks nothing if its method isn't unary
        (`UNIMPLEMENTED`), if it brings call credentials (`UNIMPLEMENTED`; put them on the channel under
        the stub), if its request can't be serialized (`INTERNAL`), or if its metadata can't be carried
        (`INVALID_ARGUMENT`): reserved keys, which begin with `grpc-` or `seriatim-`, text that isn't
        printable ASCII, or several values of a binary key. `wait_for_ready` and `compression` have no
        effect. Closing the channel closes the stub.

        One reserved key is let through: with `("seriatim-idempotency-key", "order-12345")` among its
        metadata, 1 to 255 bytes, a call is executed at most once for that object and key, whatever stub it
        comes on and however often, as long as the host remembers it; later ones get the outcome of the
        first. The same key with another call breaks the stub with `Reason.IDEMPOTENCY_MISMATCH`.
        """
        return StubChannel(self, self._session.submit, self._transport)

    async def await_end(self) -> None:
        """Waits until the stub has ended: closed with every call answered, or broken with every call
        failed. Without `close`, only a break ends it.
        """
        await self._ended.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is not None and not issubclass(exc_type, Exception):
            self.cancel(f"the block of the stub ended with {exc_type.__name__}")
        else:
            self.close()
            try:
                await self.await_end()
            except asyncio.CancelledError:
                self.cancel("the wait for the end of the stub was cancelled")
                raise
        if self._tasks:
            await asyncio.wait(self._tasks)

    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this stub, which must be the one that runs."""
        self._session.check()
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise RuntimeError("a stub of another event loop: its calls must all be made in one loop")
        return running

    def _close_later(self, session: Session) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(session.close)
