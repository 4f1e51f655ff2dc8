import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { Fate, Reasons } from "../src/index.js";
import { otel, type OtelOptions } from "../src/otel.js";
import { DurableObjects } from "./client.js";
import { counting, FakeHost } from "./fake-host.js";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const unsampled = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
const contexts = new AsyncLocalStorageContextManager();

before(() => context.setGlobalContextManager(contexts.enable()));
after(() => {
  context.disable();
});

/** What the calls of a client have in their metadata that are made in a span of this provider, if any. */
async function metadataOfCalls(
  host: FakeHost,
  within: BasicTracerProvider | undefined,
  first = 1n,
  options?: OtelOptions,
): Promise<Record<string, string>[]> {
  using objects = DurableObjects.connect(host.url);
  const stub = objects.namespace("COUNTER").getByName("foo");
  const counter = createClient(Counter, stub.transport({ interceptors: [otel(provider, options)] }));
  const call = async (): Promise<void> => {
    await Promise.all([first, 2n].map((amount) => counter.increment({ amount })));
  };
  if (within === undefined) {
    await call();
  } else {
    const outer = within.getTracer("test").startSpan("outer");
    await context.with(trace.setSpan(context.active(), outer), call);
    outer.end();
  }
  await stub.close();
  return (host.stubs[0]?.invocations ?? []).map(({ metadata }) => metadata);
}

describe("@seriatim/stub/otel", () => {
  test("a call in a sampled span is a span of its own, and tells the object of it", async () => {
    exporter.reset();
    await using host = await FakeHost.start(counting);
    const told = await metadataOfCalls(host, provider);
    const [outer] = exporter.getFinishedSpans().filter(({ name }) => name === "outer");
    const calls = exporter.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
    assert.equal(calls.length, 2);
    for (const [index, call] of calls.entries()) {
      assert.equal(call.name, "seriatim.examples.v1.Counter/Increment");
      assert.equal(call.parentSpanContext?.spanId, outer?.spanContext().spanId);
      assert.equal(call.status.code, SpanStatusCode.UNSET);
      const { traceId, spanId } = call.spanContext();
      assert.deepEqual(told[index], { traceparent: `00-${traceId}-${spanId}-01` });
    }
  });

  test("a call in a span that isn't sampled, or in none, is as it was", async () => {
    exporter.reset();
    for (const within of [unsampled, undefined]) {
      await using host = await FakeHost.start(counting);
      assert.deepEqual(await metadataOfCalls(host, within), [{}, {}]);
    }
    assert.deepEqual(exporter.getFinishedSpans(), []);
  });

  test("baggage goes along where that is asked for, with what is sampled", async () => {
    const bag = propagation.createBaggage({
      tenant: { value: "acme & sons" },
      long: { value: "x".repeat(9000) },
      last: { value: "1" },
    });
    const cases: [OtelOptions | undefined, BasicTracerProvider, string | undefined][] = [
      [{ baggage: true }, provider, "tenant=acme%20%26%20sons,last=1"],
      [{ baggage: true }, unsampled, undefined],
      [{ baggage: false }, provider, undefined],
      [undefined, provider, undefined],
    ];
    for (const [options, within, carried] of cases) {
      await using host = await FakeHost.start(counting);
      const told = await context.with(propagation.setBaggage(context.active(), bag), () =>
        metadataOfCalls(host, within, 1n, options),
      );
      assert.deepEqual(
        told.map(({ baggage }) => baggage),
        [carried, carried],
      );
    }
  });

  test("a call that fails ends its span with the reason and the fate", async () => {
    exporter.reset();
    await using host = await FakeHost.start(counting);
    await assert.rejects(metadataOfCalls(host, provider, 0n));
    const calls = exporter.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
    assert.equal(calls.length, 2);
    for (const { attributes, status } of calls) {
      assert.equal(status.code, SpanStatusCode.ERROR);
      assert.equal(attributes["error.type"], Reasons.OBJECT_EXCEPTION);
      assert.equal(attributes["rpc.response.status_code"], "FAILED_PRECONDITION");
      assert.equal(attributes["seriatim.fate"], Fate.NOT_EXECUTED);
    }
  });
});
