"""When a call is made again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from random import Random
from typing import Any

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from fakehost import NAMESPACE, WAIT_SECONDS, FakeHost
from seeds import seeds

import seriatim
from seriatim import CallFailure, FailureCause, Fate, Reason
from seriatim._backoff import RetryPolicy

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def draining(accepted: Any) -> None:
    accepted.opened().through(1).broken(0, code=UNAVAILABLE, reason="HOST_DRAINING", retryable=True)


def without_owner(accepted: Any) -> None:
    accepted.through(1).broken(0, code=UNAVAILABLE, reason="OWNER_UNAVAILABLE", retryable=True)


def moved(accepted: Any) -> None:
    accepted.opened().through(1).broken(0, code=UNAVAILABLE, reason="OBJECT_MOVED", retryable=True)


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

    def run(
        self, host: FakeHost, *, idempotent: bool = False, timeout: float | None = None, **options: Any
    ) -> int:
        with seriatim.DurableObjects.connect(host.target) as objects:
            namespace = objects.namespace(NAMESPACE)
            with seriatim.Retry(lambda: namespace.get_by_name("foo"), jitter=lambda: 0.0, **options) as retry:
                call = retry.call_idempotent if idempotent else retry.call
                return call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage(), timeout=timeout)).number


class Aio:
    """The same for asyncio."""

    def run(
        self, host: FakeHost, *, idempotent: bool = False, timeout: float | None = None, **options: Any
    ) -> int:
        return asyncio.run(self._run(host, idempotent, timeout, options))

    async def _run(
        self, host: FakeHost, idempotent: bool, limit: float | None, options: dict[str, Any]
    ) -> int:
        async with seriatim.aio.DurableObjects.connect(host.target) as objects:
            namespace = objects.namespace(NAMESPACE)
            async with seriatim.aio.Retry(
                lambda: namespace.get_by_name("foo"), jitter=lambda: 0.0, **options
            ) as retry:
                call = retry.call_idempotent if idempotent else retry.call
                made = call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage(), timeout=limit))
                return (await made).number


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


def test_a_call_whose_object_had_no_host_and_then_went_away_is_made_again(
    host: FakeHost, run: Callable[..., int]
) -> None:
    thread = script(host, without_owner, moved, answering)
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


def policy(**options: Any) -> RetryPolicy:
    given: dict[str, Any] = {
        "give_up_after": 60.0,
        "max_attempts": None,
        "initial_backoff": 0.1,
        "overloaded_backoff": 1.0,
        "max_backoff": 1.5,
        "jitter": lambda: 1.0,
    }
    return RetryPolicy(**(given | options))


def test_the_rules() -> None:
    three = policy(max_attempts=3)
    for fate, idempotent, safe in (
        (Fate.NOT_EXECUTED, False, True),
        (Fate.NOT_EXECUTED, True, True),
        (Fate.UNKNOWN, False, False),
        (Fate.UNKNOWN, True, True),
        (Fate.COMPLETED, True, False),
    ):
        assert three.is_worth_it(failed(fate, retryable=True), 1, idempotent=idempotent) == safe
        assert three.is_worth_it(failed(fate, overloaded=True), 2, idempotent=idempotent) == safe
        assert not three.is_worth_it(failed(fate), 1, idempotent=idempotent)
        assert not three.is_worth_it(failed(fate, retryable=True), 3, idempotent=idempotent)
        assert policy().is_worth_it(failed(fate, retryable=True), 1_000_000, idempotent=idempotent) == safe


RETRYABLE = failed(Fate.NOT_EXECUTED, retryable=True)


def test_the_waits() -> None:
    overloaded = failed(Fate.NOT_EXECUTED, overloaded=True)
    longest, shortest = policy(), policy(jitter=lambda: 0.0)
    assert [longest.pause(RETRYABLE, n) for n in (1, 2, 3, 4, 5, 2000)] == [0.1, 0.2, 0.4, 0.8, 1.5, 1.5]
    assert [longest.pause(overloaded, n) for n in (1, 2, 2000)] == [1.1, 1.2, 2.5]
    assert [shortest.pause(RETRYABLE, n) for n in (1, 2)] == [0.0, 0.0]
    assert shortest.pause(overloaded, 1) == 1.0


def test_it_outlasts_a_restart_and_no_more() -> None:
    """By its defaults, as if each attempt failed at once."""
    for seed in seeds(100):
        random = Random(seed)
        call = seriatim.Retry(
            lambda: pytest.fail("no stub is needed"), jitter=random.random
        )._policy.new_call(idempotent=False)
        now, pauses = 1000.0, []
        while (pause := call.pause_after(RETRYABLE, now)) is not None:
            pauses.append(pause)
            now += pause
        assert 55 < now - 1000 < 60, f"seed {seed}"
        assert [pause <= 0.05 * 2**n for n, pause in enumerate(pauses)] == [True] * len(pauses)
        assert max(pauses) <= 1.0


def test_the_deadline_of_the_first_attempt_bounds_all() -> None:
    call = policy(initial_backoff=1.0, max_backoff=1.0).new_call(idempotent=False)
    assert call.bound(105.0) == 105.0
    assert call.pause_after(RETRYABLE, 101.0) == 1.0
    assert call.bound(107.0) == 105.0
    assert call.pause_after(RETRYABLE, 103.9) == 1.0
    assert call.pause_after(RETRYABLE, 104.0) is None


def test_attempts_get_no_more_time_than_the_call(host: FakeHost, run: Callable[..., int]) -> None:
    left: list[float] = []

    def slow(accepted: Any) -> None:
        accepted.opened().through(1)
        left.append(accepted.received[0].timeout.ToNanoseconds() / 1e9)
        if len(left) < 3:
            accepted.broken(0, code=UNAVAILABLE, reason="HOST_DRAINING", retryable=True)
        else:
            accepted.answer(1)
            accepted.end()
            accepted.ends()

    thread = script(host, slow, slow, slow)
    assert run(host, initial_backoff=0.001, timeout=60.0) == 10
    thread.join(WAIT_SECONDS)
    assert 60 >= left[0] > left[1] > left[2]


@pytest.mark.parametrize("name", ["max_attempts", "initial_backoff", "overloaded_backoff", "max_backoff"])
def test_options_out_of_range(name: str) -> None:
    options: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name} 0, expected at least"):
        seriatim.Retry(lambda: pytest.fail("no stub is needed"), **options)
    with pytest.raises(ValueError, match="give_up_after -1, expected at least 0"):
        seriatim.Retry(lambda: pytest.fail("no stub is needed"), give_up_after=-1)


def test_close_ends_the_waiting(host: FakeHost) -> None:
    with seriatim.DurableObjects.connect(host.target) as objects:
        namespace = objects.namespace(NAMESPACE)
        retry = seriatim.Retry(
            lambda: namespace.get_by_name("foo"),
            initial_backoff=1000.0,
            max_backoff=1000.0,
            give_up_after=1e6,
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
