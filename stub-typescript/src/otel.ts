/**
 * Spans for the calls of a stub, and the trace that goes along with them to the object: the entry point
 * `@seriatim/stub/otel`. It needs `@opentelemetry/api`; nothing else of this package does.
 */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Baggage,
  type Span,
  type TracerProvider,
} from "@opentelemetry/api";
import { CallFailure } from "./failure.js";

const SCOPE = "@seriatim/stub";

/** What the W3C lets a baggage have: members, and characters of all of them. */
const MAX_MEMBERS = 180;
const MAX_BAGGAGE = 8192;

/** What goes along with calls. */
export interface OtelOptions {
  /**
   * Whether OpenTelemetry's baggage goes along with what is sampled, as the W3C has it. Whoever is called sees all of it,
   * so nothing secret may be in it. Default: no.
   */
  readonly baggage?: boolean;
}

/**
 * Makes a span of each call that is made within one that is sampled, and lets the object's turn be a child of it. All
 * other calls stay as they are: they cost a look at what is current, and nothing on the wire.
 *
 *     const counter = createClient(Counter, stub.transport({ interceptors: [otel()] }));
 *
 * @param provider whose tracer makes the spans. Default: the global one
 */
export function otel(provider?: TracerProvider, options: OtelOptions = {}): Interceptor {
  return (next) => (request) => {
    const active = context.active();
    const current = trace.getSpanContext(active);
    if (current === undefined || (current.traceFlags & TraceFlags.SAMPLED) === 0) {
      return next(request);
    }
    const method = `${request.service.typeName}/${request.method.name}`;
    const span = (provider ?? trace).getTracer(SCOPE).startSpan(
      method,
      {
        kind: SpanKind.CLIENT,
        attributes: { "rpc.system.name": "grpc", "rpc.method": method },
      },
      active,
    );
    inject(span, options.baggage === true ? propagation.getBaggage(active) : undefined, request.header);
    // In this very step, or the call would lose its place in the order.
    const answer = next(request);
    answer.then(
      () => {
        span.end();
      },
      (error: unknown) => {
        failed(span, error);
        span.end();
      },
    );
    return answer;
  };
}

/** As https://www.w3.org/TR/trace-context/ has it. Whoever isn't sampled leaves nothing there. */
function inject(span: Span, baggage: Baggage | undefined, header: Headers): void {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  if ((traceFlags & TraceFlags.SAMPLED) === 0) {
    return;
  }
  header.set("traceparent", `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`);
  const state = traceState?.serialize();
  if (state !== undefined && state !== "") {
    header.set("tracestate", state);
  }
  const carried = baggage === undefined ? "" : asHeader(baggage);
  if (carried !== "") {
    header.set("baggage", carried);
  }
}

/** As https://www.w3.org/TR/baggage/ has it. What doesn't fit any more is left out. */
function asHeader(baggage: Baggage): string {
  let header = "";
  for (const [key, { value, metadata }] of baggage.getAllEntries().slice(0, MAX_MEMBERS)) {
    const rest = metadata === undefined ? "" : `;${metadata.toString()}`;
    const member = `${encodeURIComponent(key)}=${encodeURIComponent(value)}${rest}`;
    const longer = header === "" ? member : `${header},${member}`;
    if (longer.length <= MAX_BAGGAGE) {
      header = longer;
    }
  }
  return header;
}

function failed(span: Span, thrown: unknown): void {
  const error = ConnectError.from(thrown);
  const status = Code[error.code].replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.rawMessage });
  span.setAttribute("rpc.response.status_code", status);
  span.setAttribute("error.type", status);
  const failure = CallFailure.of(thrown);
  if (failure !== undefined) {
    span.setAttribute("error.type", failure.reason === "" ? status : failure.reason);
    span.setAttribute("seriatim.fate", failure.fate);
    span.setAttribute("seriatim.sequence", Number(failure.sequence));
  }
}
