"""What flows on a shared call, what is left of it, and who holds up whom, against a scripted host."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from faces import ON_LANES, Face, MakeFace, failure, number
from fakehost import NAMESPACE, WAIT_SECONDS, Accepted, AcceptedLanes, FakeHost
from seeds import seeds

import seriatim
from seriatim import CallFailure, ClientOptions, DurableObjects, Fate, Reason
from seriatim.v1 import durable_objects_pb2 as wire

on_lanes = pytest.mark.parametrize("make_face", ON_LANES, indirect=True)
on_the_way_back = pytest.mark.parametrize(
    "make_face", ["threads, no lanes", "intercepted, no lanes", "aio, no lanes"], indirect=True
)
CREDIT = 256 << 10


def stub_named(host: FakeHost, face: Face, name: str) -> tuple[Accepted, Any]:
    """A stub with a call, and what the host sees of it."""
    face.renew(name)
    reply = face.call()
    accepted = host.accept()
    assert accepted.frame().open.name == name
    return accepted.opened(name), reply


def shared_call(host: FakeHost, number: int = 1) -> AcceptedLanes:
    """The one shared call that the host sees, or the last of so many."""
    assert len(host.shared) == number
    return host.shared[-1]


# ---- flow ---------------------------------------------------------------------------------------------


@on_lanes
def test_a_frame_that_is_too_large_breaks_its_own_stub(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, max_inbound_frame_bytes=10_000)
    one, first = stub_named(host, face, "one")
    two, second = stub_named(host, face, "two")
    two.send(wire.ConnectResponse(outcomes=[wire.Outcome(sequence=1, message=bytes(10_000))]))
    large = failure(second)
    assert (large.code(), large.reason, large.fate, large.overloaded) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.CONNECTION_LOST,
        Fate.UNKNOWN,
        True,
    )
    assert "bytes, expected at most 10000" in large.message
    assert two.is_cancelled()
    one.answer(1)
    assert number(first) == 10


@pytest.fixture
def objects(host: FakeHost) -> Iterator[DurableObjects]:
    """A client for threads."""
    with DurableObjects.connect(host.target, options=ClientOptions(shared_calls=1)) as objects:
        yield objects


def _release(called: threading.Semaphore, _: object) -> None:
    called.release()


def call_of(stub: seriatim.DurableObjectStub) -> Any:
    return EchoStub(stub.channel()).Echo.future(EchoMessage())


def large(sequence: int) -> wire.ConnectResponse:
    """An outcome of about 100 KB."""
    message = EchoMessage(number=10 * sequence, payload=bytes(100_000)).SerializeToString()
    return wire.ConnectResponse(outcomes=[wire.Outcome(sequence=sequence, message=message)])


def test_a_callback_that_blocks_holds_up_its_own_stub_and_no_other(
    host: FakeHost, objects: DurableObjects
) -> None:
    namespace = objects.namespace(NAMESPACE)
    blocked = threading.Event()
    go_on = threading.Event()

    def block(_: object) -> None:
        blocked.set()
        assert go_on.wait(WAIT_SECONDS)

    slow = namespace.get_by_name("slow")
    first, second = call_of(slow), call_of(slow)
    first.add_done_callback(block)
    slow_seen = host.accept().opened("slow").through(2)
    slow_seen.send(large(1))
    assert blocked.wait(WAIT_SECONDS)
    slow_seen.send(large(2))
    others = [namespace.get_by_name(f"other-{n}") for n in range(100)]
    called = threading.Semaphore(0)
    for stub in others:
        call = call_of(stub)
        call.add_done_callback(lambda _: called.release())
        host.accept().opened(stub.name).through(1).send(large(1))
    for n in range(100):
        assert called.acquire(timeout=WAIT_SECONDS), f"{n} of 100 others were called back"
    shared = shared_call(host)
    given = threading.Event()

    def is_given(lane: int) -> bool:
        """Whether credit has been given for a large outcome."""
        for _ in range(WAIT_SECONDS * 100):
            if shared.more_bytes.get(lane, 0) >= 100_000:
                return True
            given.wait(0.01)
        return False

    assert all(is_given(lane) for lane in range(2, 102))
    assert shared.more_bytes[1] == 0
    assert not second.done()
    go_on.set()
    assert second.result(WAIT_SECONDS).number == 20
    assert is_given(1)
    for stub in (slow, *others):
        stub.cancel()
        assert stub.await_end(WAIT_SECONDS)


def test_many_callbacks_that_block_hold_up_nobody(host: FakeHost, objects: DurableObjects) -> None:
    host.serves()
    go_on = threading.Event()
    blocked = threading.Semaphore(0)

    def block(_: object) -> None:
        blocked.release()
        assert go_on.wait(WAIT_SECONDS)

    stubs = [objects.namespace(NAMESPACE).get_by_name(f"foo-{n}") for n in range(51)]
    for stub in stubs[:50]:
        call_of(stub).add_done_callback(block)
    for n in range(50):
        assert blocked.acquire(timeout=WAIT_SECONDS), f"{n} of 50 were called back"
    told = threading.Event()
    call_of(stubs[50]).add_done_callback(lambda _: told.set())
    assert told.wait(WAIT_SECONDS)
    breaks = threading.Event()
    stubs[50].on_break(lambda _: breaks.set())
    stubs[49].on_break(block)
    objects.close()
    assert breaks.wait(WAIT_SECONDS)
    go_on.set()
    for stub in stubs:
        assert stub.await_end(WAIT_SECONDS)


@on_lanes
def test_credit_is_given_as_outcomes_are_taken(host: FakeHost, make_face: MakeFace) -> None:
    """A host that keeps to the credit gets through all the same."""
    face = make_face(host)
    replies = face.calls(40)
    accepted = host.accept().opened().through(40)
    shared = shared_call(host)
    used = 0
    more = threading.Event()
    for n in range(1, 41):
        for _ in range(WAIT_SECONDS * 100):
            if used < CREDIT + shared.more_bytes[1]:
                break
            more.wait(0.01)
        else:
            raise AssertionError(f"no credit for outcome {n}")
        frame = large(n)
        accepted.send(frame)
        used += frame.ByteSize()
    assert [number(reply) for reply in replies] == [10 * n for n in range(1, 41)]
    assert shared.more_bytes[1] <= used


# ---- what is left -------------------------------------------------------------------------------------


def test_a_stub_for_each_call_leaves_nothing_behind(host: FakeHost, objects: DurableObjects) -> None:
    host.serves()
    namespace = objects.namespace(NAMESPACE)
    gone = 0

    def count(_: object = None) -> None:
        nonlocal gone
        gone += 1

    for n in range(500):
        with namespace.get_by_name(f"foo-{n}") as stub:
            assert call_of(stub).result(WAIT_SECONDS).number == 10
        weakref.finalize(stub._session, count)
    del stub
    (shared,) = objects._connection.shared_calls._all  # type: ignore[union-attr]
    assert len(shared._lanes) == 0
    assert not objects._connection.sessions
    gc.collect()
    assert gone >= 498  # gRPC's thread remembers the last one, until something else comes.


def test_a_stub_that_was_cancelled_before_it_was_sent(host: FakeHost, objects: DurableObjects) -> None:
    host.greets = False
    namespace = objects.namespace(NAMESPACE)
    one = namespace.get_by_name("one")
    first = call_of(one)
    accepted = host.accept().through(1)
    two = namespace.get_by_name("two")
    second = call_of(two)
    two.cancel()
    failed = second.exception(WAIT_SECONDS)
    assert isinstance(failed, CallFailure)
    assert (failed.reason, failed.fate) == (Reason.STUB_CANCELLED, Fate.NOT_EXECUTED)
    accepted.opened("one").answer(1)
    assert first.result(WAIT_SECONDS).number == 10
    three = namespace.get_by_name("three")
    third = call_of(three)
    accepted = host.accept().opened("three").through(1).answer(1)
    assert third.result(WAIT_SECONDS).number == 10
    assert list(shared_call(host).lanes) == [1, 2]
    for stub in (one, three):
        stub.cancel()
        assert stub.await_end(WAIT_SECONDS)


# ---- many threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["serves", "has no shared calls", "loses calls"])
@pytest.mark.parametrize("seed", seeds(4))
def test_many_threads_open_call_and_end_stubs(host: FakeHost, seed: int, what: str) -> None:
    host.has_lanes = what != "has no shared calls"
    host.serves()
    over = threading.Event()
    wrong: list[str] = []

    def lose() -> None:
        random = Random(seed)
        while not over.wait(random.random() / 50):
            for shared in host.shared[-2:]:
                shared.out.put((grpc.StatusCode.UNAVAILABLE, "lost", ()))

    def use(objects: DurableObjects, thread: int) -> None:
        random = Random(1000 * seed + thread)
        for n in range(40):
            stub = objects.namespace(NAMESPACE).get_by_name(f"foo-{thread}-{n}")
            calls = [call_of(stub) for _ in range(random.choice([1, 1, 3]))]
            called = threading.Semaphore(0)
            for call in calls:
                call.add_done_callback(partial(_release, called))
            cancels = random.random() < 0.2
            (stub.cancel if cancels else stub.close)()
            failures = [call.exception(WAIT_SECONDS) for call in calls]
            reasons = {failed.reason for failed in failures if failed is not None}
            expected = {Reason.CONNECTION_LOST} if what == "loses calls" else set()
            if cancels:
                expected.add(Reason.STUB_CANCELLED)
            if not stub.await_end(WAIT_SECONDS):
                wrong.append("a stub has not ended")
            if not reasons <= expected:
                wrong.append(f"{failures}")
            if not all(called.acquire(timeout=WAIT_SECONDS) for _ in calls):
                wrong.append("a callback was not called")

    loser = threading.Thread(target=lose)
    if what == "loses calls":
        loser.start()
    with DurableObjects.connect(host.target, options=ClientOptions(shared_calls=2)) as objects:
        threads = [threading.Thread(target=use, args=(objects, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(3 * WAIT_SECONDS)
            assert not thread.is_alive(), f"seed {seed}: a thread hangs"
        over.set()
        assert not wrong, f"seed {seed}: {wrong[0]}"
        shared_calls = objects._connection.shared_calls
        assert shared_calls is not None
        until = time.monotonic() + WAIT_SECONDS
        # The host has yet to hear of some, and a call that was lost goes out of the set at any time.
        while any(len(shared._lanes) for shared in list(shared_calls._all)):
            assert time.monotonic() < until, f"seed {seed}: lanes are left"
            time.sleep(0.01)
        assert not objects._connection.sessions, f"seed {seed}: sessions are left"
