"""What is known of one resumable stub, over all of its connections, without input, output, threads or a
clock.

A *connection* is what carries the stub for a while: a call of its own, or a lane. What is in this module
decides whether there is a next one, what it says of itself, what is sent on it once more, and what is
acknowledged.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto

import grpc

from seriatim._failures import FailureCause
from seriatim._frames import HostViolationError
from seriatim._ids import DurableObjectId
from seriatim._ledger import Ledger, PendingCall, State, Verdict, answer_overdue
from seriatim._options import ClientOptions
from seriatim._reasons import Reason
from seriatim._resumption import Resumption
from seriatim.v1 import durable_objects_pb2 as wire

ACKNOWLEDGED_OUTCOMES = 256
"""With so many outcomes that were not acknowledged, that is said by itself if nothing else is to be;"""

ACKNOWLEDGED_BYTES = 64 << 10
"""and with so many bytes of them."""

_SESSION_BYTES = 80  # What a frame has more than that of an ordinary stub, at most.
_NANOS_PER_SECOND = 1_000_000_000
_HOPELESS = {grpc.StatusCode[name] for name in ("PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED")}
_SILENT = FailureCause.of(
    Reason.CONNECTION_LOST,
    grpc.StatusCode.UNAVAILABLE,
    "the host said nothing after a deadline",
    retryable=True,
)


class _Way(Enum):
    """How the stub stands to its host."""

    NONE = auto()  # Before the first connection, and between two.
    OPENING = auto()  # There is a connection, and the host has not said where the session stands.
    OPEN = auto()
    LOST = auto()  # As none, but whoever carried it hasn't let go of the connection.


class _NoSessionError(HostViolationError):
    """The host knows nothing of sessions, though an earlier connection may have."""


class ResumableLedger(Ledger):
    """A ledger over several connections. Calls stay in the order of their numbers whatever becomes of these.

    What was sent stays with what was sent while there is no connection. When the host says where it stands,
    what it has not completed goes back to what waits, in front, and is sent again.
    """

    def __init__(
        self,
        options: ClientOptions,
        open_: wire.Open,
        expected_id: DurableObjectId | None,
        session_id: bytes,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`jitter` gives the random part of a wait, from 0 to 1."""
        own = wire.Open()
        own.CopyFrom(open_)
        own.session.id = session_id
        super().__init__(options, own, expected_id)
        self.is_resumable = True
        """Whether it is, as far as is known: a host that knows of no sessions says so on the first
        connection."""
        self.loss: FailureCause | None = None
        """Why the last connection was lost, if one was."""
        self._resumption = Resumption(options, jitter)
        self._way = _Way.NONE
        self._may_send = False  # Invocations. On the first connection they need not wait for the host's word.
        self._connection = 0
        self._now = 0.0  # Of the frame that is being received,
        self._size = 0  # and its bytes.
        self._last_sent = 0  # On any connection.
        self._first_sent: deque[tuple[int, float]] = deque()  # When the unanswered left first, by frames.
        self._remembered: float | None = None  # The host remembers for so long what is unanswered.
        self._progress = 0  # How many outcomes had come at the last look.
        self._acknowledged = 0
        self._was_suspect = False  # Since the last outcome: a host that is merely slow is left once.
        self._unacknowledged_bytes = 0
        self._is_suspect = False

    # ---- what can be asked --------------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Whether the connection is to be let go: then `suspend` is to be called."""
        return self._way is _Way.LOST and not self.is_over

    def is_due(self, now: float) -> bool:
        """Whether the next connection is to begin."""
        at = self._resumption.at
        return at is not None and now >= at and not self.is_over

    @property
    def has_frame(self) -> bool:
        """See `Ledger`."""
        if not self._may_send:
            return self._way is _Way.OPENING and not self._open_sent
        if self._waiting and len(self._unanswered_frames) < self._options.max_unanswered_frames:
            return True  # As there, but this is asked for each call.
        return self._acknowledged < self.answered and self._must_acknowledge

    @property
    def is_done_sending(self) -> bool:
        """See `Ledger`. A connection is half-closed only when there is no need for another one any more."""
        if self.is_over or not self.is_resumable:
            return super().is_done_sending
        return self._is_closing_idle and self._way is _Way.OPEN and self._acknowledged == self.answered

    @property
    def _must_acknowledge(self) -> bool:
        if not self.is_resumable or self._way is not _Way.OPEN or self._acknowledged == self.answered:
            return False
        return (
            self.answered - self._acknowledged >= ACKNOWLEDGED_OUTCOMES
            or self._unacknowledged_bytes >= ACKNOWLEDGED_BYTES
            or self._is_closing_idle
        )

    @property
    def _is_idle(self) -> bool:
        return not self._sent and not self._waiting

    @property
    def _is_closing_idle(self) -> bool:
        return self._state is State.CLOSING and self._is_idle

    # ---- what callers do ----------------------------------------------------------------------------

    def take(self, call: PendingCall) -> FailureCause | None:
        """See `Ledger`. A stub that lost its connection with nothing to do gets the next one by a call."""
        refusal = super().take(call)
        if not self._may_send and refusal is None and self._has_to_plan:
            self._check_at(0.0)
        return refusal

    def close(self, now: float) -> None:
        """See `Ledger`. Without a connection, and with nothing unanswered, nobody has to be told."""
        super().close(now)
        if self._is_closing_idle and self._way in {_Way.NONE, _Way.LOST}:
            self._end()

    def _end(self) -> None:
        self._state = State.CLOSED
        self.is_over = True
        self.next_check = None

    # ---- connections --------------------------------------------------------------------------------

    def opening(self, now: float) -> None:
        """See `Ledger`. The next connection begins: the first one, or the one that was due."""
        self._connection += 1
        self._way = _Way.OPENING
        self._may_send = self._connection == 1
        self._open_sent = self._opened = False
        self._resumption.begins()
        super().opening(now)

    def lose(self, cause: FailureCause) -> list[Verdict]:
        """The connection is of no more use. What was sent on it is sent again, unless the host has it."""
        if self.is_over or self._way in {_Way.NONE, _Way.LOST}:
            return []
        self._way = _Way.LOST
        self._may_send = False
        self.loss = cause
        self._unanswered_frames.clear()
        self._open_by = self._end_by = None
        if self._is_closing_idle:
            self._end()
            return []
        counts = self._opened or not (cause.retryable or cause.overloaded)
        return [] if self._resumption.goes_on(counts=counts) else self.break_with(cause)

    def give_up(self) -> list[Verdict]:
        """There will be no next connection."""
        return [] if self.loss is None or not self._is_suspended else self.break_with(self.loss)

    def suspend(self, now: float) -> None:
        """The lost connection has been let go."""
        if not self.is_lost:
            return
        self._way = _Way.NONE
        self._in_grace = False
        if not self._is_idle:
            self._plan(now)
        self._check_at(now)  # Calls whose time has run out wait for the host's word no more.

    @property
    def _has_to_plan(self) -> bool:
        return self._is_suspended and self._resumption.at is None and not self._is_idle

    @property
    def _is_suspended(self) -> bool:
        return self._way is _Way.NONE and self._connection > 0

    def _plan(self, now: float) -> None:
        overloaded = self.loss is not None and self.loss.overloaded
        self._check_at(self._resumption.plan(now, overloaded=overloaded))

    @property
    def _gives_up_at(self) -> float | None:
        """Before the host may have forgotten what is unanswered."""
        forgotten_at = None
        if self._remembered is not None and self._first_sent:
            forgotten_at = self._first_sent[0][1] + self._remembered / 2
        return self._resumption.gives_up_at(forgotten_at)

    # ---- frames to the host -------------------------------------------------------------------------

    def open_frame(self, now: float) -> bytes:
        """See `Ledger`."""
        self._say_where_it_stands(now)
        return super().open_frame(now) + self._acknowledgement()

    def _say_where_it_stands(self, now: float) -> None:
        session = self._open.session
        session.connection = self._connection
        session.answered_through = self.answered
        session.ClearField("unanswered_for")
        if self._first_sent:
            session.unanswered_for.FromNanoseconds(int((now - self._first_sent[0][1]) * _NANOS_PER_SECOND))

    def fits(self, room: int) -> bool:
        """See `Ledger`."""
        if not self._may_send:
            return self._open.ByteSize() + _SESSION_BYTES <= room
        return super().fits(room - _SESSION_BYTES)

    def take_back(self) -> None:
        """See `Ledger`. Behind the first connection only `open` can have been sent."""
        if self._connection == 1:
            super().take_back()
            self._last_sent = 0
            self._first_sent.clear()
        self._open_sent = False

    def next_frame(self, now: float) -> bytes | None:
        """See `Ledger`."""
        if not self._may_send:
            return self.open_frame(now) if self._way is _Way.OPENING and not self._open_sent else None
        if not self._open_sent:
            self._say_where_it_stands(now)
        frame = super().next_frame(now)
        if frame is None:
            return self._acknowledgement() if self._must_acknowledge else None
        last = self._sent[-1].sequence
        if last > self._last_sent:
            self._last_sent = last
            self._first_sent.append((last, now))
        return frame + self._acknowledgement()

    def _acknowledgement(self) -> bytes:
        """A frame that says only that; or what another one has at its end, which is the same."""
        if not self.is_resumable or self.answered == 0:
            return b""
        self._acknowledged = self.answered
        self._unacknowledged_bytes = 0
        return wire.ConnectRequest(acknowledged_through=self.answered).SerializeToString()

    # ---- frames from the host -----------------------------------------------------------------------

    def receive(self, frame: bytes, now: float) -> list[Verdict]:
        """See `Ledger`."""
        self._now = now
        self._size = len(frame)
        return super().receive(frame, now)

    def connection_ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> list[Verdict]:
        """See `Ledger`."""
        hopeless = not self._opened and code in _HOPELESS and not self._is_closing_idle
        if hopeless or not self.is_resumable:
            return super().connection_ended(code, message, trailers)
        return self.lose(FailureCause.connection_lost(code, message, trailers))

    def _is_open(self) -> None:
        if self.opened is not None and self.is_resumable:
            self._resume(self.opened)
        super()._is_open()

    def _resume(self, opened: wire.Opened) -> None:
        """The host says where the session stands."""
        self._way = _Way.OPEN
        self._may_send = True
        self._resumption.opened(self._now)
        self._expected_id = opened.id
        if not opened.HasField("session"):
            if self._connection > 1:
                raise _NoSessionError("it knows nothing of the stub's session")
            self.is_resumable = False
            return
        through = opened.session.completed_through
        if not self.answered <= through <= self._last_sent:
            raise HostViolationError(
                f"opened a session with completed_through {through}, "
                f"expected {self.answered} to {self._last_sent}"
            )
        if opened.session.HasField("retention"):
            remembered = opened.session.retention.ToNanoseconds() / _NANOS_PER_SECOND
            if self._remembered is not None and self._first_sent:
                remembered = min(remembered, self._remembered)
            self._remembered = remembered
        if self._connection == 1:
            return
        while self._sent and self._sent[-1].sequence > through:
            call = self._sent.pop()
            self._waiting.appendleft(call)
            self._waiting_bytes += call.size
        while self._waiting and self._waiting[0].sequence <= through:
            call = self._waiting.popleft()
            self._waiting_bytes -= call.size
            self._sent.append(call)

    def _frames_answered(self) -> None:
        super()._frames_answered()
        if self.answered == self._progress:
            return
        self._progress = self.answered
        self._was_suspect = False
        self._unacknowledged_bytes += self._size
        self._resumption.progressed()
        while self._first_sent and self._first_sent[0][0] <= self.answered:
            self._first_sent.popleft()

    def _break_as_told(self, broken: wire.Broken) -> list[Verdict]:
        if not self.is_resumable:
            return super()._break_as_told(broken)
        if self._opened:
            if not broken.retryable:
                return super()._break_as_told(broken)
            cause = self._told(broken, self.answered)
            self._has_no_effect()
            return self.lose(cause)
        # In place of `opened` it says nothing of what was sent on earlier connections.
        cause = self._told(broken, 0 if self._connection == 1 else broken.completed_through)
        superseded = cause.reason == Reason.SESSION_SUPERSEDED
        if self._connection == 1 and not superseded:
            self._has_no_effect()
        return self.lose(cause) if broken.retryable or superseded else self.break_with(cause)

    def _has_no_effect(self) -> None:
        """The host has said that of everything that is unanswered."""
        super().take_back()

    def _violated(self, error: HostViolationError) -> FailureCause:
        if not isinstance(error, _NoSessionError):
            return super()._violated(error)
        return FailureCause.of(
            Reason.CONNECTION_LOST,
            grpc.StatusCode.UNAVAILABLE,
            f"the host can't resume the stub: {error}",
            retryable=True,
        )

    # ---- time ---------------------------------------------------------------------------------------

    def overdue(self, now: float) -> list[Verdict]:
        """See `Ledger`. Also plans the next connection, if there has to be one, and gives up in time."""
        if self.next_check is None or now < self.next_check:
            return []
        settled = super().overdue(now)
        if self._is_suspect:
            self._is_suspect, self._was_suspect = False, True
            settled += self.lose(_SILENT)
        if self._has_to_plan:
            self._plan(now)
        if self.is_over:
            return settled
        gives_up_at = self._gives_up_at
        if gives_up_at is not None and now >= gives_up_at and self.loss is not None:
            return settled + self.break_with(self.loss)
        for at in (gives_up_at, self._resumption.at):
            if at is not None and now < at:
                self._check_at(at)
        return settled

    def _why_overdue(self, call: PendingCall, deadline: float, now: float) -> FailureCause | None:
        if not self._may_send and self._connection > 0:
            if now < deadline:
                self._check_at(deadline)
                return None
            return answer_overdue(call, "its deadline passed while the stub had no connection to the host")
        cause = super()._why_overdue(call, deadline, now)
        if cause is not None and self._way is _Way.OPEN and self.is_resumable and not self._was_suspect:
            oldest = self._sent[0] if self._sent else self._waiting[0]
            self._is_suspect |= oldest.deadline is not None and oldest.deadline <= now
        return cause
