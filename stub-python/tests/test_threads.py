"""What only the threaded API has."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from random import Random
from typing import Any

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from fakehost import NAMESPACE, WAIT_SECONDS, Accepted, FakeHost
from seeds import seeds

from seriatim import (
    CallFailure,
    ClientOptions,
    DurableObjects,
    DurableObjectStub,
    Fate,
    InvalidIdError,
    Reason,
)
from seriatim._call import StubCall


@pytest.fixture(params=[0, 1], ids=["own", "lane"])
def options(request: pytest.FixtureRequest) -> ClientOptions:
    return ClientOptions(shared_calls=request.param)


@pytest.fixture
def stub(host: FakeHost, options: ClientOptions) -> Iterator[DurableObjectStub]:
    with DurableObjects.connect(host.target, options=options) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        yield stub
        stub.cancel()
        assert stub.await_end(WAIT_SECONDS)


def answering(host: FakeHost, count: int) -> threading.Thread:
    """Answers so many calls, each as it comes."""

    def answer() -> None:
        accepted = host.accept().opened()
        for n in range(1, count + 1):
            accepted.through(n).answer(n)
        accepted.end()
        accepted.ends()

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def future(stub: DurableObjectStub, number: int = 0, **options: Any) -> StubCall:
    call: StubCall = EchoStub(stub.channel()).Echo.future(EchoMessage(number=number), **options)  # type: ignore[assignment]
    return call


def test_blocking_calls_wait(host: FakeHost, stub: DurableObjectStub) -> None:
    thread = answering(host, 2)
    echo = EchoStub(stub.channel())
    assert echo.Echo(EchoMessage()).number == 10
    response, call = echo.Echo.with_call(EchoMessage(), timeout=100)
    assert response.number == 20
    assert (call.code(), call.details()) == (grpc.StatusCode.OK, "")
    assert 0 < call.time_remaining() <= 100
    stub.close()
    assert stub.await_end(WAIT_SECONDS)
    thread.join(WAIT_SECONDS)


def test_a_blocking_call_raises(host: FakeHost, stub: DurableObjectStub) -> None:
    accepted: list[Accepted] = []
    thread = threading.Thread(target=lambda: accepted.append(host.accept().opened().through(1).broken(0)))
    thread.start()
    with pytest.raises(
        CallFailure, match=r"FAILED_PRECONDITION: no more \[OBJECT_EXCEPTION, call 1, NOT_EXECUTED\]"
    ):
        EchoStub(stub.channel()).Echo(EchoMessage())
    thread.join(WAIT_SECONDS)


def test_a_traceback_calls_it_by_the_name_under_which_it_is_caught(
    host: FakeHost, stub: DurableObjectStub
) -> None:
    stub.close()
    failed = future(stub).exception()
    assert "".join(traceback.format_exception_only(failed)) == (
        "seriatim.CallFailure: FAILED_PRECONDITION: the stub is closed [STUB_CLOSED, NOT_EXECUTED]\n"
    )
    with pytest.raises(InvalidIdError) as raised:
        DurableObjects.connect(host.target).namespace(NAMESPACE).get_by_name("")
    assert traceback.format_exception_only(raised.value) == [
        "seriatim.InvalidIdError: name has 0 bytes, expected 1 to 1024\n"
    ]


def test_a_future_is_a_grpc_future(host: FakeHost, stub: DurableObjectStub) -> None:
    done: list[Any] = []
    call = future(stub)
    assert isinstance(call, grpc.Future)
    assert isinstance(call, grpc.Call)
    assert call.sequence == 1
    called = threading.Event()
    call.add_done_callback(done.append)
    call.add_done_callback(lambda _: called.set())
    assert (call.done(), call.running(), call.is_active(), call.cancelled()) == (False, True, True, False)
    assert call.time_remaining() is None
    with pytest.raises(grpc.FutureTimeoutError):
        call.result(timeout=0)
    host.accept().opened().through(1).answer(1)
    assert call.result(timeout=WAIT_SECONDS).number == 10
    assert called.wait(WAIT_SECONDS)
    assert done == [call]
    call.add_done_callback(done.append)
    assert done == [call, call]
    assert (call.done(), call.running(), call.is_active(), call.cancelled()) == (True, False, False, False)
    assert (call.exception(), call.traceback(), call.failure) == (None, None, None)
    assert (call.initial_metadata(), call.trailing_metadata()) == ((), ())
    assert not call.add_callback(lambda: None)
    assert not call.cancel()


def test_a_cancelled_call_leaves_the_stub_alone(host: FakeHost, stub: DurableObjectStub) -> None:
    one, two, three = (future(stub, n) for n in (1, 2, 3))
    assert two.cancel()
    assert not two.cancel()
    assert (two.cancelled(), two.done(), two.code()) == (True, True, grpc.StatusCode.CANCELLED)
    with pytest.raises(grpc.FutureCancelledError):
        two.result()
    with pytest.raises(grpc.FutureCancelledError):
        two.exception()
    assert two.failure is not None
    assert (two.failure.reason, two.failure.fate) == (Reason.CALL_CANCELLED, Fate.UNKNOWN)
    assert two.failure.sequence == 2
    accepted = host.accept().opened().through(3)
    accepted.answer(1, 2, 3)
    assert one.result(WAIT_SECONDS).number == 10
    assert three.result(WAIT_SECONDS).number == 30
    assert not stub.is_broken


def test_a_callback_that_fails_stops_no_one(host: FakeHost, stub: DurableObjectStub) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a callback of the test")

    call, following = future(stub), future(stub)
    call.add_done_callback(fail)
    host.accept().opened().through(2).answer(1, 2)
    assert following.result(WAIT_SECONDS).number == 20


def test_a_callback_may_use_the_stub(host: FakeHost, stub: DurableObjectStub) -> None:
    made: list[StubCall] = []
    call = future(stub)
    call.add_done_callback(lambda _: made.append(future(stub)))
    call.add_done_callback(lambda _: stub.close())
    accepted = host.accept().opened().through(1).answer(1).through(2).answer(2)
    accepted.end()
    accepted.ends()
    assert stub.await_end(WAIT_SECONDS)
    assert made[0].result(WAIT_SECONDS).number == 20
    assert not stub.is_broken


def test_a_request_that_cannot_be_serialized(host: FakeHost, stub: DurableObjectStub) -> None:
    with pytest.raises(CallFailure) as raised:
        EchoStub(stub.channel()).Echo("no message")  # type: ignore[arg-type]
    assert (raised.value.code(), raised.value.reason) == (grpc.StatusCode.INTERNAL, Reason.CALL_REFUSED)
    assert not stub.is_broken
    assert not host.all


class _Interceptor(grpc.UnaryUnaryClientInterceptor):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call = continuation(client_call_details, request)
        self.seen.append(call)
        return call


def test_interceptors_work(host: FakeHost, stub: DurableObjectStub) -> None:
    interceptor = _Interceptor()
    echo = EchoStub(grpc.intercept_channel(stub.channel(), interceptor))
    accepted: list[Accepted] = []

    def script() -> None:
        accepted.append(host.accept().opened().through(1).answer(1).through(2).answer(2).through(3).broken(2))

    thread = threading.Thread(target=script)
    thread.start()
    assert echo.Echo(EchoMessage()).number == 10
    assert echo.Echo.future(EchoMessage()).result(WAIT_SECONDS).number == 20
    with pytest.raises(CallFailure, match="no more"):
        echo.Echo(EchoMessage())
    thread.join(WAIT_SECONDS)
    failed = interceptor.seen[2]
    assert failed.exception() is failed
    assert (failed.done(), failed.cancelled(), failed.cancel(), failed.is_active()) == (
        True,
        False,
        False,
        False,
    )


def test_a_with_block_finishes_what_was_sent(host: FakeHost, stub: DurableObjectStub) -> None:
    thread = answering(host, 2)
    with stub:
        calls = [future(stub), future(stub)]
    assert all(call.done() for call in calls)
    assert not stub.is_broken
    thread.join(WAIT_SECONDS)


def test_a_with_block_that_is_interrupted_cancels(host: FakeHost, stub: DurableObjectStub) -> None:
    with pytest.raises(KeyboardInterrupt), stub:  # noqa: PT012
        call = future(stub)
        accepted = host.accept().through(1)
        raise KeyboardInterrupt
    assert accepted.is_cancelled()
    assert stub.break_cause is not None
    assert stub.break_cause.message == "the block of the stub ended with KeyboardInterrupt"
    assert isinstance(call.exception(WAIT_SECONDS), CallFailure)


def test_a_closed_channel(host: FakeHost, options: ClientOptions) -> None:
    objects = DurableObjects.connect(host.target, options=options)
    open_stub = objects.namespace(NAMESPACE).get_by_name("foo")
    call = future(open_stub)
    host.accept().opened().through(1)
    objects.close()
    failed = call.exception(WAIT_SECONDS)
    assert isinstance(failed, CallFailure)
    assert (failed.reason, failed.fate) == (Reason.CONNECTION_LOST, Fate.UNKNOWN)
    late = future(objects.namespace(NAMESPACE).get_by_name("foo")).exception(WAIT_SECONDS)
    assert isinstance(late, CallFailure)
    assert (late.reason, late.fate, late.retryable) == (Reason.CONNECTION_LOST, Fate.NOT_EXECUTED, False)


def test_many_threads_keep_their_own_order(host: FakeHost, stub: DurableObjectStub) -> None:
    threads, calls_each = 8, 500
    accepted_by: list[Accepted] = []

    def script() -> None:
        accepted = host.accept().opened()
        accepted_by.append(accepted)
        while len(accepted.received) < threads * calls_each:
            before = len(accepted.received)
            accepted.frame()
            accepted.answer(*range(before + 1, len(accepted.received) + 1))

    host_thread = threading.Thread(target=script)
    host_thread.start()
    results: dict[int, list[StubCall]] = {}

    def make(thread: int) -> None:
        results[thread] = [future(stub, thread * calls_each + n) for n in range(calls_each)]

    callers = [threading.Thread(target=make, args=(n,)) for n in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(WAIT_SECONDS)
    for calls in results.values():
        assert [call.result(WAIT_SECONDS).number for call in calls] == [10 * call.sequence for call in calls]
    host_thread.join(WAIT_SECONDS)
    arrived = [EchoMessage.FromString(i.message).number for i in accepted_by[0].received]
    assert sorted(arrived) == list(range(threads * calls_each))
    for thread in range(threads):
        own = [n for n in arrived if n // calls_each == thread]
        assert own == sorted(own)


@pytest.mark.parametrize("seed", seeds(20))
def test_calls_are_told_in_order_whoever_breaks_the_stub(
    host: FakeHost, options: ClientOptions, seed: int
) -> None:
    """Threads that call, a host that answers, and someone who breaks the stub in the midst of it."""
    random = Random(seed)
    host.serves()
    told: list[tuple[int, int]] = []
    calls: dict[int, list[StubCall]] = {}
    with DurableObjects.connect(host.target, options=options) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        breaks: list[object] = []
        stub.on_break(breaks.append)

        def make(caller: int) -> None:
            calls[caller] = []
            for _ in range(200):
                call = future(stub, timeout=random.choice([None, 60.0]))
                calls[caller].append(call)
                call.add_done_callback(lambda call: told.append((threading.get_ident(), call.sequence)))

        callers = [threading.Thread(target=make, args=(n,)) for n in range(4)]
        for caller in callers:
            caller.start()
        until = random.randrange(200)
        while len(calls.get(0, ())) < until and callers[0].is_alive():
            pass
        threading.Thread(target=stub.close if random.random() < 0.3 else stub.cancel).start()
        own = {caller.ident for caller in callers}
        for caller in callers:
            caller.join(WAIT_SECONDS)
        assert stub.await_end(WAIT_SECONDS)
        for each in calls.values():
            for call in each:
                failed = call.exception(WAIT_SECONDS)
                if failed is not None:
                    assert failed.reason in {Reason.STUB_CANCELLED, Reason.STUB_CLOSED}, f"seed {seed}"
        assert len(breaks) == stub.is_broken
    in_order = [sequence for thread, sequence in told if thread not in own]
    assert in_order == sorted(in_order), f"seed {seed}"
    numbers = sorted(call.sequence for each in calls.values() for call in each if call.sequence)
    assert numbers == list(range(1, len(numbers) + 1)), f"seed {seed}"


class _Signing(grpc.StreamStreamClientInterceptor):
    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        details = client_call_details._replace(metadata=(("signed", "yes"),))
        return continuation(details, request_iterator)


def test_the_channel_under_the_stub_may_have_interceptors(host: FakeHost, options: ClientOptions) -> None:
    with grpc.insecure_channel(host.target) as channel:
        objects = DurableObjects(grpc.intercept_channel(channel, _Signing()), options)
        with objects.namespace(NAMESPACE).get_by_name("foo") as stub:
            call = future(stub)
            accepted = host.accept().opened().through(1).answer(1)
            assert accepted.metadata["signed"] == "yes"
            assert call.result(WAIT_SECONDS).number == 10
            failing = future(stub)
            accepted.through(2).broken(1)
            assert isinstance(failing.exception(WAIT_SECONDS), CallFailure)
        objects.close()
        with objects.namespace(NAMESPACE).get_by_name("foo") as stub:  # The channel is still open.
            call = future(stub)
            host.accept().opened().through(1).answer(1).ends()
            assert call.result(WAIT_SECONDS).number == 10
