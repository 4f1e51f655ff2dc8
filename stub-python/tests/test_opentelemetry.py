"""Calls in a sampled span tell the object of it, and others don't."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from accepted import Accepted
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from fakehost import NAMESPACE, WAIT_SECONDS, FakeHost
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import seriatim
import seriatim.aio
from seriatim.opentelemetry import traced

METHOD = "seriatim.stubtest.Echo/Echo"


class Traces:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @contextlib.contextmanager
    def outer(self) -> Iterator[None]:
        with self.provider.get_tracer("test").start_as_current_span("outer"):
            yield

    def calls(self) -> list[ReadableSpan]:
        return [s for s in self.exporter.get_finished_spans() if s.kind is trace.SpanKind.CLIENT]


@pytest.fixture
def traces() -> Iterator[Traces]:
    made = Traces()
    yield made
    made.provider.shutdown()


def metadata(side: Accepted, count: int) -> list[dict[str, str]]:
    side.through(count)
    return [dict(invocation.metadata) for invocation in side.received]


def told(span: ReadableSpan) -> dict[str, str]:
    of = span.get_span_context()
    assert of is not None
    trace_id, span_id = trace.format_trace_id(of.trace_id), trace.format_span_id(of.span_id)
    return {"traceparent": f"00-{trace_id}-{span_id}-{of.trace_flags:02x}"}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_threads_tell_of_what_is_sampled(host: FakeHost, traces: Traces) -> None:
    with seriatim.DurableObjects.connect(host.target) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        echo = EchoStub(traced(stub.channel(), traces.provider))
        with traces.outer():
            first = echo.Echo.future(EchoMessage(number=1))
            second = echo.Echo.future(EchoMessage(number=2), metadata=(("a", "b"),))
        unsampled = TracerProvider(sampler=ALWAYS_OFF).get_tracer("test")
        with unsampled.start_as_current_span("unsampled"):
            echo.Echo.future(EchoMessage(number=3))
        last = echo.Echo.future(EchoMessage(number=4))
        side = host.accept().opened()
        sent = metadata(side, 4)
        side.answer(1, 2, 3, 4)
        assert last.result(WAIT_SECONDS).number == 40
        assert first.result(WAIT_SECONDS).number == 10
        assert second.result(WAIT_SECONDS).number == 20
    one, two = traces.calls()
    assert sent == [told(one), told(two) | {"a": "b"}, {}, {}]
    assert one.name == METHOD
    (outer,) = (s for s in traces.exporter.get_finished_spans() if s.name == "outer")
    for span in (one, two):
        assert span.parent is not None
        assert outer.get_span_context() is not None
        assert span.parent.span_id == outer.get_span_context().span_id  # type: ignore[union-attr]
        assert span.status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize(
    ("options", "sampled", "carried"),
    [
        ({"baggage": True}, True, "tenant=acme+%26+sons"),
        ({"baggage": True}, False, None),
        ({"baggage": False}, True, None),
        ({}, True, None),
    ],
)
def test_baggage_goes_along_where_that_is_asked_for(
    host: FakeHost, traces: Traces, options: dict[str, bool], sampled: bool, carried: str | None
) -> None:
    within = traces.provider if sampled else TracerProvider(sampler=ALWAYS_OFF)
    with seriatim.DurableObjects.connect(host.target) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        echo = EchoStub(traced(stub.channel(), traces.provider, **options))
        token = context.attach(baggage.set_baggage("tenant", "acme & sons"))
        try:
            with within.get_tracer("test").start_as_current_span("outer"):
                call = echo.Echo.future(EchoMessage(number=1))
        finally:
            context.detach(token)
        side = host.accept().opened()
        (sent,) = metadata(side, 1)
        side.answer(1)
        assert call.result(WAIT_SECONDS).number == 10
    assert sent.get("baggage") == carried


def test_a_failure_ends_the_span_with_its_reason(host: FakeHost, traces: Traces) -> None:
    with seriatim.DurableObjects.connect(host.target) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        echo = EchoStub(traced(stub.channel(), traces.provider))
        with traces.outer():
            call = echo.Echo.future(EchoMessage(number=1))
            side = host.accept().opened()
            side.through(1)
            side.broken(0, failed_sequence=1)
            with pytest.raises(seriatim.CallFailure):
                call.result(WAIT_SECONDS)
            with pytest.raises(seriatim.CallFailure):
                echo.Echo(EchoMessage(number=2))
    one, two = traces.calls()
    for span in (one, two):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert attributes(span)["error.type"] == "OBJECT_EXCEPTION"
        assert attributes(span)["seriatim.fate"] == "NOT_EXECUTED"


async def test_asyncio_tells_of_what_is_sampled(host: FakeHost, traces: Traces) -> None:
    async with seriatim.aio.DurableObjects.connect(host.target) as objects:
        stub = objects.namespace(NAMESPACE).get_by_name("foo")
        echo: Any = EchoStub(traced(stub.channel(), traces.provider))
        with traces.outer():
            first = echo.Echo(EchoMessage(number=1))
        second = echo.Echo(EchoMessage(number=2))
        loop = asyncio.get_running_loop()

        def play() -> list[dict[str, str]]:
            side = host.accept().opened()
            sent = metadata(side, 2)
            side.answer(1)
            side.broken(1, failed_sequence=2)
            return sent

        sent = await loop.run_in_executor(None, play)
        assert (await first).number == 10
        with pytest.raises(grpc.aio.AioRpcError):
            await second
        with traces.outer(), pytest.raises(grpc.aio.AioRpcError):
            await echo.Echo(EchoMessage(number=3))
        await asyncio.sleep(0)  # Callbacks come in the loop's next round.
    one, two = traces.calls()
    assert sent == [told(one), {}]
    assert one.status.status_code is trace.StatusCode.UNSET
    assert two.status.status_code is trace.StatusCode.ERROR
