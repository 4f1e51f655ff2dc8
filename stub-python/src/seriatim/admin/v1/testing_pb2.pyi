import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from seriatim.admin.v1 import admin_pb2 as _admin_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetClockRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetClockResponse(_message.Message):
    __slots__ = ("now",)
    NOW_FIELD_NUMBER: _ClassVar[int]
    now: _timestamp_pb2.Timestamp
    def __init__(self, now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AdvanceClockRequest(_message.Message):
    __slots__ = ("by", "to")
    BY_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    by: _duration_pb2.Duration
    to: _timestamp_pb2.Timestamp
    def __init__(self, by: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AdvanceClockResponse(_message.Message):
    __slots__ = ("now",)
    NOW_FIELD_NUMBER: _ClassVar[int]
    now: _timestamp_pb2.Timestamp
    def __init__(self, now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FailNextCommitRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FailNextCommitResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HoldCommitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HoldCommitsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseCommitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseCommitsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LoseCommitAnswerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LoseCommitAnswerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BreakNextCallRequest(_message.Message):
    __slots__ = ("object", "reason")
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    object: _admin_pb2.ObjectName
    reason: str
    def __init__(self, object: _Optional[_Union[_admin_pb2.ObjectName, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class BreakNextCallResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DropConnectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DropConnectionsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
