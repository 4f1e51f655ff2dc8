"""What the threaded and the asyncio API have in common, against a scripted host."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable

import grpc
import pytest
from echo_pb2 import EchoMessage
from faces import Face, Reply, failure, is_grpc_error, number
from fakehost import IDS, WAIT_SECONDS, Accepted, FakeHost, Relay, broken, outcome

from seriatim import Fate, Reason
from seriatim.v1 import durable_objects_pb2 as wire

MakeFace = Callable[..., Face]


def fates_of(replies: list[object]) -> list[tuple[int, Fate]]:
    failures = [failure(reply) for reply in replies]  # type: ignore[arg-type]
    return [(f.sequence, f.fate) for f in failures]


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


# ---- the break ----------------------------------------------------------------------------------------


def test_after_a_break_every_fate_is_known(host: FakeHost, face: Face) -> None:
    told: list[object] = []
    face.on_break(told.append)
    replies = face.calls(5)
    stub = host.accept().opened().through(5)
    stub.answer(1, 2)
    stub.broken(2, failed_sequence=3, remote=True).ends(grpc.StatusCode.FAILED_PRECONDITION, "no more")
    assert [number(r) for r in replies[:2]] == [10, 20]
    assert fates_of(list(replies[2:])) == [(n, Fate.NOT_EXECUTED) for n in (3, 4, 5)]
    failed = failure(replies[2])
    assert is_grpc_error(failed)
    assert failed.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert failed.details() == "no more [OBJECT_EXCEPTION, call 3, NOT_EXECUTED]"
    assert str(failed) == f"FAILED_PRECONDITION: {failed.details()}"
    assert failure(replies[3]).details() == "no more [OBJECT_EXCEPTION, call 4 behind 3, NOT_EXECUTED]"
    assert (failed.reason, failed.message) == (Reason.OBJECT_EXCEPTION, "no more")
    assert (failed.remote, failed.retryable, failed.overloaded) == (True, False, False)
    assert failed.failed_sequence == 3
    assert dict(failed.cause.metadata) == {"a": "b"}
    details = dict(failed.trailing_metadata())["grpc-status-details-bin"]
    assert details == failed.cause.status.SerializeToString()
    again = pickle.loads(pickle.dumps(failed))  # noqa: S301
    assert (again.cause, again.fate, again.sequence) == (failed.cause, failed.fate, failed.sequence)

    late = failure(face.call())
    assert (late.cause, late.fate, late.sequence) == (failed.cause, Fate.NOT_EXECUTED, 0)
    assert late.details() == "no more [OBJECT_EXCEPTION, NOT_EXECUTED]"
    face.await_end()
    assert told == [failed.cause]
    face.on_break(told.append)
    assert told == [failed.cause, failed.cause]
    assert host.stubs.empty()
    face.renew()
    reply = face.call()
    host.accept().opened().through(1).answer(1)
    assert number(reply) == 10


def test_a_stub_that_cannot_be_opened(host: FakeHost, face: Face) -> None:
    replies = face.calls(2)
    stub = host.accept()
    stub.broken(0, code=grpc.StatusCode.NOT_FOUND, reason="UNKNOWN_NAMESPACE").ends(grpc.StatusCode.NOT_FOUND)
    assert fates_of(list(replies)) == [(1, Fate.NOT_EXECUTED), (2, Fate.NOT_EXECUTED)]
    assert failure(replies[1]).reason == Reason.UNKNOWN_NAMESPACE


def test_a_reason_of_a_newer_host(host: FakeHost, face: Face) -> None:
    reply = face.call()
    frame = wire.ConnectResponse(broken=broken(0, reason="SOMETHING_NEW", retryable=True, overloaded=True))
    frame.broken.cause.code = 99
    host.accept().opened().send(frame)
    failed = failure(reply)
    assert (failed.code(), failed.reason) == (grpc.StatusCode.UNKNOWN, "SOMETHING_NEW")
    assert (failed.retryable, failed.overloaded) == (True, True)


def test_a_lost_connection_leaves_the_sent_unknown(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, max_unanswered_frames=1)
    replies = [face.call()]
    stub = host.accept().opened().through(1)
    stub.answer(1)
    assert number(replies[0]) == 10
    replies += [face.call()]
    stub.through(2)
    replies += [face.call()]
    stub.ends(grpc.StatusCode.UNAVAILABLE, "gone")
    assert fates_of(list(replies[1:])) == [(2, Fate.UNKNOWN), (3, Fate.NOT_EXECUTED)]
    lost = failure(replies[1])
    assert (lost.code(), lost.reason, lost.message) == (
        grpc.StatusCode.UNAVAILABLE,
        Reason.CONNECTION_LOST,
        "gone",
    )
    assert lost.retryable


def test_a_host_that_vanishes(host: FakeHost, face: Face) -> None:
    reply = face.call()
    host.accept().opened().through(1)
    host.cut()
    failed = failure(reply)
    assert (failed.reason, failed.fate, failed.retryable) == (Reason.CONNECTION_LOST, Fate.UNKNOWN, True)


def test_no_host_at_all(make_face: MakeFace) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        face = make_face(f"127.0.0.1:{unused.getsockname()[1]}")
        replies = face.calls(3)
        failures = [failure(reply) for reply in replies]
        assert [f.fate for f in failures] == [Fate.NOT_EXECUTED] * 3
        assert {f.code() for f in failures} == {grpc.StatusCode.UNAVAILABLE}
        assert {f.retryable for f in failures} == {True}


def test_an_end_with_ok_while_a_call_is_unanswered(host: FakeHost, face: Face) -> None:
    reply = face.call()
    host.accept().opened().through(1).ends()
    failed = failure(reply)
    assert (failed.code(), failed.reason) == (grpc.StatusCode.UNAVAILABLE, Reason.CONNECTION_LOST)
    assert failed.fate is Fate.UNKNOWN


def test_a_connection_that_goes_silent_is_given_up(host: FakeHost, make_face: MakeFace) -> None:
    relay = Relay(host)
    face = make_face(relay.target, keep_alive_time=0.1, keep_alive_timeout=0.1)
    reply = face.call()
    host.accept().opened().through(1).answer(1)
    assert number(reply) == 10
    relay.silence()
    lost = failure(face.call())
    assert (lost.code(), lost.reason, lost.fate) == (
        grpc.StatusCode.UNAVAILABLE,
        Reason.CONNECTION_LOST,
        Fate.UNKNOWN,
    )
    relay.stop()


def test_the_details_of_a_lost_connection_are_kept(host: FakeHost, face: Face) -> None:
    reply = face.call()
    stub = host.accept().opened().through(1)
    status = broken(0, code=grpc.StatusCode.RESOURCE_EXHAUSTED).cause
    stub.ends(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        status.message,
        (("grpc-status-details-bin", status.SerializeToString()),),
    )
    failed = failure(reply)
    assert failed.cause.status == status
    assert (failed.overloaded, failed.retryable, failed.reason) == (True, False, Reason.CONNECTION_LOST)


_SMALL = 200
_LARGE = 40
_LARGE_BYTES = 250_000


def _while_sending(host: FakeHost, face: Face) -> tuple[Accepted, list[Reply]]:
    """A host that takes no more, and a client that is sending more than goes without that."""
    replies = face.calls(_SMALL)
    stub = host.accept().opened().through(_SMALL).stops_reading()
    replies += [face.call(payload=bytes(_LARGE_BYTES)) for _ in range(_LARGE)]
    stub.through(_SMALL + 1)
    for n in range(1, _SMALL + 1):  # Frame by frame, so that reading takes longer than to see the end.
        stub.answer(n)
    return stub, replies


@pytest.mark.parametrize("kind", ["told", "ended"])
def test_an_end_while_sending_is_told_by_what_was_received(
    host: FakeHost, make_face: MakeFace, kind: str
) -> None:
    face = make_face(
        host,
        max_unanswered_frames=_SMALL + _LARGE,
        max_frame_bytes=_LARGE_BYTES,
        max_invocation_bytes=_LARGE_BYTES + 1_000,
    )
    stub, replies = _while_sending(host, face)
    if kind == "told":
        stub.broken(_SMALL, code=grpc.StatusCode.DATA_LOSS)
    stub.ends(grpc.StatusCode.DATA_LOSS, "no more")
    assert [number(reply) for reply in replies[:_SMALL]] == [10 * n for n in range(1, _SMALL + 1)]
    failures = [failure(reply) for reply in replies[_SMALL:]]
    assert {(f.code(), f.message) for f in failures} == {(grpc.StatusCode.DATA_LOSS, "no more")}
    if kind == "told":
        assert {(f.reason, f.fate) for f in failures} == {(Reason.OBJECT_EXCEPTION, Fate.NOT_EXECUTED)}
    else:
        assert {f.reason for f in failures} == {Reason.CONNECTION_LOST}
        fates = [f.fate for f in failures]
        sent = fates.count(Fate.UNKNOWN)
        assert sent >= 1
        assert fates == [Fate.UNKNOWN] * sent + [Fate.NOT_EXECUTED] * (_LARGE - sent)


# ---- a host that is wrong -----------------------------------------------------------------------------

_OPENED = wire.ConnectResponse(opened=wire.Opened(id=str(IDS.from_name("foo")), name="foo"))


def _outcomes(*outcomes: wire.Outcome) -> wire.ConnectResponse:
    return wire.ConnectResponse(outcomes=outcomes)


@pytest.mark.parametrize(
    ("frames", "answered", "first_fate", "message"),
    [
        ([_OPENED, _outcomes(outcome(2))], 0, Fate.UNKNOWN, "outcome 2, expected outcome 1"),
        ([_OPENED, _outcomes(outcome(1), outcome(3))], 1, Fate.UNKNOWN, "outcome 3, expected outcome 2"),
        ([_OPENED, _outcomes(outcome(1), outcome(1))], 1, Fate.UNKNOWN, "outcome 1, expected outcome 2"),
        ([_OPENED, _outcomes(wire.Outcome(message=b""))], 0, Fate.UNKNOWN, "outcome 0, expected outcome 1"),
        (
            [_OPENED, _outcomes(*map(outcome, (1, 2, 3, 4)))],
            3,
            None,
            "outcome 4 of a call that was not sent",
        ),
        ([_outcomes(outcome(1))], 0, Fate.UNKNOWN, "the first frame has no 'opened'"),
        ([wire.ConnectResponse()], 0, Fate.UNKNOWN, "the first frame has no 'opened'"),
        ([_OPENED, _OPENED], 0, Fate.UNKNOWN, "'opened' came twice"),
        ([wire.ConnectResponse(opened=wire.Opened(id="12"))], 0, Fate.UNKNOWN, "opened object '12'"),
        (
            [wire.ConnectResponse(opened=wire.Opened(id=str(IDS.from_name("foo")), name="bar"))],
            0,
            Fate.UNKNOWN,
            "opened name 'bar', expected 'foo'",
        ),
        ([_OPENED, _outcomes(wire.Outcome(sequence=1))], 0, Fate.COMPLETED, "outcome 1 has no 'message'"),
        (
            [_OPENED, _outcomes(wire.Outcome(sequence=1, json={"number_value": 1}))],
            0,
            Fate.COMPLETED,
            "outcome 1 has no 'message'",
        ),
        (
            [_OPENED, _outcomes(wire.Outcome(sequence=1, message=b"\xff"), outcome(2))],
            0,
            Fate.COMPLETED,
            "outcome 1: no response of seriatim.stubtest.Echo/Echo",
        ),
        (
            [_OPENED, wire.ConnectResponse(broken=broken(0, code=grpc.StatusCode.OK))],
            0,
            Fate.UNKNOWN,
            "broken with code OK",
        ),
        (
            [_OPENED, wire.ConnectResponse(outcomes=[outcome(1)], broken=broken(2))],
            1,
            Fate.UNKNOWN,
            "broken with completed_through 2 after 1 outcomes",
        ),
        (
            [_OPENED, _outcomes(outcome(1)), wire.ConnectResponse(broken=broken(0))],
            1,
            Fate.UNKNOWN,
            "broken with completed_through 0 after 1 outcomes",
        ),
    ],
)
def test_a_wrong_answer_gives_an_error(
    host: FakeHost,
    face: Face,
    frames: list[wire.ConnectResponse],
    answered: int,
    first_fate: Fate | None,
    message: str,
) -> None:
    replies = face.calls(3)
    stub = host.accept().through(3)
    for frame in frames:
        stub.send(frame)
    assert [number(r) for r in replies[:answered]] == [10, 20, 30][:answered]
    if first_fate is not None:
        wrong = failure(replies[answered])
        assert (wrong.code(), wrong.reason) == (grpc.StatusCode.INTERNAL, Reason.HOST_VIOLATION)
        assert message in wrong.message
        assert wrong.fate is first_fate
        assert [f for _, f in fates_of(list(replies[answered + 1 :]))] == [Fate.UNKNOWN] * (2 - answered)
    face.await_end()
    cause = face.cause()
    assert cause is not None
    assert message in cause.message
    assert stub.is_cancelled()


def test_a_frame_that_does_not_parse(host: FakeHost, face: Face) -> None:
    reply = face.call()
    stub = host.accept().through(1).opened()
    stub.out.put(b"\xff\xff\xff")
    failed = failure(reply)
    assert failed.reason == Reason.HOST_VIOLATION
    assert "a frame doesn't parse" in failed.message


def test_what_follows_the_break_is_ignored(host: FakeHost, face: Face) -> None:
    replies = face.calls(2)
    stub = host.accept().through(2).opened().answer(1).broken(1)
    stub.answer(2).broken(2).opened()
    assert number(replies[0]) == 10
    assert failure(replies[1]).fate is Fate.NOT_EXECUTED
    face.await_end()
    assert stub.is_cancelled()


def test_unknown_fields_are_ignored(host: FakeHost, face: Face) -> None:
    reply = face.call()
    stub = host.accept().through(1)
    unknown = b"\xca\x3e\x03abc"  # Field 1001, three bytes.
    stub.out.put(_OPENED.SerializeToString() + unknown)
    stub.out.put(_outcomes(outcome(1)).SerializeToString() + unknown)
    assert number(reply) == 10
    stub.out.put(unknown)  # A frame without anything known in it.
    reply = face.call()
    stub.through(2).answer(2)
    assert number(reply) == 20


def test_another_object_than_asked_for(host: FakeHost, face: Face) -> None:
    face.renew(IDS.from_string(str(IDS.from_name("foo"))))
    reply = face.call()
    stub = host.accept()
    assert stub.frame().open.id == str(IDS.from_name("foo"))
    stub.opened(None, str(IDS.from_name("bar")))
    failed = failure(reply)
    assert failed.message == (
        f"the host broke the protocol: opened object '{IDS.from_name('bar')}', "
        f"expected '{IDS.from_name('foo')}'"
    )


def test_an_id_that_knows_its_name_opens_by_name(host: FakeHost, face: Face) -> None:
    foo, *_ = face.ids()
    face.renew(foo)
    reply = face.call()
    stub = host.accept()
    assert stub.frame().open.name == "foo"
    stub.opened("foo", str(IDS.from_name("bar")))
    assert failure(reply).reason == Reason.HOST_VIOLATION


def test_an_id_made_elsewhere_opens_by_its_digits(host: FakeHost, face: Face) -> None:
    """Its name may be that of another object here."""
    for elsewhere in (IDS.from_name("bar"), pickle.loads(pickle.dumps(IDS.from_name("bar")))):  # noqa: S301
        face.renew(elsewhere)
        reply = face.call()
        stub = host.accept()
        opened = stub.frame().open
        assert (opened.name, opened.id) == ("", str(IDS.from_name("bar")))
        stub.opened(None, str(IDS.from_name("bar"))).answer(1)
        assert number(reply) == 10
        face.cancel("no more")


def test_an_id_of_another_namespace_is_refused(host: FakeHost, face: Face) -> None:
    digits = str(IDS.from_name("foo"))
    refused = face.other(
        "OTHER", None, face.ids()[0]
    )  # By the name of its namespace: the key isn't known here.
    assert refused == f"id '{digits}' is of namespace 'ECHO', expected one of namespace 'OTHER'"
    for object_id in face.ids()[:2]:
        refused = face.other("OTHER", "another-key", object_id)
        assert refused == f"id '{digits}' is of namespace 'ECHO', expected one of namespace 'OTHER'"
    refused = face.other("OTHER", "another-key", IDS.from_name("foo"))
    assert refused == f"id '{digits}' is of another namespace, expected one of namespace 'OTHER'"
    assert face.other("RENAMED", "echo-key", face.ids()[0]) == ""
    assert not host.all
    assert host.descriptions == 1


@pytest.mark.parametrize("name", ["\ufeff", "\ufefffoo", "\ufeff" * 3])
def test_names_and_replies_that_begin_with_a_byte_order_mark(host: FakeHost, face: Face, name: str) -> None:
    face.renew(name)
    reply = face.call(text=name)
    stub = host.accept()
    frame = stub.frame()
    assert frame.open.name == name
    assert EchoMessage.FromString(frame.invocations[0].message).text == name
    stub.opened(name).send(
        wire.ConnectResponse(
            outcomes=[wire.Outcome(sequence=1, message=EchoMessage(text=name).SerializeToString())]
        )
    )
    assert reply.result(WAIT_SECONDS).text == name
    assert face.id() == IDS.from_name(name)


# ---- calls whose time runs out ------------------------------------------------------------------------


def test_a_host_that_never_answers(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, deadline_grace=0.1, max_unanswered_frames=1)
    replies = [face.call(timeout=0.1)]
    stub = host.accept().through(1)
    overdue = failure(replies[0])
    assert (overdue.code(), overdue.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, Reason.ANSWER_OVERDUE)
    assert (overdue.failed_sequence, overdue.fate) == (1, Fate.UNKNOWN)
    assert face.cause() is None
    replies += [face.call(timeout=0.1), face.call()]
    late = failure(replies[1])
    assert (late.reason, late.fate, late.failed_sequence) == (Reason.ANSWER_OVERDUE, Fate.NOT_EXECUTED, 2)
    stub.opened().answer(1)
    stub.through(3).answer(2, 3)
    assert number(replies[2]) == 30
    assert face.cause() is None


def test_a_call_behind_one_without_a_timeout(host: FakeHost, face: Face) -> None:
    replies = [face.call(), face.call(timeout=0.1), face.call()]
    stub = host.accept().opened().through(3)
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
