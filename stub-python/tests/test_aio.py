"""What only the asyncio API has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from fakehost import NAMESPACE, WAIT_SECONDS, Accepted, FakeHost

from seriatim import CallFailure, ClientOptions, Fate, Reason
from seriatim.aio import DurableObjects, DurableObjectStub
from seriatim.aio._call import StubCall

_T = TypeVar("_T")


@pytest.fixture(params=[0, 1], ids=["own", "lane"])
def options(request: pytest.FixtureRequest) -> ClientOptions:
    return ClientOptions(shared_calls=request.param)


@pytest.fixture
async def objects(host: FakeHost, options: ClientOptions) -> AsyncIterator[DurableObjects]:
    async with DurableObjects.connect(host.target, options=options) as objects:
        yield objects


@pytest.fixture
async def stub(objects: DurableObjects) -> AsyncIterator[DurableObjectStub]:
    stub = objects.namespace(NAMESPACE).get_by_name("foo")
    yield stub
    stub.cancel()
    async with asyncio.timeout(WAIT_SECONDS):
        await stub.await_end()


async def off(action: Callable[[], _T]) -> _T:
    """The host's script blocks, so it runs on a thread."""
    return await asyncio.to_thread(action)


def call_of(stub: DurableObjectStub, number: int = 0, payload: bytes = b"", **options: Any) -> StubCall:
    message = EchoMessage(number=number, payload=payload)
    call: StubCall = EchoStub(stub.channel()).Echo(message, **options)  # type: ignore[assignment]
    return call


async def test_a_call_is_a_grpc_call(host: FakeHost, stub: DurableObjectStub) -> None:
    done: list[Any] = []
    call = call_of(stub, timeout=100)
    assert isinstance(call, grpc.aio.UnaryUnaryCall)
    assert isinstance(stub.channel(), grpc.aio.Channel)
    assert call.sequence == 1
    call.add_done_callback(done.append)
    assert (call.done(), call.cancelled()) == (False, False)
    remaining = call.time_remaining()
    assert remaining is not None
    assert 0 < remaining <= 100
    await off(lambda: host.accept().opened().through(1).answer(1))
    assert (await call).number == 10
    assert (await call).number == 10
    assert await call.code() is grpc.StatusCode.OK
    assert await call.details() == ""
    assert list(await call.initial_metadata()) == []
    assert list(await call.trailing_metadata()) == []
    await call.wait_for_connection()
    assert done == [call]
    assert (call.done(), call.cancelled(), call.cancel(), call.failure) == (True, False, False, None)


async def test_calls_nobody_awaits_take_their_place(host: FakeHost, stub: DurableObjectStub) -> None:
    calls = [call_of(stub, n) for n in range(100)]
    last = calls[-1]
    del calls
    accepted = await off(lambda: host.accept().opened().through(100))
    assert [EchoMessage.FromString(i.message).number for i in accepted.received] == list(range(100))
    assert len(accepted.frames) == 1  # Made before the loop came to send.
    accepted.answer(*range(1, 101))
    assert (await last).number == 1000


