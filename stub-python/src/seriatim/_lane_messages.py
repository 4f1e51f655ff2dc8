"""The messages of a shared call, with the frames in them as the bytes that they are.

They are `ConnectManyRequest` and `ConnectManyResponse` of the contract, but for `frame`, which on the wire is
the same as bytes: a session reads and writes its frames by itself, and one that can't be read is its affair.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.rpc import status_pb2

_PACKAGE = "seriatim.lanes"
_Field = descriptor_pb2.FieldDescriptorProto


def _add(
    file: descriptor_pb2.FileDescriptorProto, name: str, *fields: tuple[str, int, Any, str], oneof: str = ""
) -> None:
    """A message whose fields are singular; all but `lane` and `more_bytes` have presence."""
    message = file.message_type.add(name=name)
    message.oneof_decl.add(name=oneof)
    for field, number, kind, type_name in fields:
        added = message.field.add(name=field, number=number, type=kind, label=_Field.LABEL_OPTIONAL)
        if type_name:
            added.type_name = type_name
        elif field not in {"lane", "more_bytes"}:
            added.oneof_index = 0


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="seriatim/lanes.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[status_pb2.DESCRIPTOR.name],
    )
    _add(
        file,
        "LaneRequest",
        ("lane", 1, _Field.TYPE_UINT64, ""),
        ("frame", 2, _Field.TYPE_BYTES, ""),
        ("half_close", 3, _Field.TYPE_BOOL, ""),
        ("cancel", 4, _Field.TYPE_BOOL, ""),
        ("more_bytes", 5, _Field.TYPE_UINT32, ""),
        oneof="what",
    )
    _add(
        file,
        "LaneResponse",
        ("lane", 1, _Field.TYPE_UINT64, ""),
        ("frame", 2, _Field.TYPE_BYTES, ""),
        ("end", 3, _Field.TYPE_MESSAGE, f".{status_pb2.Status.DESCRIPTOR.full_name}"),
        oneof="what",
    )
    for name in ("Request", "Response"):
        message = file.message_type.add(name=f"ConnectMany{name}")
        message.field.add(
            name="lanes",
            number=1,
            type=_Field.TYPE_MESSAGE,
            label=_Field.LABEL_REPEATED,
            type_name=f".{_PACKAGE}.Lane{name}",
        )
    return file


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(
        descriptor_pool.Default().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    )


descriptor_pool.Default().AddSerializedFile(_file().SerializeToString())

ManyRequest: Any = _class("ConnectManyRequest")
"""What the client says in a message."""

ManyResponse: Any = _class("ConnectManyResponse")
"""What the host says in a message."""
