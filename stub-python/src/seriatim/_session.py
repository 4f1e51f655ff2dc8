"""A stub behind its face, in both APIs: the ledger, the link that carries it, and the watchdog."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import grpc

from seriatim._connection import Connection
from seriatim._failures import FailureCause, Fate
from seriatim._ids import DurableObjectId
from seriatim._ledger import Ledger, PendingCall, Settled
from seriatim._link import Carried, Link, Step
from seriatim._transport import LOGGER, cannot_connect, client_fault, open_overdue
from seriatim._watchdog import Timers, Watchdog
from seriatim.v1 import durable_objects_pb2 as wire

BreakListener = Callable[[FailureCause], object]


class End(Protocol):
    """What is told of the end, once."""

    def set(self) -> None: ...


class Session(Carried):
    """Takes calls in, has the link carry them, and tells what became of each.

    Safe for any number of threads. Outcomes are told by one thread at a time, in their order: by whoever
    finds that there is something to tell, and that nobody else is telling.
    """

    def __init__(
        self,
        connection: Connection,
        open_: wire.Open,
        expected_id: DurableObjectId | None,
        make_link: Callable[[Carried], Link],
        timers: Timers,
        end: End,
    ) -> None:
        self._connection = connection
        self._make_link = make_link
        self._timers = timers
        self._end = end
        # Guards all below. No one calls out while holding it.
        self._lock = threading.Lock()
        self._ledger = Ledger(connection.options, open_, expected_id)
        self._watchdog = Watchdog(timers, self._check)
        self._link: Link | None = None
        self._begun = False
        self._has_left = False
        self._half_closed = False
        self._writing = False  # Someone has a step and is taking it.
        self._untold: deque[Settled] = deque()
        self._telling = False
        self._end_told = False
        self._break_listeners: list[BreakListener] = []

    # ---- what the stub does -------------------------------------------------------------------------

    @property
    def cause(self) -> FailureCause | None:
        """Why the stub is broken; None if it isn't."""
        return self._ledger.cause

    @property
    def is_open(self) -> bool:
        """Whether it has something on the host that only its end takes away."""
        return self._begun and not self._ledger.is_over

    def check(self) -> None:
        """CallFailure if it is of no use in this process."""
        self._connection.check()

    def submit(self, call: PendingCall) -> None:
        """Takes a call in and gives it its number before it returns; or fails it at once."""
        with self._lock:
            refusal = self._ledger.submit(call)
            if refusal is None:
                call.target.sequence = call.sequence
                begin = not self._begun
                self._begun = True
                wake = self._has_left and not self._writing and self._ledger.has_frame
                if call.deadline is not None:
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
        with self._lock:
            cause = self._ledger.cause
            if cause is None or not self._end_told:
                self._break_listeners.append(listener)
                return
        _tell(listener, cause)

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

    def _begin(self) -> None:
        """On the first call, whose thread this is. Whatever can't be had is found out before anything
        leaves.
        """
        if self._connection.forked is not None:
            self._break(self._connection.forked)
            return
        try:
            self._timers.prepare()
            link = self._make_link(self)
            with self._lock:
                self._ledger.leaving(time.monotonic())
                self._watchdog.watch(self._ledger.next_check)
                self._link = link
            self._connection.sessions.add(self)
            link.start()
        except Exception as e:
            self._break(cannot_connect(e))
            return
        if self._ledger.is_over:  # By someone who found no link to cancel, or no call in it.
            self._connection.sessions.discard(self)
            link.cancel()

    # ---- what the link does -------------------------------------------------------------------------

    def open_frame(self) -> bytes:
        """See `Carried`."""
        with self._lock:
            return self._ledger.open_frame()

    def left(self) -> None:
        """See `Carried`."""
        with self._lock:
            self._ledger.left()
            self._has_left = True

    def take_step(self) -> bytes | Step | None:
        """See `Carried`."""
        with self._lock:
            if self._writing or not self._has_left or self._half_closed:
                return None
            if self._ledger.is_over:
                return None  # What is cancelled must not look half-closed before.
            step: bytes | Step | None = self._ledger.next_frame(time.monotonic())
            if step is None and self._ledger.is_done_sending:
                step = Step.HALF_CLOSE
                self._half_closed = True
            self._writing = step is not None
            return step

    def taken(self) -> None:
        """See `Carried`."""
        with self._lock:
            self._writing = False

    def received(self, frame: bytes) -> bool:
        """See `Carried`."""
        with self._lock:
            settled = self._ledger.receive(frame, time.monotonic())
            over = self._ledger.is_over
            wake = not (over or self._writing or self._half_closed) and (
                self._ledger.has_frame or self._ledger.is_done_sending
            )
            if not over:
                self._watchdog.watch(self._ledger.next_check)
            link = self._link
        if wake and link is not None:
            link.wake()  # Before the callers hear of it: what waits was made before what they do next.
        self._tell_all(settled)
        return not over

    def ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> None:
        """See `Carried`."""
        with self._lock:
            settled = self._ledger.ended(code, message, trailers)
        self._tell_all(settled)

    def failed(self, error: BaseException) -> None:
        """See `Carried`."""
        self._break(client_fault(error))

    # ---- what the watchdog does ---------------------------------------------------------------------

    def _check(self) -> None:
        now = time.monotonic()
        with self._lock:
            self._watchdog.looked()
            late = self._ledger.has_not_left_by(now)
            settled = self._ledger.check(now)
            self._watchdog.watch(self._ledger.next_check)
            link = self._link
        self._tell_all(settled)
        if late and link is not None:
            self._break(
                open_overdue(
                    link.is_connected(),
                    self._connection.options.open_timeout,
                    len(self._connection.sessions) - 1,
                )
            )

    # ---- the telling --------------------------------------------------------------------------------

    def _break(self, cause: FailureCause) -> None:
        with self._lock:
            settled = self._ledger.break_by(cause)
        self._tell_all(settled)

    def _tell_all(self, settled: list[Settled]) -> None:
        """Tells callers what became of their calls and, if the stub has ended, whom that concerns."""
        with self._lock:
            self._untold += settled
            if self._telling or not (self._untold or self._ledger.is_over):
                return
            self._telling = True
        batch: deque[Settled] = deque()
        try:
            while self._next_untold(batch):
                while batch:
                    call, response, cause, fate = batch.popleft()
                    if cause is None:
                        call.target.succeed(response)
                    else:
                        call.target.fail(cause, fate)
        except (
            BaseException
        ):  # A callback on this very thread was interrupted. Others are told by the next one.
            with self._lock:
                self._untold.extendleft(reversed(batch))
                self._telling = False
            raise
        self._tell_end()

    def _next_untold(self, batch: deque[Settled]) -> bool:
        with self._lock:
            batch += self._untold
            self._untold.clear()
            self._telling = bool(batch)
            return self._telling

    def _tell_end(self) -> None:
        """The calls have been told. If the stub has ended, that is told once."""
        with self._lock:
            if not self._ledger.is_over or self._end_told or self._untold or self._telling:
                return
            self._end_told = True
            cause = self._ledger.cause
            link = self._link
            listeners = self._break_listeners
            self._break_listeners = []
            self._watchdog.rest()
        self._connection.sessions.discard(self)
        if link is not None:
            link.cancel()
        if cause is not None:
            for listener in listeners:
                _tell(listener, cause)
        self._end.set()

    def forked(self, cause: FailureCause) -> None:
        """In the child of a fork, which has the only thread. Whoever held a lock is gone, and callbacks are
        the parent's business.
        """
        self._lock = threading.Lock()
        self._break_listeners = []
        for call, _, _, fate in [*self._untold, *self._ledger.break_by(cause)]:
            call.target.forked(cause, fate)
        self._untold.clear()
        self._telling = False
        self._end_told = True
        self._end.set()


def _tell(listener: BreakListener, cause: FailureCause) -> None:
    try:
        listener(cause)
    except Exception:
        LOGGER.exception("a listener for the break of a stub failed")
