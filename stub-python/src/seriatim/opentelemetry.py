"""Spans for the calls of a stub, and the trace that goes along with them to the object.

It needs `opentelemetry-api`, which the extra `seriatim[opentelemetry]` brings.

    counter = counter_pb2_grpc.CounterStub(seriatim.opentelemetry.traced(stub.channel()))

A call that is made within a span that is sampled becomes a span of its own, of which the object's turn is a
child. All other calls stay as they are: they cost a look at what is current, and nothing on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

import grpc
from grpc import aio
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from seriatim import _request
from seriatim._failures import CallFailure

__all__ = ["traced"]

_Pairs = _request.Pairs
_Channel = TypeVar("_Channel", grpc.Channel, aio.Channel)


_BAGGAGE = W3CBaggagePropagator()


def traced(
    channel: _Channel, tracer_provider: trace.TracerProvider | None = None, *, baggage: bool = False
) -> _Channel:
    """A channel like this one of a stub, of threads or of asyncio, whose calls are traced.

    The spans are made by a tracer of `tracer_provider`; by default of the global one. With `baggage`,
    OpenTelemetry's baggage goes along with what is sampled, as the W3C has it: whoever is called sees all of
    it, so nothing secret may be in it.
    """
    tracer = trace.get_tracer("seriatim", tracer_provider=tracer_provider)
    return cast("_Channel", _Traced(channel, _Tracing(tracer, baggage)))


class _Tracing:
    """Makes the span of a call, and says what goes along with that."""

    def __init__(self, tracer: trace.Tracer, baggage: bool) -> None:
        self._tracer = tracer
        self._baggage = baggage

    def begin(self, name: str, metadata: _Pairs | None) -> tuple[trace.Span, _Pairs] | None:
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            return None
        span = self._tracer.start_span(
            name,
            kind=trace.SpanKind.CLIENT,
            attributes={"rpc.system.name": "grpc", "rpc.method": name},
        )
        return span, [*(metadata or ()), *self._propagated(span.get_span_context())]

    def _propagated(self, context: trace.SpanContext) -> list[tuple[str, str | bytes]]:
        """As https://www.w3.org/TR/trace-context/ has it; nothing if it isn't sampled."""
        if not context.trace_flags.sampled:
            return []
        trace_id, span_id = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
        pairs: list[tuple[str, str | bytes]] = [
            ("traceparent", f"00-{trace_id}-{span_id}-{context.trace_flags:02x}")
        ]
        if context.trace_state:
            pairs.append(("tracestate", context.trace_state.to_header()))
        if self._baggage:
            carried: dict[str, str] = {}
            _BAGGAGE.inject(carried)
            pairs.extend(carried.items())
        return pairs


class _Traced:
    """Passes everything on, and goes between where a unary call is made."""

    def __init__(self, channel: Any, tracing: _Tracing) -> None:
        self._channel = channel
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def __enter__(self) -> Self:
        self._channel.__enter__()
        return self

    def __exit__(self, *thrown: object) -> None:
        self._channel.__exit__(*thrown)

    async def __aenter__(self) -> Self:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *thrown: object) -> None:
        await self._channel.__aexit__(*thrown)

    def unary_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """One method of the object."""
        call = self._channel.unary_unary(method, *arguments, **options)
        kind = _AioMethod if isinstance(self._channel, aio.Channel) else _Method
        return kind(call, method.lstrip("/"), self._tracing)


class _AnyMethod:
    def __init__(self, method: Any, name: str, tracing: _Tracing) -> None:
        self._method = method
        self._name = name
        self._tracing = tracing

    def _begin(self, metadata: _Pairs | None) -> tuple[trace.Span, _Pairs] | None:
        return self._tracing.begin(self._name, metadata)


class _Method(_AnyMethod):
    def __call__(
        self, request: Any, timeout: float | None = None, metadata: _Pairs | None = None, **options: Any
    ) -> Any:
        return self._blocking(self._method, request, timeout, metadata, options)

    def with_call(
        self, request: Any, timeout: float | None = None, metadata: _Pairs | None = None, **options: Any
    ) -> Any:
        return self._blocking(self._method.with_call, request, timeout, metadata, options)

    def _blocking(
        self,
        call: Callable[..., Any],
        request: Any,
        timeout: float | None,
        metadata: _Pairs | None,
        options: dict[str, Any],
    ) -> Any:
        begun = self._begin(metadata)
        if begun is None:
            return call(request, timeout=timeout, metadata=metadata, **options)
        span, told = begun
        try:
            return call(request, timeout=timeout, metadata=told, **options)
        except BaseException as thrown:
            _failed(span, thrown)
            raise
        finally:
            span.end()

    def future(
        self, request: Any, timeout: float | None = None, metadata: _Pairs | None = None, **options: Any
    ) -> Any:
        begun = self._begin(metadata)
        if begun is None:
            return self._method.future(request, timeout=timeout, metadata=metadata, **options)
        span, told = begun
        try:
            call = self._method.future(request, timeout=timeout, metadata=told, **options)
        except BaseException as thrown:
            _failed(span, thrown)
            span.end()
            raise

        def ended(call: Any) -> None:
            if call.cancelled():
                _failed(span, grpc.FutureCancelledError())
            elif (thrown := call.exception()) is not None:
                _failed(span, thrown)
            span.end()

        call.add_done_callback(ended)
        return call


class _AioMethod(_AnyMethod):
    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> Any:
        begun = self._begin(metadata)
        if begun is None:
            return self._method(request, timeout=timeout, metadata=metadata, **options)
        span, told = begun
        try:
            call = self._method(request, timeout=timeout, metadata=told, **options)
        except BaseException as thrown:
            _failed(span, thrown)
            span.end()
            raise

        def ended(call: Any) -> None:
            if call.failure is not None:
                _failed(span, call.failure)
            span.end()

        call.add_done_callback(ended)
        return call


def _failed(span: trace.Span, thrown: BaseException) -> None:
    span.set_status(trace.StatusCode.ERROR, str(thrown))
    if isinstance(thrown, CallFailure):
        code = thrown.code().name
        span.set_attributes(
            {
                "rpc.response.status_code": code,
                "error.type": thrown.cause.reason or code,
                "seriatim.fate": thrown.fate.name,
                "seriatim.sequence": thrown.sequence,
            }
        )
    else:
        span.set_attribute("error.type", type(thrown).__qualname__)
