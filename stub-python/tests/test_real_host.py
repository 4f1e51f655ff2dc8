"""Against a running server with the example objects: SERIATIM_TARGET says where it is."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import grpc
import pytest
from counter_pb2 import GetRequest, IncrementRequest
from counter_pb2_grpc import CounterStub
from fakehost import Relay
from journal_pb2 import AppendRequest, ReadRequest
from journal_pb2_grpc import JournalStub

import seriatim
from seriatim import CallFailure, ClientOptions, Fate, Reason

TARGET = os.environ.get("SERIATIM_TARGET", "")
HERE = Path(__file__).parents[1]
CALLS = 10_000
THROWS = 5_000  # The number of the call that throws.

on_both = pytest.mark.parametrize(
    "options", [ClientOptions(), ClientOptions(shared_calls=1)], ids=["own", "lane"]
)

pytestmark = pytest.mark.skipif(not TARGET, reason="SERIATIM_TARGET is not set")


def line(n: int) -> AppendRequest:
    return AppendRequest(line="" if n == THROWS else f"line {n}")


def new_name() -> str:
    return f"python-{uuid.uuid4()}"


def check(failures: list[tuple[int, CallFailure]], broken: seriatim.FailureCause | None) -> None:
    assert [n for n, _ in failures] == list(range(THROWS, CALLS + 1))
    for n, failure in failures:
        assert (failure.sequence, failure.failed_sequence) in ((n, THROWS), (0, THROWS))
        assert failure.fate is Fate.NOT_EXECUTED
        assert failure.cause == broken
    assert failures[0][1].reason == Reason.OBJECT_EXCEPTION
    assert failures[0][1].code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failures[0][1].remote


def read_all(journal: Any) -> list[str]:
    """The journal itself says what ran."""
    lines: list[str] = []
    while True:
        page = journal.Read(ReadRequest(**{"from": len(lines) + 1}))
        lines += page.lines
        if not page.lines:
            return lines


def check_journal(name: str) -> None:
    with seriatim.DurableObjects.connect(TARGET) as objects:
        with objects.namespace("JOURNAL").get_by_name(name) as stub:
            assert read_all(JournalStub(stub.channel())) == [f"line {n}" for n in range(1, THROWS)]


@on_both
def test_ten_thousand_calls_with_a_throw_in_the_middle_from_a_thread(options: ClientOptions) -> None:
    name = new_name()
    with seriatim.DurableObjects.connect(TARGET, options=options) as objects:
        with objects.namespace("JOURNAL").get_by_name(name) as stub:
            journal = JournalStub(stub.channel())
            calls = [journal.Append.future(line(n)) for n in range(1, CALLS + 1)]
            failures = []
            for n, call in enumerate(calls, 1):
                try:
                    assert call.result().index == n
                except CallFailure as failure:
                    failures.append((n, failure))
            check(failures, stub.break_cause)
    check_journal(name)


@on_both
async def test_ten_thousand_calls_with_a_throw_in_the_middle_from_asyncio(options: ClientOptions) -> None:
    name = new_name()
    async with seriatim.aio.DurableObjects.connect(TARGET, options=options) as objects:
        async with objects.namespace("JOURNAL").get_by_name(name) as stub:
            journal = JournalStub(stub.channel())
            calls = [journal.Append(line(n)) for n in range(1, CALLS + 1)]
            failures = []
            for n, call in enumerate(calls, 1):
                try:
                    assert (await call).index == n
                except CallFailure as failure:
                    failures.append((n, failure))
            check(failures, stub.break_cause)
    await asyncio.to_thread(check_journal, name)


@on_both
def test_an_id_and_a_name_are_the_same_object(options: ClientOptions) -> None:
    with seriatim.DurableObjects.connect(TARGET, options=options) as objects:
        counters = objects.namespace("COUNTER")
        name = new_name()
        with counters.get_by_name(name) as stub:
            CounterStub(stub.channel()).Increment(IncrementRequest(amount=7))
            digits = str(stub.id())
        for object_id in (counters.id_from_string(digits), counters.id_from_name(name)):
            with counters.get(object_id) as stub:
                assert CounterStub(stub.channel()).Get(GetRequest()).value == 7
        with counters.get(counters.new_unique_id()) as stub:
            assert CounterStub(stub.channel()).Get(GetRequest()).value == 0


@on_both
def test_an_unknown_namespace(options: ClientOptions) -> None:
    with seriatim.DurableObjects.connect(TARGET, options=options) as objects:
        nowhere = objects.namespace("NOWHERE")
        with nowhere.get_by_name("foo") as stub, pytest.raises(CallFailure) as raised:
            CounterStub(stub.channel()).Get(GetRequest())
        assert (raised.value.reason, raised.value.fate) == (Reason.UNKNOWN_NAMESPACE, Fate.NOT_EXECUTED)
        with pytest.raises(grpc.RpcError) as refused:
            nowhere.id_from_name("foo")
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


STUBS = 20_000
AT_ONCE = 250


@pytest.mark.parametrize("flavour", ["threads", "asyncio"])
def test_a_stub_for_each_call_leaves_nothing_behind(flavour: str) -> None:
    """After the first thousand, the heap grows no more."""
    options = ClientOptions(shared_calls=1)
    left: list[int] = []

    def count(objects: Any) -> None:
        gc.collect()
        left.append(len(gc.get_objects()))
        assert not objects._connection.sessions
        assert [len(shared._lanes) for shared in objects._connection.shared_calls._all] == [0]

    def threads() -> None:
        with seriatim.DurableObjects.connect(TARGET, options=options) as objects:
            counters = objects.namespace("COUNTER")
            for n in range(0, STUBS, AT_ONCE):
                stubs = [counters.get_by_name(f"for-a-call-{m}") for m in range(n, n + AT_ONCE)]
                calls = [CounterStub(stub.channel()).Get.future(GetRequest()) for stub in stubs]
                for stub in stubs:
                    stub.close()
                assert [call.result().value for call in calls] == [0] * AT_ONCE
                assert all(stub.await_end(20) for stub in stubs)
                del stub, stubs, calls
                if n in {1_000, STUBS - AT_ONCE}:
                    count(objects)

    async def asynchronous() -> None:
        async with seriatim.aio.DurableObjects.connect(TARGET, options=options) as objects:
            counters = objects.namespace("COUNTER")
            for n in range(0, STUBS, AT_ONCE):
                stubs = [counters.get_by_name(f"for-a-call-{m}") for m in range(n, n + AT_ONCE)]
                calls = [CounterStub(stub.channel()).Get(GetRequest()) for stub in stubs]
                for stub in stubs:
                    stub.close()
                assert [(await call).value for call in calls] == [0] * AT_ONCE
                for stub in stubs:
                    await stub.await_end()
                del stub, stubs, calls
                if n in {1_000, STUBS - AT_ONCE}:
                    count(objects)

    if flavour == "threads":
        threads()
    else:
        asyncio.run(asynchronous())
    before, after = left
    assert after - before < 5_000


EXAMPLE_PRINTS = """\
Five lines, one of them empty, through one stub:
  "one" is line 1
  "two" is line 2
  "" NOT_EXECUTED: INVALID_ARGUMENT OBJECT_EXCEPTION: line of 0 bytes, expected 1 to 65536
  "four" NOT_EXECUTED: INVALID_ARGUMENT OBJECT_EXCEPTION: line of 0 bytes, expected 1 to 65536
  "five" NOT_EXECUTED: INVALID_ARGUMENT OBJECT_EXCEPTION: line of 0 bytes, expected 1 to 65536
