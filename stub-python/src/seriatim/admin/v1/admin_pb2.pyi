import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IfExists(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IF_EXISTS_UNSPECIFIED: _ClassVar[IfExists]
    IF_EXISTS_FAIL: _ClassVar[IfExists]
    IF_EXISTS_SKIP: _ClassVar[IfExists]
    IF_EXISTS_REPLACE: _ClassVar[IfExists]
IF_EXISTS_UNSPECIFIED: IfExists
IF_EXISTS_FAIL: IfExists
IF_EXISTS_SKIP: IfExists
IF_EXISTS_REPLACE: IfExists

class ObjectName(_message.Message):
    __slots__ = ("namespace", "name", "id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    id: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class GetHostRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class GetHostResponse(_message.Message):
    __slots__ = ("version", "commit", "started", "host", "store", "serving", "draining", "options", "stubs", "live_objects", "memory", "slots", "hosts", "lease_left")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class MemoryEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    STUBS_FIELD_NUMBER: _ClassVar[int]
    LIVE_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    LEASE_LEFT_FIELD_NUMBER: _ClassVar[int]
    version: str
    commit: str
    started: _timestamp_pb2.Timestamp
    host: str
    store: str
    serving: bool
    draining: bool
    options: _containers.ScalarMap[str, str]
    stubs: int
    live_objects: int
    memory: _containers.ScalarMap[str, int]
    slots: int
    hosts: _containers.RepeatedScalarFieldContainer[str]
    lease_left: _duration_pb2.Duration
    def __init__(self, version: _Optional[str] = ..., commit: _Optional[str] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., host: _Optional[str] = ..., store: _Optional[str] = ..., serving: _Optional[bool] = ..., draining: _Optional[bool] = ..., options: _Optional[_Mapping[str, str]] = ..., stubs: _Optional[int] = ..., live_objects: _Optional[int] = ..., memory: _Optional[_Mapping[str, int]] = ..., slots: _Optional[int] = ..., hosts: _Optional[_Iterable[str]] = ..., lease_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListNamespacesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNamespacesResponse(_message.Message):
    __slots__ = ("namespaces",)
    NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    namespaces: _containers.RepeatedCompositeFieldContainer[Namespace]
    def __init__(self, namespaces: _Optional[_Iterable[_Union[Namespace, _Mapping]]] = ...) -> None: ...

class Namespace(_message.Message):
    __slots__ = ("name", "served", "service", "methods", "stored_objects", "live_objects")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVED_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    STORED_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    LIVE_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    served: bool
    service: str
    methods: _containers.RepeatedCompositeFieldContainer[Method]
    stored_objects: int
    live_objects: int
    def __init__(self, name: _Optional[str] = ..., served: _Optional[bool] = ..., service: _Optional[str] = ..., methods: _Optional[_Iterable[_Union[Method, _Mapping]]] = ..., stored_objects: _Optional[int] = ..., live_objects: _Optional[int] = ...) -> None: ...

class Method(_message.Message):
    __slots__ = ("name", "request_type", "response_type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_type: str
    response_type: str
    def __init__(self, name: _Optional[str] = ..., request_type: _Optional[str] = ..., response_type: _Optional[str] = ...) -> None: ...

class ListObjectsRequest(_message.Message):
    __slots__ = ("namespace", "name_prefix", "live", "alarm", "page_size", "page_token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    ALARM_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name_prefix: str
    live: bool
    alarm: bool
    page_size: int
    page_token: str
    def __init__(self, namespace: _Optional[str] = ..., name_prefix: _Optional[str] = ..., live: _Optional[bool] = ..., alarm: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListObjectsResponse(_message.Message):
    __slots__ = ("objects", "next_page_token")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[ObjectSummary]
    next_page_token: str
    def __init__(self, objects: _Optional[_Iterable[_Union[ObjectSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ObjectSummary(_message.Message):
    __slots__ = ("namespace", "name", "id", "stored", "live", "alarm")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    ALARM_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    id: str
    stored: bool
    live: bool
    alarm: _timestamp_pb2.Timestamp
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ..., stored: _Optional[bool] = ..., live: _Optional[bool] = ..., alarm: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetObjectRequest(_message.Message):
    __slots__ = ("object",)
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ...) -> None: ...

class GetObjectResponse(_message.Message):
    __slots__ = ("object", "entries", "bytes", "alarm_retries", "alarm_given_up", "live", "host")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ALARM_RETRIES_FIELD_NUMBER: _ClassVar[int]
    ALARM_GIVEN_UP_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    object: ObjectSummary
    entries: int
    bytes: int
    alarm_retries: int
    alarm_given_up: bool
    live: LiveObject
    host: str
    def __init__(self, object: _Optional[_Union[ObjectSummary, _Mapping]] = ..., entries: _Optional[int] = ..., bytes: _Optional[int] = ..., alarm_retries: _Optional[int] = ..., alarm_given_up: _Optional[bool] = ..., live: _Optional[_Union[LiveObject, _Mapping]] = ..., host: _Optional[str] = ...) -> None: ...

class LiveObject(_message.Message):
    __slots__ = ("instance_since", "running_method", "running_for", "queued", "queued_bytes", "pending_commits", "stubs", "open_stubs", "last_break")
    INSTANCE_SINCE_FIELD_NUMBER: _ClassVar[int]
    RUNNING_METHOD_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FOR_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    QUEUED_BYTES_FIELD_NUMBER: _ClassVar[int]
    PENDING_COMMITS_FIELD_NUMBER: _ClassVar[int]
    STUBS_FIELD_NUMBER: _ClassVar[int]
    OPEN_STUBS_FIELD_NUMBER: _ClassVar[int]
    LAST_BREAK_FIELD_NUMBER: _ClassVar[int]
    instance_since: _timestamp_pb2.Timestamp
    running_method: str
    running_for: _duration_pb2.Duration
    queued: int
    queued_bytes: int
    pending_commits: int
    stubs: _containers.RepeatedCompositeFieldContainer[OpenStub]
    open_stubs: int
    last_break: LastBreak
    def __init__(self, instance_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., running_method: _Optional[str] = ..., running_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., queued: _Optional[int] = ..., queued_bytes: _Optional[int] = ..., pending_commits: _Optional[int] = ..., stubs: _Optional[_Iterable[_Union[OpenStub, _Mapping]]] = ..., open_stubs: _Optional[int] = ..., last_break: _Optional[_Union[LastBreak, _Mapping]] = ...) -> None: ...

class OpenStub(_message.Message):
    __slots__ = ("peer", "caller", "received_through", "answered_through")
    PEER_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    peer: str
    caller: str
    received_through: int
    answered_through: int
    def __init__(self, peer: _Optional[str] = ..., caller: _Optional[str] = ..., received_through: _Optional[int] = ..., answered_through: _Optional[int] = ...) -> None: ...

class LastBreak(_message.Message):
    __slots__ = ("time", "reason", "message", "method")
    TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    reason: str
    message: str
    method: str
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., method: _Optional[str] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("object", "prefix", "start_after", "limit")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    START_AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    prefix: str
    start_after: str
    limit: int
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ..., prefix: _Optional[str] = ..., start_after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("entries", "more")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    more: bool
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("key", "value", "type", "text")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    type: str
    text: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ..., type: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class EditEntriesRequest(_message.Message):
    __slots__ = ("object", "conditions", "puts", "deletes", "set_alarm", "delete_alarm")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    PUTS_FIELD_NUMBER: _ClassVar[int]
    DELETES_FIELD_NUMBER: _ClassVar[int]
    SET_ALARM_FIELD_NUMBER: _ClassVar[int]
    DELETE_ALARM_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    puts: _containers.RepeatedCompositeFieldContainer[Put]
    deletes: _containers.RepeatedScalarFieldContainer[str]
    set_alarm: _timestamp_pb2.Timestamp
    delete_alarm: bool
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., puts: _Optional[_Iterable[_Union[Put, _Mapping]]] = ..., deletes: _Optional[_Iterable[str]] = ..., set_alarm: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delete_alarm: _Optional[bool] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class Put(_message.Message):
    __slots__ = ("key", "value", "json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    json: JsonValue
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ..., json: _Optional[_Union[JsonValue, _Mapping]] = ...) -> None: ...

class JsonValue(_message.Message):
    __slots__ = ("type", "json")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    type: str
    json: str
    def __init__(self, type: _Optional[str] = ..., json: _Optional[str] = ...) -> None: ...

class EditEntriesResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunAlarmRequest(_message.Message):
    __slots__ = ("object",)
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ...) -> None: ...

class RunAlarmResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EvictObjectRequest(_message.Message):
    __slots__ = ("object",)
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ...) -> None: ...

class EvictObjectResponse(_message.Message):
    __slots__ = ("evicted",)
    EVICTED_FIELD_NUMBER: _ClassVar[int]
    evicted: bool
    def __init__(self, evicted: _Optional[bool] = ...) -> None: ...

class ResetObjectRequest(_message.Message):
    __slots__ = ("object", "why")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    why: str
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ..., why: _Optional[str] = ...) -> None: ...

class ResetObjectResponse(_message.Message):
    __slots__ = ("reset",)
    RESET_FIELD_NUMBER: _ClassVar[int]
    reset: bool
    def __init__(self, reset: _Optional[bool] = ...) -> None: ...

class DeleteObjectRequest(_message.Message):
    __slots__ = ("object",)
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    object: ObjectName
    def __init__(self, object: _Optional[_Union[ObjectName, _Mapping]] = ...) -> None: ...

class DeleteObjectResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: _Optional[bool] = ...) -> None: ...

class ExportObjectsRequest(_message.Message):
    __slots__ = ("namespace", "name_prefix", "object")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name_prefix: str
    object: ObjectName
    def __init__(self, namespace: _Optional[str] = ..., name_prefix: _Optional[str] = ..., object: _Optional[_Union[ObjectName, _Mapping]] = ...) -> None: ...

class ExportObjectsResponse(_message.Message):
    __slots__ = ("part",)
    PART_FIELD_NUMBER: _ClassVar[int]
    part: ObjectSnapshot
    def __init__(self, part: _Optional[_Union[ObjectSnapshot, _Mapping]] = ...) -> None: ...

class ObjectSnapshot(_message.Message):
    __slots__ = ("namespace", "id", "name", "entries", "alarm", "more")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ALARM_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    id: str
    name: str
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    alarm: _timestamp_pb2.Timestamp
    more: bool
    def __init__(self, namespace: _Optional[str] = ..., id: _Optional[str] = ..., name: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., alarm: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., more: _Optional[bool] = ...) -> None: ...

class ImportObjectsRequest(_message.Message):
    __slots__ = ("options", "part")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    options: ImportOptions
    part: ObjectSnapshot
    def __init__(self, options: _Optional[_Union[ImportOptions, _Mapping]] = ..., part: _Optional[_Union[ObjectSnapshot, _Mapping]] = ...) -> None: ...

class ImportOptions(_message.Message):
    __slots__ = ("if_exists",)
    IF_EXISTS_FIELD_NUMBER: _ClassVar[int]
    if_exists: IfExists
    def __init__(self, if_exists: _Optional[_Union[IfExists, str]] = ...) -> None: ...

class ImportObjectsResponse(_message.Message):
    __slots__ = ("imported", "skipped")
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    imported: int
    skipped: int
    def __init__(self, imported: _Optional[int] = ..., skipped: _Optional[int] = ...) -> None: ...

class TailRequest(_message.Message):
    __slots__ = ("namespace", "name", "method", "failures", "slower_than", "payloads")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    SLOWER_THAN_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    method: str
    failures: bool
    slower_than: _duration_pb2.Duration
    payloads: bool
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., method: _Optional[str] = ..., failures: _Optional[bool] = ..., slower_than: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., payloads: _Optional[bool] = ...) -> None: ...

class TailResponse(_message.Message):
    __slots__ = ("time", "namespace", "name", "id", "turn", "alarm", "broken", "evicted", "left_out")
    TIME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    ALARM_FIELD_NUMBER: _ClassVar[int]
    BROKEN_FIELD_NUMBER: _ClassVar[int]
    EVICTED_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    namespace: str
    name: str
    id: str
    turn: TailTurn
    alarm: TailTurn
    broken: TailBreak
    evicted: TailEviction
    left_out: int
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., namespace: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ..., turn: _Optional[_Union[TailTurn, _Mapping]] = ..., alarm: _Optional[_Union[TailTurn, _Mapping]] = ..., broken: _Optional[_Union[TailBreak, _Mapping]] = ..., evicted: _Optional[_Union[TailEviction, _Mapping]] = ..., left_out: _Optional[int] = ...) -> None: ...

class TailTurn(_message.Message):
    __slots__ = ("method", "sequence", "queued", "ran", "reason", "message", "argument", "reply")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    RAN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    method: str
    sequence: int
    queued: _duration_pb2.Duration
    ran: _duration_pb2.Duration
    reason: str
    message: str
    argument: bytes
    reply: bytes
    def __init__(self, method: _Optional[str] = ..., sequence: _Optional[int] = ..., queued: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ran: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., argument: _Optional[bytes] = ..., reply: _Optional[bytes] = ...) -> None: ...

class TailBreak(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class TailEviction(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class BackupRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BackupResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
