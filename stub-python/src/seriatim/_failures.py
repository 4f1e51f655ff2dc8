"""What a caller learns about a call that failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from seriatim._reasons import Reason
from seriatim.v1 import durable_objects_pb2 as wire

_DOMAIN = "seriatim.dev"
DETAILS_KEY = "grpc-status-details-bin"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LOST_FOR_A_WHILE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)


class Fate(Enum):
    """What a caller knows about the effect of a call that failed."""

    COMPLETED = "COMPLETED"
    """The call was executed and its effect is durable, but its result can't be read."""

    NOT_EXECUTED = "NOT_EXECUTED"
    """The call had no effect: it was never sent, or the host said that it never started or was undone.

    It is safe to make it again.
    """

    UNKNOWN = "UNKNOWN"
    """The call was sent and then given up, or lost with the connection.

    It may or may not have been executed, or may still be.
    """


@dataclass(frozen=True, slots=True)
class FailureCause:
    """Why a stub broke, or why a single call failed without breaking it.

    Go by `retryable` and `overloaded` rather than by `reason`: a newer host may give reasons that this
    client doesn't know.
    """

    reason: str
    """One of `Reason`, another one that a newer host gave, or "" if the host gave none."""

    code: grpc.StatusCode
    """The status code; never `OK`."""

    message: str
    """What happened, in words, as it was told."""

    retryable: bool = False
    """Whether a new stub may well succeed with the same calls, a little later."""

    overloaded: bool = False
    """Whether there was too much to do: never try again at once, and send less."""

    remote: bool = False
    """Whether the object's own code failed, rather than Seriatim or the way there."""

    failed_sequence: int = 0
    """The number of the invocation that is to blame, or 0 if no one invocation is."""

    status: status_pb2.Status = field(default_factory=status_pb2.Status, repr=False)
    """Code, message and details, as the host gave them. Not to be changed."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the host added to its reason. Often empty.

        With `OBJECT_EXCEPTION` the object's own `ErrorInfo` is under `object.reason`, `object.domain`
        and `object.metadata.KEY`.
        """
        info = _error_info(self.status)
        return MappingProxyType(dict(info.metadata) if info else {})

    def __str__(self) -> str:
        return " ".join(filter(None, (self.code.name, self.reason))) + ": " + self.message

    @classmethod
    def of(
        cls,
        reason: Reason,
        code: grpc.StatusCode,
        message: str,
        *,
        retryable: bool = False,
        overloaded: bool = False,
        failed_sequence: int = 0,
    ) -> FailureCause:
        """A cause that this client found by itself."""
        return cls(
            reason=reason.value,
            code=code,
            message=message,
            retryable=retryable,
            overloaded=overloaded,
            failed_sequence=failed_sequence,
            status=status_pb2.Status(code=code.value[0], message=message),
        )

    @classmethod
    def told(cls, broken: wire.Broken) -> FailureCause:
        """The cause that a host told in its last frame."""
        code = code_of(broken.cause)
        status = status_pb2.Status()
        status.CopyFrom(broken.cause)
        status.code = code.value[0]
        info = _error_info(status)
        return cls(
            reason=info.reason if info else "",
            code=code,
            message=status.message,
            retryable=broken.retryable,
            overloaded=broken.overloaded,
            remote=broken.remote,
            failed_sequence=broken.failed_sequence,
            status=status,
        )

    @classmethod
    def connection_lost(
        cls, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> FailureCause:
        """The connection ended with this status, and without the host's last frame."""
        if code is grpc.StatusCode.OK:
            return cls.of(
                Reason.CONNECTION_LOST,
                grpc.StatusCode.UNAVAILABLE,
                "the host ended the stub's call",
                retryable=True,
            )
        message = _explained(message or "the connection was lost")
        status = _details(trailers, code)
        status.code = code.value[0]
        status.message = message
        return cls(
            reason=Reason.CONNECTION_LOST.value,
            code=code,
            message=message,
            retryable=code in _LOST_FOR_A_WHILE,
            overloaded=code is grpc.StatusCode.RESOURCE_EXHAUSTED,
            status=status,
        )


def code_of(status: status_pb2.Status) -> grpc.StatusCode:
    """The code of a status; UNKNOWN for one that gRPC doesn't know."""
    return _CODES.get(status.code, grpc.StatusCode.UNKNOWN)


_CERTIFICATE_REFUSED = re.compile(r"_ALERT_\w*(CERTIFICATE|UNKNOWN_CA)")


def _explained(message: str) -> str:
    """What TLS says in words of its own."""
    if "WRONG_VERSION_NUMBER" in message:
        return f"the host doesn't speak TLS: {message}"
    if _CERTIFICATE_REFUSED.search(message):
        return f"the host wants another certificate of the client, or one at all: {message}"
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return f"the host's certificate isn't trusted: {message}"
    return message


class CallFailure(aio.AioRpcError):
    """A call on a stub failed: why, and whether it had an effect.

    Every call that fails on a stub raises this, in both the threaded and the asyncio API. It is a
    `grpc.RpcError`, with `code()`, `details()` and `trailing_metadata()`; it is also a
    `grpc.aio.AioRpcError`, whichever API raised it. The details of the host's `google.rpc.Status` are
    where gRPC puts them, so `grpc_status.rpc_status.from_call(failure)` gives them.

        try:
            counter.Increment(request)
        except seriatim.CallFailure as failure:
            if failure.fate is seriatim.Fate.NOT_EXECUTED and failure.retryable: ...
    """

    __module__ = "seriatim"

    def __init__(self, cause: FailureCause, fate: Fate, sequence: int) -> None:
        trailers = aio.Metadata()
        if cause.status.details:
            trailers.add(DETAILS_KEY, cause.status.SerializeToString())
        super().__init__(
            cause.code,
            aio.Metadata(),
            trailers,
            details=_text(cause, fate, sequence),
            debug_error_string=str(cause),
        )
        self._cause = cause
        self._fate = fate
        self._sequence = sequence

    @property
    def cause(self) -> FailureCause:
        """Why the call failed; the same for all calls that failed with one stub."""
        return self._cause

    @property
    def fate(self) -> Fate:
        """Whether this call had an effect."""
        return self._fate

    @property
    def sequence(self) -> int:
        """The number of this call in its stub, or 0 if it failed before it got one."""
        return self._sequence

    @property
    def reason(self) -> str:
        """See `FailureCause.reason`."""
        return self._cause.reason

    @property
    def message(self) -> str:
        """See `FailureCause.message`. `details()` also says the reason, the number and the fate."""
        return self._cause.message

    @property
    def retryable(self) -> bool:
        """See `FailureCause.retryable`."""
        return self._cause.retryable

    @property
    def overloaded(self) -> bool:
        """See `FailureCause.overloaded`."""
        return self._cause.overloaded

    @property
    def remote(self) -> bool:
        """See `FailureCause.remote`."""
        return self._cause.remote

    @property
    def failed_sequence(self) -> int:
        """See `FailureCause.failed_sequence`."""
        return self._cause.failed_sequence

    def __str__(self) -> str:
        return f"{self._cause.code.name}: {self.details()}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._cause, self._fate, self._sequence)


def _text(cause: FailureCause, fate: Fate, sequence: int) -> str:
    """What whoever prints the failure reads. The same in every language."""
    call = f", call {sequence}" if sequence else ""
    if sequence and 0 < cause.failed_sequence < sequence:
        call += f" behind {cause.failed_sequence}"
    return f"{cause.message} [{cause.reason or 'no reason'}{call}, {fate.value}]"


def cancelled(message: str) -> FailureCause:
    """The caller gave up a call; the stub goes on."""
    return FailureCause.of(Reason.CALL_CANCELLED, grpc.StatusCode.CANCELLED, message)


def _details(trailers: Iterable[tuple[str, str | bytes]], code: grpc.StatusCode) -> status_pb2.Status:
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:  # Details that don't parse tell nothing.
                break
            if status.code == code.value[0]:
                return status
            break
    return status_pb2.Status()


def _error_info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo | None:
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        try:
            if not detail.Unpack(info):
                continue
        except DecodeError:  # A detail that doesn't parse tells nothing.
            continue
        if info.domain == _DOMAIN:
            return info
    return None
