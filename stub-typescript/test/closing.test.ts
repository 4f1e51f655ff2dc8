import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, createClient } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { Fate, Reasons, type ConnectOptions, type DurableObjectStub } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf, latch, seen } from "./expect.js";
import { counting, FakeHost, opened, outcomes } from "./fake-host.js";

const { increment, get } = Counter.method;

async function withStub(
  host: FakeHost,
  body: (stub: DurableObjectStub) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  using objects = DurableObjects.connect(host.url, options);
  await body(objects.namespace("COUNTER").getByName("foo"));
}

describe("giving up", () => {
  test("one call drops its outcome and leaves it its place", async () => {
    const go = latch();
    await using host = await FakeHost.start(async function* (stub) {
      await go.promise;
      yield* counting(stub);
    });
    await withStub(host, async (stub) => {
      const counter = createClient(Counter, stub.transport());
      const controller = new AbortController();
      const first = counter.increment({ amount: 1n });
      const given = counter.increment({ amount: 10n }, { signal: controller.signal });
      const last = counter.increment({ amount: 100n });
      controller.abort(new Error("enough"));
      const failure = await failureOf(given);
      assert.deepEqual(seen(failure), {
        reason: Reasons.CALL_CANCELLED,
        code: Code.Canceled,
        fate: Fate.UNKNOWN,
        sequence: 2n,
      });
      assert.equal((failure.cause as Error).message, "enough");
      go.open();
      assert.deepEqual([(await first).value, (await last).value], [1n, 111n]);
      assert.equal(stub.isBroken, false);
    });
  });

  test("before the call sends nothing", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const failure = await failureOf(stub.call(increment, { amount: 5n }, { signal: AbortSignal.abort() }));
      assert.equal(failure.fate, Fate.NOT_EXECUTED);
      assert.equal(failure.sequence, 0n);
      assert.equal((await stub.call(increment, { amount: 1n })).value, 1n);
    });
  });

  test("after the call does nothing", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const controller = new AbortController();
      const answer = stub.call(increment, { amount: 1n }, { signal: controller.signal });
      await answer;
      controller.abort();
      assert.equal((await answer).value, 1n);
      assert.equal((await stub.call(increment, { amount: 1n })).value, 2n);
    });
  });
});

describe("closing", () => {
  test("finishes what was sent and what waits, lets no more in, and ends the call", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const told: unknown[] = [];
      stub.onBreak((cause) => told.push(cause));
      const calls = Array.from({ length: 3000 }, () => stub.call(increment, { amount: 1n }));
      const ended = stub.close();
      const late = await failureOf(stub.call(increment, { amount: 1n }));
      assert.deepEqual(seen(late), {
        reason: Reasons.STUB_CLOSED,
        code: Code.FailedPrecondition,
        fate: Fate.NOT_EXECUTED,
        sequence: 0n,
      });
      await ended;
      assert.equal((await Promise.all(calls)).at(-1)?.value, 3000n);
      await stub.close();
      stub.cancel("too late");
      assert.equal(stub.isBroken, false);
      assert.equal(stub.breakCause, undefined);
      assert.deepEqual(told, []);
    });
  });

  test("a stub that was never used ends at once, without a host", async () => {
    using objects = DurableObjects.connect("http://127.0.0.1:1");
    const stub = objects.namespace("COUNTER").getByName("foo");
    await stub.close();
    assert.equal(stub.isBroken, false);
    assert.equal((await failureOf(stub.call(get, {}))).reason, Reasons.STUB_CLOSED);
  });

  test("happens at the end of the block", async () => {
    await using host = await FakeHost.start(counting);
    using objects = DurableObjects.connect(host.url);
    const namespace = objects.namespace("COUNTER");
    let answer: Promise<{ value: bigint }>;
    {
      await using stub = namespace.getByName("foo");
      answer = stub.call(increment, { amount: 1n });
    }
    assert.equal((await answer).value, 1n);
    let stub: DurableObjectStub;
    {
      using inner = namespace.getByName("foo");
      stub = inner;
      answer = stub.call(increment, { amount: 1n });
    }
    assert.equal((await failureOf(stub.call(get, {}))).reason, Reasons.STUB_CLOSED);
    assert.equal((await answer).value, 1n);
  });

  test("doesn't wait for ever for a host that has answered all and doesn't end", async () => {
    const never = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
      yield outcomes(1);
      await never.promise;
    });
    await withStub(
      host,
      async (stub) => {
        await stub.call(get, {});
        await stub.close();
        assert.equal(stub.breakCause?.reason, Reasons.ANSWER_OVERDUE);
      },
      { endTimeoutMs: 20 },
    );
    never.open();
  });

  test("leaves 1,000 stubs on one connection as they were", async () => {
    await using host = await FakeHost.start(counting);
    using objects = DurableObjects.connect(host.url, { openTimeoutMs: 60_000 });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const namespace = objects.namespace("COUNTER");
    const stubs = Array.from({ length: 1000 }, (_, index) => namespace.getByName(`object ${index}`));
    await Promise.all(stubs.map((stub) => stub.call(increment, { amount: 1n })));
    await Promise.all(stubs.filter((_, index) => index % 2 === 0).map((stub) => stub.close()));
    const open = stubs.filter((_, index) => index % 2 === 1);
    const answers = await Promise.all(open.map((stub) => stub.call(increment, { amount: 1n })));
    assert(answers.every(({ value }) => value === 2n));
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    assert.deepEqual(warnings, []);
  });
});
