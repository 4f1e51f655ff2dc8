"""The protocol of one stub, without a connection."""

from __future__ import annotations

import random
from collections.abc import Iterable

import grpc
import pytest
from fakehost import IDS, broken, outcome
from seeds import seeds

from seriatim import ClientOptions, Fate, Reason
from seriatim._ledger import Ledger, PendingCall, Verdict
from seriatim.v1 import durable_objects_pb2 as wire

OPEN = wire.Open(namespace="ECHO", name="foo")
OPENED = wire.ConnectResponse(opened=wire.Opened(id=str(IDS.from_name("foo")), name="foo"))


def call(payload: bytes = b"", deadline: float | None = None) -> PendingCall:
    return PendingCall("a.B/C", payload, deadline, {}, None)


def frame(ledger: Ledger, now: float = 0.0) -> wire.ConnectRequest | None:
    raw = ledger.next_frame(now)
    return None if raw is None else wire.ConnectRequest.FromString(raw)


def numbers(request: wire.ConnectRequest | None) -> list[int]:
    assert request is not None
    return [i.sequence for i in request.invocations]


def answered(ledger: Ledger, *sequences: int, now: float = 0.0) -> list[Verdict]:
    return ledger.receive(
        wire.ConnectResponse(outcomes=[outcome(n) for n in sequences]).SerializeToString(), now
    )


def next_check(ledger: Ledger) -> float | None:
    return ledger.next_check


def fates(settled: Iterable[Verdict]) -> list[tuple[int, str]]:
    return [(s.call.sequence, s.fate.name if s.cause else "OK") for s in settled]


@pytest.mark.parametrize("seed", seeds(20))
def test_a_frame_that_fits_has_no_more_bytes_than_there_is_room_for(seed: int) -> None:
    rng = random.Random(seed)
    name = "n" * rng.choice([1, 1024])
    ledger = Ledger(
        ClientOptions(
            max_frame_invocations=3,
            max_frame_bytes=2_000,
            max_invocation_bytes=8_000,
            max_unanswered_frames=100,
        ),
        wire.Open(namespace="ECHO", name=name),
    )
    for _ in range(20):
        deadline = rng.choice([None, 1e9, 0.123456789])
        payload = bytes(rng.choice([0, 1, 127, 128, 1_000, 5_000]))
        metadata = rng.choice([{}, {"a": ""}, {"key-bin": "AAAA", "b": "c" * 200}])
        ledger.take(PendingCall("a.B/C" * rng.choice([1, 50]), payload, deadline, metadata, None))
    while ledger.has_frame:
        least = next(room for room in range(0, 20_000, 10) if ledger.fits(room))
        raw = ledger.next_frame(0.0)
        assert raw is not None
        assert len(raw) <= least <= len(raw) + 3 * 100 + 100, f"seed {seed}"


def test_what_was_sent_in_vain_is_sent_again() -> None:
    ledger = Ledger(ClientOptions(max_frame_invocations=2, max_unanswered_frames=2), OPEN)
    calls = [call(bytes(n), deadline=100.0) for n in range(1, 8)]
    for each in calls:
        ledger.take(each)
    assert numbers(frame(ledger)) == [1, 2]
    assert numbers(frame(ledger)) == [3, 4]
    assert frame(ledger) is None
    ledger.take_back()
    first = frame(ledger, now=40.0)
    assert first is not None
    assert first.open == OPEN
    assert numbers(first) == [1, 2]
    assert first.invocations[0].timeout.seconds == 60
    assert numbers(frame(ledger)) == [3, 4]
    ledger.take_back()
    assert fates(ledger.cancel("no more")) == [(n, "NOT_EXECUTED") for n in range(1, 8)]


def test_frames_are_bounded_by_calls_and_bytes() -> None:
    size = call(bytes(1000)).size
    ledger = Ledger(ClientOptions(max_frame_invocations=3, max_frame_bytes=2 * size), OPEN)
    for payload in (1000, 1000, 1, 1, 1, 1, 5000, 1):
        ledger.take(call(bytes(payload)))
    first = frame(ledger)
    assert first is not None
    assert first.open == OPEN
    assert numbers(first) == [1, 2]
    second = frame(ledger)
    assert second is not None
    assert not second.HasField("open")
    assert numbers(second) == [3, 4, 5]
    assert numbers(frame(ledger)) == [6]  # The next one is too large to go with it,
    assert numbers(frame(ledger)) == [7]  # and too large for a frame, so it goes alone.
    assert not ledger.has_frame
    assert frame(ledger) is None
    ledger.receive(OPENED.SerializeToString(), 0.0)
    answered(ledger, 1)
    assert frame(ledger) is None
    answered(ledger, 2)
    assert numbers(frame(ledger)) == [8]


