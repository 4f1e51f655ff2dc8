"""Stubs that outlive their connections, in both APIs, on calls of their own and on lanes, against a scripted
host."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from clock import Clock
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from faces import ON_LANES, Face, MakeFace, failure, fates_of, number
from fakehost import NAMESPACE, WAIT_SECONDS, Accepted, FakeHost

import seriatim
from seriatim import ClientOptions, Fate, Reason
from seriatim.v1 import durable_objects_pb2 as wire

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
ABORTED = grpc.StatusCode.ABORTED
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.fixture
def face(host: FakeHost, make_face: Callable[..., Face]) -> Face:
    return resumable(make_face(host))


def resumable(face: Face) -> Face:
    face.resumable = True
    face.renew()
    return face


def first(host: FakeHost, count: int) -> Accepted:
    """The first connection, with so many calls. What was only `open` is seen as a part of what came behind
    it."""
    accepted = host.accept().resumed().through(count)
    session = accepted.frames[0].open.session
    assert len(session.id) == 16
    assert (session.connection, session.answered_through) == (1, 0)
    return accepted


def resumed(host: FakeHost, connection: int, answered: int, through: int) -> Accepted:
    """A later connection, which the host lets go on from there."""
    accepted = host.accept()
    session = accepted.session()
    assert (session.connection, session.answered_through) == (connection, answered)
    assert session.HasField("unanswered_for") == (through > answered) or through == answered
    return accepted.resumed(through)


def next_frame(accepted: Accepted) -> wire.ConnectRequest:
    frame = accepted.next()
    assert isinstance(frame, wire.ConnectRequest), f"the client {frame}; expected a frame"
    return frame


def sequences(accepted: Accepted, last: int) -> list[int]:
    """The numbers of the invocations that come on a connection, up to this one."""
    came: list[int] = []
    while not came or came[-1] < last:
        came += [i.sequence for i in next_frame(accepted).invocations]
    return came


def test_a_lost_connection_is_noticed_by_nobody(host: FakeHost, face: Face) -> None:
    told: list[object] = []
    face.on_break(told.append)
    replies = face.calls(3)
    accepted = first(host, 3).answer(1)
    assert number(replies[0]) == 10
    accepted.ends(UNAVAILABLE, "gone")
    second = resumed(host, 2, 1, 2)
    replies.append(face.call())
    assert sequences(second, 4) == [3, 4]
    second.answer(2, 3, 4)
    assert [number(reply) for reply in replies] == [10, 20, 30, 40]
    assert face.stub.is_resumable
    face.close()
    assert next_frame(second).acknowledged_through == 4
    second.end().ends()
    face.await_end()
    assert face.cause() is None
    assert told == []


def test_a_break_that_is_retryable_is_noticed_by_nobody(host: FakeHost, face: Face) -> None:
    told: list[object] = []
    face.on_break(told.append)
    replies = face.calls(3)
    accepted = first(host, 3).answer(1)
    accepted.broken(1, code=ABORTED, reason="OBJECT_RESET", retryable=True).ends(ABORTED)
    second = resumed(host, 2, 1, 1)
    assert sequences(second, 3) == [2, 3]
    second.answer(2, 3)
    assert [number(reply) for reply in replies] == [10, 20, 30]
    assert told == []


def test_a_host_that_vanishes_and_comes_back(host: FakeHost, make_face: MakeFace) -> None:
    face = resumable(make_face(host))
    replies = face.calls(2)
    first(host, 2)
    host.cut()
    again = FakeHost(host.target)
    again.has_lanes = host.has_lanes
    try:
        replies.append(face.call())
        accepted = again.accept()
        session = accepted.session()
        assert session.connection > 1
        assert session.HasField("unanswered_for")
        accepted.resumed(1).answer(1)
        assert sequences(accepted, 3) == [2, 3]
        accepted.answer(2, 3)
        assert [number(reply) for reply in replies] == [10, 20, 30]
    finally:
        face.cancel("the test is over")
        again.stop()


def test_a_host_is_found_as_soon_as_it_listens(host: FakeHost, make_face: MakeFace) -> None:
    host.stop()
    face = resumable(make_face(host, resume_backoff=1000.0, max_resume_backoff=1000.0, resume_timeout=1000.0))
    reply = face.call()
    tries_again(face)
    again = FakeHost(host.target)
    again.has_lanes = host.has_lanes
    try:
        accepted = again.accept()
        assert accepted.session().connection == 2
        accepted.resumed(0)
        assert sequences(accepted, 1) == [1]
        accepted.answer(1)
        assert number(reply) == 10
    finally:
        face.cancel("the test is over")
        again.stop()


def tries_again(face: Face) -> None:
    """Waits until its second connection begins."""
    until = time.monotonic() + WAIT_SECONDS
    while face.stub._session._ledger._connection < 2:
        assert time.monotonic() < until, "the second connection has not begun"
        time.sleep(0.01)


@pytest.mark.parametrize("make_face", ON_LANES, indirect=True)
def test_an_ordinary_stub_does_not_wait_with_a_resumable_one(host: FakeHost, make_face: MakeFace) -> None:
    host.stop()
    face = resumable(make_face(host))
    waits = face.call()
    tries_again(face)
    face.resumable = False
    face.renew()
    failed = failure(face.call())
    assert (failed.reason, failed.code(), failed.fate) == (
        Reason.CONNECTION_LOST,
        UNAVAILABLE,
        Fate.NOT_EXECUTED,
    )
    face.end_others()
    again = FakeHost(host.target)
    try:
        accepted = again.accept()
        accepted.session()
        accepted.resumed(0)
        assert sequences(accepted, 1) == [1]
        accepted.answer(1)
        assert number(waits) == 10
        assert next_frame(accepted).acknowledged_through == 1
        accepted.end().ends()
    finally:
        again.stop()


def test_nothing_is_sent_before_the_host_says_where_it_stands(host: FakeHost, face: Face) -> None:
    replies = face.calls(2)
    first(host, 2).ends(UNAVAILABLE, "gone")
    accepted = host.accept()
    assert accepted.session().connection == 2
    replies += [face.call(), face.call()]
    face.on_break(lambda _: None)  # In asyncio, the calls have been made when this has.
    accepted.resumed(1)
    assert sequences(accepted, 4) == [2, 3, 4]
    accepted.answer(1, 2, 3, 4)
    assert [number(reply) for reply in replies] == [10, 20, 30, 40]


def test_a_host_that_knows_no_sessions(host: FakeHost, face: Face) -> None:
    reply = face.call()
    accepted = host.accept().opened().through(1)
    assert accepted.frames[0].open.HasField("session")
    accepted.answer(1)
    assert number(reply) == 10
    assert not face.stub.is_resumable
    lost = face.call()
    accepted.through(2).ends(UNAVAILABLE, "gone")
    assert (failure(lost).reason, failure(lost).fate) == (Reason.CONNECTION_LOST, Fate.UNKNOWN)
    assert host.stubs.empty()


def test_a_host_that_knows_no_sessions_any_more(host: FakeHost, face: Face) -> None:
    replies = face.calls(2)
    first(host, 2).ends(UNAVAILABLE, "gone")
    accepted = host.accept()
    assert accepted.session().connection == 2
    accepted.opened()
    assert fates_of(list(replies)) == [(1, Fate.UNKNOWN), (2, Fate.UNKNOWN)]
    assert failure(replies[0]).reason == Reason.CONNECTION_LOST
    assert accepted.is_cancelled()


def test_a_session_that_has_expired(host: FakeHost, face: Face) -> None:
    told: list[seriatim.FailureCause] = []
    face.on_break(told.append)
    replies = face.calls(2)
    first(host, 2).ends(UNAVAILABLE, "gone")
    accepted = host.accept()
    accepted.session()
    replies.append(face.call())
    face.on_break(lambda _: None)
    accepted.broken(0, reason="SESSION_EXPIRED").ends(grpc.StatusCode.FAILED_PRECONDITION)
    assert fates_of(list(replies)) == [(1, Fate.UNKNOWN), (2, Fate.UNKNOWN), (3, Fate.NOT_EXECUTED)]
    face.await_end()
    assert [cause.reason for cause in told] == [Reason.SESSION_EXPIRED]


def test_no_host_for_too_long(make_face: MakeFace, host: FakeHost) -> None:
    face = resumable(make_face(host, resume_timeout=0.2))
    reply = face.call()
    first(host, 1)
    host.cut()
    failed = failure(reply)
    assert (failed.reason, failed.fate, failed.code()) == (Reason.CONNECTION_LOST, Fate.UNKNOWN, UNAVAILABLE)


def test_no_host_at_all(make_face: MakeFace, clock: Clock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        face = resumable(make_face(f"127.0.0.1:{unused.getsockname()[1]}", resume_timeout=20.0))
        replies = face.calls(2)
        face.on_break(lambda _: None)  # In asyncio, the calls have been made when this has.
        tries_again(face)
        clock.passes(20.0, face)
        assert fates_of(list(replies)) == [(1, Fate.NOT_EXECUTED), (2, Fate.NOT_EXECUTED)]


def test_a_host_that_does_not_say_where_the_session_stands(
    make_face: MakeFace, host: FakeHost, clock: Clock
) -> None:
    face = resumable(make_face(host, resume_timeout=20.0))
    reply = face.call()
    first(host, 1).ends(UNAVAILABLE, "gone")
    host.accept().session()
    clock.passes(20.0, face)
    failed = failure(reply)
    assert (failed.message, failed.fate) == ("gone", Fate.UNKNOWN)


def test_no_progress(make_face: MakeFace, host: FakeHost) -> None:
    face = resumable(make_face(host, max_resumes_without_progress=3))
    reply = face.call()
    accepted = first(host, 1)
    for connection in range(2, 6):
        accepted.broken(0, code=grpc.StatusCode.ABORTED, reason="OBJECT_RESET", retryable=True)
        if connection < 5:
            accepted = resumed(host, connection, 0, 0)
            assert sequences(accepted, 1) == [1]
    failed = failure(reply)
    assert (failed.reason, failed.fate, failed.sequence) == (Reason.OBJECT_RESET, Fate.NOT_EXECUTED, 1)


def test_an_idle_stub_goes_on_with_its_next_call(host: FakeHost, face: Face) -> None:
    reply = face.call()
    accepted = first(host, 1).answer(1)
    assert number(reply) == 10
    accepted.ends(UNAVAILABLE, "gone")
    reply = face.call()
    second = resumed(host, 2, 1, 1)
    assert sequences(second, 2) == [2]
    second.answer(2)
    assert number(reply) == 20


def test_it_acknowledges_alone(host: FakeHost, make_face: MakeFace) -> None:
    face = resumable(
        make_face(
            host,
            max_unanswered_frames=300,
            max_frame_invocations=200,
            max_frame_bytes=100_000,
            max_invocation_bytes=100_000,
        )
    )
    replies = face.calls(300)
    accepted = first(host, 300)
    accepted.answer(*range(1, 301))
    assert [number(reply) for reply in replies] == [10 * n for n in range(1, 301)]
    assert next_frame(accepted) == wire.ConnectRequest(acknowledged_through=300)
    reply = face.call()
    frame = next_frame(accepted)
    assert ([i.sequence for i in frame.invocations], frame.acknowledged_through) == ([301], 300)
    accepted.answer(301)
    assert number(reply) == 3010


def test_closed_while_there_is_no_connection(host: FakeHost, face: Face) -> None:
    replies = face.calls(2)
    first(host, 2).answer(1).ends(UNAVAILABLE, "gone")
    face.close()
    assert failure(face.call()).reason == Reason.STUB_CLOSED
    accepted = resumed(host, 2, 1, 1)
    assert sequences(accepted, 2) == [2]
    accepted.answer(2)
    assert number(replies[1]) == 20
    assert next_frame(accepted).acknowledged_through == 2
    accepted.end().ends()
    face.await_end()
    assert face.cause() is None


def test_cancelled_while_there_is_no_connection(host: FakeHost, make_face: MakeFace) -> None:
    face = resumable(make_face(host, resume_backoff=50.0, max_resume_backoff=100.0))
    replies = face.calls(2)
    first(host, 2).ends(UNAVAILABLE, "gone")
    host.accept().broken(0, reason="HOST_DRAINING", retryable=True)
    face.cancel("enough")
    assert fates_of(list(replies)) == [(1, Fate.UNKNOWN), (2, Fate.UNKNOWN)]
    assert failure(replies[0]).reason == Reason.STUB_CANCELLED
    face.await_end()


def test_a_deadline_passes_while_there_is_no_connection(host: FakeHost, face: Face, clock: Clock) -> None:
    overdue, waits = face.call(timeout=20.0), face.call()
    first(host, 2).ends(UNAVAILABLE, "gone")
    accepted = host.accept()
    accepted.session()
    clock.passes(20.0, face)
    failed = failure(overdue)
    assert (failed.reason, failed.fate, failed.failed_sequence) == (Reason.ANSWER_OVERDUE, Fate.UNKNOWN, 1)
    accepted.resumed(0)
    invocations = next_frame(accepted).invocations
    assert invocations[0].HasField("timeout")
    assert invocations[0].timeout.ToNanoseconds() == 0
    assert not invocations[1].HasField("timeout")
    accepted.broken(0, code=DEADLINE_EXCEEDED, reason="INVOCATION_TIMED_OUT", failed_sequence=1)
    assert (failure(waits).reason, failure(waits).fate) == (Reason.INVOCATION_TIMED_OUT, Fate.NOT_EXECUTED)


def test_a_host_that_says_nothing_after_a_deadline_is_left(host: FakeHost, face: Face, clock: Clock) -> None:
    reply = face.call()
    accepted = first(host, 1).answer(1)
    assert number(reply) == 10
    overdue, waits = face.call(timeout=20.0), face.call()
    assert sequences(accepted, 3) == [2, 3]
    clock.passes(21.0, face)
    assert failure(overdue).reason == Reason.ANSWER_OVERDUE
    second = resumed(host, 2, 1, 1)
    assert sequences(second, 3) == [2, 3]
    second.answer(2, 3)
    assert number(waits) == 30
    assert accepted.is_cancelled()


def unopened(host: FakeHost) -> None:
    """A connection is lost, and the next one is refused for a while."""
    first(host, 1).ends(UNAVAILABLE, "gone")
    host.accept().broken(0, reason="HOST_DRAINING", retryable=True).ends(UNAVAILABLE)


@pytest.mark.parametrize("shared_calls", [0, 1])
def test_the_client_is_closed(host: FakeHost, shared_calls: int) -> None:
    options = ClientOptions(resume_backoff=50.0, max_resume_backoff=100.0, shared_calls=shared_calls)
    objects = seriatim.DurableObjects.connect(host.target, options=options)
    suspended, open_ = (objects.namespace(NAMESPACE).resumable().get_by_name("foo") for _ in range(2))
    replies = [EchoStub(suspended.channel()).Echo.future(EchoMessage())]
    unopened(host)
    replies.append(EchoStub(open_.channel()).Echo.future(EchoMessage()))
    first(host, 1)
    objects.close()
    assert fates_of(list(replies)) == [(1, Fate.UNKNOWN), (1, Fate.UNKNOWN)]
    assert suspended.await_end(WAIT_SECONDS)
    assert open_.await_end(WAIT_SECONDS)


@pytest.mark.parametrize("shared_calls", [0, 1])
async def test_the_client_of_asyncio_is_closed(host: FakeHost, shared_calls: int) -> None:
    options = ClientOptions(resume_backoff=50.0, max_resume_backoff=100.0, shared_calls=shared_calls)
    objects = seriatim.aio.DurableObjects.connect(host.target, options=options)
    suspended, open_ = (objects.namespace(NAMESPACE).resumable().get_by_name("foo") for _ in range(2))
    calls = [EchoStub(suspended.channel()).Echo(EchoMessage())]
    await asyncio.to_thread(unopened, host)
    calls.append(EchoStub(open_.channel()).Echo(EchoMessage()))
    await asyncio.to_thread(first, host, 1)
    await objects.close()
    for call in calls:
        with pytest.raises(seriatim.CallFailure) as failed:
            await call
        assert failed.value.fate is Fate.UNKNOWN
    await suspended.await_end()
    await open_.await_end()


def test_sessions_have_names_of_their_own(host: FakeHost, face: Face) -> None:
    ids = set()
    for _ in range(3):
        face.call()
        ids.add(first(host, 1).frames[0].open.session.id)
        face.renew()
    assert len(ids) == 3


def test_many_stubs_lose_a_shared_call(host: FakeHost) -> None:
    options = ClientOptions(shared_calls=1, open_timeout=60.0)
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE).resumable()
        stubs = [namespace.get_by_name(f"foo-{n}") for n in range(20)]
        replies = [EchoStub(stub.channel()).Echo.future(EchoMessage()) for stub in stubs]
        for n in range(20):
            host.accept().resumed(name=f"foo-{n}").through(1)
        host.shared[0].out.put((UNAVAILABLE, "gone", ()))
        for _ in range(20):
            accepted = host.accept()
            assert accepted.session().connection == 2
            accepted.resumed(0, accepted.opens.name)
            assert sequences(accepted, 1) == [1]
            accepted.answer(1)
        assert {number(reply) for reply in replies} == {10}
        assert len(host.shared) == 2
        for stub in stubs:
            stub.cancel()


def test_a_lane_of_a_host_that_drains_goes_on_with_another_call(host: FakeHost) -> None:
    options = ClientOptions(shared_calls=1, open_timeout=60.0)
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        stub = objects.namespace(NAMESPACE).resumable().get_by_name("foo")
        reply = EchoStub(stub.channel()).Echo.future(EchoMessage())
        first(host, 1).broken(0, code=UNAVAILABLE, reason="HOST_DRAINING", retryable=True).ends(UNAVAILABLE)
        accepted = resumed(host, 2, 0, 0)
        assert sequences(accepted, 1) == [1]
        accepted.answer(1)
        assert number(reply) == 10
        assert len(host.shared) == 2
        stub.cancel()


@pytest.fixture
def owner() -> Iterator[FakeHost]:
    fake = FakeHost()
    yield fake
    fake.stop()


def test_each_connection_asks_for_the_way_anew(
    host: FakeHost, owner: FakeHost, make_face: Callable[..., Face]
) -> None:
    face = make_face(host, follow_routes=True)
    owner.has_lanes = host.has_lanes
    reply = face.call()
    host.accept().elsewhere(owner.target, 10).through(1).answer(1)
    assert number(reply) == 10
    resumable(face)
    reply = face.call()
    first(owner, 1).broken(0, code=UNAVAILABLE, reason="OBJECT_MOVED", retryable=True).ends(UNAVAILABLE)
    accepted = resumed(host, 2, 0, 0)
    assert sequences(accepted, 1) == [1]
    accepted.answer(1)
    assert number(reply) == 10
    face.end_others()
    face.renew()
    reply = face.call()
    first(host, 1).answer(1)
    assert number(reply) == 10


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that nobody is at, and nobody will be: a port that was let go is soon another program's."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_a_way_that_leads_nowhere_is_forgotten(
    host: FakeHost, nowhere: str, make_face: Callable[..., Face]
) -> None:
    face = make_face(host, follow_routes=True)
    reply = face.call()
    host.accept().elsewhere(nowhere, 10).through(1).answer(1)
    assert number(reply) == 10
    resumable(face)
    reply = face.call()
    accepted = host.accept()
    assert accepted.session().connection == 2
    accepted.resumed(0)
    assert sequences(accepted, 1) == [1]
    accepted.answer(1)
    assert number(reply) == 10


def test_calls_of_many_threads_keep_their_order(host: FakeHost, face: Face) -> None:
    """Each connection is lost after some answers, while calls are being made."""
    stop = threading.Event()
    played: list[int] = []

    def play() -> None:
        completed = answered = 0
        while not stop.is_set():
            accepted = host.stubs.get()
            if accepted is None:
                return
            frame: Any = accepted.next()
            assert frame.open.session.connection == len(played) + 1
            answered = frame.open.session.answered_through
            played.append(answered)
            accepted.resumed(completed)
            if answered < completed:
                accepted.answer(*range(answered + 1, completed + 1))
            here = 0
            while True:
                came = [i.sequence for i in frame.invocations]
                if came:
                    assert came == list(range(completed + 1, completed + 1 + len(came)))
                    completed = came[-1]
                    here += len(came)
                    if here > 40 and len(played) < 8:
                        break  # They have been executed, and nobody hears of it.
                    accepted.answer(*came)
                frame = accepted.next()
                if not isinstance(frame, wire.ConnectRequest):
                    accepted.ends()
                    return
            accepted.ends(UNAVAILABLE, "gone")

    script = threading.Thread(target=play)
    script.start()
    replies = []
    for _ in range(20):
        made = face.calls(30)
        replies += made
        number(made[0])
    assert [number(reply) for reply in replies] == [10 * n for n in range(1, 601)]
    face.close()
    face.await_end()
    assert face.cause() is None
    stop.set()
    script.join(WAIT_SECONDS)
    assert not script.is_alive(), "the host's script has not ended"
    assert len(played) > 2


async def test_a_task_of_a_lost_connection_is_not_kept(host: FakeHost) -> None:
    async with seriatim.aio.DurableObjects.connect(host.target) as objects:
        stub = objects.namespace(NAMESPACE).resumable().get_by_name("foo")
        call = EchoStub(stub.channel()).Echo(EchoMessage())
        accepted = await asyncio.to_thread(first, host, 1)
        for connection in range(2, 6):
            accepted.ends(UNAVAILABLE, "gone")
            accepted = await asyncio.to_thread(resumed, host, connection, 0, 0)
        accepted.answer(1)
        assert (await call).number == 10
        assert len(stub._tasks) <= 4
        stub.cancel()


def test_options_that_make_no_sense() -> None:
    for name in ("resume_timeout", "resume_backoff", "max_resume_backoff"):
        options: Any = {name: 0}
        with pytest.raises(ValueError, match=f"{name} 0, expected more than 0"):
            ClientOptions(**options)
    with pytest.raises(ValueError, match="max_resumes_without_progress 0, expected at least 1"):
        ClientOptions(max_resumes_without_progress=0)


def test_an_ordinary_stub_says_nothing_of_a_session(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host)
    assert not face.stub.is_resumable
    reply = face.call()
    accepted = host.accept().opened().through(1).answer(1)
    assert number(reply) == 10
    face.call()
    accepted.through(2)
    assert not accepted.frames[0].open.HasField("session")
    assert accepted.frames[1].acknowledged_through == 0


def test_ids_are_those_of_the_namespace(host: FakeHost) -> None:
    with seriatim.DurableObjects.connect(host.target) as objects:
        plain = objects.namespace(NAMESPACE)
        made = plain.resumable().id_from_name("foo")
        assert made == plain.id_from_name("foo")
        assert plain.resumable().get(made).id() == made
        assert host.descriptions == 1
