"""What tests do to a host that they start: SERIATIM_JAR says where the server is."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator

import pytest
from counter_pb2 import GetRequest, IncrementRequest
from counter_pb2_grpc import CounterStub

import seriatim as stubs
from seriatim import Fate, Reason
from seriatim.testing import TestHost

pytestmark = pytest.mark.skipif("SERIATIM_JAR" not in os.environ, reason="SERIATIM_JAR is not set")


@pytest.fixture(scope="session")
def seriatim_options() -> list[str]:
    return ["--objects", os.environ["SERIATIM_OBJECTS"]]


@pytest.fixture
def counters(seriatim: TestHost) -> Iterator[stubs.DurableObjectNamespace]:
    with stubs.DurableObjects.connect(seriatim.target) as objects:
        yield objects.namespace("COUNTER")


def increment(stub: stubs.DurableObjectStub, amount: int) -> int:
    value: int = CounterStub(stub.channel()).Increment(IncrementRequest(amount=amount)).value
    return value


def test_a_counter_counts_on_after_an_eviction(
    seriatim: TestHost, counters: stubs.DurableObjectNamespace
) -> None:
    with counters.get_by_name("a") as stub:
        assert increment(stub, 2) == 2
        assert seriatim.evict("COUNTER", "a")
        assert not seriatim.evict("COUNTER", "a")
        assert increment(stub, 3) == 5


def test_a_test_finds_no_objects(counters: stubs.DurableObjectNamespace) -> None:
    with counters.get_by_name("a") as stub:
        assert CounterStub(stub.channel()).Get(GetRequest()).value == 0


def test_commits_fail_and_are_lost(seriatim: TestHost, counters: stubs.DurableObjectNamespace) -> None:
    seriatim.fail_next_commit()
    with counters.get_by_name("a") as stub, pytest.raises(stubs.CallFailure) as failed:
        increment(stub, 2)
    assert failed.value.reason == Reason.OBJECT_RESET
    seriatim.lose_commit_answer()
    with counters.get_by_name("a") as stub, pytest.raises(stubs.CallFailure) as lost:
        increment(stub, 2)
    assert lost.value.fate is Fate.UNKNOWN
    with counters.get_by_name("a") as stub:
        assert increment(stub, 3) == 5


def test_an_outcome_waits_for_its_commit(seriatim: TestHost, counters: stubs.DurableObjectNamespace) -> None:
    with counters.get_by_name("a") as stub:
        with seriatim.held_commits():
            call = CounterStub(stub.channel()).Increment.future(IncrementRequest(amount=2))
            assert not call.done()
        assert call.result().value == 2


def test_calls_break_and_connections_are_dropped(
    seriatim: TestHost, counters: stubs.DurableObjectNamespace
) -> None:
    seriatim.break_next_call("COUNTER", "a", Reason.OVERLOADED)
    with counters.get_by_name("a") as stub, pytest.raises(stubs.CallFailure) as broken:
        increment(stub, 2)
    assert broken.value.reason == Reason.OVERLOADED
    with counters.get_by_name("a") as stub:
        assert increment(stub, 2) == 2
        seriatim.drop_connections()
        with pytest.raises(stubs.CallFailure) as dropped:
            increment(stub, 2)
    assert dropped.value.reason == Reason.CONNECTION_LOST


def test_time_is_moved(seriatim: TestHost) -> None:
    before = seriatim.now()
    assert seriatim.advance(datetime.timedelta(hours=1)) == before + datetime.timedelta(hours=1)
    assert seriatim.now() == before + datetime.timedelta(hours=1)