def test_the_timeout_of_an_invocation_is_what_remains_when_it_leaves() -> None:
    ledger = Ledger(ClientOptions(), OPEN)
    ledger.take(call(deadline=12.5))
    ledger.take(call(deadline=9.0))
    request = frame(ledger, 10.25)
    assert request is not None
    late, over = request.invocations
    assert (late.timeout.seconds, late.timeout.nanos) == (2, 250_000_000)
    assert over.HasField("timeout")
    assert (over.timeout.seconds, over.timeout.nanos) == (0, 0)


def opened(ledger: Ledger) -> None:
    ledger.receive(OPENED.SerializeToString(), 0.0)


def test_the_earliest_deadline_of_those_unanswered_counts() -> None:
    ledger = Ledger(ClientOptions(deadline_grace=1.0), OPEN)
    ledger.take(call())
    ledger.take(call(deadline=20.0))
    ledger.take(call(deadline=10.0))
    assert next_check(ledger) == 10.0
    frame(ledger)
    opened(ledger)
    answered(ledger, 1, 2, 3)
    assert ledger.overdue(9.9) == []
    assert ledger.overdue(10.0) == []
    assert next_check(ledger) is None


def test_the_oldest_call_waits_for_the_word_of_the_host() -> None:
    ledger = Ledger(ClientOptions(deadline_grace=1.0), OPEN)
    for deadline in (10.0, 10.5, None, 12.0):
        ledger.take(call(deadline=deadline))
    frame(ledger)
    opened(ledger)
    assert ledger.overdue(10.0) == []
    assert next_check(ledger) == 10.5
    assert ledger.overdue(10.5) == []
    assert fates(ledger.overdue(11.0)) == [(1, "UNKNOWN")]
    assert fates(ledger.overdue(11.5)) == [(2, "UNKNOWN")]
    assert ledger.overdue(12.0) == []  # The oldest is the first still: its time has run out, too.
    assert ledger.cause is None
    assert fates(answered(ledger, 1, 2, now=12.0)) == [
        (4, "UNKNOWN")
    ]  # Now the third is, which has no deadline.
    assert fates(answered(ledger, 3, 4, now=13.0)) == [(3, "OK")]
    assert next_check(ledger) is None


def test_a_call_behind_one_that_may_take_longer_ends_at_its_deadline() -> None:
    for before in (None, 30.0):
        ledger = Ledger(ClientOptions(deadline_grace=1.0, max_unanswered_frames=1), OPEN)
        ledger.take(call(deadline=before))
        frame(ledger)
        ledger.take(call(deadline=20.0))
        (ended,) = ledger.overdue(20.0)
        assert (ended.fate, ended.cause and ended.cause.reason) == (Fate.NOT_EXECUTED, Reason.ANSWER_OVERDUE)
        assert ended.cause is not None
        assert ended.cause.failed_sequence == 2
        assert "behind call 1" in ended.cause.message
        assert next_check(ledger) == before
        ledger.take(call())
        opened(ledger)
        answered(ledger, 1)
        request = frame(ledger, 25.0)
        assert numbers(request) == [2, 3]  # Its place in the order stays, with no time left.
        assert request is not None
        assert request.invocations[0].HasField("timeout")
        assert request.invocations[0].timeout.ToNanoseconds() == 0
        told = wire.ConnectResponse(broken=broken(1, failed_sequence=2))
        assert fates(ledger.receive(told.SerializeToString(), 26.0)) == [(3, "NOT_EXECUTED")]


def test_the_host_takes_too_long_to_open_the_stub() -> None:
    ledger = Ledger(ClientOptions(open_timeout=5.0), OPEN)
    ledger.take(call())
    ledger.take(call(deadline=130.0))
    ledger.opening(100.0)
    assert next_check(ledger) == 105.0
    frame(ledger)
    assert not ledger.is_not_open_by(104.9)
    assert ledger.is_not_open_by(105.0)
    ledger.receive(OPENED.SerializeToString(), 104.9)
    assert not ledger.is_not_open_by(105.0)
    assert ledger.overdue(105.0) == []
    assert next_check(ledger) == 130.0
    assert fates(answered(ledger, 1, 2)) == [(1, "OK"), (2, "OK")]


def test_an_outcome_of_a_call_that_still_waits() -> None:
    ledger = Ledger(ClientOptions(max_unanswered_frames=1), OPEN)
    ledger.take(call())
    frame(ledger)
    ledger.take(call())
    ledger.receive(OPENED.SerializeToString(), 0.0)
    assert fates(answered(ledger, 1, 2)) == [(1, "OK"), (2, "NOT_EXECUTED")]
    assert ledger.cause is not None
    assert ledger.cause.message == "the host broke the protocol: outcome 2 of a call that was not sent"


