"""What the threaded and the asyncio API have in common, against a scripted host."""

from __future__ import annotations

import threading

import grpc
import pytest
from clock import Clock
from echo_pb2 import EchoMessage
from faces import Face, MakeFace, failure, fates_of, number
from fakehost import IDS, WAIT_SECONDS, FakeHost

from seriatim import Fate, Reason

# ---- calls --------------------------------------------------------------------------------------------


def test_getting_a_stub_sends_nothing(host: FakeHost, face: Face) -> None:
    face.close()
    face.await_end()
    assert not host.all
    assert host.descriptions == 0
    assert failure(face.call()).reason == Reason.STUB_CLOSED


def test_the_first_call_opens_the_stub(host: FakeHost, face: Face) -> None:
    reply = face.call(7)
    stub = host.accept()
    frame = stub.frame()
    assert (frame.open.namespace, frame.open.name) == ("ECHO", "foo")
    (invocation,) = frame.invocations
    assert invocation.sequence == 1
    assert invocation.method == "seriatim.stubtest.Echo/Echo"
    assert EchoMessage.FromString(invocation.message).number == 7
    assert not invocation.HasField("timeout")
    stub.opened().answer(1)
    assert number(reply) == 10


def test_calls_leave_in_order_and_few_frames(host: FakeHost, face: Face) -> None:
    replies = face.calls(2000)
    stub = host.accept().opened()
    while len(stub.received) < 2000:
        before = len(stub.received)
        stub.frame()
        stub.answer(*range(before + 1, len(stub.received) + 1))
    sent = [EchoMessage.FromString(i.message).number for i in stub.received]
    assert sent == list(range(1, 2001))
    assert [i.sequence for i in stub.received] == sent
    assert [number(reply) for reply in replies] == [10 * n for n in sent]
    assert max(len(f.invocations) for f in stub.frames) <= 256


def test_no_more_frames_than_the_limit_are_unanswered(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, max_unanswered_frames=2, max_frame_invocations=3)
    replies = face.calls(1)
    stub = host.accept().through(1)
    replies += [face.call(2)]
    stub.through(2)
    replies += face.calls(7)  # These wait, since two frames are unanswered.
    stub.opened().answer(1)
    assert [i.sequence for i in stub.frame().invocations] == [3, 4, 5]
    stub.answer(2)
    assert [i.sequence for i in stub.frame().invocations] == [6, 7, 8]
    stub.answer(3, 4)
    stub.answer(5)
    assert [i.sequence for i in stub.frame().invocations] == [9]
    stub.answer(6, 7, 8, 9)
    assert [number(r) for r in replies] == [10 * n for n in range(1, 10)]


def test_timeouts_and_metadata_travel(host: FakeHost, face: Face) -> None:
    reply = face.call(
        1,
        timeout=100.5,
        metadata=(("a", "1"), ("b-bin", b"\0\xff"), ("a", "2"), ("c", "")),
        wait_for_ready=True,
    )
    stub = host.accept().opened()
    invocation = stub.frame().invocations[0]
    assert 90 < invocation.timeout.seconds <= 100
    assert dict(invocation.metadata) == {"a": "1,2", "b-bin": "AP8=", "c": ""}
    stub.answer(1)
    assert number(reply) == 10


def test_an_idempotency_key_travels(host: FakeHost, face: Face) -> None:
    reply = face.call(metadata=(("seriatim-idempotency-key", "order-12345"),))
    stub = host.accept().opened().through(1).answer(1)
    assert dict(stub.received[0].metadata) == {"seriatim-idempotency-key": "order-12345"}
    assert number(reply) == 10


def test_a_timeout_that_has_run_out_travels_too(host: FakeHost, face: Face) -> None:
    reply = face.call(1, timeout=-1)
    stub = host.accept().opened()
    invocation = stub.frame().invocations[0]
    assert invocation.HasField("timeout")
    assert (invocation.timeout.seconds, invocation.timeout.nanos) == (0, 0)
    stub.broken(0, code=grpc.StatusCode.DEADLINE_EXCEEDED, reason="INVOCATION_TIMED_OUT", failed_sequence=1)
    assert failure(reply).reason == Reason.INVOCATION_TIMED_OUT


