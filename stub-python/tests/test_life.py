"""How stubs begin, what they take, and how they end when nobody ends them."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from clock import Clock
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from faces import ON_OWN_CALLS, MakeFace, failure, number
from fakehost import NAMESPACE, WAIT_SECONDS, FakeHost
from processes import run

import seriatim
from seriatim import ClientOptions, Fate, Reason, _face
from seriatim._event_link import EventLink
from seriatim._ledger import Ledger
from seriatim._thread_link import ThreadLink
from seriatim.aio._link import AioLink

on_both = pytest.mark.parametrize(
    "options", [ClientOptions(), ClientOptions(shared_calls=1)], ids=["own", "lane"]
)


def echo(stub: seriatim.DurableObjectStub) -> int:
    value: int = EchoStub(stub.channel()).Echo.future(EchoMessage()).result(WAIT_SECONDS).number
    return value


# ---- threads ------------------------------------------------------------------------------------------


@on_both
def test_stubs_have_no_threads_of_their_own(host: FakeHost, options: ClientOptions) -> None:
    host.serves()
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE)
        stubs = [namespace.get_by_name(f"foo-{n}") for n in range(100)]
        echo(stubs[0])
        mine = {thread.name for thread in threading.enumerate() if thread.name.startswith("seriatim")}
        assert mine <= {"seriatim-scheduler", "seriatim-callbacks"}
        spinning = {thread for thread in threading.enumerate() if "channel_spin" in repr(thread._target)}  # type: ignore[attr-defined]
        for stub in stubs:
            echo(stub)
        # That of an earlier test's client may have ended meanwhile.
        assert {
            thread
            for thread in threading.enumerate()
            if "channel_spin" in repr(thread._target)  # type: ignore[attr-defined]
        } <= spinning
        for stub in stubs:
            stub.close()
        assert all(stub.await_end(WAIT_SECONDS) for stub in stubs)


@pytest.mark.parametrize("shared_calls", ["0", "1"], ids=["own", "lane"])
@pytest.mark.parametrize("what", ["channel", "intercepted", "scheduler"])
def test_at_the_limit_of_threads_nothing_is_executed(host: FakeHost, what: str, shared_calls: str) -> None:
    """In a process of its own, since the host needs threads, too."""
    refused = "can't open the stub's stream: can't start new thread [CONNECTION_LOST, call 1, NOT_EXECUTED]"
    *lines, in_child, status = run("limit", host, what, SHARED_CALLS=shared_calls)
    assert lines == [refused, refused, "answered 10"]
    assert (in_child[:18], status) == (
        "answered 10 and 20",
        "the child has ended with 0",
    )  # Forks still work.
    assert sum(len(accepted.received) for accepted in host.all) == 3


@on_both
def test_a_callback_that_waits_is_told_so(host: FakeHost, options: ClientOptions) -> None:
    """It would wait for ever, and hold up all stubs of the client."""
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        one, two = (objects.namespace(NAMESPACE).get_by_name(name) for name in ("one", "two"))
        raised: list[str] = []
        done = threading.Event()

        def wait(_: object) -> None:
            for action in (never.result, two.await_end):
                try:
                    action()
                except RuntimeError as e:
                    raised.append(str(e))
            done.set()

        never = EchoStub(two.channel()).Echo.future(EchoMessage())
        EchoStub(one.channel()).Echo.future(EchoMessage()).add_done_callback(wait)
        for accepted in (host.accept(), host.accept()):
            frame = accepted.frame()
            accepted.opened(frame.open.name)
            if frame.open.name == "one":
                accepted.answer(1)
        assert done.wait(WAIT_SECONDS)
        assert [text.partition(":")[0] for text in raised] == ["a callback waits for a call or a stub"] * 2
        for stub in (one, two):
            stub.cancel()
            assert stub.await_end(WAIT_SECONDS)


@on_both
def test_a_callback_may_close_the_client(host: FakeHost, options: ClientOptions) -> None:
    host.serves()
    objects = seriatim.DurableObjects.connect(host.target, options=options)
    stubs = [objects.namespace(NAMESPACE).get_by_name(name) for name in ("one", "two")]
    assert echo(stubs[1]) == 10
    closed = threading.Event()

    def close(_: object) -> None:
        objects.close()
        closed.set()

    EchoStub(stubs[0].channel()).Echo.future(EchoMessage()).add_done_callback(close)
    assert closed.wait(WAIT_SECONDS)
    for stub in stubs:
        assert stub.await_end(WAIT_SECONDS)
        assert stub.break_cause is not None
        assert stub.break_cause.reason == Reason.CONNECTION_LOST


# ---- stubs that get no room ---------------------------------------------------------------------------


@pytest.mark.parametrize("make_face", ON_OWN_CALLS, indirect=True)
def test_a_stub_that_finds_no_room_says_which_limit(
    make_face: MakeFace, request: pytest.FixtureRequest, clock: Clock
) -> None:
    host = FakeHost(streams=2)
    request.addfinalizer(host.stop)
    host.serves()
    face = make_face(host, open_timeout=20.0)
    for name in ("one", "two"):
        face.renew(name)
        assert number(face.call()) == 10
    face.renew("three")
    replies = [face.call(), face.call(timeout=3 * WAIT_SECONDS)]
    face.on_break(lambda _: None)  # In asyncio, the calls have been made when this has.
    clock.passes(20.0, face)
    for sequence, reply in enumerate(replies, 1):
        late = failure(reply)
        assert (late.reason, late.fate, late.sequence) == (Reason.OPEN_OVERDUE, Fate.NOT_EXECUTED, sequence)
        assert late.overloaded or late.retryable
        assert "2 stubs of this client are open" in late.message
        assert "MAX_CONCURRENT_STREAMS" in late.message
        assert "no room for one more stub within 20 s" in late.message
    cause = face.cause()
    assert cause is not None
    assert cause.reason == Reason.OPEN_OVERDUE
    face.renew("four")
    reply = face.call()
    face.end_others()
    assert number(reply) == 10
    assert "three" not in [accepted.frames[0].open.name for accepted in host.all if accepted.frames]


def test_a_host_that_cannot_be_reached(make_face: MakeFace, request: pytest.FixtureRequest) -> None:
    """Connections are taken, and nothing ever comes on them."""
    listening = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listening.close)
    face = make_face(f"127.0.0.1:{listening.getsockname()[1]}", open_timeout=0.3)
    late = failure(face.call())
    assert (late.code(), late.fate) == (grpc.StatusCode.UNAVAILABLE, Fate.NOT_EXECUTED)
    assert late.reason == Reason.OPEN_OVERDUE
    assert "there was no connection to the host within 0.3 s" in late.message


@pytest.mark.parametrize("make_face", ["threads, own", "intercepted, own", "aio, own"], indirect=True)
def test_what_cannot_be_sent_is_told_as_such(
    host: FakeHost, make_face: MakeFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not as what gRPC makes of it, which ends the call then."""

    def no_frame(_: Any, now: float) -> bytes:
        raise RuntimeError("there is no frame")

    monkeypatch.setattr(Ledger, "next_frame", no_frame)
    failed = failure(make_face(host).call())
    assert (failed.reason, failed.code()) == (Reason.CLIENT_FAULT, grpc.StatusCode.INTERNAL)
    assert "there is no frame" in failed.message


