"""A host whose frames are wrong or unusual: an error, and never a wrong result."""

from __future__ import annotations

import pickle

import grpc
import pytest
from echo_pb2 import EchoMessage
from faces import Face, failure, fates_of, number
from fakehost import IDS, WAIT_SECONDS, FakeHost, broken, outcome

from seriatim import Fate, Reason
from seriatim.v1 import durable_objects_pb2 as wire

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
