"""One call that carries many stubs, in both APIs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import grpc
from google.rpc import status_pb2

from seriatim._failures import DETAILS_KEY, FailureCause, code_of
from seriatim._lanes import Lane, Lanes, Part
from seriatim._link import Carried, Link, OnLane, Step
from seriatim._options import ClientOptions
from seriatim._reasons import Reason
from seriatim._transport import HERE, LOGGER, client_fault
from seriatim._watchdog import Timer, Timers

_ELSEWHERE = {Reason.HOST_DRAINING, Reason.UNAUTHENTICATED, Reason.CREDENTIALS_EXPIRED}

HandOver = Callable[[Callable[[], None]], None]


class Owner(Protocol):
    """What a shared call knows of the client that it belongs to."""

    def retired(self, shared: SharedCall) -> None:
        """It takes no more stubs."""

    def ended(self, shared: SharedCall) -> None:
        """The call has ended."""

    def has_no_shared_calls(self) -> None:
        """The host doesn't know what a shared call is."""


class SharedCall(Carried):
    """Many lanes on one gRPC call, which a link carries as it would carry the call of a single stub.

    Safe for any number of threads. No one calls out while holding the lock, but to the sessions of its lanes,
    which say what they have to send; so their locks come behind it.
    """

    awaits_answer = True

    def __init__(
        self,
        owner: Owner,
        options: ClientOptions,
        make_link: Callable[[Carried], Link],
        timers: Timers,
        hand_over: HandOver | None,
        *,
        patient: bool = False,
    ) -> None:
        self.hand_over = hand_over
        self._owner = owner
        self._options = options
        self._timers = timers
        self._link = make_link(self)
        self._link.patient = patient
        # Guards all below.
        self._lock = threading.Lock()
        self._lanes = Lanes()
        self._has_left = False
        self._writing = False  # Someone has a message and is sending it.
        self._reading = False  # What is to be said about a message from the host goes together.
        self._retired = False
        self._half_closed = False
        self._over = False
        self._clock: Timer | None = None
        self._idle_since = time.monotonic()
        self._idle: Timer | None = None

    def start(self) -> None:
        """Asks gRPC for the call; an exception, if it can't be had."""
        self._link.start()

    # ---- what lanes do ------------------------------------------------------------------------------

    def join(self, lane: SharedLane) -> bool:
        """Takes a lane in; False, if no more are."""
        with self._lock:
            if self._over or self._retired:
                return False
            self._lanes.add(lane)
            has_left = self._has_left
            lane.shared = self
        if has_left:
            lane.session.left()
            self.wake(lane)
        return True

    def wake(self, lane: Lane) -> None:
        """The lane may have something to send."""
        with self._lock:
            if self._over:
                return
            self._lanes.wake(lane)
            go = not self._writing and not self._reading
            if self._clock is not None and self._lanes.has_to_wait:
                go = False  # It leaves when the host says something, or when the clock ticks.
        if go:
            self._link.wake()

    def cancel(self, lane: Lane) -> None:
        """Nothing is wanted of the lane any more."""
        with self._lock:
            if lane.is_over or self._over:
                return
            self._lanes.cancel(lane)
            go = not self._writing and not self._reading
            self._watch_idle()
            useless = self._is_useless()
        if useless:
            self._link.cancel()
        elif go:
            self._link.wake()

    def took(self, lane: Lane, size: int) -> None:
        """The callers of a lane have taken in frames of so many bytes."""
        with self._lock:
            go = self._lanes.took(lane, size) and not self._writing and not self._reading
        if go:
            self._link.wake()

    def is_connected(self) -> bool | None:
        """See `Link`."""
        return self._link.is_connected()

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a connection: a stub that would rather fail has to have another call."""
        return self._link.patient and not self._has_left

    # ---- the end ------------------------------------------------------------------------------------

    def retire(self) -> None:
        """Takes no more stubs, and ends when the last of those that it has has ended."""
        with self._lock:
            if self._retired:
                return
            self._retired = True
            if self._idle is not None:
                self._idle.cancel()
            useless = self._is_useless()
        self._owner.retired(self)
        if useless:
            self._link.cancel()
        else:
            self._link.wake()

    def _is_useless(self) -> bool:
        """Under the lock. Whether it has never begun, and is not needed any more."""
        return self._retired and not self._has_left and not len(self._lanes)

    def _watch_idle(self) -> None:
        """Under the lock. A lane has ended."""
        if self._over or self._retired or len(self._lanes):
            return
        self._idle_since = time.monotonic()
        if self._idle is None:
            self._idle = self._timers.at(
                self._idle_since + self._options.shared_call_idle_timeout, self._look_idle
            )

    def _look_idle(self) -> None:
        with self._lock:
            self._idle = None
            if self._over or self._retired or len(self._lanes):
                return
            until = self._idle_since + self._options.shared_call_idle_timeout
            if time.monotonic() < until:
                self._idle = self._timers.at(until, self._look_idle)
                return
        self.retire()

    def _lose(self, cause: FailureCause) -> None:
        """Gives the call up, since it can't go on."""
        with self._lock:
            lanes = self._end()
        self._owner.ended(self)
        self._link.cancel()
        for lane in lanes:
            lane.session.break_with(cause)

    def _end(self) -> list[Any]:
        """Under the lock. Gives the lanes that are left."""
        self._over = True
        self._retired = True
        for timer in (self._clock, self._idle):
            if timer is not None:
                timer.cancel()
        return self._lanes.let_go()

    def forked(self) -> None:
        """In the child of a fork. Whoever held the lock is gone."""
        self._lock = threading.Lock()
        self._over = True

    # ---- what the link does -------------------------------------------------------------------------

    def open_frame(self) -> bytes:
        """See `Carried`. A message without parts."""
        return b""

    def answered(self) -> None:
        """See `Carried`."""
        with self._lock:
            self._lanes.answered = True
        self._link.wake()

    def left(self) -> None:
        """See `Carried`."""
        with self._lock:
            self._has_left = True
            lanes: list[Any] = self._lanes.all()
            for lane in lanes:
                self._lanes.wake(lane)
        for lane in lanes:
            lane.session.left()

    def take_step(self) -> bytes | Step | None:
        """See `Carried`."""
        with self._lock:
            return None if self._writing or self._reading else self._next_step()

    def taken(self, more: bool = True) -> bytes | Step | None:
        """See `Carried`."""
        with self._lock:
            self._writing = False
            return self._next_step() if more and not self._reading else None

    def _next_step(self) -> bytes | Step | None:
        """Under the lock."""
        if self._over or self._half_closed or not self._has_left:
            return None
        step: bytes | Step | None = None
        if self._lanes.has_something:
            now = time.monotonic()
            wait = self._lanes.wait(now)
            if wait:
                if self._clock is None:
                    self._clock = self._timers.at(now + wait, self._tick)
            elif wait is not None:
                step = self._lanes.next_message(now)
                self._watch_idle()
        if step is None and self._retired and not len(self._lanes):
            step = Step.HALF_CLOSE
            self._half_closed = True
            self._idle = self._timers.at(time.monotonic() + self._options.end_timeout, self._link.cancel)
        self._writing = step is not None
        return step

    def _tick(self) -> None:
        with self._lock:
            self._clock = None
        self._link.wake()

    def received(self, frame: bytes) -> bool:
        """See `Carried`. Here a frame is a message."""
        with self._lock:
            if self._over:
                return False
            parts, violation = self._lanes.receive(frame)
            self._reading = True
        was_ours, HERE.is_ours = HERE.is_ours, HERE.is_ours or self.hand_over is not None
        try:
            for part in parts:
                self._deliver(part)
        finally:
            HERE.is_ours = was_ours
            with self._lock:
                self._reading = False
                self._watch_idle()
                over = self._over
                go = not over and (self._lanes.has_something or self._retired)
        if violation is not None:
            self._lose(
                FailureCause.of(
                    Reason.HOST_VIOLATION,
                    grpc.StatusCode.INTERNAL,
                    f"the host broke the protocol: {violation}",
                )
            )
            return False
        if go:
            self._link.wake()
        return not over

    def _deliver(self, part: Part) -> None:
        lane, frame, end = part
        session: OnLane = lane.session
        try:
            if frame is not None:
                lane.heard += 1
                if len(frame) > self._options.max_inbound_frame_bytes:
                    session.connection_ended(
                        grpc.StatusCode.RESOURCE_EXHAUSTED,
                        f"the host sent a frame of {len(frame)} bytes, expected at most "
                        f"{self._options.max_inbound_frame_bytes}",
                    )
                else:
                    session.received(frame)
            if end is not None:
                with self._lock:
                    self._lanes.end(lane)
                session.connection_ended(code_of(end), end.message, _trailers(end))
        except Exception as e:
            LOGGER.exception("a stub can't receive")
            session.failed(e)

    def connection_ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> None:
        """See `Carried`."""
        with self._lock:
            if self._over:
                return
            unknown = code is grpc.StatusCode.UNIMPLEMENTED and not self._lanes.heard
            lanes = self._end()
        if unknown:
            LOGGER.debug("the host has no shared calls (%s): each stub has a call of its own", message)
            self._owner.has_no_shared_calls()
        self._owner.ended(self)
        was_ours, HERE.is_ours = HERE.is_ours, HERE.is_ours or self.hand_over is not None
        try:
            for lane in lanes:
                if unknown:
                    lane.session.fall_back()
                else:
                    lane.session.connection_ended(code, message, trailers)
        finally:
            HERE.is_ours = was_ours

    def failed(self, error: BaseException) -> None:
        """See `Carried`."""
        self._lose(client_fault(error))


