"""What is known of one shared call, without input, output, threads or a clock.

What is in this module numbers lanes, gathers what they have to send into messages, decides when a message
leaves, and counts the credit that the host is to be given.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from seriatim._frames import HostViolationError
from seriatim._lane_messages import ManyRequest, ManyResponse
from seriatim._link import Step

MESSAGE_BYTES = 256 << 10
"""What a message has at most, unless it has a single part that is longer."""

PART_BYTES = 32
"""What a part takes at most beside its frame: tags, lengths, the lane's number, credit."""

OWED_BYTES = 64 << 10
"""So much credit is given by itself; less of it only with something else."""

UNANSWERED = 4
"""With fewer messages than this unanswered, what there is leaves at once."""

LONGEST_WAIT = 0.001
"""With more, it leaves when the host says something, or so many seconds after the last message."""


class Source(Protocol):
    """Where what a lane sends comes from."""

    def cut(self, room: int | None) -> tuple[bytes | Step | None, bool]:
        """See `OnLane`."""


class Lane:
    """What carries one stub on a shared call. Belongs to the `Lanes` of that call."""

    __slots__ = ("cancelled", "in_line", "is_over", "number", "owed", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.number = 0  # Until its first part is sent.
        self.owed = 0  # Credit, in bytes.
        self.in_line = False
        self.cancelled = False
        self.is_over = False


Part = tuple[Any, bytes | None, status_pb2.Status | None]
"""What the host said on a lane: the lane, and a frame, or its end, or both."""


class Lanes:
    """The lanes of one shared call.

    Not safe for threads: whoever owns it sees to it that one method runs at a time. `now` is a time in
    seconds that never runs backwards.
    """

    def __init__(self) -> None:
        self._unsent: dict[Lane, None] = {}  # Those that have no number yet, in their order.
        self._by_number: dict[int, Lane] = {}
        self._last = 0
        self._line: deque[Lane] = deque()  # Those that may have something to send.
        self._unanswered = 0
        self._is_called = False  # The host has said something since the last message was sent.
        self._has_sent = False
        self._sent_at = 0.0
        self.answered = False
        """Whether the host has begun to answer the call: it seems to know what a shared call is."""
        self.heard = False
        """Whether a message has come from the host: it does know."""

    def __len__(self) -> int:
        return len(self._unsent) + len(self._by_number)

    # ---- what stubs do --------------------------------------------------------------------------------

    def add(self, lane: Lane) -> None:
        """A new lane. It gets its number when its first part is sent."""
        self._unsent[lane] = None

    def wake(self, lane: Lane) -> None:
        """The lane may have something to send."""
        if not lane.in_line and not lane.is_over:
            lane.in_line = True
            self._line.append(lane)

    def took(self, lane: Lane, size: int) -> bool:
        """The callers of a lane have taken outcomes in, in frames of so many bytes. Whether that is worth a
        part of its own.
        """
        lane.owed += size
        if lane.owed < OWED_BYTES or lane.is_over:
            return False
        self.wake(lane)
        return True

    def cancel(self, lane: Lane) -> None:
        """Nothing is wanted of the lane any more. If the host has heard of it, it is told."""
        if lane.is_over:
            return
        lane.cancelled = True
        if lane.number == 0:
            self.end(lane)
        else:
            self.wake(lane)

    def end(self, lane: Lane) -> None:
        """The lane has ended. Nothing is taken from it any more, and nothing sent."""
        lane.is_over = True
        self._unsent.pop(lane, None)
        if lane.number:
            self._by_number.pop(lane.number, None)

    def all(self) -> list[Lane]:
        """Those that haven't ended, in the order in which they began."""
        return [*self._by_number.values(), *self._unsent]

    def let_go(self) -> list[Lane]:
        """The call has ended, and with it all lanes: gives those that haven't before."""
        lanes = self.all()
        for lane in lanes:
            self.end(lane)
        self._line.clear()
        return lanes

    # ---- messages to the host -----------------------------------------------------------------------

    def wait(self, now: float) -> float | None:
        """For how long the next message has to wait, if the host says nothing; None: until it does."""
        if not self.answered:
            # Until it is known that the host has shared calls, one message is as much as may be sent in vain.
            return None if self._has_sent else 0.0
        return max(0.0, self._sent_at + LONGEST_WAIT - now) if self.has_to_wait else 0.0

    @property
    def has_to_wait(self) -> bool:
        """Whether the next message has to wait for the host, or for its time."""
        return self._unanswered >= UNANSWERED and not self._is_called

    @property
    def has_something(self) -> bool:
        """Whether a lane may have something to send."""
        return bool(self._line)

    def next_message(self, now: float) -> bytes | None:
        """The next message, whether it has to wait or not; None, if there is nothing to send.

        Lanes take turns, one part each.
        """
        message = ManyRequest()
        room = MESSAGE_BYTES
        empty = True
        line = self._line
        while line:
            lane = line[0]
            if lane.is_over:
                size, more = 0, False
            elif not empty and room < PART_BYTES:
                break
            else:
                size, more = self._add_part(message, lane, None if empty else room - PART_BYTES)
            if size < 0:
                break
            line.popleft()
            if more:
                line.append(lane)
            else:
                lane.in_line = False
            if size:
                empty = False
                room -= size
        if empty:
            return None
        self._has_sent = True
        self._sent_at = now
        self._unanswered += 1
        self._is_called = False
        serialized: bytes = message.SerializeToString()
        return serialized

    def _add_part(self, message: Any, lane: Lane, room: int | None) -> tuple[int, bool]:
        """How much it took of the room, negative if there isn't enough; and whether there is more."""
        if lane.cancelled:
            message.lanes.add(lane=lane.number, cancel=True)
            self.end(lane)
            return PART_BYTES, False
        step, more = lane.source.cut(room)
        if step is None and more:
            return -1, True
        size = PART_BYTES
        if step is None:
            if lane.owed < OWED_BYTES:
                return 0, False
            part = message.lanes.add(lane=lane.number)
        elif step is Step.HALF_CLOSE:
            part = message.lanes.add(lane=lane.number, half_close=True)
        else:
            if lane.number == 0:
                self._number(lane)
            part = message.lanes.add(lane=lane.number, frame=step)
            size += len(step)
        if lane.owed:
            part.more_bytes = lane.owed
            lane.owed = 0
        return size, more

    def _number(self, lane: Lane) -> None:
        self._last += 1
        lane.number = self._last
        self._unsent.pop(lane, None)
        self._by_number[lane.number] = lane

    # ---- messages from the host ---------------------------------------------------------------------

    def receive(self, message: bytes) -> tuple[list[Part], HostViolationError | None]:
        """A message from the host: what is in it for lanes that haven't ended, and what is wrong then."""
        self.answered = self.heard = True
        self._unanswered = max(0, self._unanswered - 1)
        self._is_called = True
        try:
            response = ManyResponse.FromString(message)
        except DecodeError as e:
            return [], HostViolationError(f"a message of a shared call doesn't parse: {e}")
        parts: list[Part] = []
        for part in response.lanes:
            number = part.lane
            lane = self._by_number.get(number)
            if lane is None:
                if 0 < number <= self._last:
                    continue  # It has ended.
                return parts, HostViolationError(f"a part for lane {number}, expected 1 to {self._last}")
            if not lane.cancelled:
                frame = part.frame or (b"" if part.HasField("frame") else None)
                parts.append((lane, frame, part.end if part.HasField("end") else None))
            elif part.HasField("end"):
                self.end(lane)  # So the host need not be told.
        return parts, None
