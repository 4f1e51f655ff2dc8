"""The protocol of one stub, without a connection."""

from __future__ import annotations

import random
from collections.abc import Iterable

import grpc
import pytest
from fakehost import IDS, broken, outcome

from seriatim import ClientOptions, Fate, Reason
from seriatim._core import PendingCall, Settled, StubCore
from seriatim.v1 import durable_objects_pb2 as wire

OPEN = wire.Open(namespace="ECHO", name="foo")
OPENED = wire.ConnectResponse(opened=wire.Opened(id=str(IDS.from_name("foo")), name="foo"))


def call(payload: bytes = b"", deadline: float | None = None) -> PendingCall:
    return PendingCall("a.B/C", payload, deadline, {}, None)


def frame(core: StubCore, now: float = 0.0) -> wire.ConnectRequest | None:
    raw = core.next_frame(now)
    return None if raw is None else wire.ConnectRequest.FromString(raw)


def numbers(request: wire.ConnectRequest | None) -> list[int]:
    assert request is not None
    return [i.sequence for i in request.invocations]


def answered(core: StubCore, *sequences: int) -> list[Settled]:
    return core.receive(
        wire.ConnectResponse(outcomes=[outcome(n) for n in sequences]).SerializeToString(), 0.0
    )


def next_check(core: StubCore) -> float | None:
    return core.next_check


def fates(settled: Iterable[Settled]) -> list[tuple[int, str]]:
    return [(s.call.sequence, s.fate.name if s.cause else "OK") for s in settled]


def test_frames_are_bounded_by_calls_and_bytes() -> None:
    size = call(bytes(1000)).size
    core = StubCore(ClientOptions(max_frame_invocations=3, max_frame_bytes=2 * size), OPEN)
    for payload in (1000, 1000, 1, 1, 1, 1, 5000, 1):
        core.submit(call(bytes(payload)))
    first = frame(core)
    assert first is not None
    assert first.open == OPEN
    assert numbers(first) == [1, 2]
    second = frame(core)
    assert second is not None
    assert not second.HasField("open")
    assert numbers(second) == [3, 4, 5]
    assert numbers(frame(core)) == [6]  # The next one is too large to go with it,
    assert numbers(frame(core)) == [7]  # and too large for a frame, so it goes alone.
    assert not core.has_frame
    assert frame(core) is None
    core.receive(OPENED.SerializeToString(), 0.0)
    answered(core, 1)
    assert frame(core) is None
    answered(core, 2)
    assert numbers(frame(core)) == [8]


def test_the_timeout_of_an_invocation_is_what_remains_when_it_leaves() -> None:
    core = StubCore(ClientOptions(), OPEN)
    core.submit(call(deadline=12.5))
    core.submit(call(deadline=9.0))
    request = frame(core, 10.25)
    assert request is not None
    late, over = request.invocations
    assert (late.timeout.seconds, late.timeout.nanos) == (2, 250_000_000)
    assert over.HasField("timeout")
    assert (over.timeout.seconds, over.timeout.nanos) == (0, 0)


def test_the_earliest_deadline_of_those_unanswered_counts() -> None:
    core = StubCore(ClientOptions(deadline_grace=1.0), OPEN)
    core.submit(call())
    core.submit(call(deadline=20.0))
    core.submit(call(deadline=10.0))
    assert next_check(core) == 11.0
    frame(core)
    core.receive(OPENED.SerializeToString(), 0.0)
    answered(core, 1, 2, 3)
    assert core.check(10.9) == []
    assert core.check(11.0) == []
    assert next_check(core) is None
    core.submit(call())
    frame(core)
    core.submit(call(deadline=30.0))
    assert next_check(core) == 31.0
    assert fates(core.check(31.0)) == [(4, "UNKNOWN"), (5, "NOT_EXECUTED")]
    assert core.cause is not None
    assert (core.cause.reason, core.cause.failed_sequence) == (Reason.ANSWER_OVERDUE, 5)


def test_an_outcome_of_a_call_that_still_waits() -> None:
    core = StubCore(ClientOptions(max_unanswered_frames=1), OPEN)
    core.submit(call())
    frame(core)
    core.submit(call())
    core.receive(OPENED.SerializeToString(), 0.0)
    assert fates(answered(core, 1, 2)) == [(1, "OK"), (2, "NOT_EXECUTED")]
    assert core.cause is not None
    assert core.cause.message == "the host broke the protocol: outcome 2 of a call that was not sent"


