"""The protocol of one stub, without input, output, threads or a clock.

Both APIs, the threaded and the asyncio one, put their calls in here, carry the frames that come out, and
tell what came back. What is in this module decides on numbers, frames, fates and the break.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from seriatim._failures import FailureCause, Fate
from seriatim._ids import DurableObjectId, is_hex
from seriatim._options import ClientOptions
from seriatim._reasons import Reason
from seriatim.v1 import durable_objects_pb2 as wire

_OVERHEAD_BYTES = 48  # Tags, lengths, the number and a timeout.
_METADATA_OVERHEAD_BYTES = 16
_NANOS_PER_SECOND = 1_000_000_000


class PendingCall:
    """One call on its way through a stub. The stub sets its number when it takes the call in."""

    __slots__ = ("argument", "deadline", "metadata", "method", "parse", "sequence", "size", "target")

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
        self.size = _OVERHEAD_BYTES + len(method.encode()) + len(argument)
        for key, value in metadata.items():
            self.size += _METADATA_OVERHEAD_BYTES + len(key) + len(value)


class Settled(NamedTuple):
    """What became of a call: the response, or the cause and the fate if it failed."""

    call: PendingCall
    response: Any
    cause: FailureCause | None
    fate: Fate


class _State(Enum):
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()
    BROKEN = auto()


class _HostViolationError(Exception):
    """What the host sent breaks the contract. The call whose result can't be used, if there is one."""

    def __init__(self, message: str, unreadable: PendingCall | None = None) -> None:
        super().__init__(message)
        self.unreadable = unreadable


