"""The stub of the threaded API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import grpc

from seriatim import _scheduler
from seriatim._channel import StubChannel
from seriatim._core import PendingCall, Settled, StubCore
from seriatim._failures import FailureCause, Fate
from seriatim._ids import DurableObjectId
from seriatim._options import ClientOptions
from seriatim._transport import CONNECT_PATH, LOGGER, cannot_connect, client_fault, open_by

if TYPE_CHECKING:
    from seriatim._client import DurableObjectNamespace


class DurableObjectStub:
    """A reference to one durable object, through which it is called.

    Order. Calls are executed one at a time, in the order in which they were made. A call takes its place
    before the method that makes it returns, so the calls of one thread keep the order of the program, and
    with `future` there is no need to wait for one before making the next. Between two stubs, also on the
    same object, there is no order.

    Failure. Anything but a normal reply breaks the stub: the calls behind the one that failed fail with
    the same cause and have not been executed, and so does every later call, at once. A broken stub stays
    broken; get a new one to go on. Each call's `CallFailure` tells what became of it. Only a call that got
    no place in the order leaves the stub as it is: one that was refused, too large, or for which the
    buffer had no room.

    Cancelling one call doesn't break the stub and doesn't take the call back. It is still executed in its
    place; its reply is dropped, and its fate is `UNKNOWN`.

    Timeouts. The timeout of a call travels with it. The host breaks the stub when it runs out; if nothing
    has come back `deadline_grace` later, the client does.

    Threads. Safe for any number of threads. No method blocks but `id`, the first time in a namespace, and
    `await_end`. Outcomes are received on a thread of the stub's own, and callbacks run there: one that
    blocks holds up its stub, and one that waits for another call on the same stub waits for ever.

    The stream to the host opens with the first call. A stub that isn't closed keeps it open, with two
    threads. In a `with` statement it is closed at the end, and what was sent is finished and waited for;
    if the block ends with a KeyboardInterrupt or the like, the stub is cancelled instead.
    """

    def __init__(
        self,
        namespace: DurableObjectNamespace,
        name: str | None,
        object_id: DurableObjectId | None,
        transport: grpc.Channel,
        options: ClientOptions,
    ) -> None:
        self._namespace = namespace
        self._name = name
        self._given_id = object_id
        self._transport = transport
        self._channel = StubChannel(self, transport)
        self._ended = threading.Event()
        # Guards all below. No one calls out while holding it.
        self._condition = threading.Condition()
        self._core = StubCore(options, open_by(namespace.name, name, object_id), object_id)
        self._started = False
        self._stream: Any = None
        self._stream_given_up = False
        self._leftover: list[Settled] = []  # For the receiver to tell.
        self._timer: _scheduler.Timer | None = None
        self._timer_at: float | None = None
        self._break_listeners: list[Callable[[FailureCause], object]] = []
        self._break_told = False

    def id(self) -> DurableObjectId:
        """The id of the object.

        For a stub got by name it is derived from the namespace's unique key, which may have to be fetched
        first; see `DurableObjectNamespace.id_from_name`.
        """
        if self._given_id is not None:
            return self._given_id
        assert self._name is not None
        return self._namespace.id_from_name(self._name)

    @property
    def name(self) -> str | None:
        """The name of the object, if the stub was got by name or with an id that knows its name."""
        return self._name

    def channel(self) -> grpc.Channel:
        """This stub as a gRPC channel: every stub that gRPC generates for the namespace's service works
        on it, and so does `grpc.intercept_channel`.

        `CounterStub(stub.channel()).Increment(request)` waits for the response;
        `.Increment.future(request)` returns at once, and the call has its place in the order.

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
        return self.break_cause is not None

    @property
    def break_cause(self) -> FailureCause | None:
        """Why the stub is broken; None if it isn't."""
        with self._condition:
            return self._core.cause

    def on_break(self, listener: Callable[[FailureCause], object]) -> None:
        """Has this called once, with the cause, when the stub breaks: after its calls have failed, on the
        thread that found out. At once, on this thread, if that has been. Never, if the stub ends well.
        """
        with self._condition:
            cause = self._core.cause
            if cause is None or not self._break_told:
                self._break_listeners.append(listener)
                return
        _tell(listener, cause)

    def close(self) -> None:
        """Lets no more calls in, and ends the stub when the calls made so far have been answered.

        Doesn't wait for that; `await_end` does. Later calls fail with `Reason.STUB_CLOSED`. Does nothing
        on a stub that is closed or broken.
        """
        with self._condition:
            self._core.close(time.monotonic())
            self._condition.notify_all()
        self._after([])

    def cancel(self, message: str = "the stub was cancelled") -> None:
        """Breaks the stub from this side, without waiting for outcomes.

        Calls that were sent have an `UNKNOWN` fate, and the host doesn't start those that haven't started
        by the time it hears of this. Does nothing on a stub that has ended.
        """
        self._break_here(lambda: self._core.cancel(message))

    def await_end(self, timeout: float | None = None) -> bool:
        """Waits until the stub has ended: closed with every call answered, or broken with every call
        failed. Without `close`, only a break ends it. False if the timeout, in seconds, passed before.
        """
        return self._ended.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is not None and not issubclass(exc_type, Exception):
            self.cancel(f"the block of the stub ended with {exc_type.__name__}")
            return
        self.close()
        self.await_end()

    def __repr__(self) -> str:
        return f"<DurableObjectStub {self._namespace.name}/{self._name or self._given_id}>"

    # ---- the calls ----------------------------------------------------------------------------------

    def submit(self, pending: PendingCall) -> None:
        """Takes a call in and gives it its number before it returns; or fails it at once."""
        with self._condition:
            refusal = self._core.submit(pending)
            if refusal is None:
                pending.target.sequence = pending.sequence
            start = refusal is None and not self._started
            self._started |= start
            if self._core.has_frame:
                self._condition.notify_all()
        if refusal is not None:
            pending.target.fail(refusal, Fate.NOT_EXECUTED)
            return
        if start:
            self._start()
        if pending.deadline is not None:
            self._watch()

    def _start(self) -> None:
        try:
            connect: grpc.StreamStreamMultiCallable[bytes, bytes] = self._transport.stream_stream(
                CONNECT_PATH
            )
            stream = connect(self._frames())
            with self._condition:
                self._stream = stream
            threading.Thread(
                target=self._receive, args=(stream,), name="seriatim-receiver", daemon=True
            ).start()
        except Exception as e:
            with self._condition:
                settled = self._leftover + self._core.break_by(cannot_connect(e))
                self._leftover = []
                self._condition.notify_all()
            self._after(settled)
            return
        with self._condition:
            over = self._core.is_over
        if over:  # Cancelled meanwhile, by someone who found no stream to cancel.
            self._give_up(stream)

    def _frames(self) -> Iterator[bytes]:
        """What gRPC sends, on a thread of gRPC's own. It comes back for more when it has sent one.

        The first frame has no invocations: only when gRPC comes back there is a connection, and what has
        never left is known not to have been executed.
        """
        with self._condition:
            frame: bytes | None = self._core.open_frame()
        while frame is not None:
            yield frame
            with self._condition:
                while not self._core.has_frame and not self._core.is_done_sending:
                    self._condition.wait()
                frame = self._core.next_frame(time.monotonic())
                while self._core.cause is not None and not self._stream_given_up:
                    self._condition.wait()  # What is cancelled must not look half-closed before.

    def _receive(self, stream: Any) -> None:
        """Receives outcomes until the stub has ended, on a thread of its own."""
        settled: list[Settled] = []
        try:
            if self._receive_frames(stream):
                with self._condition:
                    settled = self._core.ended(grpc.StatusCode.OK, "")
        except grpc.RpcError as e:
            trailers: Any = e.trailing_metadata() or ()
            with self._condition:
                settled = self._core.ended(e.code(), e.details() or "", trailers)
        except BaseException as e:
            LOGGER.exception("a stub can't receive")
            with self._condition:
                settled = self._core.break_by(client_fault(e))
        finally:
            with self._condition:
                settled += self._leftover
                self._leftover = []
                self._condition.notify_all()
            self._after(settled)

    def _receive_frames(self, stream: Any) -> bool:
        """True if the host ended the stream, and False if the stub has ended before."""
        for frame in stream:
            with self._condition:
                settled = self._core.receive(frame, time.monotonic())
                over = self._core.is_over
                self._condition.notify_all()
            self._after(settled)
            if over:
                return False
        return True

    def _after(self, settled: list[Settled]) -> None:
        """Tells callers what became of their calls and, if the stub has ended, whom that concerns."""
        for call, response, cause, fate in settled:
            if cause is None:
                call.target.succeed(response)
            else:
                call.target.fail(cause, fate)
        with self._condition:
            over = self._core.is_over
            cause = self._core.cause
            stream = self._stream
            if over and self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if not over:
            self._watch()
            return
        if stream is not None:
            self._give_up(stream)
        self._tell_break(cause)
        self._ended.set()

    def _tell_break(self, cause: FailureCause | None) -> None:
        with self._condition:
            listeners = self._break_listeners
            self._break_listeners = []
            self._break_told = True
        if cause is not None:
            for listener in listeners:
                _tell(listener, cause)

    # ---- time ---------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Sees to it that someone looks when the core wants that."""
        with self._condition:
            when = self._core.next_check
            if when is None or (self._timer is not None and self._timer_at == when):
                return
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = when
            self._timer = _scheduler.SHARED.at(when, self._check)

    def _check(self) -> None:
        """On the thread of all stubs, which must not be held up by callbacks."""
        with self._condition:
            self._timer = None
        self._break_here(lambda: self._core.check(time.monotonic()))
        self._watch()

    def _break_here(self, action: Callable[[], list[Settled]]) -> None:
        """Breaks the stub on this thread, if the action does, and has the receiver tell everyone."""
        with self._condition:
            was_over = self._core.is_over
            self._leftover += action()
            over = self._core.is_over and not was_over
            started = self._started
            stream = self._stream
            self._condition.notify_all()
        if over and not started:
            self._after([])
        elif over and stream is not None:
            self._give_up(stream)

    def _give_up(self, stream: Any) -> None:
        stream.cancel()  # Does nothing to a stream that has ended.
        with self._condition:
            self._stream_given_up = True
            self._condition.notify_all()


def _tell(listener: Callable[[FailureCause], object], cause: FailureCause) -> None:
    try:
        listener(cause)
    except Exception:
        LOGGER.exception("a listener for the break of a stub failed")