@pytest.mark.parametrize(
    "metadata",
    [
        (("Upper", "1"),),
        (("", "1"),),
        (("grpc-x", "1"),),
        (("seriatim-x", "1"),),
        (("a", "ä"),),
        (("a", "line\n"),),
        (("a-bin", b"1"), ("a-bin", b"2")),
        (("a-bin", "text"),),
        (("seriatim-idempotency-key", ""),),
        (("seriatim-idempotency-key", "k" * 256),),
        (("seriatim-idempotency-key", "ä"),),
        (("seriatim-idempotency-key", "1"), ("seriatim-idempotency-key", "2")),
    ],
)
def test_metadata_that_cannot_be_carried_is_refused(
    host: FakeHost, face: Face, metadata: tuple[tuple[str, str | bytes]]
) -> None:
    refused = failure(face.call(1, metadata=metadata))
    assert (refused.code(), refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, Reason.CALL_REFUSED)
    assert (refused.fate, refused.sequence) == (Fate.NOT_EXECUTED, 0)
    assert face.cause() is None
    assert not host.all


def test_other_calls_that_are_refused(host: FakeHost, face: Face) -> None:
    credentials = grpc.access_token_call_credentials("token")
    refused = failure(face.call(credentials=credentials))
    assert (refused.code(), refused.reason) == (grpc.StatusCode.UNIMPLEMENTED, Reason.CALL_REFUSED)
    refused = failure(face.call(timeout=float("nan")))
    assert (refused.code(), refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, Reason.CALL_REFUSED)
    streaming = face.streaming()
    assert [f.code() for f in streaming] == [grpc.StatusCode.UNIMPLEMENTED] * 4
    assert {f.reason for f in streaming} == {Reason.CALL_REFUSED}
    assert "seriatim.stubtest.Echo/Watch is server-streaming" in streaming[0].message
    assert not host.all
    reply = face.call()
    host.accept().opened().through(1).answer(1)
    assert number(reply) == 10


