"""One stub, as a scripted host sees it: see `fakehost`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import grpc
from echo_pb2 import EchoMessage
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from seriatim import DurableObjectIds
from seriatim.v1 import durable_objects_pb2 as wire

WAIT_SECONDS = 60
NAMESPACE = "ECHO"
UNIQUE_KEY = "echo-key"
IDS = DurableObjectIds(UNIQUE_KEY)

NO_MORE = "has half-closed or gone"

End = tuple[grpc.StatusCode, str, Any]


class Out(Protocol):
    """Where what the host sends goes."""

    def put(self, item: bytes | End) -> None: ...


class Accepted:
    """One stub, as the host sees it. Its methods return it, so that a script reads in one line."""

    def __init__(self, out: Out) -> None:
        self.out = out
        self._in: queue.Queue[wire.ConnectRequest | str] = queue.Queue()
        self.received: list[wire.Invocation] = []
        self.frames: list[wire.ConnectRequest] = []
        self.metadata: dict[str, str | bytes] = {}
        self._ended = False
        self._cancelled = False
        self.opens = wire.Open()
        self._over = threading.Event()
        self._reads = threading.Event()
        self._reads.set()

    # ---- what came -------------------------------------------------------------------------------

    def read_from(self, requests: Iterator[wire.ConnectRequest]) -> None:
        try:
            for request in requests:
                self.take(request)
            self.take(NO_MORE)
        except Exception:  # gRPC raises a bare Exception when the client has gone.
            self.take(NO_MORE)

    def take(self, request: wire.ConnectRequest | str) -> None:
        self._in.put(request)
        if request is not NO_MORE:
            self._reads.wait()

    def stops_reading(self) -> Accepted:
        """Takes one more frame, and leaves the others to HTTP/2's flow control."""
        self._reads.clear()
        return self

    def over(self) -> None:
        if self._over.is_set():
            return
        self._cancelled = not self._ended
        self._reads.set()
        self._over.set()
        self.ends()

    def next(self) -> wire.ConnectRequest | str:
        try:
            return self._in.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise AssertionError("the client sent no frame") from None

    def frame(self) -> wire.ConnectRequest:
        """The next frame; one that only opens is seen as a part of the one behind it."""
        frame = self.next()
        assert isinstance(frame, wire.ConnectRequest), f"the client {frame}; expected a frame"
        if not frame.invocations:
            assert frame.HasField("open")
            following = self.frame()
            assert not following.HasField("open")
            following.open.CopyFrom(frame.open)
            return following
        self.received += frame.invocations
        self.frames.append(frame)
        return frame

    def through(self, sequence: int) -> Accepted:
        """Waits for all invocations up to this one."""
        while len(self.received) < sequence:
            self.frame()
        assert [i.sequence for i in self.received] == list(range(1, len(self.received) + 1))
        return self

    def session(self) -> wire.Session:
        """What the stub says of its session; waits for the first frame, which is not among the others
        then."""
        frame = self.next()
        assert isinstance(frame, wire.ConnectRequest), f"the client {frame}; expected a frame"
        assert frame.HasField("open")
        self.opens = frame.open
        assert not frame.invocations
        return frame.open.session

    def end(self) -> Accepted:
        """Waits until the client sends no more, whatever it sent before."""
        while self.next() != NO_MORE:
            pass
        return self

    def is_cancelled(self) -> bool:
        """Waits for the end of the stream, and says whether the client cancelled it."""
        assert self._over.wait(WAIT_SECONDS), "the stream has not ended"
        return self._cancelled

    def ended(self) -> None:
        self._ended = True

    # ---- what goes -------------------------------------------------------------------------------

    def send(self, frame: wire.ConnectResponse) -> Accepted:
        self.out.put(frame.SerializeToString())
        return self

    def opened(self, name: str | None = "foo", object_id: str | None = None) -> Accepted:
        digits = object_id if object_id is not None else str(IDS.from_name(name or "foo"))
        return self.send(wire.ConnectResponse(opened=wire.Opened(id=digits, name=name)))

    def resumed(self, through: int = 0, name: str = "foo", retention: int = 600) -> Accepted:
        """Opens the stub, and says where its session stands."""
        opened = wire.Opened(id=str(IDS.from_name(name)), name=name)
        opened.session.completed_through = through
        opened.session.retention.seconds = retention
        return self.send(wire.ConnectResponse(opened=opened))

    def elsewhere(self, address: str, bits: int = 0, name: str = "foo") -> Accepted:
        """Opens the stub, and says where the object is."""
        route = wire.Route(address=address, prefix_bits=bits)
        opened = wire.Opened(id=str(IDS.from_name(name)), name=name, route=route)
        return self.send(wire.ConnectResponse(opened=opened))

    def answer(self, *sequences: int) -> Accepted:
        """One frame of outcomes; the outcome of n is the number 10 n."""
        return self.send(wire.ConnectResponse(outcomes=[outcome(n) for n in sequences]))

    def broken(self, completed_through: int, **fields: Any) -> Accepted:
        self.send(wire.ConnectResponse(broken=broken(completed_through, **fields)))
        return self

    def ends(
        self, code: grpc.StatusCode = grpc.StatusCode.OK, message: str = "", trailers: Any = ()
    ) -> Accepted:
        self.out.put((code, message, trailers))
        return self


def outcome(sequence: int) -> wire.Outcome:
    message = EchoMessage(number=10 * sequence % 2**60).SerializeToString()
    return wire.Outcome(sequence=sequence, message=message)


def broken(
    completed_through: int,
    code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION,
    reason: str = "OBJECT_EXCEPTION",
    message: str = "no more",
    **fields: Any,
) -> wire.Broken:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="seriatim.dev", metadata={"a": "b"}))
    cause = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    return wire.Broken(cause=cause, completed_through=completed_through, **fields)
