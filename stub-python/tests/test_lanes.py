"""What is decided on a shared call, without a connection."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest
from google.rpc import status_pb2
from seeds import seeds

from seriatim._lanes import LONGEST_WAIT, MESSAGE_BYTES, OWED_BYTES, PART_BYTES, UNANSWERED, Lane, Lanes
from seriatim._link import Step
from seriatim.v1 import durable_objects_pb2 as wire

OPENED = wire.ConnectResponse(opened=wire.Opened(id="1"))


class Steps:
    """A lane's source: what is put in."""

    def __init__(self, *steps: bytes | Step) -> None:
        self.steps = deque(steps)

    def cut(self, room: int | None) -> tuple[bytes | Step | None, bool]:
        if not self.steps:
            return None, False
        step = self.steps[0]
        if room is not None and isinstance(step, bytes) and len(step) > room:
            return None, True
        self.steps.popleft()
        return step, bool(self.steps)


def frame(text: str, size: int = 0) -> bytes:
    """A frame that opens the object with this name, of about so many bytes."""
    invocations = [wire.Invocation(sequence=1, message=bytes(size))] if size else []
    return wire.ConnectRequest(open=wire.Open(name=text), invocations=invocations).SerializeToString()


def lane(lanes: Lanes, *steps: bytes | Step) -> Lane:
    added = Lane(Steps(*steps))
    lanes.add(added)
    lanes.wake(added)
    return added


def sent(lanes: Lanes, now: float = 0.0) -> list[tuple[int, str | None, str]]:
    """Lane, what, and the name that is opened, of each part of the next message; none, if it has to wait."""
    if lanes.wait(now) != 0.0:
        return []
    message = lanes.next_message(now)
    if message is None:
        return []
    parts = wire.ConnectManyRequest.FromString(message).lanes
    return [(part.lane, part.WhichOneof("what"), part.frame.open.name) for part in parts]


def says(lanes: Lanes, *parts: wire.LaneResponse) -> list[tuple[int, bool, bool]]:
    """Lane, whether there is a frame and whether an end, of each part that counts."""
    told, wrong = lanes.receive(wire.ConnectManyResponse(lanes=parts).SerializeToString())
    assert wrong is None, str(wrong)
    return [(lane.number, frame is not None, end is not None) for lane, frame, end in told]


def test_lanes_are_numbered_as_their_first_parts_are_sent() -> None:
    lanes = Lanes()
    one, gone, three = (Lane(Steps(frame(name))) for name in ("one", "gone", "three"))
    for each in (one, gone, three):
        lanes.add(each)
    for each in (three, gone, one):
        lanes.wake(each)
    lanes.cancel(gone)
    assert len(lanes) == 2
    assert sent(lanes) == [(1, "frame", "three"), (2, "frame", "one")]
    assert (three.number, one.number, gone.number, gone.is_over) == (1, 2, 0, True)


def test_lanes_take_turns() -> None:
    lanes = Lanes()
    lane(lanes, frame("a1"), frame("a2"), frame("a3"), Step.HALF_CLOSE)
    lane(lanes, frame("b1"), Step.HALF_CLOSE)
    lane(lanes, frame("c1"), frame("c2"))
    assert sent(lanes) == [
        (1, "frame", "a1"),
        (2, "frame", "b1"),
        (3, "frame", "c1"),
        (1, "frame", "a2"),
        (2, "half_close", ""),
        (3, "frame", "c2"),
        (1, "frame", "a3"),
        (1, "half_close", ""),
    ]
    assert sent(lanes) == []


def test_a_message_is_not_longer_than_it_may_be() -> None:
    lanes = Lanes()
    lanes.answered = True
    lane(lanes, frame("small"))
    lane(lanes, frame("large", MESSAGE_BYTES - 2 * PART_BYTES))
    lane(lanes, frame("huge", 5 * MESSAGE_BYTES))
    lane(lanes, frame("tiny"))
    assert [name for *_, name in sent(lanes)] == ["small"]
    assert [name for *_, name in sent(lanes)] == ["large"]
    assert [name for *_, name in sent(lanes)] == ["huge"]
    assert [name for *_, name in sent(lanes)] == ["tiny"]