What had no effect, but for the line to blame, through a new stub:
  "four" is line 3
  "five" is line 4
The journal:
  one
  two
  four
  five
"""


@pytest.mark.parametrize("example", ["journal_threads.py", "journal_asyncio.py"])
def test_the_examples_run(example: str) -> None:
    ran = subprocess.run(
        [sys.executable, HERE / "examples" / example, TARGET],
        env=dict(os.environ, PYTHONPATH=str(HERE / "generated")),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == EXAMPLE_PRINTS


CUTS = 20
BETWEEN = 100


@on_both
def test_connections_are_cut_and_each_call_is_executed_once_for_threads(options: ClientOptions) -> None:
    relay = Relay(TARGET)
    with seriatim.DurableObjects.connect(relay.target, options=options) as objects:
        with objects.namespace("COUNTER").resumable().get_by_name(new_name()) as stub:
            counter = CounterStub(stub.channel())
            calls = []
            for _ in range(CUTS):
                calls += [counter.Increment.future(IncrementRequest(amount=1)) for _ in range(BETWEEN)]
                calls[-BETWEEN].result()
                relay.cut()
            assert [call.result().value for call in calls] == list(range(1, CUTS * BETWEEN + 1))
            assert stub.is_resumable
    relay.stop()


@on_both
async def test_connections_are_cut_and_each_call_is_executed_once_for_asyncio(options: ClientOptions) -> None:
    relay = Relay(TARGET)
    async with seriatim.aio.DurableObjects.connect(relay.target, options=options) as objects:
        async with objects.namespace("COUNTER").resumable().get_by_name(new_name()) as stub:
            counter = CounterStub(stub.channel())
            calls = []
            for _ in range(CUTS):
                calls += [counter.Increment(IncrementRequest(amount=1)) for _ in range(BETWEEN)]
                await calls[-BETWEEN]
                relay.cut()
            assert [(await call).value for call in calls] == list(range(1, CUTS * BETWEEN + 1))
            assert stub.is_resumable
    relay.stop()


def test_a_key_makes_a_call_once() -> None:
    with seriatim.DurableObjects.connect(TARGET) as objects:
        name, key = new_name(), (("seriatim-idempotency-key", "order-12345"),)
        for _ in range(3):
            with objects.namespace("COUNTER").get_by_name(name) as stub:
                counter = CounterStub(stub.channel())
                assert counter.Increment(IncrementRequest(amount=5), metadata=key).value == 5
        with objects.namespace("COUNTER").get_by_name(name) as stub:
            with pytest.raises(CallFailure) as failed:
                CounterStub(stub.channel()).Increment(IncrementRequest(amount=6), metadata=key)
            assert failed.value.reason == Reason.IDEMPOTENCY_MISMATCH
