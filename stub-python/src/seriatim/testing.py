"""A host for tests: a process of its own, on loopback, whose time, commits and connections are the test's.

A plugin of pytest, which finds it by itself. It needs `SERIATIM_JAR`, the path of the server's jar, and a
JDK 25 or newer: in `JAVA25_HOME`, in `JAVA_HOME` or on the `PATH`. Which objects the host serves is a fixture
of yours:

    @pytest.fixture(scope="session")
    def seriatim_options() -> list[str]:
        return ["--objects", "target/my-objects.jar"]

    def test_it_counts_on_after_an_eviction(seriatim: TestHost) -> None:
        objects = DurableObjects.connect(seriatim.target)
        counter = CounterStub(objects.namespace("COUNTER").get_by_name("a").channel())
        ...
        seriatim.evict("COUNTER", "a")

There is one host for a session; each test finds it without objects.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import grpc
import pytest

from seriatim.admin.v1 import admin_pb2, testing_pb2

__all__ = ["TestHost", "seriatim", "seriatim_options", "start_host"]

_LISTENING = "listening on "
_STOP_SECONDS = 60.0
_CALL_SECONDS = 60.0


class TestHost:
    """A host that is there for tests. Its methods block, and may be called by any thread."""

    __test__ = False  # Or pytest would take it for a class of tests.

    def __init__(self, target: str) -> None:
        self.target = target
        """Where it listens: `127.0.0.1:PORT`."""
        self._channel = grpc.insecure_channel(target)

    def close(self) -> None:
        """Lets go of the connection."""
        self._channel.close()

    # ---- its time

    def now(self) -> datetime.datetime:
        """What time it is at the host, which stands still until it is moved."""
        response = self._testing("GetClock", testing_pb2.GetClockRequest(), testing_pb2.GetClockResponse)
        return _time(response)

    def advance(self, by: datetime.timedelta) -> datetime.datetime:
        """Moves the host's time on. When it returns, alarms that were due have run, and are durable."""
        request = testing_pb2.AdvanceClockRequest()
        request.by.FromTimedelta(by)
        return _time(self._testing("AdvanceClock", request, testing_pb2.AdvanceClockResponse))

    # ---- its commits and connections

    def fail_next_commit(self) -> None:
        """Makes the next commit fail: its stubs break with `OBJECT_RESET`."""
        self._testing(
            "FailNextCommit", testing_pb2.FailNextCommitRequest(), testing_pb2.FailNextCommitResponse
        )

    @contextlib.contextmanager
    def held_commits(self) -> Iterator[None]:
        """Lets nothing become durable in this context."""
        self._testing("HoldCommits", testing_pb2.HoldCommitsRequest(), testing_pb2.HoldCommitsResponse)
        try:
            yield
        finally:
            self._testing(
                "ReleaseCommits", testing_pb2.ReleaseCommitsRequest(), testing_pb2.ReleaseCommitsResponse
            )

    def lose_commit_answer(self) -> None:
        """Makes the next commit durable, and the fate of its calls unknown to their clients."""
        self._testing(
            "LoseCommitAnswer", testing_pb2.LoseCommitAnswerRequest(), testing_pb2.LoseCommitAnswerResponse
        )

    def drop_connections(self) -> None:
        """Cuts every connection to the host but this one."""
        self._testing(
            "DropConnections", testing_pb2.DropConnectionsRequest(), testing_pb2.DropConnectionsResponse
        )

    # ---- its objects

    def break_next_call(self, namespace: str, name: str, reason: str) -> None:
        """Breaks the stub of the next call of an object, before it runs."""
        request = testing_pb2.BreakNextCallRequest(object=_object(namespace, name), reason=reason)
        self._testing("BreakNextCall", request, testing_pb2.BreakNextCallResponse)

    def evict(self, namespace: str, name: str) -> bool:
        """Lets go of an object's instance; its stubs stay open. Says whether there was one."""
        request = admin_pb2.EvictObjectRequest(object=_object(namespace, name))
        evicted: bool = self._admin("EvictObject", request, admin_pb2.EvictObjectResponse).evicted
        return evicted

    def run_alarm(self, namespace: str, name: str) -> None:
        """Runs an object's alarm now, whenever it is due. It has run, and is durable, when this returns."""
        request = admin_pb2.RunAlarmRequest(object=_object(namespace, name))
        self._admin("RunAlarm", request, admin_pb2.RunAlarmResponse)

    def reset(self) -> None:
        """Deletes all objects, and undoes what the methods above have set; the time stays."""
        self._testing("Reset", testing_pb2.ResetRequest(), testing_pb2.ResetResponse)

    def _testing(self, method: str, request: Any, response: Any) -> Any:
        return self._call(f"/seriatim.admin.v1.Testing/{method}", request, response)

    def _admin(self, method: str, request: Any, response: Any) -> Any:
        return self._call(f"/seriatim.admin.v1.Admin/{method}", request, response)

    def _call(self, path: str, request: Any, response: Any) -> Any:
        call = self._channel.unary_unary(
            path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        return call(request, timeout=_CALL_SECONDS, wait_for_ready=True)


def _object(namespace: str, name: str) -> admin_pb2.ObjectName:
    return admin_pb2.ObjectName(namespace=namespace, name=name)


def _time(response: Any) -> datetime.datetime:
    time: datetime.datetime = response.now.ToDatetime(tzinfo=datetime.UTC)
    return time


@contextlib.contextmanager
def start_host(*options: str, jar: str | Path | None = None) -> Iterator[TestHost]:
    """Starts a host for tests, and ends it with the context.

    :param options: of `serve`, such as `--objects` and a jar
    :param jar: the server's; by default where `SERIATIM_JAR` says
    """
    found = jar or os.environ.get("SERIATIM_JAR")
    if not found:
        message = "SERIATIM_JAR is not set, expected the path of the server's jar"
        raise RuntimeError(message)
    command = [_java(), "-jar", str(found), "serve", "--test", "--listen", "127.0.0.1:0", *options]
    # What is named SERIATIM_ in the environment would be an option of the server.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SERIATIM_")}
    process = subprocess.Popen(  # noqa: S603 - it is what the test names
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        host = TestHost(_listening(process.stdout, said, command))
        reader = threading.Thread(target=_read, args=(process.stdout, said.append), daemon=True)
        reader.start()
        try:
            yield host
        finally:
            host.close()
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()
            reader.join(_STOP_SECONDS)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _listening(output: IO[str], said: list[str], command: list[str]) -> str:
    for line in output:
        said.append(line)
        if line.startswith(_LISTENING):
            return line.removeprefix(_LISTENING).strip()
    message = f"{' '.join(command)} ended without listening, and said:\n{''.join(said)}"
    raise RuntimeError(message)


def _read(output: IO[str], said: Callable[[str], None]) -> None:
    for line in output:
        said(line)


def _java() -> str:
    for home in ("JAVA25_HOME", "JAVA_HOME"):
        java = Path(os.environ.get(home, ""), "bin", "java")
        if os.environ.get(home) and java.exists():
            return str(java)
    on_path = shutil.which("java")
    if on_path is None:
        message = "no java in JAVA_HOME or on the PATH, expected a JDK 25 or newer"
        raise RuntimeError(message)
    return on_path


@pytest.fixture(scope="session")
def seriatim_options() -> list[str]:
    """The options of the host; to be overridden by a fixture that names the objects."""
    return []


@pytest.fixture(scope="session")
def _seriatim_host(seriatim_options: list[str]) -> Iterator[TestHost]:
    with start_host(*seriatim_options) as host:
        yield host


@pytest.fixture
def seriatim(_seriatim_host: TestHost) -> TestHost:
    """A host without objects."""
    _seriatim_host.reset()
    return _seriatim_host
