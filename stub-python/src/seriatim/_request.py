"""Turns what a caller gives to a generated stub into what an invocation carries."""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import grpc

from seriatim._backoff import BEING_MADE
from seriatim._failures import FailureCause, Fate
from seriatim._ledger import PendingCall
from seriatim._reasons import Reason

_KEY = re.compile(r"[0-9a-z_.-]+")
_PRINTABLE_ASCII = re.compile(r"[ -~]*")
_BINARY_SUFFIX = "-bin"
_RESERVED_PREFIXES = ("grpc-", "seriatim-")
_IDEMPOTENCY_KEY = "seriatim-idempotency-key"
_MOST_KEY_BYTES = 255
_LONGEST_TIMEOUT_SECONDS = 315_576_000_000  # That of google.protobuf.Duration.

Serializer = Callable[[Any], bytes] | None
Deserializer = Callable[[bytes], Any] | None
Pairs = Iterable[tuple[str, str | bytes]]


class Call(Protocol):
    """What a caller gets for a call, in either API."""

    def fail(self, cause: FailureCause, fate: Fate) -> None: ...


_C = TypeVar("_C", bound=Call)


class RefusedError(Exception):
    """The call can't be made on a stub; the cause says why."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.cause = FailureCause.of(Reason.CALL_REFUSED, code, message)


def method_name(method: str | bytes) -> str:
    """`package.Service/Method`, from the path that generated code gives to a channel."""
    return (method.decode() if isinstance(method, bytes) else method).removeprefix("/")


def refuse_streaming(method: str, kind: str) -> RefusedError:
    """A stub carries only unary methods."""
    return RefusedError(
        grpc.StatusCode.UNIMPLEMENTED, f"{method} is {kind}, and a stub carries only unary methods"
    )


def serialized(serializer: Callable[[Any], bytes] | None, request: Any) -> bytes:
    """The request as bytes."""
    try:
        argument = serializer(request) if serializer else request
    except Exception as e:
        raise RefusedError(
            grpc.StatusCode.INTERNAL, f"the request can't be serialized: {type(e).__name__}: {e}"
        ) from e
    if not isinstance(argument, bytes):
        raise RefusedError(
            grpc.StatusCode.INTERNAL,
            f"the request was serialized to {type(argument).__name__}, expected bytes",
        )
    return argument


def deadline(timeout: float | None, now: float) -> float | None:
    """The time on the clock of `now` when the timeout has run out."""
    if timeout is None:
        return None
    if math.isnan(timeout):
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "timeout is not a number")
    return now + max(0.0, timeout) if timeout < _LONGEST_TIMEOUT_SECONDS else None


def refuse_credentials(credentials: grpc.CallCredentials | None) -> None:
    """Credentials of one call would have to travel in its own HTTP request, and it has none."""
    if credentials is not None:
        raise RefusedError(
            grpc.StatusCode.UNIMPLEMENTED,
            "call credentials have no place on a stub: put them on the channel under it",
        )


def metadata_of(pairs: Pairs | None) -> dict[str, str]:
    """The metadata, as the contract wants it: text joined by commas, binary values in base64."""
    metadata: dict[str, str] = {}
    for key, value in pairs or ():
        if not _KEY.fullmatch(key):
            raise _bad_metadata(
                f"metadata key '{key}', expected digits, lower-case letters, '_', '-' and '.'"
            )
        if key.startswith(_RESERVED_PREFIXES) and key != _IDEMPOTENCY_KEY:
            raise _bad_metadata(f"metadata key '{key}' is reserved")
        if key in metadata and (key.endswith(_BINARY_SUFFIX) or key == _IDEMPOTENCY_KEY):
            raise _bad_metadata(f"metadata key '{key}' has several values, expected 1")
        if key.endswith(_BINARY_SUFFIX):
            if not isinstance(value, bytes):
                raise _bad_metadata(f"metadata value of '{key}' is {type(value).__name__}, expected bytes")
            metadata[key] = base64.b64encode(value).decode("ascii")
            continue
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if not _PRINTABLE_ASCII.fullmatch(text):
            raise _bad_metadata(f"metadata value of '{key}' is {text!r}, expected printable ASCII")
        if key == _IDEMPOTENCY_KEY and not 1 <= len(text) <= _MOST_KEY_BYTES:
            raise _bad_metadata(f"an idempotency key of {len(text)} bytes, expected 1 to {_MOST_KEY_BYTES}")
        metadata[key] = f"{metadata[key]},{text}" if key in metadata else text
    return metadata


def _bad_metadata(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


class UnaryMethod:
    """One method of an object, and where its calls go."""

    def __init__(
        self,
        submit: Callable[[PendingCall], None],
        path: str,
        serializer: Serializer,
        deserializer: Deserializer,
    ) -> None:
        self._submit = submit
        self._name = method_name(path)
        self._serializer = serializer
        self._deserializer = deserializer

    def call(
        self,
        make: Callable[[float | None], _C],
        request: Any,
        timeout: float | None,
        metadata: Pairs | None,
        credentials: grpc.CallCredentials | None,
    ) -> _C:
        """Makes a call with its deadline, and submits it. One that can't be made has failed already."""
        try:
            refuse_credentials(credentials)
            until = deadline(timeout, time.monotonic())
            if until is not None and (retried := BEING_MADE.get()) is not None:
                until = retried.bound(until)
            argument = serialized(self._serializer, request)
            pairs = metadata_of(metadata)
        except RefusedError as e:
            refused = make(None)
            refused.fail(e.cause, Fate.NOT_EXECUTED)
            return refused
        call = make(until)
        self._submit(PendingCall(self._name, argument, until, pairs, self._deserializer, call))
        return call