async def test_failures_nobody_awaits_are_no_noise(
    host: FakeHost, stub: DurableObjectStub, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        call_of(stub, n)
    await off(lambda: host.accept().opened().through(3).broken(0))
    await stub.await_end()
    assert not caplog.records


async def test_a_failed_call(host: FakeHost, stub: DurableObjectStub) -> None:
    call = call_of(stub)
    await off(lambda: host.accept().opened().through(1).broken(0))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert isinstance(raised.value, CallFailure)
    assert call.failure is raised.value
    assert await call.code() is raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert (
        await call.details() == raised.value.details() == "no more [OBJECT_EXCEPTION, call 1, NOT_EXECUTED]"
    )
    assert await call.debug_error_string() == "FAILED_PRECONDITION OBJECT_EXCEPTION: no more"
    assert [key for key, _ in await call.trailing_metadata()] == ["grpc-status-details-bin"]
    with pytest.raises(CallFailure):
        await call.wait_for_connection()


async def test_a_cancelled_call_leaves_the_stub_alone(host: FakeHost, stub: DurableObjectStub) -> None:
    one, two, three = (call_of(stub, n) for n in (1, 2, 3))
    assert two.cancel()
    assert two.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await two
    assert await two.code() is grpc.StatusCode.CANCELLED
    assert two.failure is not None
    assert (two.failure.reason, two.failure.fate, two.failure.sequence) == (
        Reason.CALL_CANCELLED,
        Fate.UNKNOWN,
        2,
    )
    await off(lambda: host.accept().opened().through(3).answer(1, 2, 3))
    assert [(await call).number for call in (one, three)] == [10, 30]
    assert not stub.is_broken


async def test_a_cancelled_task_gives_its_call_up(host: FakeHost, stub: DurableObjectStub) -> None:
    call = call_of(stub)
    watched = call_of(stub)
    accepted = await off(lambda: host.accept().opened().through(2))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await call
    assert call.cancelled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await watched.code()
    assert not watched.cancelled()
    accepted.answer(1, 2)
    assert (await watched).number == 20


async def test_a_request_that_cannot_be_serialized(host: FakeHost, stub: DurableObjectStub) -> None:
    with pytest.raises(CallFailure) as raised:
        await EchoStub(stub.channel()).Echo("no message")  # type: ignore[arg-type]
    assert (raised.value.code(), raised.value.reason) == (grpc.StatusCode.INTERNAL, Reason.CALL_REFUSED)
    assert not host.all


async def test_a_stub_belongs_to_one_loop(stub: DurableObjectStub) -> None:
    call_of(stub)

    async def elsewhere() -> None:
        call_of(stub)

    with pytest.raises(RuntimeError, match="another event loop"):
        await off(lambda: asyncio.run(elsewhere()))


async def test_the_channel_of_the_transport(host: FakeHost, stub: DurableObjectStub) -> None:
    channel = stub.channel()
    assert channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.SHUTDOWN
    async with asyncio.timeout(WAIT_SECONDS):
        await channel.channel_ready()


async def test_an_async_with_block_finishes_what_was_sent(host: FakeHost, stub: DurableObjectStub) -> None:
    def script() -> Accepted:
        accepted = host.accept().opened().through(2)
        accepted.end()
        return accepted.answer(1, 2).ends()

    scripted = asyncio.create_task(off(script))
    async with stub:
        calls = [call_of(stub), call_of(stub)]
    assert all(call.done() for call in calls)
    assert not stub.is_broken
    await scripted


async def test_an_async_with_block_that_is_cancelled_cancels(host: FakeHost, stub: DurableObjectStub) -> None:
    calls = []

    async def use() -> None:
        async with stub:
            calls.append(call_of(stub))
            await calls[0]

    task = asyncio.create_task(use())
    accepted = await off(lambda: host.accept().through(1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await off(accepted.is_cancelled)
    assert stub.break_cause is not None
    assert stub.break_cause.reason == Reason.STUB_CANCELLED


async def test_the_channel_closes_the_stub(host: FakeHost, stub: DurableObjectStub) -> None:
    async with stub.channel() as channel:
        call = EchoStub(channel).Echo(EchoMessage())
        accepted = await off(lambda: host.accept().opened().through(1).answer(1).ends())
        assert (await call).number == 10
    assert accepted.received
    stub_that_hangs = call_of(stub)
    with pytest.raises(CallFailure):
        await stub_that_hangs


async def test_a_close_with_grace_gives_up(host: FakeHost, stub: DurableObjectStub) -> None:
    call = call_of(stub)
    await off(lambda: host.accept().opened().through(1))
    await stub.channel().close(grace=0.01)
    with pytest.raises(CallFailure, match=r"a grace of 0\.01 s"):
        await call


async def test_a_closed_channel(host: FakeHost, options: ClientOptions) -> None:
    objects = DurableObjects.connect(host.target, options=options)
    open_stub = objects.namespace(NAMESPACE).get_by_name("foo")
    call = call_of(open_stub)
    await off(lambda: host.accept().opened().through(1))
    await objects.close()
    with pytest.raises(CallFailure) as raised:
        await call
    assert (raised.value.reason, raised.value.fate) == (Reason.CONNECTION_LOST, Fate.UNKNOWN)
    with pytest.raises(CallFailure) as raised:
        await call_of(objects.namespace(NAMESPACE).get_by_name("foo"))
    assert (raised.value.reason, raised.value.fate) == (Reason.CONNECTION_LOST, Fate.NOT_EXECUTED)


def test_the_end_of_the_loop_ends_the_stub(host: FakeHost, options: ClientOptions) -> None:
    async def leave_open() -> tuple[DurableObjectStub, StubCall]:
        objects = DurableObjects.connect(host.target, options=options)
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        call = call_of(stub)
        await off(lambda: host.accept().opened().through(1))
        return stub, call

    stub, call = asyncio.run(leave_open())
    assert stub.break_cause is not None
    assert call.failure is not None
    assert call.failure.fate is Fate.UNKNOWN


class _Signing(grpc.aio.StreamStreamClientInterceptor):  # type: ignore[misc,type-arg,unused-ignore]
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        details = client_call_details._replace(metadata=grpc.aio.Metadata(("signed", "yes")))
        return await continuation(details, request_iterator)


async def test_the_channel_under_the_stub_may_have_interceptors(
    host: FakeHost, options: ClientOptions
) -> None:
    async with grpc.aio.insecure_channel(host.target, interceptors=[_Signing()]) as channel:
        objects = DurableObjects(channel, options)
        async with objects.namespace(NAMESPACE).get_by_name("foo") as stub:
            call = call_of(stub)
            accepted = await off(lambda: host.accept().opened().through(1).answer(1))
            assert accepted.metadata["signed"] == "yes"
            assert (await call).number == 10
            failing = call_of(stub)
            await off(lambda: accepted.through(2).broken(1))
            with pytest.raises(CallFailure):
                await failing
        await objects.close()
        async with objects.namespace(NAMESPACE).get_by_name("foo") as stub:  # The channel is still open.
            call = call_of(stub)
            await off(lambda: host.accept().opened().through(1).answer(1).ends())
            assert (await call).number == 10


@pytest.mark.parametrize("shared_calls", [0, 1])
async def test_a_break_while_sending_through_interceptors(host: FakeHost, shared_calls: int) -> None:
    """Here a write that fails puts a status in the place of the host's; what the host told counts still."""
    options = ClientOptions(max_unanswered_frames=16, max_frame_invocations=1, shared_calls=shared_calls)
    async with grpc.aio.insecure_channel(host.target, interceptors=[_Signing()]) as channel:
        stub = DurableObjects(channel, options).namespace(NAMESPACE).get_by_name("foo")
        calls = [call_of(stub) for _ in range(8)]
        accepted = await off(lambda: host.accept().opened().through(8).stops_reading())
        calls += [call_of(stub, payload=bytes(3_000_000)) for _ in range(8)]
        await off(lambda: accepted.through(9))
        for n in range(1, 9):
            accepted.answer(n)
        accepted.broken(8).ends(grpc.StatusCode.FAILED_PRECONDITION, "no more")
        async with asyncio.timeout(WAIT_SECONDS):
            await stub.await_end()
        assert [(await call).number for call in calls[:8]] == [10 * n for n in range(1, 9)]
        for call in calls[8:]:
            with pytest.raises(CallFailure) as raised:
                await call
            assert (raised.value.reason, raised.value.fate) == (Reason.OBJECT_EXCEPTION, Fate.NOT_EXECUTED)
