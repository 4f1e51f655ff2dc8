"""A resumable stub behind its face, in both APIs: a session with one link after another."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

import grpc

from seriatim._failures import FailureCause
from seriatim._ids import DurableObjectId
from seriatim._link import Link, OnLane, Step
from seriatim._resumable_ledger import ResumableLedger
from seriatim._session import Session
from seriatim._transport import cannot_connect, client_fault
from seriatim.v1 import durable_objects_pb2 as wire

_ID_BYTES = 16


class ResumableSession(Session):
    """A session whose link is replaced when it is lost, as the ledger says.

    The first one begins where the stub's first call is made, the others where the watchdog looks.
    """

    _ledger: ResumableLedger

    def _make_ledger(self, open_: wire.Open, expected_id: DurableObjectId | None) -> ResumableLedger:
        options = self._connection.options
        return ResumableLedger(options, open_, expected_id, secrets.token_bytes(_ID_BYTES))

    @property
    def is_resumable(self) -> bool:  # type: ignore[override]
        """See `Session`."""
        return self._ledger.is_resumable

    # ---- connections --------------------------------------------------------------------------------

    def _open_link(self) -> Link:
        with self._lock:
            self._current = _Attachment(self)
        link = super()._open_link()
        # It is there as soon as the host is, however long the pauses between attempts have become.
        link.patient = self._ledger.loss is not None
        return link

    def _cannot_open(self, error: Exception) -> None:
        cause = cannot_connect(error)
        if self._route is not None and self._route.is_elsewhere:
            self._lose(cause)
        else:
            self.break_with(cause)

    def _not_open(self, cause: FailureCause) -> None:
        self._lose(self._ledger.loss or cause)  # What the loss was says more than that it lasts.

    def _lose(self, cause: FailureCause) -> None:
        with self._lock:
            settled = self._ledger.lose(cause)
        self._look_for_loss()
        self._tell_all(settled)

    def _look_for_loss(self) -> None:
        with self._lock:
            cause = self._ledger.loss
            if self._current is None or not self._ledger.is_lost or cause is None:
                return
            link, self._link = self._link, None
            self._current = None
            self._has_left = self._half_closed = self._writing = False
            self._delivery.begin_again()
        route = self._route
        if route is not None:
            route.learn(None, cause)
        if link is not None:
            link.broke(cause)
            link.cancel()
        if route is not None:
            route.ended()
            self._route = route.again()
        with self._lock:  # Only now someone may look for the next connection.
            self._ledger.suspend(time.monotonic())
            settled = self._ledger.give_up() if self._connection.is_closed else []
            self._watchdog.watch(self._ledger.next_check)
        self._tell_all(settled)

    def client_closed(self) -> None:
        """See `Session`."""
        with self._lock:
            settled = self._ledger.give_up()
        self._tell_all(settled)

    # ---- what the links do, each by its attachment --------------------------------------------------

    def ended_by(
        self,
        by: OnLane,
        code: grpc.StatusCode,
        message: str,
        trailers: Iterable[tuple[str, str | bytes]],
    ) -> None:
        """A link has ended."""
        with self._lock:
            if by is not self._current:
                return
            settled = self._ledger.connection_ended(code, message, trailers)
        self._look_for_loss()
        self._tell_all(settled)

    def broken_by(self, by: OnLane, cause: FailureCause) -> None:
        """A link can't go on, and another one would do no better."""
        with self._lock:
            settled = self._ledger.break_with(cause) if by is self._current else []
        self._tell_all(settled)

    # ---- what the watchdog does ---------------------------------------------------------------------

    def _check(self) -> None:
        super()._check()
        self._look_for_loss()
        with self._lock:
            due = self._ledger.is_due(time.monotonic())
        if due:
            try:
                link = self._open_link()
            except Exception as e:
                self._cannot_open(e)
                return
            self._start(link)

    def _ended(self) -> None:
        super()._ended()
        self._current = None  # It knows the session.


class _Attachment(OnLane):
    """One connection of a resumable stub, as its link knows it. When it is lost, nothing is taken from it any
    more, and nothing given.
    """

    def __init__(self, session: ResumableSession) -> None:
        self._session = session

    def open_frame(self) -> bytes:
        return self._session.open_frame(self)

    def left(self) -> None:
        self._session.left(self)

    def take_step(self) -> bytes | Step | None:
        return self._session.take_step(self)

    def taken(self, more: bool = True) -> bytes | Step | None:
        return self._session.taken(more, self)

    def cut(self, room: int | None) -> tuple[bytes | Step | None, bool]:
        return self._session.cut(room, self)

    def fall_back(self) -> None:
        self._session.fall_back(self)

    def received(self, frame: bytes) -> bool:
        return self._session.received(frame, self)

    def connection_ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> None:
        self._session.ended_by(self, code, message, trailers)

    def failed(self, error: BaseException) -> None:
        self._session.broken_by(self, client_fault(error))

    def break_with(self, cause: FailureCause) -> None:
        self._session.broken_by(self, cause)
