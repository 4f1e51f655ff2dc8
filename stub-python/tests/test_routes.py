"""Where stubs are opened that follow routes, in both APIs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from faces import Face, ThreadsFace, failure, number
from fakehost import WAIT_SECONDS, FakeHost

import seriatim
from seriatim import Fate, Reason

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def owner() -> Iterator[FakeHost]:
    fake = FakeHost()
    yield fake
    fake.stop()


@pytest.fixture
def face(host: FakeHost, owner: FakeHost, make_face: Callable[..., Face]) -> Face:
    """Has been told by the host that the object is at its owner."""
    made = make_face(host, follow_routes=True)
    owner.has_lanes = host.has_lanes
    learn(made, host, owner)
    return made


def learn(face: Face, host: FakeHost, owner: FakeHost) -> None:
    reply = face.call()
    host.accept().elsewhere(owner.target, 10).through(1).answer(1)
    assert number(reply) == 10


def use(face: Face, at: FakeHost) -> Any:
    face.renew()
    reply = face.call()
    accepted = at.accept().opened().through(1).answer(1)
    assert number(reply) == 10
    return accepted


def test_later_stubs_are_opened_at_the_owner(face: Face, host: FakeHost, owner: FakeHost) -> None:
    use(face, owner)
    use(face, owner)
    assert owner.lanes_asked <= 1  # The stubs there share a call, if they share any.
    assert host.stubs.empty()


def test_an_owner_that_is_gone_is_forgotten_before_the_caller_hears(
    face: Face, host: FakeHost, owner: FakeHost
) -> None:
    owner.stop()
    face.renew()
    failed = failure(face.call())
    assert (failed.reason, failed.fate) == (Reason.CONNECTION_LOST, Fate.NOT_EXECUTED)
    use(face, host)


def test_an_owner_that_is_lost_or_drains_is_forgotten(face: Face, host: FakeHost, owner: FakeHost) -> None:
    face.renew()
    reply = face.call()
    owner.accept().opened().through(1).ends(UNAVAILABLE, "gone")
    assert failure(reply).fate == Fate.UNKNOWN
    face.renew()
    learn(face, host, owner)

    face.renew()
    reply = face.call()
    owner.accept().opened().through(1).broken(0, code=UNAVAILABLE, reason="OBJECT_MOVED", retryable=True)
    assert failure(reply).reason == Reason.OBJECT_MOVED
    use(face, host)


def test_a_failure_of_the_object_says_nothing_about_its_host(face: Face, owner: FakeHost) -> None:
    face.renew()
    reply = face.call()
    owner.accept().opened().through(1).broken(0)
    assert failure(reply).reason == Reason.OBJECT_EXCEPTION
    use(face, owner)


def test_a_channel_stays_as_long_as_a_stub_is_on_it(face: Face, host: FakeHost, owner: FakeHost) -> None:
    accepted = use(face, owner)
    stays = face.stub
    face.renew()
    reply = face.call()
    owner.accept().opened().through(1).broken(0, code=UNAVAILABLE, reason="OBJECT_MOVED", retryable=True)
    failure(reply)
    use(face, host)

    face.stub = stays
    reply = face.call()
    accepted.through(2).answer(2)
    assert number(reply) == 20


def test_a_route_without_a_channel_is_forgotten(host: FakeHost, owner: FakeHost) -> None:
    def refuse(address: str) -> grpc.Channel:
        raise ValueError(f"no way to {address}")

    options = seriatim.ClientOptions(follow_routes=True, route_channel=refuse)
    face = ThreadsFace(host.target, options)
    learn(face, host, owner)
    face.renew()
    failed = failure(face.call())
    assert (failed.reason, failed.fate) == (Reason.CONNECTION_LOST, Fate.NOT_EXECUTED)
    use(face, host)
    face.shut_down()


def test_a_given_channel_needs_a_way_to_make_others() -> None:
    expected = "follow_routes on a channel that was given, expected route_channel with it"
    options = seriatim.ClientOptions(follow_routes=True)
    with grpc.insecure_channel("127.0.0.1:1") as channel, pytest.raises(ValueError, match=expected):
        seriatim.DurableObjects(channel, options)


def test_channels_are_closed_when_nothing_needs_them(host: FakeHost, owner: FakeHost) -> None:
    made: list[Closing] = []

    def channel(address: str) -> grpc.Channel:
        made.append(Closing(grpc.insecure_channel(address)))
        return made[-1].channel

    face = ThreadsFace(host.target, seriatim.ClientOptions(follow_routes=True, route_channel=channel))
    learn(face, host, owner)
    use(face, owner).ends(UNAVAILABLE, "gone")
    face.await_end()
    assert made[0].closed.wait(WAIT_SECONDS), "the channel was never closed"
    face.renew()
    learn(face, host, owner)
    use(face, owner)
    assert not made[1].closed.is_set()
    face.shut_down()
    assert made[1].closed.wait(WAIT_SECONDS), "the channel was never closed"
    assert len(made) == 2


class Closing:
    """A channel of gRPC's own, and whether it has been closed."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.closed = threading.Event()
        close = channel.close

        def closing() -> None:
            close()
            self.closed.set()

        channel.close = closing  # type: ignore[method-assign]
