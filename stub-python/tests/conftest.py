from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from faces import AioFace, Face, InterceptedFace, ThreadsFace
from fakehost import WAIT_SECONDS, FakeHost

import seriatim


@pytest.fixture
def host() -> Iterator[FakeHost]:
    fake = FakeHost()
    yield fake
    fake.stop()


@pytest.fixture(params=[ThreadsFace, InterceptedFace, AioFace], ids=["threads", "intercepted", "aio"])
def make_face(request: pytest.FixtureRequest) -> Iterator[Callable[..., Face]]:
    """Makes a client with a stub; each test is run with both APIs, and each way to carry a stub."""
    made: list[Face] = []

    def make(host: FakeHost | str, **options: float) -> Face:
        target = host if isinstance(host, str) else host.target
        patient = {"open_timeout": 60.0} | options  # On a slow machine nothing is late.
        face: Face = request.param(target, seriatim.ClientOptions(**patient))  # type: ignore[arg-type]
        made.append(face)
        return face

    yield make
    for face in made:
        face.shut_down()


@pytest.fixture
def face(host: FakeHost, make_face: Callable[..., Face]) -> Face:
    return make_face(host)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every test must leave no receiver behind."""
    yield
    until = time.monotonic() + WAIT_SECONDS
    for thread in threading.enumerate():
        if thread.name == "seriatim-receiver":
            thread.join(max(0.0, until - time.monotonic()))
            assert not thread.is_alive(), "a receiver was left behind"
