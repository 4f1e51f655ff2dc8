"""A scripted host: it does what a test says, right or wrong, over real gRPC on loopback."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from accepted import IDS, NAMESPACE, UNIQUE_KEY, WAIT_SECONDS, Accepted, End, broken, outcome
from echo_pb2 import EchoMessage
from fakelanes import AcceptedLanes

from seriatim.v1 import durable_objects_pb2 as wire

__all__ = [
    "IDS",
    "NAMESPACE",
    "WAIT_SECONDS",
    "Accepted",
    "AcceptedLanes",
    "FakeHost",
    "Relay",
    "broken",
    "outcome",
]

STOPS: End = (grpc.StatusCode.UNAVAILABLE, "the host stops", ())


class FakeHost:
    """The server. Every stub that is opened on it waits to be accepted, on a call of its own or on a lane."""

    def __init__(
        self,
        address: str = "127.0.0.1:0",
        streams: int = 0,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        """At this address, with so many streams on a connection; 0 for any number. With TLS, if there are
        credentials.
        """
        self.authorizations: list[str | bytes] = []  # The header of each gRPC call, in order; "" for none.
        self.stubs: queue.Queue[Accepted | None] = queue.Queue()
        self.all: list[Accepted] = []
        self.shared: list[AcceptedLanes] = []
        self.has_lanes = True
        self.lanes_asked = 0
        self.may_refuse = threading.Event()  # Says that it has no shared calls; not before this is set.
        self.may_refuse.set()
        self.greets = True  # Says at once that it knows what a shared call is, by the headers of its answer.
        self.descriptions = 0
        self.description = wire.DescribeNamespaceResponse(name=NAMESPACE, unique_key=UNIQUE_KEY)
        options = [("grpc.max_concurrent_streams", streams)] if streams else []
        self._stops = False  # Written before what there is is ended, and read behind what comes is noted.
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
        port = (
            self._server.add_insecure_port(address)
            if credentials is None
            else self._server.add_secure_port(address, credentials)
        )
        self.target = f"127.0.0.1:{port}"
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
                    opens = accepted.resumed if frame.open.HasField("session") else accepted.opened
                    opens(name=frame.open.name)
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
        self._stops = True
        self.stubs.put(None)
        for accepted in self.all:
            accepted.ends()
        for shared in self.shared:
            shared.out.put(STOPS)
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
        if self._stops:  # And may have ended all that there were.
            accepted.ends()
        accepted.metadata = self._metadata_of(context)
        threading.Thread(target=accepted.read_from, args=(requests,), daemon=True).start()
        self.stubs.put(accepted)
        context.add_callback(accepted.over)
        yield from self._send(out, context, accepted.ended)

    def connect_many(
        self, requests: Iterator[wire.ConnectManyRequest], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        shared = AcceptedLanes(self, self._metadata_of(context))
        self.shared.append(shared)
        if self._stops:
            shared.out.put(STOPS)
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

    def _metadata_of(self, context: grpc.ServicerContext) -> dict[str, str | bytes]:
        metadata = dict(context.invocation_metadata())
        self.authorizations.append(metadata.get("authorization", ""))
        return metadata

    def _describe(
        self, request: wire.DescribeNamespaceRequest, context: grpc.ServicerContext
    ) -> wire.DescribeNamespaceResponse:
        self.descriptions += 1
        self._metadata_of(context)
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
            self._host.may_refuse.wait(WAIT_SECONDS)
            return None
        return grpc.stream_stream_rpc_method_handler(
            self._host.connect_many, request_deserializer=wire.ConnectManyRequest.FromString
        )


class Relay:
    """Stands before a host and carries every byte, until it is told to be silent. It closes nothing then."""

    def __init__(self, host: FakeHost | str) -> None:
        """Before a host on this machine, or what is at such a target."""
        self._port = int((host if isinstance(host, str) else host.target).rpartition(":")[2])
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._silent = threading.Event()
        self._sockets = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        self._silent.set()

    def cut(self) -> None:
        """Closes the connections that there are, and takes others."""
        for each in self._sockets[1:]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

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
