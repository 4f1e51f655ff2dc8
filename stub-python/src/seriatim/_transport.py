"""What both APIs share around the gRPC calls that a client makes."""

from __future__ import annotations

import logging

import grpc

from seriatim._failures import CallFailure, FailureCause, Fate
from seriatim._ids import DurableObjectId, DurableObjectIds
from seriatim._reasons import Reason
from seriatim.v1 import durable_objects_pb2 as wire

LOGGER = logging.getLogger("seriatim")

CONNECT_PATH = "/seriatim.v1.DurableObjects/Connect"
DESCRIBE_NAMESPACE_PATH = "/seriatim.v1.DurableObjects/DescribeNamespace"


def open_by(namespace: str, name: str | None, object_id: DurableObjectId | None) -> wire.Open:
    """Chooses the object of a stub: by its name, if that is known, else by its id."""
    if name is not None:
        return wire.Open(namespace=namespace, name=name)
    return wire.Open(namespace=namespace, id=str(object_id))


def describe_request(namespace: str) -> bytes:
    """Asks for a namespace."""
    return wire.DescribeNamespaceRequest(name=namespace).SerializeToString()


def ids_of(namespace: str, response: bytes) -> DurableObjectIds:
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
    return DurableObjectIds(description.unique_key)


def _wrong_description(message: str) -> CallFailure:
    cause = FailureCause.of(Reason.HOST_VIOLATION, grpc.StatusCode.INTERNAL, f"the host described {message}")
    return CallFailure(cause, Fate.NOT_EXECUTED, 0)


def cannot_connect(error: Exception) -> FailureCause:
    """The stub's stream could not even be asked for, since the channel is closed, say."""
    return FailureCause.of(
        Reason.CONNECTION_LOST, grpc.StatusCode.UNAVAILABLE, f"can't open the stub's stream: {error}"
    )


def client_fault(error: BaseException) -> FailureCause:
    """Something that should never happen."""
    return FailureCause.of(
        Reason.CLIENT_FAULT, grpc.StatusCode.INTERNAL, f"the client failed: {type(error).__name__}: {error}"
    )


def check_namespace_name(name: str) -> None:
    """ValueError if this can't be the name of a namespace."""
    if not name:
        raise ValueError("namespace is empty, expected a name")
