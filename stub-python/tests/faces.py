"""The two APIs behind one, so that a test of what they share is written once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import grpc
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from fakehost import NAMESPACE, WAIT_SECONDS

import seriatim

_T = TypeVar("_T")


class Reply(Protocol):
    """A call that is under way."""

    def result(self, timeout: float | None = None) -> Any: ...


def number(reply: Reply) -> int:
    """The number that a call answered."""
    value: int = reply.result(WAIT_SECONDS).number
    return value


def failure(reply: Reply) -> seriatim.CallFailure:
    """How a call failed."""
    try:
        response = reply.result(WAIT_SECONDS)
    except seriatim.CallFailure as e:
        return e
    raise AssertionError(f"answered {response}, expected a failure")


class Face(Protocol):
    """A client and one stub."""

    stub: Any
    resumable: bool
    """Whether the next stubs are, if one is got with `renew`."""

    def call(self, value: int = 0, *, payload: bytes = b"", text: str = "", **options: Any) -> Reply: ...
    def calls(self, count: int) -> list[Reply]: ...
    def streaming(self) -> list[seriatim.CallFailure]: ...
    def close(self) -> None: ...
    def cancel(self, message: str) -> None: ...
    def await_end(self) -> None: ...
    def on_break(self, listener: Callable[[seriatim.FailureCause], object]) -> None: ...
    def cause(self) -> seriatim.FailureCause | None: ...
    def renew(self, which: seriatim.DurableObjectId | str = "foo") -> None: ...
    def end_others(self) -> None: ...
    def other(self, namespace: str, key: str | None, object_id: seriatim.DurableObjectId) -> str: ...
    def id(self) -> seriatim.DurableObjectId: ...
    def ids(self) -> Any: ...
    def look_at_the_clock(self) -> None: ...
    def shut_down(self) -> None: ...


class ThreadsFace:
    def __init__(
        self,
        target: str,
        options: seriatim.ClientOptions,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._credentials = credentials
        self._objects = self._connect(target, options)
        self._kept: list[seriatim.DurableObjectStub] = []
        self.resumable = False
        self.renew()

    def _connect(self, target: str, options: seriatim.ClientOptions) -> seriatim.DurableObjects:
        return seriatim.DurableObjects.connect(target, self._credentials, options)

    def call(self, value: int = 0, *, payload: bytes = b"", text: str = "", **options: Any) -> Reply:
        echo = EchoStub(self.stub.channel())
        return echo.Echo.future(EchoMessage(number=value, payload=payload, text=text), **options)

    def calls(self, count: int) -> list[Reply]:
        return [self.call(n) for n in range(1, count + 1)]

    def streaming(self) -> list[seriatim.CallFailure]:
        echo = EchoStub(self.stub.channel())
        failures = []
        for call in (
            lambda: echo.Watch(EchoMessage()),
            lambda: echo.Gather(iter(())),
            lambda: echo.Gather.future(iter(())),
            lambda: echo.Talk(iter(())),
        ):
            try:
                call()
            except seriatim.CallFailure as e:
                failures.append(e)
        return failures

    def close(self) -> None:
        self.stub.close()

    def cancel(self, message: str) -> None:
        self.stub.cancel(message)

    def await_end(self) -> None:
        assert self.stub.await_end(WAIT_SECONDS), "the stub has not ended"

    def on_break(self, listener: Callable[[seriatim.FailureCause], object]) -> None:
        self.stub.on_break(listener)

    def cause(self) -> seriatim.FailureCause | None:
        assert self.stub.is_broken == (self.stub.break_cause is not None)
        return self.stub.break_cause

    def renew(self, which: seriatim.DurableObjectId | str = "foo") -> None:
        """A new stub on another object, or on the same one."""
        namespace = self._objects.namespace(NAMESPACE)
        namespace = namespace.resumable() if self.resumable else namespace
        self.stub = namespace.get_by_name(which) if isinstance(which, str) else namespace.get(which)
        self._kept.append(self.stub)

    def end_others(self) -> None:
        for stub in self._kept[:-1]:
            stub.close()

    def other(self, namespace: str, key: str | None, object_id: seriatim.DurableObjectId) -> str:
        """Gets a stub in another namespace; gives the error, if that is refused."""
        try:
            self._objects.namespace(namespace, key).get(object_id)
        except seriatim.InvalidIdError as e:
            return str(e) if e.reason == seriatim.Reason.INVALID_ID else f"{e.reason}: {e}"
        return ""

    def id(self) -> seriatim.DurableObjectId:
        return self.stub.id()

    def ids(self) -> Any:
        namespace = self._objects.namespace(NAMESPACE)
        return (
            namespace.id_from_name("foo"),
            namespace.id_from_string(str(namespace.id_from_name("foo"))),
            namespace.new_unique_id(),
        )

    def look_at_the_clock(self) -> None:
        pass  # The process's scheduler does.

    def shut_down(self) -> None:
        for stub in self._kept:
            stub.cancel()
            assert stub.await_end(WAIT_SECONDS), "the stub has not ended"
        self._objects.close()


class Transparent(grpc.StreamStreamClientInterceptor):
    """Does nothing."""

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return continuation(client_call_details, request_iterator)


class InterceptedFace(ThreadsFace):
    """Over a channel that isn't gRPC's own, and so with threads for each stub."""

    def _connect(self, target: str, options: seriatim.ClientOptions) -> seriatim.DurableObjects:
        def channel(address: str) -> grpc.Channel:
            arguments = options.channel_arguments()
            made = (
                grpc.insecure_channel(address, arguments)
                if self._credentials is None
                else grpc.secure_channel(address, self._credentials, arguments)
            )
            return grpc.intercept_channel(made, Transparent())

        self._channel = channel(target)
        return seriatim.DurableObjects(self._channel, replace(options, route_channel=channel))

    def shut_down(self) -> None:
        super().shut_down()
        self._channel.close()


class AioFace:
    """Runs a loop on a thread of its own. What is asked of it is done there, in the order asked."""

    def __init__(
        self,
        target: str,
        options: seriatim.ClientOptions,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._credentials = credentials
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop")
        self._thread.start()
        self._run(self._connect(target, options))

    async def _connect(self, target: str, options: seriatim.ClientOptions) -> None:
        self._objects = seriatim.aio.DurableObjects.connect(target, self._credentials, options)
        self._kept: list[seriatim.aio.DurableObjectStub] = []
        self.resumable = False
        self.renew()

    def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_SECONDS)

    def call(self, value: int = 0, *, payload: bytes = b"", text: str = "", **options: Any) -> Reply:
        async def make() -> EchoMessage:
            echo = EchoStub(self.stub.channel())
            return await echo.Echo(EchoMessage(number=value, payload=payload, text=text), **options)

        return asyncio.run_coroutine_threadsafe(make(), self._loop)

    def calls(self, count: int) -> list[Reply]:
        return [self.call(n) for n in range(1, count + 1)]

    def streaming(self) -> list[seriatim.CallFailure]:
        async def make() -> list[seriatim.CallFailure]:
            echo = EchoStub(self.stub.channel())
            failures = []
            for call in (
                lambda: echo.Watch(EchoMessage()),
                lambda: echo.Gather(iter(())),
                echo.Gather,
                echo.Talk,
            ):
                try:
                    call()
                except seriatim.CallFailure as e:
                    failures.append(e)
            return failures

        return self._run(make())

    def close(self) -> None:
        self._run(self._do(self.stub.close))

    def cancel(self, message: str) -> None:
        self._run(self._do(lambda: self.stub.cancel(message)))

    def await_end(self) -> None:
        self._run(self.stub.await_end())

    def on_break(self, listener: Callable[[seriatim.FailureCause], object]) -> None:
        self._run(self._do(lambda: self.stub.on_break(listener)))

    def cause(self) -> seriatim.FailureCause | None:
        assert self.stub.is_broken == (self.stub.break_cause is not None)
        return self.stub.break_cause

    def end_others(self) -> None:
        for stub in self._kept[:-1]:
            self._run(self._do(stub.close))

    def renew(self, which: seriatim.DurableObjectId | str = "foo") -> None:
        """A new stub on another object, or on the same one."""
        namespace = self._objects.namespace(NAMESPACE)
        namespace = namespace.resumable() if self.resumable else namespace
        self.stub = namespace.get_by_name(which) if isinstance(which, str) else namespace.get(which)
        self._kept.append(self.stub)

    def other(self, namespace: str, key: str | None, object_id: seriatim.DurableObjectId) -> str:
        """Gets a stub in another namespace; gives the error, if that is refused."""
        try:
            self._objects.namespace(namespace, key).get(object_id)
        except seriatim.InvalidIdError as e:
            return str(e) if e.reason == seriatim.Reason.INVALID_ID else f"{e.reason}: {e}"
        return ""

    def id(self) -> seriatim.DurableObjectId:
        return self._run(self.stub.id())

    def ids(self) -> Any:
        async def make() -> Any:
            namespace = self._objects.namespace(NAMESPACE)
            foo = await namespace.id_from_name("foo")
            return foo, await namespace.id_from_string(str(foo)), await namespace.new_unique_id()

        return self._run(make())

    def look_at_the_clock(self) -> None:
        self._loop.call_soon_threadsafe(lambda: None)

    def shut_down(self) -> None:
        self._run(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_SECONDS)
        self._loop.close()

    async def _shut_down(self) -> None:
        for stub in self._kept:
            stub.cancel()
        await self._objects.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=WAIT_SECONDS)

    @staticmethod
    async def _do(action: Callable[[], object]) -> None:
        action()


def is_grpc_error(error: grpc.RpcError) -> bool:
    """Whether it can be used like any error of gRPC, of either API."""
    return isinstance(error, grpc.RpcError) and isinstance(error, grpc.aio.AioRpcError)


MakeFace = Callable[..., Face]

FACES: dict[str, Any] = {"threads": ThreadsFace, "intercepted": InterceptedFace, "aio": AioFace}
ON_OWN_CALLS = [f"{face}, {lanes}" for lanes in ("own", "no lanes") for face in FACES]
ON_LANES = [f"{face}, lane" for face in FACES]


def fates_of(replies: list[object]) -> list[tuple[int, seriatim.Fate]]:
    """The numbers and fates of calls that have failed."""
    failures = [failure(reply) for reply in replies]  # type: ignore[arg-type]
    return [(f.sequence, f.fate) for f in failures]
