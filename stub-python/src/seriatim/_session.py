"""A stub behind its face, in both APIs: the ledger, the link that carries it, and the watchdog."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import grpc

from seriatim._connection import Connection
from seriatim._delivery import BreakListener, Delivery, End
from seriatim._failures import FailureCause, Fate
from seriatim._ids import DurableObjectId
from seriatim._ledger import Ledger, PendingCall, Verdict
from seriatim._link import Carried, Link, OnLane, Step
from seriatim._routes import StubRoute
from seriatim._transport import cannot_connect, client_fault, open_overdue
from seriatim._watchdog import Timers, Watchdog
from seriatim.v1 import durable_objects_pb2 as wire


class Session(OnLane):
    """Takes calls in, has the link carry them, and tells what became of each.

    Safe for any number of threads. Callers are told by its delivery.

    What a link tells it comes from the link's own session, or `by` another one, which stands for a connection
    of a stub that has several.
    """

    is_resumable = False
    """Whether it outlives its connections."""

    _current: OnLane | None = (
        None  # By whom links are heard, if not by this: from anyone else nothing is taken.
    )

    def __init__(
        self,
        connection: Connection,
        open_: wire.Open,
        expected_id: DurableObjectId | None,
        make_link: Callable[[Carried, Any], Link],
        timers: Timers,
        end: End,
        known_id: DurableObjectId | None = None,
    ) -> None:
        """`make_link` also gets the channel to a host that a route names, or None for the client's own. The
        `known_id` is that of the object, if it is known without asking anyone.
        """
        self._connection = connection
        self._make_link = make_link
        self._timers = timers
        routes = connection.routes
        self._route = None if routes is None else StubRoute.of(routes, open_, known_id)
        self._shared: Callable[[OnLane], Link | None] | None = (
            None  # Where lanes come from, if from anywhere.
        )
        # Guards all below. No one calls out while holding it.
        self._lock = threading.Lock()
        self._ledger = self._make_ledger(open_, expected_id)
        self._watchdog = Watchdog(timers, self._check)
        self._link: Link | None = None
        self._begun = False
        self._has_left = False
        self._tried_again = False
        self._half_closed = False
        self._writing = False  # Someone has a step and is taking it.
        self._delivery = Delivery(self._lock, self._ledger, self._linked, self._ended, end)

    def _make_ledger(self, open_: wire.Open, expected_id: DurableObjectId | None) -> Ledger:
        return Ledger(self._connection.options, open_, expected_id)

    # ---- what the stub does -------------------------------------------------------------------------

    @property
    def cause(self) -> FailureCause | None:
        """Why the stub is broken; None if it isn't."""
        return self._ledger.cause

    @property
    def is_forgotten(self) -> bool:
        """Whether it has something on the host that stays there until it is closed, and hasn't been."""
        return self._begun and not self._ledger.is_over and not self._ledger.is_closing

    def check(self) -> None:
        """CallFailure if it is of no use in this process."""
        self._connection.check()

    def submit(self, call: PendingCall) -> None:
        """Takes a call in and gives it its number before it returns; or fails it at once."""
        with self._lock:
            refusal = self._ledger.take(call)
            if refusal is None:
                call.target.sequence = call.sequence
                begin = not self._begun
                self._begun = True
                wake = self._has_left and not self._writing and self._ledger.has_frame
                if self._ledger.next_check != self._watchdog.at:
                    self._watchdog.watch(self._ledger.next_check)
        if refusal is not None:
            call.target.fail(refusal, Fate.NOT_EXECUTED)
        elif begin:
            self._begin()
        elif wake and self._link is not None:
            self._link.wake()

    def on_break(self, listener: BreakListener) -> None:
        """Has this called once when the stub has broken, and its calls have failed; at once, if that has
        been.
        """
        self._delivery.on_break(listener)

    def close(self) -> None:
        """Lets no more calls in, and ends when the calls made so far have been answered."""
        with self._lock:
            self._ledger.close(time.monotonic())
            self._watchdog.watch(self._ledger.next_check)
            link = self._link
        if link is not None:
            link.wake()
        self._tell_all([])

    def cancel(self, message: str) -> None:
        """Breaks the stub from this side."""
        with self._lock:
            settled = self._ledger.cancel(message)
        self._tell_all(settled)

    def client_closed(self) -> None:
        """The client has been closed, and makes no more connections."""

    def _begin(self) -> None:
        """On the first call, whose thread this is. Whatever can't be had is found out before anything
        leaves.
        """
        if self._connection.forked is not None:
            self.break_with(self._connection.forked)
            return
        try:
            self._timers.prepare()
            self._connection.sessions.add(self)
            link = self._open_link()
        except Exception as e:
            self._cannot_open(e)
            return
        self._start(link)

    def _open_link(self) -> Link:
        with self._lock:
            self._ledger.opening(time.monotonic())
            self._watchdog.watch(self._ledger.next_check)
        access = None if self._route is None else self._route.begin()
        shared = (self._connection if access is None else access).shared_calls
        self._shared = None if shared is None else shared.lane
        return self._next_link()

    def _next_link(self) -> Link:
        lane = None if self._shared is None else self._shared(self._current or self)
        return self._own_link() if lane is None else lane

    def _own_link(self) -> Link:
        return self._make_link(self._current or self, None if self._route is None else self._route.channel)

    def _cannot_open(self, error: Exception) -> None:
        """There is no link to be had, and nothing has left."""
        self.break_with(cannot_connect(error))

    def _start(self, link: Link) -> None:
        with self._lock:
            self._link = link
            self._delivery.hand_over = link.hand_over
        try:
            link.start()
        except Exception as e:
            self._cannot_open(e)
            return
        if self._ledger.is_over:  # By someone who found no link to cancel, or no call in it.
            self._connection.sessions.discard(self)
            link.cancel()
        elif self._link is not link:  # Likewise.
            link.cancel()

    # ---- what the link does -------------------------------------------------------------------------

    def open_frame(self, by: OnLane | None = None) -> bytes:
        """See `Carried`."""
        with self._lock:
            return self._ledger.open_frame(time.monotonic()) if by is self._current else b""

    def left(self, by: OnLane | None = None) -> None:
        """See `Carried`."""
        with self._lock:
            if by is self._current:
                self._has_left = True

    def take_step(self, by: OnLane | None = None) -> bytes | Step | None:
        """See `Carried`."""
        with self._lock:
            return None if self._writing or by is not self._current else self._next_step()

    def taken(self, more: bool = True, by: OnLane | None = None) -> bytes | Step | None:
        """See `Carried`."""
        with self._lock:
            if by is not self._current:
                return None
            self._writing = False
            return self._next_step() if more else None

    def _next_step(self) -> bytes | Step | None:
        """Under the lock. What is cancelled must not look half-closed before, so there is none at the end."""
        step: bytes | Step | None = None
        ledger = self._ledger
        if self._has_left and not self._half_closed and not ledger.is_over:
            step = ledger.next_frame(time.monotonic())
            if step is None and ledger.is_closing and ledger.is_done_sending:
                step = Step.HALF_CLOSE
                self._half_closed = True
        self._writing = step is not None
        return step

    def cut(self, room: int | None, by: OnLane | None = None) -> tuple[bytes | Step | None, bool]:
        """See `OnLane`."""
        ledger = self._ledger
        with self._lock:
            if by is not self._current:
                return None, False
            if room is not None and self._has_left and ledger.has_frame and not ledger.fits(room):
                return None, True
            step = self._next_step()
            self._writing = False
            if step is None or step is Step.HALF_CLOSE:
                return step, False
            return step, ledger.has_frame or (ledger.is_closing and ledger.is_done_sending)

    def fall_back(self, by: OnLane | None = None) -> None:
        """See `OnLane`."""
        with self._lock:
            if self._ledger.is_over or by is not self._current:
                return
            self._ledger.take_back()
            self._has_left = False
            self._half_closed = False
        self._start(self._own_link())

    def received(self, frame: bytes, by: OnLane | None = None) -> bool:
        """See `Carried`."""
        ledger = self._ledger
        delivery = self._delivery
        with self._lock:
            if by is not self._current:
                return False
            before = ledger.answered
            settled = ledger.receive(frame, time.monotonic())
            over = ledger.is_over
            opened, ledger.opened = ledger.opened, None
            size = 0 if ledger.answered == before else len(frame)
            link = self._link
            wake = ledger.has_frame or (ledger.is_closing and not self._half_closed)
            wake = wake and not self._writing and not over
            if ledger.next_check != self._watchdog.at:
                self._watchdog.watch(ledger.next_check)
            tell = delivery.claim(settled, size)
            nobody = not delivery.is_telling
        if self._route is not None and (opened is not None or over):
            self._route.learn(opened, ledger.cause)
        if link is not None:  # Before the callers hear of it:
            if wake:
                link.wake()  # what waits was made before what they do next,
            elif over and ledger.cause is not None:
                link.broke(ledger.cause)  # and what carries the stub may be of no use to their next one.
        if by is not None:
            self._look_for_loss()
        if tell:
            delivery.tell(settled)
        elif size and nobody and link is not None:
            link.took(size)  # Nobody waits for these any more.
        return not over

    def connection_ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> None:
        """See `Carried`. A connection may have been dying when the call got it, and have taken nothing: then
        there is one more.
        """
        with self._lock:
            again = code is grpc.StatusCode.UNAVAILABLE and not self._has_left and not self._tried_again
            again = again and self._link is not None and not self._ledger.is_over
            self._tried_again = True
            settled = [] if again else self._ledger.connection_ended(code, message, trailers)
        if again:
            try:
                link = self._next_link()
            except Exception as e:
                self._cannot_open(e)
                return
            self._start(link)
            return
        self._tell_all(settled)

    def _look_for_loss(self) -> None:
        """Lets go of a connection that has been lost, if there is another one to come."""

    def failed(self, error: BaseException) -> None:
        """See `Carried`."""
        self.break_with(client_fault(error))

    def break_with(self, cause: FailureCause) -> None:
        """See `OnLane`."""
        with self._lock:
            settled = self._ledger.break_with(cause)
        self._tell_all(settled)

    # ---- what the watchdog does ---------------------------------------------------------------------

    def _check(self) -> None:
        now = time.monotonic()
        with self._lock:
            self._watchdog.looked()
            late = self._ledger.is_not_open_by(now)
            has_left = self._has_left
            settled = self._ledger.overdue(now)
            self._watchdog.watch(self._ledger.next_check)
            link = self._link
        self._tell_all(settled)
        if late and link is not None:
            self._not_open(
                open_overdue(
                    self._connection.options.open_timeout,
                    has_left=has_left,
                    connected=link.is_connected(),
                    others=len(self._connection.sessions) - 1,
                )
            )

    def _not_open(self, cause: FailureCause) -> None:
        """The host has taken too long to open the stub."""
        self.break_with(cause)

    # ---- the end ------------------------------------------------------------------------------------

    def _tell_all(self, settled: list[Verdict]) -> None:
        """Tells callers what became of their calls and, if the stub has ended, whom that concerns."""
        if self._route is not None and self._ledger.is_over:
            self._route.learn(None, self._ledger.cause)
        with self._lock:
            tell = self._delivery.claim(settled)
        if tell:
            self._delivery.tell(settled)

    def _linked(self) -> Link | None:
        """Under the lock: what carries the stub."""
        return self._link

    def _ended(self) -> None:
        """The calls have been told, and the stub has ended. Once."""
        with self._lock:
            link = self._link
            self._link = None  # It knows the session: what goes around in a circle stays for longer.
            self._watchdog.rest()
        self._connection.sessions.discard(self)
        if link is not None:
            link.cancel()
        if self._route is not None:
            self._route.ended()

    def forked(self, cause: FailureCause) -> None:
        """In the child of a fork, which has the only thread. Whoever held a lock is gone, and callbacks are
        the parent's business.
        """
        self._lock = threading.Lock()
        self._delivery.forked(self._lock, cause)
