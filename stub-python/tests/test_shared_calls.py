"""Many stubs on one call, in both APIs, against a scripted host."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from faces import ON_LANES, Face, MakeFace, failure, fates_of, number
from fakehost import NAMESPACE, WAIT_SECONDS, Accepted, AcceptedLanes, FakeHost
from google.rpc import status_pb2

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


# ---- the call -----------------------------------------------------------------------------------------


@on_lanes
def test_stubs_share_a_call(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host)
    seen = [stub_named(host, face, f"foo-{n}") for n in range(5)]
    for accepted, reply in reversed(seen):
        accepted.answer(1)
        assert number(reply) == 10
    assert list(shared_call(host).lanes) == [1, 2, 3, 4, 5]
    face.close()
    seen[4][0].end().ends()
    face.await_end()
    assert face.cause() is None


@on_lanes
def test_stubs_are_spread_over_calls_in_turn(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, shared_calls=3)
    for n in range(6):
        stub_named(host, face, f"foo-{n}")[0].answer(1)
    assert [len(shared.lanes) for shared in host.shared] == [2, 2, 2]


def test_options_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="shared_calls -1, expected at least 0"):
        ClientOptions(shared_calls=-1)
    with pytest.raises(ValueError, match=r"shared_call_idle_timeout -0\.5, expected at least 0"):
        ClientOptions(shared_call_idle_timeout=-0.5)


async def test_a_stub_for_a_call_is_one_message(host: FakeHost) -> None:
    options = ClientOptions(shared_calls=1)
    async with seriatim.aio.DurableObjects.connect(host.target, options=options) as objects:
        for n in range(1, 4):
            stub = objects.namespace(NAMESPACE).get_by_name(f"foo-{n}")
            call = EchoStub(stub.channel()).Echo(EchoMessage())
            stub.close()
            accepted = await asyncio.to_thread(lambda: host.accept().through(1).end())
            accepted.opened(f"foo-{n}").answer(1).ends()
            assert (await call).number == 10
            await stub.await_end()
            shared = shared_call(host)
            assert [part.WhichOneof("what") for part in shared.messages[-1].lanes] == ["frame", "half_close"]
            assert len(shared.messages) == n


@on_lanes
def test_until_the_host_answers_one_message_leaves(host: FakeHost, make_face: MakeFace) -> None:
    host.greets = False
    face = make_face(host)
    one = face.call()
    accepted = host.accept().through(1)
    face.renew("two")
    two = face.call()
    face.on_break(lambda _: None)  # In asyncio, the call has been made when this has.
    face.renew("three")
    three = face.call()
    shared = shared_call(host)
    assert sum(bool(message.lanes) for message in list(shared.messages)) == 1
    accepted.opened().answer(1)
    assert number(one) == 10
    for name, reply in (("two", two), ("three", three)):
        accepted = host.accept().through(1)
        assert accepted.frames[0].open.name == name
        accepted.opened(name).answer(1)
        assert number(reply) == 10


# ---- hosts without ------------------------------------------------------------------------------------


@on_the_way_back
def test_a_host_that_has_no_shared_calls(
    host: FakeHost, make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    face = make_face(host, max_frame_invocations=3, max_unanswered_frames=2)
    host.may_refuse.clear()  # Until all calls have been made.
    replies = face.calls(10)
    face.close()
    host.may_refuse.set()
    accepted = host.accept().through(6).opened()
    assert [len(frame.invocations) for frame in accepted.frames] == [3, 3]
    accepted.answer(*range(1, len(accepted.received) + 1))
    while len(accepted.received) < 10:
        before = len(accepted.received)
        accepted.frame()
        accepted.answer(*range(before + 1, len(accepted.received) + 1))
    accepted.end().ends()
    assert [number(reply) for reply in replies] == [10 * n for n in range(1, 11)]
    face.await_end()
    assert face.cause() is None
    asked = host.lanes_asked
    assert asked == 1
    stub_named(host, face, "bar")[0].answer(1)
    assert host.lanes_asked == asked  # It is remembered.
    assert not caplog.records


@on_the_way_back
def test_stubs_that_end_before_that_is_known(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host)
    reply = face.call()
    face.cancel("no more")
    assert failure(reply).reason == Reason.STUB_CANCELLED
    stub_named(host, face, "bar")[0].answer(1)


# ---- the end of a call --------------------------------------------------------------------------------


@on_lanes
@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK, grpc.StatusCode.UNIMPLEMENTED]
)
def test_a_lost_call_takes_its_stubs_with_it(
    host: FakeHost, make_face: MakeFace, code: grpc.StatusCode
) -> None:
    face = make_face(host, max_unanswered_frames=1)
    _, one = stub_named(host, face, "one")
    accepted, two = stub_named(host, face, "two")
    accepted.answer(1)
    assert number(two) == 10
    two = face.call()
    accepted.through(2)
    unsent = face.call()
    shared = shared_call(host)
    shared.out.put((code, "gone", ()))
    lost = failure(one)
    ok = code is grpc.StatusCode.OK
    assert (lost.reason, lost.fate) == (Reason.CONNECTION_LOST, Fate.UNKNOWN)
    assert (lost.code(), lost.message) == (
        (grpc.StatusCode.UNAVAILABLE, "the host ended the stub's call") if ok else (code, "gone")
    )
    assert fates_of([two, unsent]) == [(2, Fate.UNKNOWN), (3, Fate.NOT_EXECUTED)]
    accepted, three = stub_named(host, face, "three")
    accepted.answer(1)
    assert number(three) == 10
    assert [len(shared.lanes) for shared in host.shared] == [2, 1]


@on_lanes
@pytest.mark.parametrize("lane", [0, 7])
def test_a_host_that_breaks_the_rules_of_the_call(host: FakeHost, make_face: MakeFace, lane: int) -> None:
    face = make_face(host)
    _, one = stub_named(host, face, "one")
    accepted, two = stub_named(host, face, "two")
    shared = shared_call(host)
    shared.out.put(
        wire.ConnectManyResponse(
            lanes=[
                wire.LaneResponse(
                    lane=2, frame=wire.ConnectResponse(outcomes=[wire.Outcome(sequence=1, message=b"")])
                ),
                wire.LaneResponse(lane=lane, end=status_pb2.Status()),
            ]
        ).SerializeToString()
    )
    two.result(WAIT_SECONDS)
    wrong = failure(one)
    assert (wrong.code(), wrong.reason, wrong.fate) == (
        grpc.StatusCode.INTERNAL,
        Reason.HOST_VIOLATION,
        Fate.UNKNOWN,
    )
    assert wrong.message == f"the host broke the protocol: a part for lane {lane}, expected 1 to 2"
    face.await_end()
    assert accepted.is_cancelled()
    assert shared.over.wait(WAIT_SECONDS)
    stub_named(host, face, "three")[0].answer(1)


@on_lanes
def test_a_message_that_does_not_parse(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host)
    _, one = stub_named(host, face, "one")
    shared_call(host).out.put(b"\xff\xff")
    assert failure(one).reason == Reason.HOST_VIOLATION


@on_lanes
@pytest.mark.parametrize("idle", [0.0, 0.05])
def test_a_call_without_stubs_ends(host: FakeHost, make_face: MakeFace, idle: float) -> None:
    face = make_face(host, shared_call_idle_timeout=idle)
    accepted, reply = stub_named(host, face, "one")
    accepted.answer(1)
    assert number(reply) == 10
    shared = shared_call(host)
    face.close()
    accepted.end().ends()
    face.await_end()
    assert shared.half_closed.wait(WAIT_SECONDS), "the call has not been half-closed"
    shared.out.put((grpc.StatusCode.OK, "", ()))
    assert shared.over.wait(WAIT_SECONDS)
    stub_named(host, face, "two")[0].answer(1)
    assert len(host.shared) == 2


@on_lanes
def test_a_call_that_the_host_does_not_end_is_given_up(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, shared_call_idle_timeout=0.0, end_timeout=0.1)
    accepted, _ = stub_named(host, face, "one")
    accepted.answer(1)
    face.close()
    accepted.end().ends()
    assert shared_call(host).over.wait(WAIT_SECONDS), "the call goes on"


@on_lanes
@pytest.mark.parametrize(
    ("reason", "when_opened", "retires"),
    [
        (Reason.HOST_DRAINING, False, True),
        (Reason.HOST_DRAINING, True, True),
        (Reason.UNAUTHENTICATED, False, True),
        (Reason.CREDENTIALS_EXPIRED, False, True),
        (Reason.CREDENTIALS_EXPIRED, True, True),
        (Reason.PERMISSION_DENIED, False, False),
        (Reason.OVERLOADED, True, True),
        (Reason.OVERLOADED, False, False),
        (Reason.OBJECT_RESET, True, False),
    ],
)
def test_a_call_that_takes_no_more_stubs(
    host: FakeHost, make_face: MakeFace, reason: Reason, when_opened: bool, retires: bool
) -> None:
    face = make_face(host)
    staying, reply = stub_named(host, face, "staying")
    old = shared_call(host)
    face.renew("broken")
    broken = face.call()
    accepted = host.accept().through(1)
    if not when_opened:
        accepted.opened("broken")
    accepted.broken(0, reason=str(reason)).ends(grpc.StatusCode.UNAVAILABLE)
    assert failure(broken).reason == reason
    other, third = stub_named(host, face, "other")
    other.answer(1)
    assert number(third) == 10
    assert [len(shared.lanes) for shared in host.shared] == ([2, 1] if retires else [3])
    assert not old.half_closed.is_set()
    staying.answer(1)
    assert number(reply) == 10
    face.end_others()
    staying.end().ends()
    if retires:
        assert old.half_closed.wait(WAIT_SECONDS), "the call has not been half-closed"


async def test_a_stub_that_is_got_because_another_broke_is_on_a_new_call(host: FakeHost) -> None:
    options = ClientOptions(shared_calls=1)
    async with seriatim.aio.DurableObjects.connect(host.target, options=options) as objects:
        old, new = (objects.namespace(NAMESPACE).get_by_name(name) for name in ("old", "new"))
        call = EchoStub(old.channel()).Echo(EchoMessage())
        again: list[Any] = []
        old.on_break(lambda _: again.append(EchoStub(new.channel()).Echo(EchoMessage())))

        def script() -> None:
            host.accept().opened("old").through(1).broken(0, reason=str(Reason.HOST_DRAINING))
            host.accept().opened("new").through(1).answer(1)

        await asyncio.to_thread(script)
        with pytest.raises(CallFailure):
            await call
        assert (await again[0]).number == 10
        assert [len(shared.lanes) for shared in host.shared] == [1, 1]


def test_closing_the_client_ends_the_call_of_a_channel_that_was_given(host: FakeHost) -> None:
    with grpc.insecure_channel(host.target) as channel:
        objects = DurableObjects(channel, ClientOptions(shared_calls=1))
        for n, name in enumerate(("one", "two"), 1):
            with objects.namespace(NAMESPACE).get_by_name(name) as stub:
                call = EchoStub(stub.channel()).Echo.future(EchoMessage())
                accepted = host.accept().opened(name).through(1).answer(1)
                assert call.result(WAIT_SECONDS).number == 10
                if name == "one":
                    assert not shared_call(host).half_closed.is_set()
                    objects.close()  # Its stubs go on, and there may be new ones.
                stub.close()
                accepted.end().ends()
            assert shared_call(host, n).half_closed.wait(WAIT_SECONDS)
