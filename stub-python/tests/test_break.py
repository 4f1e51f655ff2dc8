"""The break of a stub, and a lost connection, against a scripted host."""

from __future__ import annotations

import pickle
import socket

import grpc
import pytest
from faces import Face, MakeFace, Reply, failure, fates_of, is_grpc_error, number
from fakehost import Accepted, FakeHost, Relay, broken

from seriatim import Fate, Reason
from seriatim.v1 import durable_objects_pb2 as wire


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


def test_a_connection_that_goes_silent_is_given_up(
    make_face: MakeFace, request: pytest.FixtureRequest
) -> None:
    for patience in (0.3, 3.0, 30.0):
        host = FakeHost()
        request.addfinalizer(host.stop)
        relay = Relay(host)
        request.addfinalizer(relay.stop)
        reply = make_face(relay.target, keep_alive_time=0.1, keep_alive_timeout=patience).call()
        try:
            host.accept().opened().through(1)
            break
        except AssertionError:  # A machine that is busy for longer than that has it given up before.
            assert patience < 30.0
    relay.silence()
    lost = failure(reply)
    assert (lost.code(), lost.reason, lost.fate) == (
        grpc.StatusCode.UNAVAILABLE,
        Reason.CONNECTION_LOST,
        Fate.UNKNOWN,
    )


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