# ---- a connection that dies ---------------------------------------------------------------------------


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How gRPC calls die before anything was sent on them, as long as there is something in here."""
    dying: list[str] = []

    def fail(link: Any, message: str) -> None:
        link._session.connection_ended(grpc.StatusCode.UNAVAILABLE, message)

    for kind in (ThreadLink, EventLink, AioLink):

        def start(link: Any, real: Callable[[Any], None] = kind.start) -> None:
            if not dying:
                real(link)
                return
            message = dying.pop(0)
            try:
                asyncio.get_running_loop().call_soon(fail, link, message)
            except RuntimeError:
                threading.Thread(target=fail, args=(link, message)).start()

        monkeypatch.setattr(kind, "start", start)
    return dying


def test_a_call_that_gets_a_dying_connection_gets_another(
    host: FakeHost, make_face: MakeFace, deaths: list[str]
) -> None:
    """gRPC may give a call a connection that it is about to take away."""
    face = make_face(host)
    deaths.append("it died")
    reply = face.call()
    host.accept().opened().through(1).answer(1)
    assert number(reply) == 10
    assert not deaths


@pytest.mark.parametrize("make_face", ["threads, own", "intercepted, own", "aio, own"], indirect=True)
def test_a_call_gets_no_third_connection(host: FakeHost, make_face: MakeFace, deaths: list[str]) -> None:
    face = make_face(host)
    deaths += ["one", "two", "three"]
    lost = failure(face.call())
    assert (lost.reason, lost.fate, lost.message) == (Reason.CONNECTION_LOST, Fate.NOT_EXECUTED, "two")
    assert deaths == ["three"]


# ---- a host that comes back ---------------------------------------------------------------------------


def test_it_tries_to_connect_often_however_long_the_outage(make_face: MakeFace) -> None:
    """By gRPC's own defaults the tenth attempt would come after 113 s, give or take a fifth. The ten have
    half of that together, and none a limit of its own: a busy machine may pause for long.
    """
    tried = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    connection.close()
                    tried.release()
            except OSError:
                pass  # The test is over.

        threading.Thread(target=refuse, daemon=True).start()
        face = make_face(f"127.0.0.1:{listening.getsockname()[1]}", max_reconnect_delay=0.1)
        until = time.monotonic() + 60
        for attempt in range(10):
            assert failure(face.call()).fate is Fate.NOT_EXECUTED
            face.renew()
            left = max(0.0, until - time.monotonic())
            assert tried.acquire(timeout=left), f"no attempt {attempt + 1} to connect"
        listening.shutdown(socket.SHUT_RDWR)


@on_both
def test_a_retry_outlasts_a_restart(options: ClientOptions) -> None:
    host = FakeHost()
    host.serves()
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE)
        with seriatim.Retry(lambda: namespace.get_by_name("foo")) as retry:
            assert retry.call(echo) == 10
            address = host.target
            host.cut()
            answers: list[int] = []

            def call() -> None:
                try:
                    answers.append(retry.call(echo))
                except seriatim.CallFailure as lost:
                    # It left just before the client saw the cut, which no retry may repeat.
                    if lost.fate is Fate.UNKNOWN:
                        answers.append(retry.call(echo))

            caller = threading.Thread(target=call)
            caller.start()
            again = FakeHost(address)
            again.serves()
            caller.join(WAIT_SECONDS)
            assert answers == [10]
        again.stop()


# ---- stubs that are dropped ---------------------------------------------------------------------------


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What has been logged."""
    monkeypatch.setattr(_face.StubFace, "_dropped_said", False)
    caplog.set_level(logging.WARNING, "seriatim")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "seriatim"]