def test_a_full_buffer_refuses_and_breaks_nothing(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(
        host,
        max_unanswered_frames=1,
        max_buffered_invocations=2,
        max_invocation_bytes=1000,
        max_buffered_bytes=1200,
    )
    replies = [face.call()]
    stub = host.accept().through(1).opened()
    replies += [face.call(), face.call()]
    full = failure(face.call())
    assert (full.code(), full.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.BUFFER_FULL)
    assert (full.fate, full.overloaded, full.sequence) == (Fate.NOT_EXECUTED, True, 0)
    stub.answer(1)
    stub.through(3)
    replies += [face.call(payload=bytes(700))]
    full = failure(face.call(payload=bytes(700)))
    assert full.reason == Reason.BUFFER_FULL
    assert "bytes wait to be sent" in full.message
    large = failure(face.call(payload=bytes(1001)))
    assert (large.reason, large.overloaded) == (Reason.CALL_TOO_LARGE, False)
    stub.answer(2, 3).through(4).answer(4)
    assert [number(r) for r in replies] == [10, 20, 30, 40]
    assert face.cause() is None


# ---- calls whose time runs out ------------------------------------------------------------------------


def test_a_host_that_never_answers(host: FakeHost, make_face: MakeFace, clock: Clock) -> None:
    face = make_face(host, deadline_grace=1.0, max_unanswered_frames=1)
    replies = [face.call(timeout=20.0)]
    stub = host.accept().through(1)
    clock.passes(21.0, face)
    overdue = failure(replies[0])
    assert (overdue.code(), overdue.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, Reason.ANSWER_OVERDUE)
    assert (overdue.failed_sequence, overdue.fate) == (1, Fate.UNKNOWN)
    assert face.cause() is None
    replies += [face.call(timeout=20.0), face.call()]
    face.on_break(lambda _: None)  # In asyncio, the calls have been made when this has.
    clock.passes(21.0, face)
    late = failure(replies[1])
    assert (late.reason, late.fate, late.failed_sequence) == (Reason.ANSWER_OVERDUE, Fate.NOT_EXECUTED, 2)
    stub.opened().answer(1)
    stub.through(3).answer(2, 3)
    assert number(replies[2]) == 30
    assert face.cause() is None


def test_a_call_behind_one_without_a_timeout(host: FakeHost, face: Face, clock: Clock) -> None:
    replies = [face.call(), face.call(timeout=20.0), face.call()]
    stub = host.accept().opened().through(3)
    clock.passes(20.0, face)
    overdue = failure(replies[1])
    assert overdue.details() == (
        "its deadline passed behind call 1, which has no answer yet [ANSWER_OVERDUE, call 2, UNKNOWN]"
    )
    stub.answer(1).broken(1, code=grpc.StatusCode.DEADLINE_EXCEEDED, failed_sequence=2)
    assert number(replies[0]) == 10
    assert fates_of([replies[2]]) == [(3, Fate.NOT_EXECUTED)]


def test_a_host_that_never_ends(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, end_timeout=0.1)
    reply = face.call()
    stub = host.accept().opened().through(1).answer(1)
    assert number(reply) == 10
    face.close()
    face.await_end()
    cause = face.cause()
    assert cause is not None
    assert cause.reason == Reason.ANSWER_OVERDUE
    stub.end()


# ---- the end ------------------------------------------------------------------------------------------


def test_close_finishes_what_was_sent(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, max_unanswered_frames=1)
    told: list[object] = []
    face.on_break(told.append)
    replies = face.calls(3)
    face.close()
    late = failure(face.call())
    assert (late.reason, late.fate) == (Reason.STUB_CLOSED, Fate.NOT_EXECUTED)
    stub = host.accept().opened().through(1)
    stub.answer(*range(1, len(stub.received) + 1))
    done = len(stub.received)
    stub.through(3)
    stub.answer(*range(done + 1, 4))
    stub.end()
    stub.ends()
    assert [number(r) for r in replies] == [10, 20, 30]
    face.await_end()
    assert face.cause() is None
    assert not told


def test_a_failure_after_the_last_answer_of_a_closed_stub(host: FakeHost, face: Face) -> None:
    reply = face.call()
    face.close()
    host.accept().opened().through(1).answer(1).ends(grpc.StatusCode.UNAVAILABLE, "gone")
    assert number(reply) == 10
    face.await_end()
    cause = face.cause()
    assert cause is not None
    assert cause.reason == Reason.CONNECTION_LOST


def test_cancel_breaks_the_stub_at_once(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, max_unanswered_frames=1)
    replies = [face.call()]
    stub = host.accept().opened().through(1)
    replies += [face.call()]
    face.cancel("enough")
    assert fates_of(list(replies)) == [(1, Fate.UNKNOWN), (2, Fate.NOT_EXECUTED)]
    assert failure(replies[0]).reason == Reason.STUB_CANCELLED
    assert failure(replies[0]).message == "enough"
    face.await_end()
    assert stub.is_cancelled()


def test_a_listener_that_fails_stops_no_one(host: FakeHost, face: Face) -> None:
    told = threading.Event()

    def fail(_: object) -> None:
        raise RuntimeError("a listener of the test")

    face.on_break(fail)
    face.on_break(lambda _: told.set())
    reply = face.call()
    host.accept().opened().through(1).broken(0)
    failure(reply)
    assert told.wait(WAIT_SECONDS)


# ---- ids ----------------------------------------------------------------------------------------------


def test_ids_ask_the_host_once(host: FakeHost, face: Face) -> None:
    by_name, by_digits, unique = face.ids()
    face.ids()
    assert by_name == by_digits == face.id() == IDS.from_name("foo")
    assert (by_name.name, by_digits.name, unique.name) == ("foo", None, None)
    assert str(IDS.from_string(str(unique))) == str(unique)
    assert host.descriptions == 1


def test_a_description_that_is_wrong(host: FakeHost, face: Face) -> None:
    host.description.unique_key = ""
    with pytest.raises(grpc.RpcError, match="unique key ''"):
        face.ids()
    host.description.unique_key = "echo-key"
    assert face.id() == IDS.from_name("foo")