class StubCore:
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
        self._state = _State.OPEN
        self._cause: FailureCause | None = None
        self._waiting: deque[PendingCall] = deque()
        self._waiting_bytes = 0
        self._sent: deque[PendingCall] = deque()
        self._unanswered_frames: deque[int] = deque()  # Each by the number of its last invocation.
        self._last = 0
        self._answered = 0
        self._next_check: float | None = None
        self._end_by: float | None = None

    # ---- what callers do ----------------------------------------------------------------------------

    def submit(self, call: PendingCall) -> FailureCause | None:
        """Takes a call in and gives it its number; or says why not, and the call leaves no trace."""
        refusal = self._refusal(call)
        if refusal is not None:
            return refusal
        self._last += 1
        call.sequence = self._last
        self._waiting.append(call)
        self._waiting_bytes += call.size
        if call.deadline is not None:
            self._check_at(call.deadline + self._options.deadline_grace)
        return None

    def _refusal(self, call: PendingCall) -> FailureCause | None:
        options = self._options
        if self._cause is not None:
            return self._cause
        if self._state is not _State.OPEN:
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
        if self._state is not _State.OPEN:
            return
        if self._last == 0:
            self._state = _State.CLOSED
            return
        self._state = _State.CLOSING
        self._expect_end(now)

    def cancel(self, message: str) -> list[Settled]:
        """Breaks the stub from this side."""
        return self.break_by(FailureCause.of(Reason.STUB_CANCELLED, grpc.StatusCode.CANCELLED, message))

    def break_by(self, cause: FailureCause, sent: Fate = Fate.UNKNOWN) -> list[Settled]:
        """Breaks the stub, unless it has ended. `sent` is the fate of calls sent and unanswered."""
        if self.is_over:
            return []
        self._state = _State.BROKEN
        self._cause = cause
        settled = [Settled(call, None, cause, sent) for call in self._sent]
        settled += [Settled(call, None, cause, Fate.NOT_EXECUTED) for call in self._waiting]
        self._sent.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self._next_check = None
        return settled

    # ---- what can be asked --------------------------------------------------------------------------

    @property
    def cause(self) -> FailureCause | None:
        """Why the stub is broken; None if it isn't."""
        return self._cause

    @property
    def is_over(self) -> bool:
        """Whether the stub has ended, closed or broken. Its stream is then of no more use."""
        return self._state in (_State.CLOSED, _State.BROKEN)

    @property
    def has_frame(self) -> bool:
        """Whether `next_frame` would give one."""
        return bool(self._waiting) and len(self._unanswered_frames) < self._options.max_unanswered_frames

    @property
    def is_done_sending(self) -> bool:
        """Whether nothing will ever be sent again, so that the stream can be half-closed."""
        return self.is_over or (self._state is _State.CLOSING and not self._waiting)

    @property
    def next_check(self) -> float | None:
        """When `check` is to be called next, if ever."""
        return self._next_check

    # ---- frames to the host -------------------------------------------------------------------------

    def open_frame(self) -> bytes:
        """The first frame, without invocations: to see whether there is a connection at all."""
        self._open_sent = True
        return wire.ConnectRequest(open=self._open).SerializeToString()

    def next_frame(self, now: float) -> bytes | None:
        """The next frame, if one may be sent now. From here on its invocations count as sent."""
        if not self.has_frame:
            return None
        frame = wire.ConnectRequest() if self._open_sent else wire.ConnectRequest(open=self._open)
        self._open_sent = True
        invocations = 0
        size = 0
        while self._waiting and invocations < self._options.max_frame_invocations:
            call = self._waiting[0]
            if invocations and size + call.size > self._options.max_frame_bytes:
                break
            self._waiting.popleft()
            self._sent.append(call)
            invocations += 1
            size += call.size
            self._add_invocation(frame, call, now)
        self._waiting_bytes -= size
        self._unanswered_frames.append(self._sent[-1].sequence)
        return frame.SerializeToString()

    @staticmethod
    def _add_invocation(frame: wire.ConnectRequest, call: PendingCall, now: float) -> None:
        invocation = frame.invocations.add(sequence=call.sequence, method=call.method, message=call.argument)
        if call.deadline is not None:
            nanos = max(0, int((call.deadline - now) * _NANOS_PER_SECOND))
            # Set even if it is zero: then the time has run out.
            invocation.timeout.SetInParent()
            invocation.timeout.seconds, invocation.timeout.nanos = divmod(nanos, _NANOS_PER_SECOND)
        if call.metadata:
            invocation.metadata.update(call.metadata)

    # ---- frames from the host -----------------------------------------------------------------------

    def receive(self, frame: bytes, now: float) -> list[Settled]:
        """A frame from the host. Anything behind the break is ignored."""
        if self.is_over:
            return []
        settled: list[Settled] = []
        try:
            response = _parse_frame(frame)
            if self._opened:
                if response.HasField("opened"):
                    raise _HostViolationError("'opened' came twice")
            else:
                self._check_opened(response)
            for outcome in response.outcomes:
                settled.append(self._answer(outcome))  # noqa: PERF401 - those before a violation count
            self._frames_answered()
            if response.HasField("broken"):
                settled += self._break_as_told(response.broken)
            elif self._state is _State.CLOSING:
                self._expect_end(now)
        except _HostViolationError as e:
            cause = FailureCause.of(
                Reason.HOST_VIOLATION, grpc.StatusCode.INTERNAL, f"the host broke the protocol: {e}"
            )
            if e.unreadable is not None:
                settled.append(Settled(e.unreadable, None, cause, Fate.COMPLETED))
            settled += self.break_by(cause)
        return settled

    def ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> list[Settled]:
        """The stream has ended with this status."""
        done = self._state is _State.CLOSING and not self._sent and not self._waiting
        if done and code is grpc.StatusCode.OK:
            self._state = _State.CLOSED
            self._next_check = None
            return []
        return self.break_by(FailureCause.connection_lost(code, message, trailers))

    def _check_opened(self, response: wire.ConnectResponse) -> None:
        if not response.HasField("opened"):
            if response.HasField("broken") and not response.outcomes:
                return  # The stub could not be opened.
            raise _HostViolationError("the first frame has no 'opened'")
        self._opened = True
        opened = response.opened
        if self._expected_id is not None and opened.id != self._expected_id:
            raise _HostViolationError(f"opened object '{opened.id}', expected '{self._expected_id}'")
        if not is_hex(opened.id):
            raise _HostViolationError(f"opened object '{opened.id}', expected 64 lower-case hex digits")
        if opened.HasField("name") and opened.name != self._open.name:
            raise _HostViolationError(f"opened name '{opened.name}', expected '{self._open.name}'")

    def _answer(self, outcome: wire.Outcome) -> Settled:
        if outcome.sequence != self._answered + 1:
            raise _HostViolationError(f"outcome {outcome.sequence}, expected outcome {self._answered + 1}")
        if not self._sent:
            raise _HostViolationError(f"outcome {outcome.sequence} of a call that was not sent")
        call = self._sent.popleft()
        self._answered += 1
        if outcome.WhichOneof("result") != "message":
            raise _HostViolationError(f"outcome {outcome.sequence} has no 'message'", call)
        try:
            response = call.parse(outcome.message) if call.parse else outcome.message
        except Exception as e:
            raise _HostViolationError(
                f"outcome {outcome.sequence}: no response of {call.method}: {type(e).__name__}: {e}", call
            ) from e
        return Settled(call, response, None, Fate.COMPLETED)

    def _frames_answered(self) -> None:
        while self._unanswered_frames and self._unanswered_frames[0] <= self._answered:
            self._unanswered_frames.popleft()

    def _break_as_told(self, broken: wire.Broken) -> list[Settled]:
        if broken.cause.code == 0:
            raise _HostViolationError("broken with code OK")
        if broken.completed_through != self._answered:
            raise _HostViolationError(
                f"broken with completed_through {broken.completed_through} after {self._answered} outcomes"
            )
        return self.break_by(FailureCause.told(broken), Fate.NOT_EXECUTED)

    # ---- time ---------------------------------------------------------------------------------------

    def check(self, now: float) -> list[Settled]:
        """Breaks the stub if something is overdue. To be called at `next_check`."""
        if self._next_check is None or now < self._next_check:
            return []
        self._next_check = None
        grace = self._options.deadline_grace
        for call in (*self._sent, *self._waiting):
            if call.deadline is None:
                continue
            if now >= call.deadline + grace:
                return self.break_by(
                    FailureCause.of(
                        Reason.ANSWER_OVERDUE,
                        grpc.StatusCode.DEADLINE_EXCEEDED,
                        f"invocation {call.sequence} has had no answer {grace:g} s after its deadline",
                        failed_sequence=call.sequence,
                    )
                )
            self._check_at(call.deadline + grace)
        if self._end_by is not None:
            if now >= self._end_by:
                return self.break_by(
                    FailureCause.of(
                        Reason.ANSWER_OVERDUE,
                        grpc.StatusCode.DEADLINE_EXCEEDED,
                        "the host has not ended the stub's call "
                        f"{self._options.end_timeout:g} s after its last frame",
                    )
                )
            self._check_at(self._end_by)
        return []

    def _expect_end(self, now: float) -> None:
        if not self._sent and not self._waiting and self._end_by is None:
            self._end_by = now + self._options.end_timeout
            self._check_at(self._end_by)

    def _check_at(self, time: float) -> None:
        if self._next_check is None or time < self._next_check:
            self._next_check = time


def _buffer_full(message: str) -> FailureCause:
    return FailureCause.of(Reason.BUFFER_FULL, grpc.StatusCode.RESOURCE_EXHAUSTED, message, overloaded=True)


def _parse_frame(frame: bytes) -> wire.ConnectResponse:
    try:
        return wire.ConnectResponse.FromString(frame)
    except DecodeError as e:
        raise _HostViolationError(f"a frame doesn't parse: {e}") from e