@on_both
def test_a_stub_that_is_dropped_is_closed(
    host: FakeHost, options: ClientOptions, warnings: Callable[[], list[str]]
) -> None:
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE)
        for name in ("foo", "bar"):
            methods = EchoStub(namespace.get_by_name(name).channel())
            call = methods.Echo.future(EchoMessage())
            accepted = host.accept().opened(name).through(1).answer(1)
            assert call.result(WAIT_SECONDS).number == 10
            gc.collect()
            assert not warnings() or name == "bar"  # Who has the methods has the stub.
            methods.Echo.future(EchoMessage())  # Nobody waits for it.
            del methods
            accepted.through(2).end().answer(2).ends()
            assert not accepted.is_cancelled()
        (warning,) = warnings()
        assert warning.startswith(
            "<DurableObjectStub ECHO/foo> was dropped without being closed, and is closed"
        )


@on_both
def test_a_dropped_stub_takes_no_memory(
    host: FakeHost, options: ClientOptions, warnings: Callable[[], list[str]]
) -> None:
    host.serves()
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE)
        gone = threading.Semaphore(0)
        for n in range(100):
            stub = namespace.get_by_name(f"foo-{n}")
            weakref.finalize(stub._session, gone.release)
            assert echo(stub) == 10
        del stub
        for n in range(99):  # gRPC's thread remembers the last one, until something else comes.
            assert gone.acquire(timeout=WAIT_SECONDS), f"{n} of 100 are gone"
        for accepted in list(host.all):
            assert not accepted.is_cancelled()
        assert not objects._connection.sessions
    assert len(warnings()) == 1


@on_both
async def test_an_asyncio_stub_that_is_dropped_is_closed(
    host: FakeHost, options: ClientOptions, warnings: Callable[[], list[str]]
) -> None:
    async with seriatim.aio.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE)
        methods = EchoStub(namespace.get_by_name("foo").channel())
        call = methods.Echo(EchoMessage())
        accepted = await asyncio.to_thread(lambda: host.accept().opened("foo").through(1).answer(1))
        assert (await call).number == 10
        assert not warnings()
        await asyncio.to_thread(gc.collect)
        assert not warnings()
        del methods
        assert not await asyncio.to_thread(lambda: accepted.end().ends().is_cancelled())
        assert len(warnings()) == 1


@on_both
def test_a_stub_that_was_closed_or_never_used_is_dropped_without_a_word(
    host: FakeHost, options: ClientOptions, warnings: Callable[[], list[str]]
) -> None:
    host.serves()
    with seriatim.DurableObjects.connect(host.target, options=options) as objects:
        namespace = objects.namespace(NAMESPACE)
        namespace.get_by_name("unused")
        with namespace.get_by_name("used") as stub:
            echo(stub)
        del stub
        stub = namespace.get_by_name("closed")
        EchoStub(stub.channel()).Echo.future(EchoMessage(number=-1))  # Is not answered.
        stub.close()
        del stub  # Its end is the host's business now.
        gc.collect()
        gc.collect()
        assert not warnings()
