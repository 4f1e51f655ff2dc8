"""What is known of one stub, without input, output, threads or a clock.

Both APIs, the threaded and the asyncio one, put their calls in here, carry the frames that come out, and
tell what came back. What is in this module decides on numbers, frames, fates and the break.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from itertools import islice
from typing import Any, NamedTuple

import grpc

from seriatim import _frames
from seriatim._failures import FailureCause, Fate
from seriatim._frames import HostViolationError
from seriatim._ids import DurableObjectId
from seriatim._options import ClientOptions
from seriatim._reasons import Reason
from seriatim.v1 import durable_objects_pb2 as wire

_OVERHEAD_BYTES = 48  # Tags, lengths, the number and a timeout.
_METADATA_OVERHEAD_BYTES = 16


class PendingCall:
    """One call on its way through a stub. The stub sets its number when it takes the call in."""

    __slots__ = ("argument", "deadline", "ended", "metadata", "method", "parse", "sequence", "size", "target")

    def __init__(
        self,
        method: str,
        argument: bytes,
        deadline: float | None,
        metadata: Mapping[str, str],
        parse: Callable[[bytes], Any] | None,
        target: Any = None,
    ) -> None:
        self.method = method
        self.argument = argument
        self.deadline = deadline
        self.metadata = metadata
        self.parse = parse
        self.target = target
        self.sequence = 0
        self.ended = False  # For its caller; its place in the order stays.
        self.size = _OVERHEAD_BYTES + len(method.encode()) + len(argument)
        for key, value in metadata.items():
            self.size += _METADATA_OVERHEAD_BYTES + len(key) + len(value)


class Verdict(NamedTuple):
    """What became of a call: the response, or the cause and the fate if it failed."""

    call: PendingCall
    response: Any
    cause: FailureCause | None
    fate: Fate


class State(Enum):
    """Of a stub."""

    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()
    BROKEN = auto()


class Ledger:
    """One stub: numbers calls, makes frames, matches outcomes, decides what became of each call.

    Every call that was taken in is settled exactly once: it is in the list that one of the methods
    returns. Not safe for threads: whoever owns it sees to it that one method runs at a time. `now` is a
    time in seconds that never runs backwards.
    """

    def __init__(
        self, options: ClientOptions, open_: wire.Open, expected_id: DurableObjectId | None = None
    ) -> None:
        self._options = options
        self._open = open_
        self._expected_id = None if expected_id is None else str(expected_id)
        self._open_sent = False
        self._opened = False
        self.opened: wire.Opened | None = None  # Until someone takes it from here.
        self._state = State.OPEN
        self.is_closing = False
        """Whether no more calls are let in. Those that were are finished, unless the stub breaks."""
        self.is_over = False
        """Whether the stub has ended, closed or broken. Its link is then of no more use."""
        self.cause: FailureCause | None = None
        """Why the stub is broken; None if it isn't."""
        self._waiting: deque[PendingCall] = deque()
        self._waiting_bytes = 0
        self._sent: deque[PendingCall] = deque()
        self._unanswered_frames: list[int] = []  # Each by the number of its last invocation.
        self._last = 0
        self.answered = 0
        """How many outcomes have come."""
        self._in_grace = False  # The time of some has run out, and the host is about to tell.
        self.next_check: float | None = None
        """When `overdue` is to be called next, if ever."""
        self._open_by: float | None = None
        self._end_by: float | None = None

    # ---- what callers do ----------------------------------------------------------------------------

    def take(self, call: PendingCall) -> FailureCause | None:
        """Takes a call in and gives it its number; or says why not, and the call leaves no trace."""
        refusal = self._refusal(call)
        if refusal is not None:
            return refusal
        self._last += 1
        call.sequence = self._last
        self._waiting.append(call)
        self._waiting_bytes += call.size
        if call.deadline is not None:
            self._check_at(call.deadline)
        return None

    def _refusal(self, call: PendingCall) -> FailureCause | None:
        options = self._options
        if self.cause is not None:
            return self.cause
        if self._state is not State.OPEN:
            return FailureCause.of(
                Reason.STUB_CLOSED, grpc.StatusCode.FAILED_PRECONDITION, "the stub is closed"
            )
        if call.size > options.max_invocation_bytes:
            return FailureCause.of(
                Reason.CALL_TOO_LARGE,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the invocation has {call.size} bytes, expected at most {options.max_invocation_bytes}",
            )
        if len(self._waiting) >= options.max_buffered_invocations:
            return _buffer_full(f"{len(self._waiting)} invocations wait to be sent, which is as many as may")
        if self._waiting_bytes + call.size > options.max_buffered_bytes:
            return _buffer_full(
                f"{self._waiting_bytes} bytes wait to be sent, {call.size} more would pass the limit of "
                f"{options.max_buffered_bytes}"
            )
        return None

    def close(self, now: float) -> None:
        """Lets no more calls in. The stub ends when those taken in have been answered."""
        if self._state is not State.OPEN:
            return
        if self._last == 0:
            self._state = State.CLOSED
            self.is_over = True
            return
        self._state = State.CLOSING
        self.is_closing = True
        self._expect_end(now)

    def cancel(self, message: str) -> list[Verdict]:
        """Breaks the stub from this side."""
        return self.break_with(FailureCause.of(Reason.STUB_CANCELLED, grpc.StatusCode.CANCELLED, message))

    def break_with(self, cause: FailureCause, sent: Fate = Fate.UNKNOWN) -> list[Verdict]:
        """Breaks the stub, unless it has ended. `sent` is the fate of calls sent and unanswered."""
        if self.is_over:
            return []
        self._state = State.BROKEN
        self.is_over = True
        self.cause = cause
        settled = [Verdict(call, None, cause, sent) for call in self._sent if not call.ended]
        settled += [Verdict(call, None, cause, Fate.NOT_EXECUTED) for call in self._waiting if not call.ended]
        self._sent.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self._in_grace = False
        self.next_check = None
        return settled

    # ---- what can be asked --------------------------------------------------------------------------

    @property
    def has_frame(self) -> bool:
        """Whether `next_frame` would give one."""
        return bool(self._waiting) and len(self._unanswered_frames) < self._options.max_unanswered_frames

    @property
    def is_done_sending(self) -> bool:
        """Whether nothing will ever be sent again, so that the link can be half-closed."""
        return self.is_over or (self._state is State.CLOSING and not self._waiting)

    def is_not_open_by(self, now: float) -> bool:
        """Whether the host has taken too long to say that the stub is open: see `opening`."""
        return self._open_by is not None and now >= self._open_by and not self.is_over

    # ---- frames to the host -------------------------------------------------------------------------

    def opening(self, now: float) -> None:
        """The link begins. The host has to answer in time."""
        self._open_by = now + self._options.open_timeout
        self._check_at(self._open_by)

    def _is_open(self) -> None:
        """The host has answered for the first time."""
        self._open_by = None
        deadlines = (c.deadline for calls in (self._sent, self._waiting) for c in calls if not c.ended)
        self.next_check = min((deadline for deadline in deadlines if deadline is not None), default=None)

    def open_frame(self, now: float) -> bytes:
        """A first frame without invocations: for a link that finds out by it whether it gets through."""
        self._open_sent = True
        return _frames.request(self._open, (), 0.0)

    def fits(self, room: int) -> bool:
        """Whether the next frame certainly has no more bytes than this."""
        if not self._open_sent:
            room -= self._open.ByteSize() + _OVERHEAD_BYTES
        if self._waiting_bytes <= room:
            return True
        size = 0
        for call in islice(self._waiting, self._options.max_frame_invocations):
            if size and size + call.size > self._options.max_frame_bytes:
                break
            size += call.size
        return size <= room

    def take_back(self) -> None:
        """What was sent so far has come nowhere, and is sent again."""
        self._waiting.extendleft(reversed(self._sent))
        self._waiting_bytes += sum(call.size for call in self._sent)
        self._sent.clear()
        self._unanswered_frames.clear()
        self._open_sent = False

    def next_frame(self, now: float) -> bytes | None:
        """The next frame, if one may be sent now. From here on its invocations count as sent."""
        if not self._waiting or len(self._unanswered_frames) >= self._options.max_unanswered_frames:
            return None
        calls: list[PendingCall] = []
        size = 0
        while self._waiting and len(calls) < self._options.max_frame_invocations:
            call = self._waiting[0]
            if calls and size + call.size > self._options.max_frame_bytes:
                break
            calls.append(self._waiting.popleft())
            size += call.size
        self._sent += calls
        self._waiting_bytes -= size
        self._unanswered_frames.append(calls[-1].sequence)
        open_ = None if self._open_sent else self._open
        self._open_sent = True
        return _frames.request(open_, calls, now)

    # ---- frames from the host -----------------------------------------------------------------------

    def receive(self, frame: bytes, now: float) -> list[Verdict]:
        """A frame from the host. Anything behind the break is ignored."""
        if self.is_over:
            return []
        settled: list[Verdict] = []
        try:
            response = _frames.response(frame)
            if not self._opened:
                self._opened = _frames.opens(response, self._open, self._expected_id)
                self.opened = response.opened if self._opened else None
                self._is_open()
            elif response.HasField("opened"):
                raise HostViolationError("'opened' came twice")
            for outcome in response.outcomes:
                self._answer(outcome, settled)
            self._frames_answered()
            if response.HasField("broken"):
                settled += self._break_as_told(response.broken)
            elif self._state is State.CLOSING:
                self._expect_end(now)
            if self._in_grace and not self.is_over:
                self._check_at(now)  # Another call is the oldest one now.
                settled += self.overdue(now)
        except HostViolationError as e:
            cause = self._violated(e)
            if e.unreadable is not None:
                settled.append(Verdict(e.unreadable, None, cause, Fate.COMPLETED))
            settled += self.break_with(cause)
        return settled

    def connection_ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> list[Verdict]:
        """The link has ended with this status."""
        done = self._state is State.CLOSING and not self._sent and not self._waiting
        if done and code is grpc.StatusCode.OK:
            self._state = State.CLOSED
            self.is_over = True
            self.next_check = None
            return []
        return self.break_with(FailureCause.connection_lost(code, message, trailers))

    def _answer(self, outcome: wire.Outcome, settled: list[Verdict]) -> None:
        if outcome.sequence != self.answered + 1:
            raise HostViolationError(f"outcome {outcome.sequence}, expected outcome {self.answered + 1}")
        if not self._sent:
            raise HostViolationError(f"outcome {outcome.sequence} of a call that was not sent")
        call = self._sent.popleft()
        self.answered += 1
        if call.ended:
            return  # Its caller has been told that no answer came in time.
        settled.append(Verdict(call, _frames.result(outcome, call), None, Fate.COMPLETED))

    def _frames_answered(self) -> None:
        while self._unanswered_frames and self._unanswered_frames[0] <= self.answered:
            del self._unanswered_frames[0]

    def _violated(self, error: HostViolationError) -> FailureCause:
        return FailureCause.of(
            Reason.HOST_VIOLATION, grpc.StatusCode.INTERNAL, f"the host broke the protocol: {error}"
        )

    def _break_as_told(self, broken: wire.Broken) -> list[Verdict]:
        return self.break_with(self._told(broken, self.answered), Fate.NOT_EXECUTED)

    @staticmethod
    def _told(broken: wire.Broken, answered: int) -> FailureCause:
        if broken.cause.code == 0:
            raise HostViolationError("broken with code OK")
        if broken.completed_through != answered:
            raise HostViolationError(
                f"broken with completed_through {broken.completed_through} after {answered} outcomes"
            )
        return FailureCause.told(broken)

    # ---- time ---------------------------------------------------------------------------------------

    def overdue(self, now: float) -> list[Verdict]:
        """Ends the calls that are overdue, and breaks a stub that the host doesn't end. To be called at
        `next_check`.

        A call whose time has run out waits `deadline_grace` more for the host's word, if the oldest
        unanswered call's time has run out too: the host is about to tell. Else the host can't tell yet.
        """
        if self.next_check is None or now < self.next_check:
            return []
        self.next_check = None
        self._in_grace = False
        settled: list[Verdict] = []
        for calls, fate in ((self._sent, Fate.UNKNOWN), (self._waiting, Fate.NOT_EXECUTED)):
            for call in calls:
                if call.deadline is not None and not call.ended:
                    cause = self._why_overdue(call, call.deadline, now)
                    if cause is not None:
                        call.ended = True
                        settled.append(Verdict(call, None, cause, fate))
        if self._open_by is not None:
            self._check_at(self._open_by)
        if self._end_by is None:
            return settled
        if now < self._end_by:
            self._check_at(self._end_by)
            return settled
        return settled + self.break_with(
            FailureCause.of(
                Reason.ANSWER_OVERDUE,
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "the host has not ended the stub's call "
                f"{self._options.end_timeout:g} s after its last frame",
            )
        )

    def _why_overdue(self, call: PendingCall, deadline: float, now: float) -> FailureCause | None:
        """Why this call has to end now, if it has to; else it is looked at again in time."""
        if now < deadline:
            self._check_at(deadline)
            return None
        oldest = self._sent[0] if self._sent else self._waiting[0]
        if oldest.deadline is None or oldest.deadline > now:
            return answer_overdue(
                call,
                f"its deadline passed behind call {oldest.sequence}, which has no answer yet",
            )
        grace = self._options.deadline_grace
        if now >= deadline + grace:
            return answer_overdue(
                call,
                f"no answer {grace * 1000:g} ms after its deadline",
            )
        self._in_grace = True
        self._check_at(deadline + grace)
        return None

    def _expect_end(self, now: float) -> None:
        if not self._sent and not self._waiting and self._end_by is None:
            self._end_by = now + self._options.end_timeout
            self._check_at(self._end_by)

    def _check_at(self, time: float) -> None:
        if self.next_check is None or time < self.next_check:
            self.next_check = time


def answer_overdue(call: PendingCall, message: str) -> FailureCause:
    """Why a call ends for its caller that has had no answer in time."""
    return FailureCause.of(
        Reason.ANSWER_OVERDUE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        message,
        failed_sequence=call.sequence,
    )


def _buffer_full(message: str) -> FailureCause:
    return FailureCause.of(Reason.BUFFER_FULL, grpc.StatusCode.RESOURCE_EXHAUSTED, message, overloaded=True)
