"""One trace, from a call in Python through two objects of a real host, which sends its spans by OTLP.

SERIATIM_JAR says where the server is, SERIATIM_OBJECTS where the examples are; JAVA25_HOME has a compiler.
"""

from __future__ import annotations

import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from counter_pb2 import IncrementRequest
from counter_pb2_grpc import CounterStub
from fakehost import WAIT_SECONDS
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import seriatim
import seriatim.aio
from seriatim.opentelemetry import traced
from seriatim.testing import start_host

pytestmark = pytest.mark.skipif("SERIATIM_JAR" not in os.environ, reason="SERIATIM_JAR is not set")

METHOD = "seriatim.examples.v1.Counter/Increment"
CHAIN = Path(__file__).parent / "objects" / "Chain.java"
PROVIDERS = Path("META-INF", "services", "dev.seriatim.service.DurableObjectProvider")


class Collector:
    """Takes spans by OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self._came = threading.Condition()
        self._spans: list[Span] = []  # Guarded by the condition.
        self.services: set[str] = set()  # Guarded by the condition.
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector._take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def _take(self, request: ExportTraceServiceRequest) -> None:
        with self._came:
            for resource in request.resource_spans:
                for attribute in resource.resource.attributes:
                    if attribute.key == "service.name":
                        self.services.add(attribute.value.string_value)
                for scope in resource.scope_spans:
                    self._spans += scope.spans
            self._came.notify_all()

    def trace(self, trace_id: int, count: int) -> dict[str, Span]:
        """The spans of a trace, by the objects that they are of, as soon as there are so many."""

        def found() -> dict[str, Span]:
            wanted = trace_id.to_bytes(16, "big")
            return {
                str(attributes(span)["seriatim.object"]): span
                for span in self._spans
                if span.trace_id == wanted
            }

        with self._came:
            self._came.wait_for(lambda: len(found()) >= count, WAIT_SECONDS)
            spans = found()
        assert len(spans) == count, f"spans of {sorted(spans)} came, expected {count}"
        return spans


def attributes(span: Span) -> dict[str, str | int]:
    told: dict[str, str | int] = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        assert kind in {"string_value", "int_value"}
        told[attribute.key] = getattr(attribute.value, str(kind))
    return told


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def objects_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects that call one another, beside the generated code of the examples."""
    directory = tmp_path_factory.mktemp("objects")
    with zipfile.ZipFile(os.environ["SERIATIM_OBJECTS"]) as examples:
        examples.extractall(directory)
    javac = Path(os.environ["JAVA25_HOME"], "bin", "javac")
    class_path = f"{os.environ['SERIATIM_JAR']}{os.pathsep}{directory}"
    quick = ["-J-XX:TieredStopAtLevel=1", "-proc:none"]  # It compiles one file.
    subprocess.run([javac, *quick, "-cp", class_path, "-d", directory, CHAIN], check=True)
    (directory / PROVIDERS).write_text("Chain\n")
    return directory


@pytest.fixture(scope="module")
def target(collector: Collector, objects_directory: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        with start_host("--objects", str(objects_directory)) as host:
            yield host.target


def increment_in_a_thread(target: str, name: str, amount: int, provider: TracerProvider) -> None:
    with seriatim.DurableObjects.connect(target) as objects:
        with objects.namespace("CHAIN").get_by_name(name) as stub:
            counter = CounterStub(traced(stub.channel(), provider))
            with provider.get_tracer("test").start_as_current_span("outer"):
                assert counter.Increment(IncrementRequest(amount=amount)).value == amount


async def increment_in_a_task(target: str, name: str, amount: int, provider: TracerProvider) -> None:
    async with seriatim.aio.DurableObjects.connect(target) as objects:
        async with objects.namespace("CHAIN").get_by_name(name) as stub:
            counter = CounterStub(traced(stub.channel(), provider))
            with provider.get_tracer("test").start_as_current_span("outer"):
                assert (await counter.Increment(IncrementRequest(amount=amount))).value == amount


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exported: InMemorySpanExporter) -> Iterator[TracerProvider]:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exported))
    yield made
    made.shutdown()


def of_kind(exported: InMemorySpanExporter, kind: trace.SpanKind) -> ReadableSpan:
    (one,) = (span for span in exported.get_finished_spans() if span.kind is kind)
    return one


def context(span: ReadableSpan) -> trace.SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def check(exported: InMemorySpanExporter, collector: Collector, name: str) -> None:
    outer = of_kind(exported, trace.SpanKind.INTERNAL)
    call = of_kind(exported, trace.SpanKind.CLIENT)
    assert call.parent is not None
    assert call.parent.span_id == context(outer).span_id
    assert context(call).trace_id == context(outer).trace_id
    assert call.name == METHOD

    spans = collector.trace(context(outer).trace_id, 2)
    first, second = spans[name], spans[f"{name}+"]
    assert first.parent_span_id == context(call).span_id.to_bytes(8, "big")
    assert second.parent_span_id == first.span_id
    for span in (first, second):
        assert span.name == METHOD
        assert span.kind == Span.SPAN_KIND_SERVER
        assert attributes(span)["seriatim.namespace"] == "CHAIN"
        assert attributes(span)["seriatim.sequence"] == 1
        assert [event.name for event in span.events] == ["turn began", "turn ended", "durable"]
    # The second turn was within the first one.
    began, ended, _ = first.events
    assert began.time_unix_nano <= second.start_time_unix_nano
    assert second.events[1].time_unix_nano <= ended.time_unix_nano
    assert collector.services == {"seriatim"}


def test_from_a_thread_through_two_objects(
    target: str, collector: Collector, provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    increment_in_a_thread(target, "thread", 2, provider)
    check(exported, collector, "thread")


async def test_from_a_task_through_two_objects(
    target: str, collector: Collector, provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    await increment_in_a_task(target, "task", 2, provider)
    check(exported, collector, "task")


def test_a_failure_is_told_in_the_spans_of_both_sides(
    target: str, collector: Collector, provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    with seriatim.DurableObjects.connect(target) as objects:
        with objects.namespace("CHAIN").get_by_name("bad") as stub:
            counter = CounterStub(traced(stub.channel(), provider))
            with provider.get_tracer("test").start_as_current_span("outer"):
                with pytest.raises(seriatim.CallFailure):
                    counter.Increment(IncrementRequest(amount=0))
    call = of_kind(exported, trace.SpanKind.CLIENT)
    span = collector.trace(context(call).trace_id, 1)["bad"]
    assert span.parent_span_id == context(call).span_id.to_bytes(8, "big")
    assert attributes(span)["error.type"] == "OBJECT_EXCEPTION"
    assert dict(call.attributes or {})["error.type"] == "OBJECT_EXCEPTION"
