"""The driver of client conformance for Python: makes the calls of a case, and reports what their caller saw.

usage: driver.py [threads|asyncio]

Reads one request after the other as a line of JSON, and answers each with a line of JSON. What is in them is
said in conformance-tests/src/main/proto/seriatim/conformance/v1/client_driver.proto. The API is that for
threads or that for asyncio; threads is the default.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
from collections import defaultdict
from typing import Any, TextIO

import grpc
from client_probe_pb2 import ListenRequest, SayRequest
from client_probe_pb2_grpc import ClientProbeStub

import seriatim

FEATURES = ["resumable", "bearer"]
END_SECONDS = 40.0
TOLD_SECONDS = 30.0

_COUNTS = (
    "max_unanswered_frames",
    "max_frame_invocations",
    "max_frame_bytes",
    "max_invocation_bytes",
    "max_buffered_invocations",
    "max_buffered_bytes",
    "max_inbound_frame_bytes",
    "shared_calls",
    "follow_routes",
    "max_routes",
    "max_resumes_without_progress",
)
_MILLISECONDS = {
    "deadline_grace_ms": "deadline_grace",
    "describe_timeout_ms": "describe_timeout",
    "end_timeout_ms": "end_timeout",
    "open_timeout_ms": "open_timeout",
    "resume_timeout_ms": "resume_timeout",
    "resume_backoff_ms": "resume_backoff",
    "max_resume_backoff_ms": "max_resume_backoff",
    "keep_alive_time_ms": "keep_alive_time",
    "keep_alive_timeout_ms": "keep_alive_timeout",
    "shared_call_idle_timeout_ms": "shared_call_idle_timeout",
}


def credentials_of(request: dict[str, Any]) -> grpc.ChannelCredentials | None:
    """TLS, with whom gRPC trusts by itself, and tokens that are counted, if the request wants them."""
    options = request.get("options", {})
    tls = grpc.ssl_channel_credentials() if request.get("tls") else None
    if not options.get("bearer"):
        return tls
    fetches = itertools.count(1)

    def fetch() -> str:
        number = next(fetches)
        failing = options.get("failing_fetch", 0)
        if number == failing or (number > failing and options.get("later_fetches_fail")):
            raise RuntimeError("no token today")
        return f"token-{number}"

    return grpc.composite_channel_credentials(
        tls or grpc.local_channel_credentials(), seriatim.bearer_token(fetch)
    )


def options_of(request: dict[str, Any]) -> seriatim.ClientOptions:
    """The options of the client; what is 0 has the library's default."""
    given = request.get("options", {})
    options: dict[str, Any] = {name: given[name] for name in _COUNTS if given.get(name)}
    options |= {name: given[key] / 1000 for key, name in _MILLISECONDS.items() if given.get(key)}
    return seriatim.ClientOptions(**options)


def call_options(step: dict[str, Any]) -> dict[str, Any]:
    """What a generated stub takes beside the request."""
    options: dict[str, Any] = {}
    if step.get("timeout_ms"):
        options["timeout"] = step["timeout_ms"] / 1000
    if step.get("metadata"):
        options["metadata"] = tuple(step["metadata"].items())
    return options


def say_request(step: dict[str, Any], number: int) -> SayRequest:
    """The request of the call with this number."""
    text = step.get("text", "").replace("#", str(number))
    return SayRequest(text=text, padding=bytes(step.get("padding_bytes", 0)))


def succeeded(response: Any) -> dict[str, Any]:
    """The result of a call: a response, or the text of an id."""
    if isinstance(response, str):
        return {"ok": True, "text": response}
    return {"ok": True, "text": response.text, "padding_bytes": len(response.padding)}


def failed(error: BaseException) -> dict[str, Any]:
    """The result of a call that failed."""
    if isinstance(error, seriatim.CallFailure):
        return {
            "code": error.code().name,
            "message": error.details(),
            "cause_message": error.cause.message,
            "reason": error.reason,
            "retryable": error.retryable,
            "overloaded": error.overloaded,
            "remote": error.remote,
            "fate": error.fate.value,
            "failed_sequence": str(error.failed_sequence),
            "sequence": str(error.sequence),
        }
    if isinstance(error, seriatim.InvalidIdError):
        return {"message": str(error), "reason": error.reason, "unexpected": repr(error)}
    if isinstance(error, grpc.RpcError):
        return {"code": error.code().name, "message": error.details() or "", "unexpected": repr(error)}
    return {"unexpected": repr(error)}


def namespace_of(objects: Any, step: dict[str, Any]) -> Any:
    """The namespace that a step names, of this client."""
    namespace = objects.namespace(step["namespace"], step.get("unique_key") or None)
    return namespace.resumable() if step.get("resumable") else namespace


