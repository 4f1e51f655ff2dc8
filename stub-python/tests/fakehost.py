"""A scripted host: it does what a test says, right or wrong, over real gRPC on loopback."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, Protocol

import grpc
from echo_pb2 import EchoMessage
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from seriatim import DurableObjectIds
from seriatim._lane_messages import ManyResponse
from seriatim.v1 import durable_objects_pb2 as wire

WAIT_SECONDS = 20
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


class AcceptedLanes:
    """A shared call, as the host sees it. Each of its lanes is as any stub."""

    def __init__(self, host: FakeHost, metadata: dict[str, str | bytes]) -> None:
        self.out: queue.Queue[bytes | End] = queue.Queue()
        self.messages: list[wire.ConnectManyRequest] = []
        self.lanes: dict[int, Accepted] = {}
        self.more_bytes: dict[int, int] = {}
        self.half_closed = threading.Event()
        self.over = threading.Event()
        self._host = host
        self._metadata = metadata

    def read_from(self, requests: Iterator[wire.ConnectManyRequest]) -> None:
        try:
            for request in requests:
                self.messages.append(request)
                for part in request.lanes:
                    self._take(part)
            self.half_closed.set()
        except Exception:  # gRPC raises a bare Exception when the client has gone.
            for lane in self.lanes.values():
                lane.take(NO_MORE)

    def _take(self, part: wire.LaneRequest) -> None:
        if part.lane not in self.lanes:
            assert part.lane == len(self.lanes) + 1, f"lane {part.lane} is opened behind {len(self.lanes)}"
            accepted = Accepted(LaneOut(self, part.lane))
            accepted.metadata = self._metadata
            self.lanes[part.lane] = accepted
            self._host.all.append(accepted)
            self._host.stubs.put(accepted)
        lane = self.lanes[part.lane]
        self.more_bytes[part.lane] = self.more_bytes.get(part.lane, 0) + part.more_bytes
        match part.WhichOneof("what"):
            case "frame":
                lane.take(part.frame)
            case "half_close":
                lane.take(NO_MORE)
            case "cancel":
                lane.take(NO_MORE)
                lane.over()

    def has_gone(self) -> None:
        for lane in list(self.lanes.values()):
            lane.take(NO_MORE)
            lane.over()
        self.over.set()
        self.out.put((grpc.StatusCode.OK, "", ()))


class LaneOut:
    """What the host sends on a lane, each in a message of its own."""

    def __init__(self, call: AcceptedLanes, number: int) -> None:
        self._call = call
        self._number = number
        self._ended = False

    def put(self, item: bytes | End) -> None:
        if self._ended:
            return
        if isinstance(item, bytes):
            response = ManyResponse(lanes=[{"lane": self._number, "frame": item}])
        else:
            self._ended = True
            code, message, trailers = item
            lane = self._call.lanes[self._number]
            lane.ended()
            details = dict(trailers).get("grpc-status-details-bin", b"")
            end = status_pb2.Status.FromString(details)
            end.code, end.message = code.value[0], message
            response = ManyResponse(lanes=[{"lane": self._number, "end": end}])
            lane.over()
        self._call.out.put(response.SerializeToString())


class FakeHost:
    """The server. Every stub that is opened on it waits to be accepted, on a call of its own or on a lane."""

    def __init__(self, address: str = "127.0.0.1:0", streams: int = 0) -> None:
        """At this address, with so many streams on a connection; 0 for any number."""
        self.stubs: queue.Queue[Accepted | None] = queue.Queue()
        self.all: list[Accepted] = []
        self.shared: list[AcceptedLanes] = []
        self.has_lanes = True
        self.lanes_asked = 0
        self.greets = True  # Says at once that it knows what a shared call is, by the headers of its answer.
        self.descriptions = 0
        self.description = wire.DescribeNamespaceResponse(name=NAMESPACE, unique_key=UNIQUE_KEY)
        options = [("grpc.max_concurrent_streams", streams)] if streams else []
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=128), options=options)
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Connect": grpc.stream_stream_rpc_method_handler(
                self._connect, request_deserializer=wire.ConnectRequest.FromString
            ),
            "DescribeNamespace": grpc.unary_unary_rpc_method_handler(
                self._describe,
                request_deserializer=wire.DescribeNamespaceRequest.FromString,
                response_serializer=wire.DescribeNamespaceResponse.SerializeToString,
            ),
        }
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler("seriatim.v1.DurableObjects", handlers),
                _ConnectMany(self),
            )
        )
        self.target = f"127.0.0.1:{self._server.add_insecure_port(address)}"
        self._server.start()

    def accept(self) -> Accepted:
        try:
            accepted = self.stubs.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise AssertionError("no stub was opened") from None
        assert accepted is not None, "the host has stopped"
        return accepted

    def serves(self) -> None:
        """Opens every stub from now on and answers every call, on threads of its own."""

        def serve(accepted: Accepted) -> None:
            opened = False
            while isinstance(frame := accepted.next(), wire.ConnectRequest):
                if not opened:
                    accepted.opened(frame.open.name)
                    opened = True
                accepted.received += frame.invocations
                known = [
                    i.sequence for i in frame.invocations if EchoMessage.FromString(i.message).number >= 0
                ]
                if known:
                    accepted.answer(*known)
            accepted.ends()

        def accept() -> None:
            while (accepted := self.stubs.get()) is not None:
                threading.Thread(target=serve, args=(accepted,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def stop(self) -> None:
        self.stubs.put(None)
        for accepted in self.all:
            accepted.ends()
        for shared in self.shared:
            shared.out.put((grpc.StatusCode.UNAVAILABLE, "the host stops", ()))
        self._server.stop(None).wait(WAIT_SECONDS)

    def cut(self) -> None:
        """Drops all connections."""
        self._server.stop(0).wait(WAIT_SECONDS)

    def _connect(
        self, requests: Iterator[wire.ConnectRequest], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        out: queue.Queue[bytes | End] = queue.Queue()
        accepted = Accepted(out)
        self.all.append(accepted)
        accepted.metadata = dict(context.invocation_metadata())
        threading.Thread(target=accepted.read_from, args=(requests,), daemon=True).start()
        self.stubs.put(accepted)
        context.add_callback(accepted.over)
        yield from self._send(out, context, accepted.ended)

    def connect_many(
        self, requests: Iterator[wire.ConnectManyRequest], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        shared = AcceptedLanes(self, dict(context.invocation_metadata()))
        self.shared.append(shared)
        if self.greets:
            context.send_initial_metadata(())
        threading.Thread(target=shared.read_from, args=(requests,), daemon=True).start()
        context.add_callback(shared.has_gone)
        yield from self._send(shared.out, context, lambda: None)

    @staticmethod
    def _send(
        out: queue.Queue[bytes | End], context: grpc.ServicerContext, ended: Callable[[], None]
    ) -> Iterator[bytes]:
        while True:
            step = out.get()
            if isinstance(step, bytes):
                yield step
                continue
            code, message, trailers = step
            ended()
            context.set_trailing_metadata(trailers)
            context.set_code(code)
            context.set_details(message)
            return

    def _describe(
        self, request: wire.DescribeNamespaceRequest, context: grpc.ServicerContext
    ) -> wire.DescribeNamespaceResponse:
        self.descriptions += 1
        if request.name != NAMESPACE:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no namespace {request.name}")
        return self.description


class _ConnectMany(grpc.GenericRpcHandler):
    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        if handler_call_details.method != "/seriatim.v1.DurableObjects/ConnectMany":
            return None
        self._host.lanes_asked += 1
        if not self._host.has_lanes:
            return None
        return grpc.stream_stream_rpc_method_handler(
            self._host.connect_many, request_deserializer=wire.ConnectManyRequest.FromString
        )


class Relay:
    """Stands before a host and carries every byte, until it is told to be silent. It closes nothing then."""

    def __init__(self, host: FakeHost) -> None:
        self._port = int(host.target.rpartition(":")[2])
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._silent = threading.Event()
        self._sockets = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        self._silent.set()

    def stop(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # Stopped.
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                for way in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=way, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not self._silent.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
