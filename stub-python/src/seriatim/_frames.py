"""The frames of a stub: written from calls, and read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from seriatim._ids import is_hex
from seriatim.v1 import durable_objects_pb2 as wire

if TYPE_CHECKING:
    from seriatim._ledger import PendingCall

_NANOS_PER_SECOND = 1_000_000_000


class HostViolationError(Exception):
    """What the host sent breaks the contract. The call whose result can't be used, if there is one."""

    def __init__(self, message: str, unreadable: PendingCall | None = None) -> None:
        super().__init__(message)
        self.unreadable = unreadable


def request(open_: wire.Open | None, calls: Sequence[PendingCall], now: float) -> bytes:
    """A frame to the host, with `open` if it is the first."""
    frame = wire.ConnectRequest() if open_ is None else wire.ConnectRequest(open=open_)
    for call in calls:
        invocation = frame.invocations.add(sequence=call.sequence, method=call.method, message=call.argument)
        if call.deadline is not None:
            nanos = max(0, int((call.deadline - now) * _NANOS_PER_SECOND))
            # Set even if it is zero: then the time has run out.
            invocation.timeout.SetInParent()
            invocation.timeout.seconds, invocation.timeout.nanos = divmod(nanos, _NANOS_PER_SECOND)
        if call.metadata:
            invocation.metadata.update(call.metadata)
    return frame.SerializeToString()


def response(frame: bytes) -> wire.ConnectResponse:
    """A frame from the host."""
    try:
        return wire.ConnectResponse.FromString(frame)
    except DecodeError as e:
        raise HostViolationError(f"a frame doesn't parse: {e}") from e


def opens(first: wire.ConnectResponse, asked: wire.Open, expected_id: str | None) -> bool:
    """Whether the host's first frame opens the stub; if not, it breaks it."""
    if not first.HasField("opened"):
        if first.HasField("broken") and not first.outcomes:
            return False  # The stub could not be opened.
        raise HostViolationError("the first frame has no 'opened'")
    opened = first.opened
    if expected_id is not None and opened.id != expected_id:
        raise HostViolationError(f"opened object '{opened.id}', expected '{expected_id}'")
    if not is_hex(opened.id):
        raise HostViolationError(f"opened object '{opened.id}', expected 64 lower-case hex digits")
    if opened.HasField("name") and opened.name != asked.name:
        raise HostViolationError(f"opened name '{opened.name}', expected '{asked.name}'")
    return True


def result(outcome: wire.Outcome, call: PendingCall) -> Any:
    """The response in an outcome."""
    if outcome.WhichOneof("result") != "message":
        raise HostViolationError(f"outcome {outcome.sequence} has no 'message'", call)
    try:
        return call.parse(outcome.message) if call.parse else outcome.message
    except Exception as e:
        raise HostViolationError(
            f"outcome {outcome.sequence}: no response of {call.method}: {type(e).__name__}: {e}", call
        ) from e
