import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, createClient } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { Fate, Reasons, Retry } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { broke, failureOf, seen } from "./expect.js";
import { Relay } from "./relay.js";

/** HOST:PORT of a server with the example objects; scripts/test starts one. */
const target = process.env["SERIATIM_TARGET"];
const skip = target === undefined && "SERIATIM_TARGET names no server";

function connect(): DurableObjects {
  return DurableObjects.connect(`http://${target ?? ""}`);
}

describe("against the real host", { skip }, () => {
  test("10,000 calls with a throw in their midst: what ran is what the object has", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    const id = await counters.newUniqueId();
    const stub = counters.get(id);
    const counter = createClient(Counter, stub.transport());
    const blame = 6_000;
    const results = await Promise.allSettled(
      Array.from({ length: 10_000 }, (_, index) =>
        counter.increment({ amount: index + 1 === blame ? 0n : 1n }),
      ),
    );
    for (const [index, result] of results.entries()) {
      const sequence = BigInt(index + 1);
      if (index + 1 < blame) {
        assert(result.status === "fulfilled");
        assert.equal(result.value.value, sequence);
      } else {
        assert(result.status === "rejected");
        assert.deepEqual(seen(await failureOf(Promise.reject(result.reason as Error))), {
          reason: Reasons.OBJECT_EXCEPTION,
          code: Code.InvalidArgument,
          fate: Fate.NOT_EXECUTED,
          sequence,
        });
      }
    }
    assert.equal(stub.breakCause?.failedSequence, BigInt(blame));
    assert(stub.breakCause.remote);

    await using another = counters.get(id);
    assert.equal((await another.call(Counter.method.get, {})).value, BigInt(blame - 1));
  });

  test("ids made here are the host's, by name and by digits", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    const name = `typescript ${String(await counters.newUniqueId())}`;
    await using named = counters.getByName(name);
    assert.equal((await named.call(Counter.method.increment, { amount: 3n })).value, 3n);
    const id = await counters.idFromString((await counters.idFromName(name)).toString());
    await using byId = counters.get(id);
    assert.equal((await byId.call(Counter.method.get, {})).value, 3n);
    assert((await named.id()).equals(id));
  });

  test("a namespace that isn't there breaks the stub", async () => {
    using objects = connect();
    const failure = await failureOf(
      objects.namespace("NOWHERE").getByName("foo").call(Counter.method.get, {}),
    );
    assert.deepEqual(seen(failure), {
      reason: Reasons.UNKNOWN_NAMESPACE,
      code: Code.NotFound,
      fate: Fate.NOT_EXECUTED,
      sequence: 1n,
    });
  });

  test("a timeout that has run out breaks the stub", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    const stub = counters.get(await counters.newUniqueId());
    const failure = await failureOf(stub.call(Counter.method.get, {}, { timeoutMs: Number.MIN_VALUE }));
    assert.deepEqual(seen(failure), {
      reason: Reasons.INVOCATION_TIMED_OUT,
      code: Code.DeadlineExceeded,
      fate: Fate.NOT_EXECUTED,
      sequence: 1n,
    });
  });

  test("headers pass the host's check", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    await using stub = counters.get(await counters.newUniqueId());
    const headers = { "x-tenant": "blue", "trace-bin": "AQI" };
    assert.equal((await stub.call(Counter.method.increment, { amount: 1n }, { headers })).value, 1n);
  });

  test("500 stubs share a connection, and one that breaks harms no other", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    const ids = await Promise.all(Array.from({ length: 500 }, () => counters.newUniqueId()));
    const stubs = ids.map((id) => counters.get(id));
    await Promise.all(stubs.map((stub) => stub.call(Counter.method.increment, { amount: 1n })));
    const [first, ...others] = stubs;
    assert(first !== undefined);
    const broken = broke(first);
    await failureOf(first.call(Counter.method.increment, { amount: 0n }));
    assert.equal((await broken).code, Code.InvalidArgument);
    const answers = await Promise.all(
      others.map((stub) => stub.call(Counter.method.increment, { amount: 1n })),
    );
    assert(answers.every(({ value }) => value === 2n));
    await Promise.all(others.map((stub) => stub.close()));
    assert(others.every((stub) => !stub.isBroken));
  });

  test("a resumable stub counts each call once, whatever of its connections is cut", async () => {
    await using relay = await Relay.to(target ?? "");
    using objects = DurableObjects.connect(relay.url, { resumeBackoffMs: 1, maxResumeBackoffMs: 100 });
    using straight = connect();
    const id = await straight.namespace("COUNTER").newUniqueId();
    const stub = objects.namespace("COUNTER").resumable().get(id);
    const increment = (): Promise<bigint> =>
      stub.call(Counter.method.increment, { amount: 1n }).then(({ value }) => value);
    let expected = 0n;
    for (let cut = 0; cut < 20; cut++) {
      const calls = Array.from({ length: 300 }, increment);
      await calls[cut * 10]; // In the midst of what goes on.
      relay.cut();
      for (const value of await Promise.all(calls)) {
        assert.equal(value, ++expected);
      }
    }
    await stub.close();
    assert.equal(stub.isBroken, false);
    await using another = straight.namespace("COUNTER").get(id);
    assert.equal((await another.call(Counter.method.get, {})).value, expected);
    assert(relay.connections > 1);
  });

  test("a call with an idempotency key is executed once, on whatever stub", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    const id = await counters.newUniqueId();
    const headers = { "seriatim-idempotency-key": "order-12345" };
    const increment = (amount: bigint): Promise<{ value: bigint }> =>
      counters.get(id).call(Counter.method.increment, { amount }, { headers });
    assert.equal((await increment(4n)).value, 4n);
    assert.equal((await increment(4n)).value, 4n);
    const { reason, fate } = await failureOf(increment(5n));
    assert.deepEqual([reason, fate], [Reasons.IDEMPOTENCY_MISMATCH, Fate.NOT_EXECUTED]);
  });

  test("retry passes on what the object threw, and goes on with a new stub", async () => {
    using objects = connect();
    const counters = objects.namespace("COUNTER");
    const id = await counters.newUniqueId();
    await using retry = new Retry(() => counters.get(id));
    const increment = (amount: bigint): Promise<{ value: bigint }> =>
      retry.call((stub) => stub.call(Counter.method.increment, { amount }));
    assert.equal((await increment(1n)).value, 1n);
    assert.equal((await failureOf(increment(0n))).reason, Reasons.OBJECT_EXCEPTION);
    assert.equal((await increment(1n)).value, 2n);
  });
});
