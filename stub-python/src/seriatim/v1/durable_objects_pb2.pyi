import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.rpc import error_details_pb2 as _error_details_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConnectRequest(_message.Message):
    __slots__ = ("open", "invocations", "acknowledged_through")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    open: Open
    invocations: _containers.RepeatedCompositeFieldContainer[Invocation]
    acknowledged_through: int
    def __init__(self, open: _Optional[_Union[Open, _Mapping]] = ..., invocations: _Optional[_Iterable[_Union[Invocation, _Mapping]]] = ..., acknowledged_through: _Optional[int] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("namespace", "name", "id", "unique", "session")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    id: str
    unique: bool
    session: Session
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ..., unique: _Optional[bool] = ..., session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("id", "connection", "answered_through", "unanswered_for")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    UNANSWERED_FOR_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    connection: int
    answered_through: int
    unanswered_for: _duration_pb2.Duration
    def __init__(self, id: _Optional[bytes] = ..., connection: _Optional[int] = ..., answered_through: _Optional[int] = ..., unanswered_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Invocation(_message.Message):
    __slots__ = ("sequence", "method", "message", "json", "timeout", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    method: str
    message: bytes
    json: _struct_pb2.Value
    timeout: _duration_pb2.Duration
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, sequence: _Optional[int] = ..., method: _Optional[str] = ..., message: _Optional[bytes] = ..., json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("opened", "outcomes", "broken")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    BROKEN_FIELD_NUMBER: _ClassVar[int]
    opened: Opened
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    broken: Broken
    def __init__(self, opened: _Optional[_Union[Opened, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ..., broken: _Optional[_Union[Broken, _Mapping]] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("id", "name", "route", "session")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    route: Route
    session: OpenedSession
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., route: _Optional[_Union[Route, _Mapping]] = ..., session: _Optional[_Union[OpenedSession, _Mapping]] = ...) -> None: ...

class OpenedSession(_message.Message):
    __slots__ = ("completed_through", "retention")
    COMPLETED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    completed_through: int
    retention: _duration_pb2.Duration
    def __init__(self, completed_through: _Optional[int] = ..., retention: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Route(_message.Message):
    __slots__ = ("address", "prefix_bits")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_BITS_FIELD_NUMBER: _ClassVar[int]
    address: str
    prefix_bits: int
    def __init__(self, address: _Optional[str] = ..., prefix_bits: _Optional[int] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("sequence", "message", "json")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    message: bytes
    json: _struct_pb2.Value
    def __init__(self, sequence: _Optional[int] = ..., message: _Optional[bytes] = ..., json: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class Broken(_message.Message):
    __slots__ = ("cause", "completed_through", "failed_sequence", "retryable", "overloaded", "remote")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    FAILED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    OVERLOADED_FIELD_NUMBER: _ClassVar[int]
    REMOTE_FIELD_NUMBER: _ClassVar[int]
    cause: _status_pb2.Status
    completed_through: int
    failed_sequence: int
    retryable: bool
    overloaded: bool
    remote: bool
    def __init__(self, cause: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., completed_through: _Optional[int] = ..., failed_sequence: _Optional[int] = ..., retryable: _Optional[bool] = ..., overloaded: _Optional[bool] = ..., remote: _Optional[bool] = ...) -> None: ...

class ConnectManyRequest(_message.Message):
    __slots__ = ("lanes",)
    LANES_FIELD_NUMBER: _ClassVar[int]
    lanes: _containers.RepeatedCompositeFieldContainer[LaneRequest]
    def __init__(self, lanes: _Optional[_Iterable[_Union[LaneRequest, _Mapping]]] = ...) -> None: ...

class LaneRequest(_message.Message):
    __slots__ = ("lane", "frame", "half_close", "cancel", "more_bytes")
    LANE_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    HALF_CLOSE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    MORE_BYTES_FIELD_NUMBER: _ClassVar[int]
    lane: int
    frame: ConnectRequest
    half_close: bool
    cancel: bool
    more_bytes: int
    def __init__(self, lane: _Optional[int] = ..., frame: _Optional[_Union[ConnectRequest, _Mapping]] = ..., half_close: _Optional[bool] = ..., cancel: _Optional[bool] = ..., more_bytes: _Optional[int] = ...) -> None: ...

class ConnectManyResponse(_message.Message):
    __slots__ = ("lanes",)
    LANES_FIELD_NUMBER: _ClassVar[int]
    lanes: _containers.RepeatedCompositeFieldContainer[LaneResponse]
    def __init__(self, lanes: _Optional[_Iterable[_Union[LaneResponse, _Mapping]]] = ...) -> None: ...

class LaneResponse(_message.Message):
    __slots__ = ("lane", "frame", "end")
    LANE_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    lane: int
    frame: ConnectResponse
    end: _status_pb2.Status
    def __init__(self, lane: _Optional[int] = ..., frame: _Optional[_Union[ConnectResponse, _Mapping]] = ..., end: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class DescribeNamespaceRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DescribeNamespaceResponse(_message.Message):
    __slots__ = ("name", "unique_key", "service", "methods")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_KEY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    name: str
    unique_key: str
    service: str
    methods: _containers.RepeatedCompositeFieldContainer[Method]
    def __init__(self, name: _Optional[str] = ..., unique_key: _Optional[str] = ..., service: _Optional[str] = ..., methods: _Optional[_Iterable[_Union[Method, _Mapping]]] = ...) -> None: ...

class Method(_message.Message):
    __slots__ = ("name", "request_type", "response_type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_type: str
    response_type: str
    def __init__(self, name: _Optional[str] = ..., request_type: _Optional[str] = ..., response_type: _Optional[str] = ...) -> None: ...

class ListNamespacesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNamespacesResponse(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...
