"""The stub of the threaded API."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from seriatim import _scheduler
from seriatim._channel import StubChannel
from seriatim._connection import Connection
from seriatim._event_link import event_link
from seriatim._face import StubFace
from seriatim._ids import DurableObjectId
from seriatim._latch import Latch
from seriatim._link import Carried, Link
from seriatim._session import Session
from seriatim._thread_link import ThreadLink
from seriatim._transport import open_by, refuse_to_wait_here

if TYPE_CHECKING:
    from seriatim._client import DurableObjectNamespace


def _link(channel: grpc.Channel, carried: Carried) -> Link:
    return event_link(channel, carried) or ThreadLink(channel, carried)


class DurableObjectStub(StubFace):
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

    Timeouts. The timeout of a call travels with it, and the host breaks the stub when it runs out and the
    call's turn comes: then nothing is unknown. As long as an earlier call of this stub without a timeout, or
    with a later one, is unanswered, the host can't tell yet; and if it doesn't tell within `deadline_grace`,
    nobody knows why. Then that one call fails with `Reason.ANSWER_OVERDUE`, and the stub goes on.

    Threads. Safe for any number of threads. No method blocks but `id`, the first time in a namespace, and
    `await_end`. Outcomes are received on a thread that all stubs of a client share, and callbacks run there:
    one that blocks holds them all up, or with `ClientOptions.shared_calls` only its own stub; and one that
    waits for a call gets a RuntimeError at once.

    The stream to the host opens with the first call. A stub that isn't closed keeps it open, until nobody has
    the stub, its channel or the methods got from that any more: then it is closed, too. In a `with` statement
    it is closed at the end, and what was sent is finished and waited for; if the block ends with a
    KeyboardInterrupt or the like, the stub is cancelled instead.
    """

    def __init__(
        self,
        namespace: DurableObjectNamespace,
        name: str | None,
        object_id: DurableObjectId | None,
        transport: grpc.Channel,
        connection: Connection,
        known_id: DurableObjectId | None,
        make_session: type[Session] = Session,
    ) -> None:
        self._transport = transport
        self._ended = Latch()
        session = make_session(
            connection,
            open_by(namespace.name, name, object_id),
            object_id,
            lambda carried, routed: _link(transport if routed is None else routed, carried),
            _scheduler.SHARED,
            self._ended,
            known_id,
        )
        super().__init__(namespace, name, object_id, session)

    def id(self) -> DurableObjectId:
        """The id of the object.

        For a stub got by name it is derived from the namespace's unique key, which may have to be fetched
        first; see `DurableObjectNamespace.id_from_name`.
        """
        if self._given_id is not None:
            return self._given_id
        object_id: DurableObjectId = self._namespace.id_from_name(self._name)
        return object_id

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

        One reserved key is let through: with `("seriatim-idempotency-key", "order-12345")` among its
        metadata, 1 to 255 bytes, a call is executed at most once for that object and key, whatever stub it
        comes on and however often, as long as the host remembers it; later ones get the outcome of the
        first. The same key with another call breaks the stub with `Reason.IDEMPOTENCY_MISMATCH`.
        """
        return StubChannel(self, self._session.submit, self._transport)

    def await_end(self, timeout: float | None = None) -> bool:
        """Waits until the stub has ended: closed with every call answered, or broken with every call
        failed. Without `close`, only a break ends it. False if the timeout, in seconds, passed before.
        """
        if not self._ended.is_set():
            refuse_to_wait_here()
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

    def _close_later(self, session: Session) -> None:
        _scheduler.SHARED.at(0.0, session.close)
