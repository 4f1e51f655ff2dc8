"""Ids are the same in every language: the vectors are those of the conformance tests."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from seriatim import ClientOptions, DurableObjectId, DurableObjectIds, DurableObjects
from seriatim._transport import described_too_late

Vector = dict[str, str]

VECTORS: dict[str, list[Vector]] = json.loads(
    (Path(__file__).parents[2] / "conformance-tests/src/main/resources/vectors/ids.json").read_text("utf-8")
)


def why(vector: Vector) -> str:
    return vector["why"]


@pytest.mark.parametrize("vector", VECTORS["named"], ids=why)
def test_names_give_their_ids(vector: Vector) -> None:
    ids = DurableObjectIds(vector["unique_key"])
    assert str(ids.from_name(vector["name"])) == vector["id"]
    assert str(ids.from_string(vector["id"])) == vector["id"]


@pytest.mark.parametrize("vector", VECTORS["unique"], ids=lambda vector: vector["base"])
def test_unique_ids_are_taken(vector: Vector) -> None:
    assert str(DurableObjectIds(vector["unique_key"]).from_string(vector["id"])) == vector["id"]


@pytest.mark.parametrize("vector", VECTORS["refused_ids"], ids=why)
def test_what_is_no_id_is_refused(vector: Vector) -> None:
    with pytest.raises(ValueError, match=r"^id '"):
        DurableObjectIds(vector["unique_key"]).from_string(vector["id"])


@pytest.mark.parametrize("vector", VECTORS["refused_names"], ids=why)
def test_what_is_no_name_is_refused(vector: Vector) -> None:
    with pytest.raises(ValueError, match=r"^name has "):
        DurableObjectIds("mykey").from_name(vector["name"])


def test_an_id_is_its_bytes() -> None:
    ids = DurableObjectIds("mykey")
    foo = ids.from_name("http://foo/")
    digits = "59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234"
    assert str(foo) == digits
    assert bytes(foo) == bytes.fromhex(digits)
    assert repr(foo) == f"DurableObjectId({digits})"
    assert foo.name == "http://foo/"
    again = ids.from_string(digits)
    assert again.name is None
    assert again == foo
    assert hash(again) == hash(foo)
    assert foo != ids.from_name("http://bar/")
    assert foo != digits
    assert isinstance(ids.new_unique_id(), DurableObjectId)
    assert ids.new_unique_id() != ids.new_unique_id()


@pytest.mark.parametrize(
    ("digits", "message"),
    [
        ("", "id '', expected 64 lower-case hex digits"),
        ("59002EB8CF872E541722977A258A12D6A93BBE8192B502E1C0CB250AA91AF234", "expected 64 lower-case"),
        ("5" * 200, "id '" + "5" * 80 + "…', expected"),
        ("٣" * 64, "expected 64 lower-case"),
        ("0" * 64, "is of another namespace"),
    ],
)
def test_why_an_id_is_refused(digits: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DurableObjectIds("mykey").from_string(digits)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "name has 0 bytes, expected 1 to 1024"),
        ("ä" * 513, "name has 1026 bytes, expected 1 to 1024"),
        ("\ud800", "name is not valid Unicode"),
    ],
)
def test_why_a_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DurableObjectIds("mykey").from_name(name)
    with DurableObjects.connect("127.0.0.1:1") as objects, pytest.raises(ValueError, match=message):
        objects.namespace("ECHO").get_by_name(name)


def test_empty_keys_and_namespaces() -> None:
    with pytest.raises(ValueError, match="unique key is empty"):
        DurableObjectIds("")
    with DurableObjects.connect("127.0.0.1:1") as objects:
        with pytest.raises(ValueError, match="namespace is empty"):
            objects.namespace("")
        assert objects.namespace("ECHO") is objects.namespace("ECHO")
        namespace = objects.namespace("ECHO", unique_key="mykey")
        assert str(namespace.id_from_name("http://foo/")).startswith("59002eb8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_unanswered_frames": 0}, "max_unanswered_frames 0, expected at least 1"),
        ({"deadline_grace": -1}, "deadline_grace -1, expected at least 0"),
        ({"deadline_grace": float("nan")}, "deadline_grace nan"),
        ({"describe_timeout": 0}, "describe_timeout 0, expected more than 0"),
        ({"max_unanswered_frames": 257}, "is 65792, expected at most 65536"),
        ({"max_frame_bytes": 32 << 20}, "expected at most 67108864"),
        ({"max_buffered_bytes": 1}, "expected at least max_invocation_bytes"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClientOptions(**options)


def failed(code: grpc.StatusCode) -> aio.AioRpcError:
    return aio.AioRpcError(code, aio.Metadata(), aio.Metadata(), details="as it was told")


def test_a_host_that_ends_the_asking_at_its_timeout_is_told_so() -> None:
    asked = time.monotonic() - 0.4
    overdue = described_too_late("PROBE", failed(grpc.StatusCode.CANCELLED), asked, 0.4)
    assert overdue is not None
    assert overdue.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert overdue.details() == "the host did not describe namespace 'PROBE' within 0.4 s"


def test_whatever_else_ends_the_asking_stays_what_it_is() -> None:
    asked = time.monotonic()
    assert described_too_late("PROBE", failed(grpc.StatusCode.CANCELLED), asked, 60) is None
    assert described_too_late("PROBE", failed(grpc.StatusCode.UNAVAILABLE), asked - 60, 60) is None
