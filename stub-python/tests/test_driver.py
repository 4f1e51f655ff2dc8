"""The driver of client conformance does what it is told, and tells what it saw."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import driver
import pytest
from client_probe_pb2 import SayRequest, SayResponse
from fakehost import IDS, WAIT_SECONDS, Accepted, FakeHost

from seriatim.v1 import durable_objects_pb2 as wire


@pytest.fixture(params=["threads", "asyncio"])
def api(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def drive(api: str, request: dict[str, Any]) -> dict[str, Any]:
    out = io.StringIO()
    driver.main(api, io.StringIO(json.dumps(request) + "\n"), out)
    response: dict[str, Any] = json.loads(out.getvalue())
    return response


def says(accepted: Accepted, *sequences: int) -> None:
    frame = wire.ConnectResponse()
    for n in sequences:
        text = SayRequest.FromString(accepted.received[n - 1].message).text
        message = SayResponse(text=text, padding=bytes(3)).SerializeToString()
        frame.outcomes.add(sequence=n, message=message)
    accepted.send(frame)


def test_a_case(host: FakeHost, api: str) -> None:
    def play() -> None:
        accepted = host.accept().opened().through(4)
        says(accepted, 1, 2)
        accepted.broken(2, failed_sequence=3, remote=True)

    script = threading.Thread(target=play)
    script.start()
    response = drive(
        api,
        {
            "case": "a/case",
            "target": host.target,
            "options": {"deadline_grace_ms": 500, "max_unanswered_frames": 2},
            "steps": [
                {"open": {"stub": "a", "namespace": "ECHO", "name": "foo"}},
                {"call": {"stub": "a", "times": 3, "text": "#"}},
                {"give_up": {"call": 2}},  # Before the host has all of the calls, and so answers any.
                {"call": {"stub": "a", "text": "x", "timeout_ms": 60_000, "metadata": {"a": "1"}}},
                {"await": {"first": 1}},
                {"await": {}},
                {"call": {"stub": "a", "listen": True}},
                {"id_from_name": {"namespace": "ECHO", "name": "foo"}},
                {"close": {"stub": "a"}},
                {"await_end": {"stub": "a"}},
            ],
        },
    )
    script.join(WAIT_SECONDS)
    one, two, three, four, listen, object_id = response["results"]
    assert one == {"ok": True, "text": "1", "padding_bytes": 3}
    assert (two["code"], two["reason"], two["fate"], two["sequence"]) == (
        "CANCELLED",
        "CALL_CANCELLED",
        "UNKNOWN",
        "2",
    )
    assert three == {
        "code": "FAILED_PRECONDITION",
        "message": "no more [OBJECT_EXCEPTION, call 3, NOT_EXECUTED]",
        "cause_message": "no more",
        "reason": "OBJECT_EXCEPTION",
        "retryable": False,
        "overloaded": False,
        "remote": True,
        "fate": "NOT_EXECUTED",
        "failed_sequence": "3",
        "sequence": "3",
    }
    assert four == three | {
        "message": "no more [OBJECT_EXCEPTION, call 4 behind 3, NOT_EXECUTED]",
        "sequence": "4",
    }
    assert (listen["code"], listen["reason"]) == ("UNIMPLEMENTED", "CALL_REFUSED")
    assert object_id == {"ok": True, "text": str(IDS.from_name("foo"))}
    assert response["stubs"] == [
        {"stub": "a", "broken": True, "reason": "OBJECT_EXCEPTION", "breaks_told": 1, "resumable": False}
    ]
    assert response["features"] == ["resumable", "bearer"]


def test_a_fault_of_the_driver(host: FakeHost, api: str) -> None:
    response = drive(api, {"target": host.target, "steps": [{"juggle": {}}]})
    assert "juggle" in response["driver_fault"]