def test_a_number_near_the_end_of_64_bits() -> None:
    core = StubCore(ClientOptions(), OPEN)
    core.submit(call())
    frame(core)
    core.receive(OPENED.SerializeToString(), 0.0)
    response = wire.ConnectResponse(broken=broken(2**64 - 1))
    assert fates(core.receive(response.SerializeToString(), 0.0)) == [(1, "UNKNOWN")]
    assert core.cause is not None
    assert "completed_through 18446744073709551615 after 0 outcomes" in core.cause.message


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_each_call_is_settled_once_and_truly(seed: int) -> None:
    """A host that is mostly right, a client that does anything, and a model of what they must know."""
    rng = random.Random(seed)
    options = ClientOptions(
        max_unanswered_frames=rng.randint(1, 4),
        max_frame_invocations=rng.randint(1, 5),
        max_frame_bytes=rng.choice([1, 100, 1000]),
        max_buffered_invocations=rng.randint(1, 20),
        deadline_grace=1.0,
    )
    core = StubCore(options, OPEN)
    accepted = 0
    settled: dict[int, str] = {}
    frames: list[list[int]] = []  # Those unanswered.
    on_wire = 0
    opened = closed = False
    executed = 0  # How far the host has come. What it has executed may be unanswered.
    outcomes = 0
    now = 0.0

    def note(those: list[Settled]) -> None:
        for sequence, fate in fates(those):
            assert sequence not in settled, f"call {sequence} was settled twice"
            settled[sequence] = fate
            if fate == "OK":
                assert sequence == outcomes_noted(), "outcomes out of order"

    def outcomes_noted() -> int:
        return sum(fate == "OK" for fate in settled.values())

    for _ in range(rng.randint(10, 200)):
        if core.is_over:
            break
        now += rng.random()
        step = rng.random()
        if step < 0.4:
            deadline = now + rng.uniform(50, 100) if rng.random() < 0.2 else None
            pending = call(bytes(rng.choice([0, 50, 200])), deadline)
            refusal = core.submit(pending)
            if refusal is None:
                accepted += 1
                assert pending.sequence == accepted
                assert not closed
            else:
                expected = Reason.STUB_CLOSED if closed else Reason.BUFFER_FULL
                assert refusal.reason == expected
                assert pending.sequence == 0
        elif step < 0.65:
            request = frame(core, now)
            if request is not None:
                assert request.HasField("open") == (on_wire == 0)
                assert numbers(request) == list(range(on_wire + 1, on_wire + 1 + len(request.invocations)))
                assert 1 <= len(request.invocations) <= options.max_frame_invocations
                frames.append(numbers(request))
                on_wire += len(request.invocations)
                assert len(frames) <= options.max_unanswered_frames
        elif step < 0.9 and on_wire:
            executed = rng.randint(executed, on_wire)
            upto = rng.randint(outcomes, executed)
            response = wire.ConnectResponse(outcomes=[outcome(n) for n in range(outcomes + 1, upto + 1)])
            if not opened:
                opened = True
                response.opened.CopyFrom(OPENED.opened)
            outcomes = upto
            frames = [f for f in frames if f[-1] > outcomes]
            note(core.receive(response.SerializeToString(), now))
            assert outcomes_noted() == outcomes
        elif step < 0.93:
            core.close(now)
            closed = True
        elif step < 0.94 and opened:
            note(core.receive(wire.ConnectResponse(broken=broken(outcomes)).SerializeToString(), now))
            executed = outcomes  # What the host had begun is undone.
        elif step < 0.95 and opened:
            wrong = rng.choice([0, outcomes, outcomes + 2, on_wire + 1, 2**64 - 1])
            if wrong != outcomes + 1 or wrong > on_wire:
                note(answered(core, wrong))
                assert core.cause is not None
                assert core.cause.reason == Reason.HOST_VIOLATION
        elif step < 0.96:
            note(core.cancel("enough"))
        elif step < 0.97:
            note(core.ended(grpc.StatusCode.UNAVAILABLE, "gone"))
        elif core.next_check is not None and rng.random() < 0.2:
            now = max(now, core.next_check)
            note(core.check(now))
    if not core.is_over:
        note(core.ended(grpc.StatusCode.OK, ""))
    assert core.is_over
    assert not core.has_frame
    assert core.next_check is None
    assert sorted(settled) == list(range(1, accepted + 1)), f"seed {seed}"
    for sequence, fate in settled.items():
        if fate == "OK":
            assert sequence <= outcomes
        elif fate == Fate.NOT_EXECUTED.name:
            assert sequence > executed, f"call {sequence} was executed"
        else:
            assert fate == Fate.UNKNOWN.name
            assert outcomes < sequence <= on_wire, f"call {sequence} was never sent"
    if core.cause is None:
        assert closed
        assert set(settled.values()) <= {"OK"}
    elif core.cause.reason == Reason.OBJECT_EXCEPTION:
        assert Fate.UNKNOWN.name not in settled.values()