def _trailers(end: status_pb2.Status) -> tuple[tuple[str, bytes], ...]:
    return ((DETAILS_KEY, end.SerializeToString()),) if end.details else ()


class SharedLane(Lane, Link):
    """A lane, as the link of a session."""

    def __init__(
        self, session: OnLane, join: Callable[[SharedLane], None], hand_over: HandOver | None
    ) -> None:
        super().__init__(session)
        self.session = session
        self.hand_over = hand_over
        self.heard = 0  # Frames of the host. Only for who receives.
        self.shared: SharedCall | None = None
        self._join = join

    def start(self) -> None:
        """See `Link`."""
        self._join(self)

    def wake(self) -> None:
        """See `Link`."""
        if self.shared is not None:
            self.shared.wake(self)

    def cancel(self) -> None:
        """See `Link`."""
        if self.shared is not None:
            self.shared.cancel(self)

    def is_connected(self) -> bool | None:
        """See `Link`."""
        return None if self.shared is None else self.shared.is_connected()

    def broke(self, cause: FailureCause) -> None:
        """See `Link`. A host that drains, that has no room for the lane, or that doesn't take the credentials
        any more with which the call came, has no room for others either.
        """
        is_full = cause.reason == Reason.OVERLOADED and self.heard == 1
        if self.shared is not None and (is_full or cause.reason in _ELSEWHERE):
            self.shared.retire()

    def took(self, size: int) -> None:
        """See `Link`."""
        if self.shared is not None:
            self.shared.took(self, size)
