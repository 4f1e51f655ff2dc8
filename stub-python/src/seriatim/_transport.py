"""What both APIs share around the gRPC calls that a client makes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import grpc
from grpc import aio

from seriatim._failures import CallFailure, FailureCause, Fate
from seriatim._ids import DurableObjectId, DurableObjectIds
from seriatim._reasons import Reason
from seriatim.v1 import durable_objects_pb2 as wire

LOGGER = logging.getLogger("seriatim")

CONNECT_PATH = "/seriatim.v1.DurableObjects/Connect"
CONNECT_MANY_PATH = "/seriatim.v1.DurableObjects/ConnectMany"
DESCRIBE_NAMESPACE_PATH = "/seriatim.v1.DurableObjects/DescribeNamespace"

_TIMER_SLACK = 0.01
"""By how much the timers of host and client may differ, in seconds."""


class _Here(threading.local):
    is_ours = False


HERE = _Here()
"""Whether all stubs of a client, or of the process, need this thread now: it must not wait for them."""


def refuse_to_wait_here() -> None:
    """RuntimeError on such a thread."""
    if HERE.is_ours:
        raise RuntimeError(
            "a callback waits for a call or a stub: it runs on the thread that receives, "
            "and so would wait for ever"
        )


def call_back(callback: Callable[[], object]) -> None:
    """Runs what a caller wants to have run when a call is done."""
    try:
        callback()
    except Exception:
        LOGGER.exception("a callback of a call failed")


def open_by(namespace: str, name: str | None, object_id: DurableObjectId | None) -> wire.Open:
    """Chooses the object of a stub: by its name, if that is known, else by its id."""
    if name is not None:
        return wire.Open(namespace=namespace, name=name)
    return wire.Open(namespace=namespace, id=str(object_id))


def describe_request(namespace: str) -> bytes:
    """Asks for a namespace."""
    return wire.DescribeNamespaceRequest(name=namespace).SerializeToString()


def described_too_late(
    namespace: str, error: grpc.RpcError, asked: float, timeout: float
) -> grpc.RpcError | None:
    """What the asking has failed with, if that is its timeout, though gRPC says otherwise; else None.

    A host knows of the timeout too, and resets the call when it passes: sometimes before gRPC's own timer
    runs, which takes it for a cancellation then.

    :param asked: when, by `time.monotonic()`
    """
    if error.code() is not grpc.StatusCode.CANCELLED or time.monotonic() - asked < timeout - _TIMER_SLACK:
        return None
    return aio.AioRpcError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        aio.Metadata(),
        aio.Metadata(),
        details=f"the host did not describe namespace '{namespace}' within {timeout:g} s",
    )


def ids_of(namespace: str, client: object, response: bytes) -> DurableObjectIds:
    """The ids of the namespace that the host described."""
    try:
        description = wire.DescribeNamespaceResponse.FromString(response)
    except Exception as e:
        raise _wrong_description(f"a description of namespace '{namespace}' that doesn't parse") from e
    if description.name != namespace or not description.unique_key:
        raise _wrong_description(
            f"namespace '{description.name}' with unique key '{description.unique_key}', "
            f"expected namespace '{namespace}' and a key"
        )
    return DurableObjectIds(description.unique_key, namespace=namespace, client=client)


def _wrong_description(message: str) -> CallFailure:
    cause = FailureCause.of(Reason.HOST_VIOLATION, grpc.StatusCode.INTERNAL, f"the host described {message}")
    return CallFailure(cause, Fate.NOT_EXECUTED, 0)


def cannot_connect(error: Exception) -> FailureCause:
    """The stub's stream could not even be asked for, since the channel is closed, say."""
    return FailureCause.of(
        Reason.CONNECTION_LOST, grpc.StatusCode.UNAVAILABLE, f"can't open the stub's stream: {error}"
    )


def open_overdue(timeout: float, *, has_left: bool, connected: bool | None, others: int) -> FailureCause:
    """The host has not said in time that the stub is open. `connected` is None if nobody knows."""
    within = f"within {timeout:g} s"
    if has_left:
        return _not_open(f"the host has not opened the stub {within}")
    no_connection = f"there was no connection to the host {within}"
    if connected is False:
        return _not_open(no_connection)
    no_room = (
        f"the connection had no room for one more stub {within}: each open stub is a stream, and the other "
        "side allows no more of them at a time (HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS); "
        f"{others} stubs of this client are open"
    )
    if connected is None:
        return _not_open(f"{no_connection}; or {no_room}")
    return FailureCause.of(Reason.OPEN_OVERDUE, grpc.StatusCode.RESOURCE_EXHAUSTED, no_room, overloaded=True)


def _not_open(message: str) -> FailureCause:
    return FailureCause.of(Reason.OPEN_OVERDUE, grpc.StatusCode.UNAVAILABLE, message, retryable=True)


def client_fault(error: BaseException) -> FailureCause:
    """Something that should never happen."""
    return FailureCause.of(
        Reason.CLIENT_FAULT, grpc.StatusCode.INTERNAL, f"the client failed: {type(error).__name__}: {error}"
    )


def check_namespace_name(name: str) -> None:
    """ValueError if this can't be the name of a namespace."""
    if not name:
        raise ValueError("namespace is empty, expected a name")
