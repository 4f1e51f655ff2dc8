"""When a call is made again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from fakehost import NAMESPACE, WAIT_SECONDS, FakeHost

import seriatim
from seriatim import CallFailure, FailureCause, Fate, Reason
from seriatim._backoff import RetryPolicy

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def draining(accepted: Any) -> None:
    accepted.opened().through(1).broken(0, code=UNAVAILABLE, reason="HOST_DRAINING", retryable=True)


def throwing(accepted: Any) -> None:
    accepted.opened().through(1).broken(0)


def lost(accepted: Any) -> None:
    accepted.opened().through(1).ends(UNAVAILABLE, "gone")


def answering(accepted: Any) -> None:
    accepted.opened().through(1).answer(1)
    accepted.end()
    accepted.ends()


class Threads:
    """Runs one call with retries, and closes."""

    def run(self, host: FakeHost, *, idempotent: bool = False, **options: Any) -> int:
        with seriatim.DurableObjects.connect(host.target) as objects:
            namespace = objects.namespace(NAMESPACE)
            with seriatim.Retry(lambda: namespace.get_by_name("foo"), jitter=lambda: 0.0, **options) as retry:
                call = retry.call_idempotent if idempotent else retry.call
                return call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage())).number


class Aio:
    """The same for asyncio."""

    def run(self, host: FakeHost, *, idempotent: bool = False, **options: Any) -> int:
        return asyncio.run(self._run(host, idempotent, options))

    async def _run(self, host: FakeHost, idempotent: bool, options: dict[str, Any]) -> int:
        async with seriatim.aio.DurableObjects.connect(host.target) as objects:
            namespace = objects.namespace(NAMESPACE)
            async with seriatim.aio.Retry(
                lambda: namespace.get_by_name("foo"), jitter=lambda: 0.0, **options
            ) as retry:
                call = retry.call_idempotent if idempotent else retry.call
                return (await call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage()))).number


@pytest.fixture(params=[Threads(), Aio()], ids=["threads", "aio"])
def run(request: pytest.FixtureRequest) -> Callable[..., int]:
    runner: Callable[..., int] = request.param.run
    return runner


def script(host: FakeHost, *steps: Callable[[Any], None]) -> threading.Thread:
    """One step for each stub that is opened."""

    def play() -> None:
        for step in steps:
            step(host.accept())

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def test_a_call_without_effect_is_made_again(host: FakeHost, run: Callable[..., int]) -> None:
    thread = script(host, draining, draining, answering)
    assert run(host, initial_backoff=0.001) == 10
    thread.join(WAIT_SECONDS)
    assert len(host.all) == 3


def test_it_gives_up(host: FakeHost, run: Callable[..., int]) -> None:
    thread = script(host, draining, draining)
    with pytest.raises(CallFailure) as raised:
        run(host, max_attempts=2, initial_backoff=0.001)
    assert raised.value.reason == Reason.HOST_DRAINING
    thread.join(WAIT_SECONDS)
    assert len(host.all) == 2


def test_what_is_not_retryable_is_not_made_again(host: FakeHost, run: Callable[..., int]) -> None:
    thread = script(host, throwing)
    with pytest.raises(CallFailure, match="no more"):
        run(host, idempotent=True)
    thread.join(WAIT_SECONDS)
    assert len(host.all) == 1


def test_the_unknown_is_made_again_only_if_idempotent(host: FakeHost, run: Callable[..., int]) -> None:
    thread = script(host, lost)
    with pytest.raises(CallFailure) as raised:
        run(host, initial_backoff=0.001)
    assert raised.value.fate is Fate.UNKNOWN
    thread.join(WAIT_SECONDS)
    thread = script(host, lost, answering)
    assert run(host, idempotent=True, initial_backoff=0.001) == 10
    thread.join(WAIT_SECONDS)
    assert len(host.all) == 3


def failed(fate: Fate, *, retryable: bool = False, overloaded: bool = False) -> CallFailure:
    cause = FailureCause("REASON", UNAVAILABLE, "", retryable=retryable, overloaded=overloaded)
    return CallFailure(cause, fate, 1)


def test_the_rules() -> None:
    policy = RetryPolicy(3, 0.1, 1.0, 1.5, lambda: 1.0)
    for fate, idempotent, safe in (
        (Fate.NOT_EXECUTED, False, True),
        (Fate.NOT_EXECUTED, True, True),
        (Fate.UNKNOWN, False, False),
        (Fate.UNKNOWN, True, True),
        (Fate.COMPLETED, True, False),
    ):
        assert policy.is_worth_it(failed(fate, retryable=True), 1, idempotent=idempotent) == safe
        assert policy.is_worth_it(failed(fate, overloaded=True), 2, idempotent=idempotent) == safe
        assert not policy.is_worth_it(failed(fate), 1, idempotent=idempotent)
        assert not policy.is_worth_it(failed(fate, retryable=True), 3, idempotent=idempotent)


def test_the_waits() -> None:
    retryable = failed(Fate.NOT_EXECUTED, retryable=True)
    overloaded = failed(Fate.NOT_EXECUTED, overloaded=True)
    longest = RetryPolicy(3, 0.1, 1.0, 1.5, lambda: 1.0)
    shortest = RetryPolicy(3, 0.1, 1.0, 1.5, lambda: 0.0)
    assert [longest.delay(retryable, n) for n in (1, 2, 3, 4, 5, 2000)] == [0.1, 0.2, 0.4, 0.8, 1.5, 1.5]
    assert [longest.delay(overloaded, n) for n in (1, 2)] == [1.0, 1.5]
    assert [shortest.delay(retryable, n) for n in (1, 2)] == [0.05, 0.1]
    assert shortest.delay(overloaded, 1) == 0.5


@pytest.mark.parametrize("name", ["max_attempts", "initial_backoff", "overloaded_backoff", "max_backoff"])
def test_options_out_of_range(name: str) -> None:
    options: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name} 0, expected at least"):
        seriatim.Retry(lambda: pytest.fail("no stub is needed"), **options)


def test_close_ends_the_waiting(host: FakeHost) -> None:
    with seriatim.DurableObjects.connect(host.target) as objects:
        namespace = objects.namespace(NAMESPACE)
        retry = seriatim.Retry(
            lambda: namespace.get_by_name("foo"), initial_backoff=1000.0, max_backoff=1000.0
        )
        failures: list[CallFailure] = []

        def call() -> None:
            try:
                retry.call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage()))
            except CallFailure as e:
                failures.append(e)

        caller = threading.Thread(target=call)
        caller.start()
        draining(host.accept())
        retry.close()
        caller.join(WAIT_SECONDS)
        assert [f.reason for f in failures] == [Reason.HOST_DRAINING]


async def test_the_first_attempt_has_its_place_in_the_order(host: FakeHost) -> None:
    async with seriatim.aio.DurableObjects.connect(host.target) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        retry = seriatim.aio.Retry(lambda: stub)
        echo = EchoStub(stub.channel())
        task = retry.call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage(number=1)))
        call = echo.Echo(EchoMessage(number=2))
        accepted = await asyncio.to_thread(lambda: host.accept().opened().through(2).answer(1, 2))
        assert [EchoMessage.FromString(i.message).number for i in accepted.received] == [1, 2]
        assert [(await task).number, (await call).number] == [10, 20]
        retry.close()
        await asyncio.to_thread(accepted.end)
        accepted.ends()
        await stub.await_end()
