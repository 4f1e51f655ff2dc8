"""The stub of the asyncio API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import grpc
from grpc import aio

from seriatim._core import PendingCall, Settled, StubCore
from seriatim._failures import FailureCause, Fate
from seriatim._ids import DurableObjectId
from seriatim._options import ClientOptions
from seriatim._transport import CONNECT_PATH, LOGGER, cannot_connect, client_fault, open_by
from seriatim.aio._channel import StubChannel

if TYPE_CHECKING:
    from seriatim.aio._client import DurableObjectNamespace


class DurableObjectStub:
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

    Timeouts. The timeout of a call travels with it. The host breaks the stub when it runs out; if nothing
    has come back `deadline_grace` later, the client does.

    Belongs to the event loop in which its first call is made. The stream to the host opens with that call,
    and a stub that isn't closed keeps it open. In an `async with` statement it is closed at the end, and
    what was sent is finished and waited for; if the block ends because its task is cancelled, the stub is
    cancelled too.
    """

    def __init__(
        self,
        namespace: DurableObjectNamespace,
        name: str | None,
        object_id: DurableObjectId | None,
        transport: aio.Channel,
        options: ClientOptions,
    ) -> None:
        self._namespace = namespace
        self._name = name
        self._given_id = object_id
        self._transport = transport
        self._channel = StubChannel(self, transport)
        self._core = StubCore(options, open_by(namespace.name, name, object_id), object_id)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stream: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()  # There may be something to send.
        self._ended = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._break_listeners: list[Callable[[FailureCause], object]] = []

    async def id(self) -> DurableObjectId:
        """The id of the object.

        For a stub got by name it is derived from the namespace's unique key, which may have to be fetched
        first; see `DurableObjectNamespace.id_from_name`.
        """
        if self._given_id is not None:
            return self._given_id
        assert self._name is not None
        return await self._namespace.id_from_name(self._name)

    @property
    def name(self) -> str | None:
        """The name of the object, if the stub was got by name or with an id that knows its name."""
        return self._name

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
        """
        return self._channel

    @property
    def is_broken(self) -> bool:
        """Whether the stub is broken. It isn't when it has been closed and all went well."""
        return self._core.cause is not None

    @property
    def break_cause(self) -> FailureCause | None:
        """Why the stub is broken; None if it isn't."""
        return self._core.cause

    def on_break(self, listener: Callable[[FailureCause], object]) -> None:
        """Has this called once, with the cause, when the stub breaks: after its calls have failed, in the
        event loop. At once, if that has been. Never, if the stub ends well.
        """
        cause = self._core.cause
        if cause is None:
            self._break_listeners.append(listener)
        else:
            _tell(listener, cause)

    def close(self) -> None:
        """Lets no more calls in, and ends the stub when the calls made so far have been answered.

        Doesn't wait for that; `await_end` does. Later calls fail with `Reason.STUB_CLOSED`. Does nothing
        on a stub that is closed or broken.
        """
        self._core.close(time.monotonic())
        self._after([])

    def cancel(self, message: str = "the stub was cancelled") -> None:
        """Breaks the stub from this side, without waiting for outcomes.

        Calls that were sent have an `UNKNOWN` fate, and the host doesn't start those that haven't started
        by the time it hears of this. Does nothing on a stub that has ended.
        """
        self._after(self._core.cancel(message))

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

    def __repr__(self) -> str:
        return f"<DurableObjectStub {self._namespace.name}/{self._name or self._given_id}>"

    # ---- the calls ----------------------------------------------------------------------------------

    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this stub, which must be the one that runs."""
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise RuntimeError("a stub of another event loop: its calls must all be made in one loop")
        return running

    def submit(self, pending: PendingCall) -> None:
        """Takes a call in and gives it its number before it returns; or fails it at once."""
        refusal = self._core.submit(pending)
        if refusal is not None:
            pending.target.fail(refusal, Fate.NOT_EXECUTED)
            return
        pending.target.sequence = pending.sequence
        if self._stream is None:
            self._start()
        self._wake.set()
        if pending.deadline is not None:
            self._watch()

    def _start(self) -> None:
        loop = self.loop()
        try:
            self._stream = self._transport.stream_stream(CONNECT_PATH)()
        except Exception as e:
            self._after(self._core.break_by(cannot_connect(e)))
            return
        sender = loop.create_task(self._send(self._stream), name="seriatim-sender")
        receiver = loop.create_task(self._receive(self._stream, sender), name="seriatim-receiver")
        self._tasks = [sender, receiver]

    async def _send(self, stream: Any) -> None:
        """Sends frames until there is no more to send. What becomes of the stream, the receiver sees."""
        try:
            await stream.wait_for_connection()  # What never left is known not to have been executed.
            while not self._core.is_over:
                frame = self._core.next_frame(time.monotonic())
                if frame is not None:
                    await _write(stream, frame)
                elif self._core.is_done_sending:
                    await stream.done_writing()
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except (aio.AioRpcError, aio.InternalError, asyncio.InvalidStateError):
            pass  # The stream has ended, and what came before its end may not have been read yet.
        except asyncio.CancelledError:
            if not stream.cancelled():
                raise
        except Exception as e:
            LOGGER.exception("a stub can't send")
            self._after(self._core.break_by(client_fault(e)))

    async def _receive(self, stream: Any, sender: asyncio.Task[None]) -> None:
        """Receives outcomes until the stream has ended. Only what comes here says how it ended.

        Iterates, since `read` gives nothing more, not even what has arrived, once a write has failed. And
        to the end, since gRPC doesn't cancel such a stream any more, and what isn't read keeps it.
        """
        try:
            async for frame in stream:
                self._after(self._core.receive(frame, time.monotonic()))
            code = await stream.code()
            details = await stream.details()
            trailers = await stream.trailing_metadata()
            self._after(self._core.ended(code, details or "", trailers or ()))
        except aio.AioRpcError as e:
            self._after(self._core.ended(e.code(), e.details() or "", e.trailing_metadata() or ()))
        except asyncio.CancelledError:
            # Of the stream, since its channel was closed, say; or of this task, at the end of its loop.
            self._after(self._core.ended(grpc.StatusCode.CANCELLED, "the stub's stream was cancelled"))
            if not stream.cancelled():
                raise
        except Exception as e:
            LOGGER.exception("a stub can't receive")
            self._after(self._core.break_by(client_fault(e)))
        finally:
            stream.cancel()  # Does nothing to a stream that has ended.
            sender.cancel()

    def _after(self, settled: list[Settled]) -> None:
        """Tells callers what became of their calls and, if the stub has ended, whom that concerns."""
        for call, response, cause, fate in settled:
            if cause is None:
                call.target.succeed(response)
            else:
                call.target.fail(cause, fate)
        self._wake.set()
        if not self._core.is_over:
            self._watch()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stream is not None:
            self._stream.cancel()
        cause = self._core.cause
        listeners = self._break_listeners
        self._break_listeners = []
        if cause is not None:
            for listener in listeners:
                _tell(listener, cause)
        self._ended.set()

    # ---- time ---------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Sees to it that someone looks when the core wants that."""
        when = self._core.next_check
        if when is None or (self._timer is not None and self._timer_at == when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self.loop().call_later(max(0.0, when - time.monotonic()), self._check)

    def _check(self) -> None:
        self._timer = None
        self._after(self._core.check(time.monotonic()))


async def _write(stream: Any, frame: bytes) -> None:
    """Writes, and leaves it to the reading side to find out how the stream ended if that fails.

    `stream.write` would put a status of its own, INTERNAL, in the place of the one that the host sent or
    is about to send. The call below it doesn't. A stream with interceptors has none and must be written to;
    so it may end with that status, if the host said nothing before.
    """
    below = getattr(stream, "_cython_call", None)
    if below is None:
        await stream.write(frame)
    else:
        await below.send_serialized_message(frame)


def _tell(listener: Callable[[FailureCause], object], cause: FailureCause) -> None:
    try:
        listener(cause)
    except Exception:
        LOGGER.exception("a listener for the break of a stub failed")