def test_until_the_host_has_answered_one_message_leaves() -> None:
    lanes = Lanes()
    lane(lanes, frame("one"))
    assert sent(lanes)
    lane(lanes, frame("two"))
    assert lanes.wait(1e9) is None
    lanes.answered = True
    assert not lanes.heard
    assert sent(lanes)
    assert not lanes.heard
    assert says(lanes) == []
    assert lanes.heard


def test_with_few_unanswered_messages_one_leaves_at_once() -> None:
    lanes = Lanes()
    lanes.answered = True
    for n in range(UNANSWERED):
        assert lanes.wait(7.0) == 0.0
        lane(lanes, frame(f"{n}"))
        assert sent(lanes, 7.0)
    lane(lanes, frame("late"))
    assert lanes.wait(7.0) == pytest.approx(LONGEST_WAIT)
    assert lanes.wait(7.0 + LONGEST_WAIT) == 0.0
    says(lanes)
    assert lanes.wait(7.0) == 0.0
    assert sent(lanes, 7.0)
    for _ in range(3 * UNANSWERED):  # It is never below 0.
        says(lanes)
    for n in range(UNANSWERED):
        lane(lanes, frame(f"again {n}"))
        assert sent(lanes, 7.0)
    assert lanes.wait(7.0) == pytest.approx(LONGEST_WAIT)


def test_credit_is_given_with_something_else_or_when_it_is_much() -> None:
    lanes = Lanes()
    lanes.answered = True
    source = Steps(frame("one"))
    one = Lane(source)
    lanes.add(one)
    lanes.wake(one)
    assert sent(lanes)
    assert not lanes.took(one, OWED_BYTES - 1)
    assert sent(lanes) == []
    source.steps.append(frame("two"))
    lanes.wake(one)
    message = lanes.next_message(0.0)
    assert message is not None
    (part,) = wire.ConnectManyRequest.FromString(message).lanes
    assert (part.frame.open.name, part.more_bytes) == ("two", OWED_BYTES - 1)
    assert not lanes.took(one, 1)
    assert lanes.took(one, OWED_BYTES)
    message = lanes.next_message(0.0)
    assert message is not None
    (part,) = wire.ConnectManyRequest.FromString(message).lanes
    assert (part.lane, part.WhichOneof("what"), part.more_bytes) == (1, None, OWED_BYTES + 1)
    lanes.end(one)
    assert not lanes.took(one, OWED_BYTES)
    assert sent(lanes) == []


def test_what_comes_for_a_lane_that_has_ended_or_was_cancelled_is_ignored() -> None:
    lanes = Lanes()
    lanes.answered = True
    one, two, three = (lane(lanes, frame(name)) for name in ("one", "two", "three"))
    assert len(sent(lanes)) == 3
    end = status_pb2.Status(code=5, message="no")
    parts = [wire.LaneResponse(lane=n, frame=OPENED) for n in (1, 2, 3)]
    assert says(lanes, *parts, wire.LaneResponse(lane=1, end=end)) == [
        (1, True, False),
        (2, True, False),
        (3, True, False),
        (1, False, True),
    ]
    lanes.end(one)
    lanes.cancel(two)
    lanes.cancel(three)
    assert says(lanes, *parts, wire.LaneResponse(lane=3, end=end)) == []
    assert sent(lanes) == [(2, "cancel", "")]  # The third has ended by itself meanwhile.
    assert says(lanes, *parts) == []
    assert len(lanes) == 0