class Stub:
    """A stub of the case, with its break listener. None, if it was refused."""

    def __init__(self, name: str, stub: Any) -> None:
        self.name = name
        self.stub = stub
        self.breaks_told = 0
        self.told = threading.Event()
        if stub is not None:
            stub.on_break(self._tell)

    @property
    def is_broken(self) -> bool:
        """Whether it is broken; one that was refused isn't."""
        return self.stub is not None and self.stub.is_broken

    def _tell(self, _: seriatim.FailureCause) -> None:
        self.breaks_told += 1
        self.told.set()

    def state(self) -> dict[str, Any]:
        """What the stub says of itself."""
        cause = self.stub.break_cause if self.stub is not None else None
        return {
            "stub": self.name,
            "broken": self.is_broken,
            "reason": cause.reason if cause else "",
            "breaks_told": self.breaks_told,
            "resumable": self.stub is not None and self.stub.is_resumable,
        }


class ThreadsCase:
    """One case, through the API for threads."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._stubs: dict[str, Stub] = {}
        self._calls: list[Any] = []  # Futures, or results that are there already.
        self._done: defaultdict[int, threading.Event] = defaultdict(threading.Event)  # By their number.

    def run(self) -> dict[str, Any]:
        """Does the steps and says what was seen."""
        with seriatim.DurableObjects.connect(
            self._request["target"], credentials_of(self._request), options=options_of(self._request)
        ) as objects:
            for step in self._request.get("steps", []):
                for kind, details in step.items():
                    self._do(objects, kind, details)
            results = [self._result(call) for call in self._calls]
            for stub in self._stubs.values():
                if stub.is_broken:
                    stub.told.wait(TOLD_SECONDS)
            states = [stub.state() for stub in self._stubs.values()]
        return {"results": results, "stubs": states, "features": FEATURES}

    def _do(self, objects: seriatim.DurableObjects, kind: str, step: dict[str, Any]) -> None:  # noqa: PLR0912
        match kind:
            case "open":
                self._open(objects, namespace_of(objects, step), step)
            case "call":
                for _ in range(step.get("times") or 1):
                    self._calls.append(self._call(step))
            case "await":
                last = step.get("last") or step.get("first") or len(self._calls)
                for call in self._calls[max(0, step.get("first", 0) - 1) : last]:
                    self._result(call)
            case "give_up":
                self._calls[step["call"] - 1].cancel()
            case "close":
                self._stubs[step["stub"]].stub.close()
            case "cancel":
                self._stubs[step["stub"]].stub.cancel("the case cancels")
            case "await_end":
                if not self._stubs[step["stub"]].stub.await_end(END_SECONDS):
                    raise TimeoutError(f"stub {step['stub']} has not ended after {END_SECONDS:g} s")
            case "id_from_name":
                try:
                    digits = str(objects.namespace(step["namespace"]).id_from_name(step["name"]))
                    self._calls.append(succeeded(digits))
                except Exception as e:
                    self._calls.append(failed(e))
            case _:
                raise ValueError(f"step '{kind}', which this driver doesn't know")

    def _open(
        self,
        objects: seriatim.DurableObjects,
        namespace: seriatim.DurableObjectNamespace,
        step: dict[str, Any],
    ) -> None:
        stub = None
        if id_of := step.get("id_of"):
            try:
                object_id = self._id(objects, id_of)
                stub = namespace.get(object_id)
                self._calls.append(succeeded(str(object_id)))
            except Exception as e:
                self._calls.append(failed(e))
        elif step.get("name"):
            stub = namespace.get_by_name(step["name"])
        else:
            stub = namespace.get(namespace.id_from_string(step["id"]))
        self._stubs[step["stub"]] = Stub(step["stub"], stub)

    def _id(self, objects: seriatim.DurableObjects, id_of: dict[str, Any]) -> seriatim.DurableObjectId:
        if not id_of.get("other_client"):
            return self._made(namespace_of(objects, id_of), id_of)
        with seriatim.DurableObjects.connect(self._request["target"]) as other:
            return self._made(namespace_of(other, id_of), id_of)

    @staticmethod
    def _made(namespace: seriatim.DurableObjectNamespace, id_of: dict[str, Any]) -> seriatim.DurableObjectId:
        if id_of.get("name"):
            return namespace.id_from_name(id_of["name"])
        return namespace.id_from_string(id_of["digits"])

    def _call(self, step: dict[str, Any]) -> Any:
        probe = ClientProbeStub(self._stubs[step["stub"]].stub.channel())
        try:
            if step.get("listen"):
                return succeeded(next(iter(probe.Listen(ListenRequest(), **call_options(step)))))
            number = len(self._calls) + 1
            call = probe.Say.future(say_request(step, number), **call_options(step))
            if step.get("block_until"):
                until = self._done[step["block_until"]]
                call.add_done_callback(lambda _: until.wait())
            done = self._done[number]
            call.add_done_callback(lambda _: done.set())
            return call
        except Exception as e:
            return failed(e)

    @staticmethod
    def _result(call: Any) -> dict[str, Any]:
        if isinstance(call, dict):
            return call
        try:
            return succeeded(call.result())
        except grpc.FutureCancelledError:
            return failed(call.failure)
        except Exception as e:
            return failed(e)


class AsyncioCase:
    """One case, through the API for asyncio."""

    # One event loop for all cases, as a program has: gRPC for asyncio ended a process that had opened and
    # closed some hundreds of them, one after another.
    _loop = asyncio.Runner()

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._stubs: dict[str, Stub] = {}
        self._calls: list[Any] = []  # Calls, or results that are there already.

    def run(self) -> dict[str, Any]:
        """Does the steps and says what was seen."""
        return self._loop.run(self._run())

    async def _run(self) -> dict[str, Any]:
        async with seriatim.aio.DurableObjects.connect(
            self._request["target"], credentials_of(self._request), options=options_of(self._request)
        ) as objects:
            for step in self._request.get("steps", []):
                for kind, details in step.items():
                    await self._do(objects, kind, details)
            results = [await self._result(call) for call in self._calls]
            for stub in self._stubs.values():
                if stub.is_broken:
                    await asyncio.to_thread(stub.told.wait, TOLD_SECONDS)
            states = [stub.state() for stub in self._stubs.values()]
        return {"results": results, "stubs": states, "features": FEATURES}

    async def _do(self, objects: seriatim.aio.DurableObjects, kind: str, step: dict[str, Any]) -> None:
        match kind:
            case "open":
                await self._open(objects, namespace_of(objects, step), step)
            case "call":
                for _ in range(step.get("times") or 1):
                    self._calls.append(await self._call(step))
            case "await":
                last = step.get("last") or step.get("first") or len(self._calls)
                for call in self._calls[max(0, step.get("first", 0) - 1) : last]:
                    await self._result(call)
            case "give_up":
                self._calls[step["call"] - 1].cancel()
            case "close":
                self._stubs[step["stub"]].stub.close()
            case "cancel":
                self._stubs[step["stub"]].stub.cancel("the case cancels")
            case "await_end":
                async with asyncio.timeout(END_SECONDS):
                    await self._stubs[step["stub"]].stub.await_end()
            case "id_from_name":
                try:
                    digits = str(await objects.namespace(step["namespace"]).id_from_name(step["name"]))
                    self._calls.append(succeeded(digits))
                except Exception as e:
                    self._calls.append(failed(e))
            case _:
                raise ValueError(f"step '{kind}', which this driver doesn't know")

    async def _open(
        self,
        objects: seriatim.aio.DurableObjects,
        namespace: seriatim.aio.DurableObjectNamespace,
        step: dict[str, Any],
    ) -> None:
        stub = None
        if id_of := step.get("id_of"):
            try:
                object_id = await self._id(objects, id_of)
                stub = namespace.get(object_id)
                self._calls.append(succeeded(str(object_id)))
            except Exception as e:
                self._calls.append(failed(e))
        elif step.get("name"):
            stub = namespace.get_by_name(step["name"])
        else:
            stub = namespace.get(await namespace.id_from_string(step["id"]))
        self._stubs[step["stub"]] = Stub(step["stub"], stub)

    async def _id(
        self, objects: seriatim.aio.DurableObjects, id_of: dict[str, Any]
    ) -> seriatim.DurableObjectId:
        if not id_of.get("other_client"):
            return await self._made(namespace_of(objects, id_of), id_of)
        async with seriatim.aio.DurableObjects.connect(self._request["target"]) as other:
            return await self._made(namespace_of(other, id_of), id_of)

    @staticmethod
    async def _made(
        namespace: seriatim.aio.DurableObjectNamespace, id_of: dict[str, Any]
    ) -> seriatim.DurableObjectId:
        if id_of.get("name"):
            return await namespace.id_from_name(id_of["name"])
        return await namespace.id_from_string(id_of["digits"])

    async def _call(self, step: dict[str, Any]) -> Any:
        probe = ClientProbeStub(self._stubs[step["stub"]].stub.channel())
        try:
            if step.get("listen"):
                async for response in probe.Listen(ListenRequest(), **call_options(step)):
                    return succeeded(response)
            return probe.Say(say_request(step, len(self._calls) + 1), **call_options(step))
        except Exception as e:
            return failed(e)

    @staticmethod
    async def _result(call: Any) -> dict[str, Any]:
        if isinstance(call, dict):
            return call
        try:
            return succeeded(await call)
        except asyncio.CancelledError:
            if not call.cancelled():
                raise
            return failed(call.failure)
        except Exception as e:
            return failed(e)


def main(api: str, requests: TextIO, responses: TextIO) -> None:
    """Answers requests until there are no more."""
    cases: dict[str, type[ThreadsCase | AsyncioCase]] = {"threads": ThreadsCase, "asyncio": AsyncioCase}
    make = cases[api]
    for line in requests:
        try:
            response = make(json.loads(line)).run()
        except Exception as e:
            response = {"driver_fault": repr(e), "features": FEATURES}
        responses.write(json.dumps(response) + "\n")
        responses.flush()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "threads", sys.stdin, sys.stdout)