def test_a_number_near_the_end_of_64_bits() -> None:
    ledger = Ledger(ClientOptions(), OPEN)
    ledger.take(call())
    frame(ledger)
    ledger.receive(OPENED.SerializeToString(), 0.0)
    response = wire.ConnectResponse(broken=broken(2**64 - 1))
    assert fates(ledger.receive(response.SerializeToString(), 0.0)) == [(1, "UNKNOWN")]
    assert ledger.cause is not None
    assert "completed_through 18446744073709551615 after 0 outcomes" in ledger.cause.message


@pytest.mark.parametrize("seed", seeds(1000))
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
    ledger = Ledger(options, OPEN)
    accepted = 0
    settled: dict[int, str] = {}
    overdue: dict[int, str] = {}  # Ended for their callers; the stub went on.
    frames: list[list[int]] = []  # Those unanswered.
    on_wire = 0
    opened = closed = False
    executed = 0  # How far the host has come. What it has executed may be unanswered.
    outcomes = 0
    now = 0.0

    def receive(response: wire.ConnectResponse) -> None:
        note(ledger.receive(response.SerializeToString(), now))

    def note(those: list[Verdict]) -> None:
        for each in those:
            if each.cause is not None and each.cause.failed_sequence == each.call.sequence:
                assert each.cause.reason == Reason.ANSWER_OVERDUE
                assert each.call.deadline is not None
                assert now >= each.call.deadline
                assert each.fate is (Fate.UNKNOWN if each.call.sequence <= on_wire else Fate.NOT_EXECUTED)
                overdue[each.call.sequence] = each.fate.name
        for sequence, fate in fates(those):
            assert sequence not in settled, f"call {sequence} was settled twice"
            settled[sequence] = fate
            if fate == "OK":
                assert sequence > max(noted, default=0), "outcomes out of order"
                noted.append(sequence)

    noted: list[int] = []

    def outcomes_noted() -> list[int]:
        return sorted([*noted, *(n for n in overdue if n <= outcomes)])

    for _ in range(rng.randint(10, 200)):
        if ledger.is_over:
            break
        now += rng.random()
        step = rng.random()
        if step < 0.4:
            deadline = now + rng.uniform(50, 100) if rng.random() < 0.2 else None
            pending = call(bytes(rng.choice([0, 50, 200])), deadline)
            refusal = ledger.take(pending)
            if refusal is None:
                accepted += 1
                assert pending.sequence == accepted
                assert not closed
            else:
                expected = Reason.STUB_CLOSED if closed else Reason.BUFFER_FULL
                assert refusal.reason == expected
                assert pending.sequence == 0
        elif step < 0.65:
            request = frame(ledger, now)
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
            receive(response)
            assert outcomes_noted() == list(range(1, outcomes + 1))
        elif step < 0.93:
            ledger.close(now)
            closed = True
        elif step < 0.94 and opened:
            note(ledger.receive(wire.ConnectResponse(broken=broken(outcomes)).SerializeToString(), now))
            executed = outcomes  # What the host had begun is undone.
        elif step < 0.95 and opened:
            wrong = rng.choice([0, outcomes, outcomes + 2, on_wire + 1, 2**64 - 1])
            if wrong != outcomes + 1 or wrong > on_wire:
                note(answered(ledger, wrong))
                assert ledger.cause is not None
                assert ledger.cause.reason == Reason.HOST_VIOLATION
        elif step < 0.96:
            note(ledger.cancel("enough"))
        elif step < 0.97:
            note(ledger.connection_ended(grpc.StatusCode.UNAVAILABLE, "gone"))
        elif ledger.next_check is not None and rng.random() < 0.2:
            now = max(now, ledger.next_check)
            note(ledger.overdue(now))
            assert ledger.next_check is None or ledger.next_check > now
    if not ledger.is_over:
        note(ledger.connection_ended(grpc.StatusCode.OK, ""))
    assert ledger.is_over
    assert not ledger.has_frame
    assert ledger.next_check is None
    assert sorted(settled) == list(range(1, accepted + 1)), f"seed {seed}"
    for sequence, fate in settled.items():
        if sequence in overdue:
            continue
        if fate == "OK":
            assert sequence <= outcomes
        elif fate == Fate.NOT_EXECUTED.name:
            assert sequence > executed, f"call {sequence} was executed"
        else:
            assert fate == Fate.UNKNOWN.name
            assert outcomes < sequence <= on_wire, f"call {sequence} was never sent"
    if ledger.cause is None:
        assert closed
        assert {fate for sequence, fate in settled.items() if sequence not in overdue} <= {"OK"}
    elif ledger.cause.reason == Reason.OBJECT_EXCEPTION:
        assert Fate.UNKNOWN.name not in {fate for n, fate in settled.items() if n not in overdue}