def test_a_message_from_the_host_lets_one_leave_whatever_is_unanswered() -> None:
    """It may have answered several in one, and will never answer those by themselves."""
    lanes = Lanes()
    lanes.answered = True
    for n in range(3 * UNANSWERED):
        lane(lanes, frame(f"{n}"))
        assert lanes.next_message(7.0) is not None
    for n in range(3):
        lane(lanes, frame(f"late {n}"))
        assert lanes.wait(7.0) == pytest.approx(LONGEST_WAIT)
        says(lanes)
        assert sent(lanes, 7.0)


@pytest.mark.parametrize("number", [0, 2, 7])
def test_a_part_for_a_lane_that_was_never_opened(number: int) -> None:
    lanes = Lanes()
    lane(lanes, frame("one"))
    assert sent(lanes)
    parts = [wire.LaneResponse(lane=n, frame=OPENED) for n in (1, number, 1)]
    told, wrong = lanes.receive(wire.ConnectManyResponse(lanes=parts).SerializeToString())
    assert len(told) == 1  # What stands before it counts.
    assert str(wrong) == f"a part for lane {number}, expected 1 to 1"


def test_a_message_that_does_not_parse() -> None:
    told, wrong = Lanes().receive(b"\xff\xff")
    assert told == []
    assert str(wrong).startswith("a message of a shared call doesn't parse: ")


@pytest.mark.parametrize("seed", seeds(20))
def test_any_lanes_arrive_whole_and_in_order(seed: int) -> None:
    random = Random(seed)
    lanes = Lanes()
    lanes.answered = random.random() < 0.5
    made: list[Lane] = []
    put: dict[Lane, list[bytes | Step]] = {}
    came: dict[int, list[bytes | Step]] = {}
    owed: dict[Lane, int] = {}
    given: dict[int, int] = {}
    now = 0.0

    def arrives(message: bytes) -> None:
        parts = wire.ConnectManyRequest.FromString(message).lanes
        assert len(parts) == 1 or len(message) <= MESSAGE_BYTES, f"seed {seed}"
        for part in parts:
            arrived = came.setdefault(part.lane, [])
            if part.HasField("half_close"):
                arrived.append(Step.HALF_CLOSE)
            elif part.HasField("frame"):
                arrived.append(part.frame.SerializeToString())
            given[part.lane] = given.get(part.lane, 0) + part.more_bytes

    def put_in(lane: Lane, step: bytes | Step) -> None:
        put[lane].append(step)
        assert isinstance(lane.source, Steps)
        lane.source.steps.append(step)
        lanes.wake(lane)

    for _ in range(400):
        now += random.choice([0.0, LONGEST_WAIT / 3, LONGEST_WAIT])
        match random.randrange(6):
            case 0:
                made.append(Lane(Steps()))
                put[made[-1]] = []
                owed[made[-1]] = 0
                lanes.add(made[-1])
            case 1 | 2 if made:
                some = random.choice(made)
                if Step.HALF_CLOSE not in put[some]:
                    size = random.choice(
                        [0, 10, 1000, 100_000, MESSAGE_BYTES - PART_BYTES, 2 * MESSAGE_BYTES]
                    )
                    put_in(some, frame(f"{len(put[some])}", size))
                    if random.random() < 0.2:
                        put_in(some, Step.HALF_CLOSE)
            case 3 if made:
                some = random.choice(made)
                if some.number:
                    size = random.choice([1, 1000, OWED_BYTES])
                    owed[some] += size
                    lanes.took(some, size)
            case 4:
                assert says(lanes) == []
            case _:
                if lanes.wait(now) == 0.0 and (message := lanes.next_message(now)) is not None:
                    arrives(message)
    lanes.answered = True
    while lanes.has_something:
        if (message := lanes.next_message(now)) is not None:
            arrives(message)
    for each in made:
        assert came.get(each.number, []) == put[each], f"seed {seed}"
        assert owed[each] - OWED_BYTES < given.get(each.number, 0) <= owed[each], f"seed {seed}"
    assert sorted(came) == list(range(1, len(came) + 1)), f"seed {seed}"
