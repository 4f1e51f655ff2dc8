from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from clock import Clock
from faces import FACES, ON_LANES, ON_OWN_CALLS, Face
from fakehost import WAIT_SECONDS, FakeHost

import seriatim


@pytest.fixture
def host() -> Iterator[FakeHost]:
    fake = FakeHost()
    yield fake
    fake.stop()


@pytest.fixture(params=ON_OWN_CALLS + ON_LANES)
def make_face(request: pytest.FixtureRequest) -> Iterator[Callable[..., Face]]:
    """Makes a client with a stub; each test is run with both APIs, and each way to carry a stub: on a call of
    its own, on a lane, and on a call of its own since the host knows no lanes.
    """
    made: list[Face] = []
    which, _, lanes = request.param.partition(", ")

    def make(
        host: FakeHost | str, credentials: grpc.ChannelCredentials | None = None, **options: float
    ) -> Face:
        target = host if isinstance(host, str) else host.target
        if isinstance(host, FakeHost):
            host.has_lanes = lanes == "lane"
        # On a slow machine nothing is late.
        patient = {"open_timeout": 60.0, "shared_calls": int(lanes != "own")} | options
        face: Face = FACES[which](target, seriatim.ClientOptions(**patient), credentials)  # type: ignore[arg-type]
        made.append(face)
        return face

    yield make
    for face in made:
        face.shut_down()


@pytest.fixture
def face(host: FakeHost, make_face: Callable[..., Face]) -> Face:
    return make_face(host)


@pytest.fixture(scope="session")
def clock() -> Iterator[Clock]:
    with pytest.MonkeyPatch.context() as patch:
        yield Clock(patch)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every test must leave no receiver behind."""
    yield
    until = time.monotonic() + WAIT_SECONDS
    for thread in threading.enumerate():
        if thread.name == "seriatim-receiver":
            thread.join(max(0.0, until - time.monotonic()))
            assert not thread.is_alive(), "a receiver was left behind"
