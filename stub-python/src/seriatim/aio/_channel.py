"""An asyncio stub as a gRPC channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import grpc
from grpc import aio

from seriatim import _request
from seriatim._failures import CallFailure, Fate
from seriatim._ledger import PendingCall
from seriatim.aio._call import StubCall

if TYPE_CHECKING:
    from seriatim.aio._stub import DurableObjectStub

_Metadata = _request.Pairs | None


class StubChannel(aio.Channel):
    """Carries the unary calls of generated stubs over one durable object stub, in order."""

    def __init__(
        self, stub: DurableObjectStub, submit: Callable[[PendingCall], None], transport: aio.Channel
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
    ) -> aio.UnaryUnaryMultiCallable[Any, Any]:
        """One method of the object."""
        return _UnaryUnary(self._stub, self._submit, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> aio.UnaryStreamMultiCallable[Any, Any]:
        """A method that fails with UNIMPLEMENTED when it is called."""
        return _UnaryStream(method, "server-streaming")

    def stream_unary(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> aio.StreamUnaryMultiCallable[Any, Any]:
        """A method that fails with UNIMPLEMENTED when it is called."""
        return _StreamUnary(method, "client-streaming")

    def stream_stream(
        self,
        method: str,
        request_serializer: _request.Serializer = None,
        response_deserializer: _request.Deserializer = None,
        _registered_method: bool | None = False,
    ) -> aio.StreamStreamMultiCallable[Any, Any]:
        """A method that fails with UNIMPLEMENTED when it is called."""
        return _StreamStream(method, "bidirectional-streaming")

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The connectivity of the channel under the stub."""
        return self._transport.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Waits for a change of connectivity of the channel under the stub."""
        await self._transport.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Waits until the channel under the stub is connected."""
        await self._transport.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Closes the stub, and waits until what was sent has been answered.

        With a `grace`, in seconds, the stub is cancelled if that takes longer.
        """
        self._stub.close()
        if grace is None:
            await self._stub.await_end()
            return
        try:
            async with asyncio.timeout(grace):
                await self._stub.await_end()
        except TimeoutError:
            self._stub.cancel(f"the stub was closed with a grace of {grace:g} s")
            await self._stub.await_end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self._stub.__aexit__(exc_type, exc_val, exc_tb)


class _UnaryUnary(aio.UnaryUnaryMultiCallable[Any, Any]):
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
        *,
        timeout: float | None = None,
        metadata: _Metadata = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StubCall:
        loop = self._stub.loop()
        return self._method.call(
            lambda deadline: StubCall(deadline, loop), request, timeout, metadata, credentials
        )


class _Refused:
    def __init__(self, method: str, kind: str) -> None:
        self._refusal = _request.refuse_streaming(_request.method_name(method), kind)

    def __call__(self, *arguments: Any, **options: Any) -> NoReturn:
        raise CallFailure(self._refusal.cause, Fate.NOT_EXECUTED, 0)


class _UnaryStream(_Refused, aio.UnaryStreamMultiCallable[Any, Any]):
    pass


class _StreamUnary(_Refused, aio.StreamUnaryMultiCallable[Any, Any]):
    pass


class _StreamStream(_Refused, aio.StreamStreamMultiCallable[Any, Any]):
    pass
