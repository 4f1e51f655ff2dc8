"""Carries a threaded stub, or a call that many share, on a channel of gRPC's own, driven by its events.

gRPC has one thread for a channel, which takes its events and calls whoever they are for. What gRPC makes of
that for its users needs two more threads for each stream, which look up ten times a second. So this goes
below, to what `grpc._channel` itself is made of. `event_link` says whether that is there, as this module
knows it; if it isn't, `_thread_link` does the same with what is public.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any, Protocol

import grpc
from grpc import _channel, _common
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from seriatim import _forks
from seriatim._link import Carried, Link, Step
from seriatim._transport import CONNECT_PATH, HERE, LOGGER

_ops: Any = cygrpc
_CODES: Any = _common.CYGRPC_STATUS_CODE_TO_STATUS_CODE
_CANCELLED: Any = _ops.StatusCode.cancelled
_SPIN: Any = getattr(_channel, "_run_channel_spin_thread", None)
_PATIENT: Any = (
    _ops.InitialMetadataFlags.wait_for_ready | _ops.InitialMetadataFlags.wait_for_ready_explicitly_set
)
_READY: Any = _ops.ConnectivityState.ready


class _Event(Protocol):
    batch_operations: Any
    success: bool


def event_link(channel: grpc.Channel, session: Carried, path: str = CONNECT_PATH) -> Link | None:
    """A link on this channel; None if it isn't gRPC's own, as this module knows it."""
    if type(channel) is not _channel.Channel or not _KNOWN:
        return None
    return EventLink(channel, session, path)


def _is_known() -> bool:
    create: Any = getattr(_channel, "_channel_managed_call_management", None)
    try:
        parameters = [*inspect.signature(create(None)).parameters]
        call_state = _channel._ChannelCallState
    except Exception:
        return False
    return (
        parameters
        == [
            "flags",
            "method",
            "host",
            "deadline",
            "metadata",
            "credentials",
            "operations",
            "event_handler",
            "context",
            "_registered_call_handle",
        ]
        and callable(_SPIN)
        and {"channel", "managed_calls"} <= set(call_state.__annotations__)
    )


_KNOWN = _is_known()


class EventLink(Link):
    """One gRPC call. Events come on the channel's thread, one at a time; steps are taken by whoever wakes
    it.
    """

    def __init__(self, channel: Any, session: Carried, path: str) -> None:
        self._channel = channel  # gRPC closes one that nobody has.
        self._session = session
        self._path = path
        self._status: Any = None  # Only for the channel's thread.
        self._orphan = False
        # Guards all below, and is held while operations begin: no event is handled before they are counted.
        self._lock = threading.Lock()
        self._call: Any = None
        self._due = 0  # Batches of operations under way.

    def start(self) -> None:
        """See `Link`."""
        state = self._channel._call_state
        headers, message = _ops.ReceiveInitialMetadataOperation(0), _ops.ReceiveMessageOperation(0)
        begin = (
            ((_ops.SendInitialMetadataOperation(None, _PATIENT if self.patient else 0),), self._on_left),
            ((_ops.ReceiveStatusOnClientOperation(0),), self._on_status),
            *(
                (((headers,), self._on_answered), ((message,), self._on_message))
                if self._session.awaits_answer
                else (((headers, message), self._on_message),)
            ),
        )
        with _forks.GATE, state.lock, self._lock:
            self._call = state.channel.integrated_call(
                _ops.PropagationConstants.GRPC_PROPAGATE_DEFAULTS,
                self._path.encode(),
                None,
                None,
                None,
                None,
                begin,
                _ops.build_census_context(),
                None,
            )
            self._due = len(begin)
            if state.managed_calls == 0:
                try:
                    _SPIN(state)
                except BaseException:  # There can be no thread, and gRPC must not think that there is one.
                    _ops.enter_user_request_generator()  # Which counts one thread less: a fork waits for all.
                    self._orphan = True
                    self._call.cancel(_CANCELLED, "no thread")
                    raise
            state.managed_calls += 1

    def wake(self) -> None:
        """See `Link`."""
        with _forks.GATE:
            self._take(self._session.take_step())

    def cancel(self) -> None:
        """See `Link`."""
        with _forks.GATE, self._lock:
            if self._call is not None:
                self._call.cancel(_CANCELLED, "the stub has ended")

    def is_connected(self) -> bool | None:
        """See `Link`."""
        try:
            return bool(self._channel._channel.check_connectivity_state(False) == _READY)
        except ValueError:  # Closed.
            return False

    def _take(self, step: bytes | Step | None) -> None:
        if step is not None:
            operation = (
                _ops.SendCloseFromClientOperation(0)
                if step is Step.HALF_CLOSE
                else _ops.SendMessageOperation(step, 0)
            )
            if not self._operate(operation, self._on_taken):
                self._session.taken(more=False)  # The call has ended, and its status says how.

    def _operate(self, operation: Any, handler: Callable[[_Event], bool]) -> bool:
        with self._lock:
            begun = bool(self._call.operate((operation,), handler))
            self._due += begun
            return begun

    # ---- on the channel's thread --------------------------------------------------------------------

    def _on_left(self, event: _Event) -> bool:
        return self._handle(self._has_left, event)

    def _on_answered(self, event: _Event) -> bool:
        return self._handle(self._has_answered, event)

    def _on_taken(self, event: _Event) -> bool:
        return self._handle(self._has_taken, event)

    def _on_message(self, event: _Event) -> bool:
        return self._handle(self._has_message, event)

    def _on_status(self, event: _Event) -> bool:
        return self._handle(self._has_status, event)

    def _handle(self, handler: Callable[[_Event], None], event: _Event) -> bool:
        """True if nothing is under way any more: gRPC then counts the call as done. Nothing may be raised
        here, since that would end the thread that all calls of the channel share.
        """
        over = False
        was_ours, HERE.is_ours = HERE.is_ours, True
        try:
            try:
                handler(event)
            finally:
                with self._lock:
                    self._due -= 1
                    over = self._due == 0
            if over:
                code = _CODES.get(self._status.code(), grpc.StatusCode.UNKNOWN)
                words = self._status.details() or self._status.error_string() or ""
                self._session.connection_ended(code, words, self._status.trailing_metadata() or ())
        except BaseException as e:
            LOGGER.exception("a stub's link failed")
            self._session.failed(e)
        finally:  # In the child of a fork, gRPC has its only thread come by here.
            HERE.is_ours = was_ours
        return over and not self._orphan

    def _has_left(self, event: _Event) -> None:
        if event.success:
            self._session.left()
            self._take(self._session.take_step())

    def _has_answered(self, event: _Event) -> None:
        if event.success:
            self._session.answered()

    def _has_taken(self, event: _Event) -> None:
        self._take(self._session.taken(more=event.success))

    def _has_message(self, event: _Event) -> None:
        frame = event.batch_operations[-1].message()
        if frame is not None:
            self._operate(_ops.ReceiveMessageOperation(0), self._on_message)
            self._session.received(frame)

    def _has_status(self, event: _Event) -> None:
        self._status = event.batch_operations[0]
