"""A threaded stub as a gRPC channel."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import grpc

from seriatim import _request
from seriatim._call import RaisedCallFailure, StubCall
from seriatim._failures import Fate
from seriatim._ledger import PendingCall

if TYPE_CHECKING:
    from seriatim._stub import DurableObjectStub

    _AnyUnaryUnary = grpc.UnaryUnaryMultiCallable[Any, Any]
    _AnyUnaryStream = grpc.UnaryStreamMultiCallable[Any, Any]
    _AnyStreamUnary = grpc.StreamUnaryMultiCallable[Any, Any]
    _AnyStreamStream = grpc.StreamStreamMultiCallable[Any, Any]
else:  # Generic only to the type checker.
    _AnyUnaryUnary = grpc.UnaryUnaryMultiCallable
    _AnyUnaryStream = grpc.UnaryStreamMultiCallable
    _AnyStreamUnary = grpc.StreamUnaryMultiCallable
    _AnyStreamStream = grpc.StreamStreamMultiCallable

_Metadata = _request.Pairs | None


class StubChannel(grpc.Channel):
    """Carries the unary calls of generated stubs over one durable object stub, in order."""

    def __init__(
        self, stub: DurableObjectStub, submit: Callable[[PendingCall], None], transport: grpc.Channel
    ) -> None:
        self._stub = stub
        self._submit = submit
        self._transport = transport

    def unary_unary(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> grpc.UnaryUnaryMultiCallable[Any, Any]:
        """One method of the object."""
        return _UnaryUnary(self._stub, self._submit, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> grpc.UnaryStreamMultiCallable[Any, Any]:
        """A method that fails with UNIMPLEMENTED when it is called."""
        return _UnaryStream(method, "server-streaming")

    def stream_unary(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> grpc.StreamUnaryMultiCallable[Any, Any]:
        """A method that fails with UNIMPLEMENTED when it is called."""
        return _StreamUnary(method, "client-streaming")

    def stream_stream(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> grpc.StreamStreamMultiCallable[Any, Any]:
        """A method that fails with UNIMPLEMENTED when it is called."""
        return _StreamStream(method, "bidirectional-streaming")

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False
    ) -> None:
        """Subscribes to the connectivity of the channel under the stub."""
        self._transport.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Ends a subscription."""
        self._transport.unsubscribe(callback)

    def close(self) -> None:
        """Closes the stub; see there."""
        self._stub.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._stub.__exit__(exc_type, exc_val, exc_tb)


class _UnaryUnary(_AnyUnaryUnary):
    def __init__(
        self,
        stub: DurableObjectStub,
        submit: Callable[[PendingCall], None],
        path: str,
        serializer: _request.Serializer,
        deserializer: _request.Deserializer,
    ) -> None:
        self._stub = stub  # Is closed when nobody has it.
        self._method = _request.UnaryMethod(submit, path, serializer, deserializer)

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: _Metadata = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        return self.with_call(request, timeout, metadata, credentials)[0]

    def with_call(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: _Metadata = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> tuple[Any, StubCall]:
        call = self.future(request, timeout, metadata, credentials)
        try:
            return call.result(), call
        except KeyboardInterrupt:
            call.cancel()
            raise

    def future(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: _Metadata = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StubCall:
        return self._method.call(StubCall, request, timeout, metadata, credentials)


class _Refused:
    def __init__(self, method: str, kind: str) -> None:
        self._refusal = _request.refuse_streaming(_request.method_name(method), kind)

    def _refuse(self, *arguments: Any, **options: Any) -> NoReturn:
        raise RaisedCallFailure(self._refusal.cause, Fate.NOT_EXECUTED, 0)


class _UnaryStream(_Refused, _AnyUnaryStream):
    __call__ = _Refused._refuse


class _StreamUnary(_Refused, _AnyStreamUnary):
    __call__ = _Refused._refuse
    future = _Refused._refuse
    with_call = _Refused._refuse


class _StreamStream(_Refused, _AnyStreamStream):
    __call__ = _Refused._refuse
