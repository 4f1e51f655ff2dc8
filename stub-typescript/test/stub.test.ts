import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { DurableObjects as Contract } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { Fate, Reasons, type ConnectOptions, type DurableObjectStub } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf, latch, seen } from "./expect.js";
import { counting, FakeHost, opened, outcomes } from "./fake-host.js";

const { increment, get } = Counter.method;

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

async function withStub(
  host: FakeHost,
  body: (stub: DurableObjectStub) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  using objects = DurableObjects.connect(host.url, options);
  await body(objects.namespace("COUNTER").getByName("foo"));
}

describe("a typed stub", () => {
  test("is any client made on its transport, and runs calls in the order of the program", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const counter = createClient(Counter, stub.transport());
      const answers = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => counter.increment({ amount: BigInt(index + 1) })),
      );
      let expected = 0n;
      answers.forEach(({ value }, index) => {
        expected += BigInt(index + 1);
        assert.equal(value, expected);
      });
      await stub.close();
      const sent = host.stubs[0]?.invocations ?? [];
      assert.deepEqual(
        sent.map(({ sequence }) => sequence),
        Array.from({ length: 1000 }, (_, index) => BigInt(index + 1)),
      );
      assert.equal(sent[0]?.method, "seriatim.examples.v1.Counter/Increment");
      assert.equal(stub.isBroken, false);
    });
  });

  test("keeps the order of calls made by the client and by hand", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const counter = createClient(Counter, stub.transport());
      const values = await Promise.all([
        counter.increment({ amount: 1n }),
        stub.call(increment, { amount: 10n }),
        counter.increment({ amount: 100n }),
      ]);
      assert.deepEqual(
        values.map(({ value }) => value),
        [1n, 11n, 111n],
      );
    });
  });

  test("reads the argument before it returns", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const request = { amount: 1n };
      const answer = stub.call(increment, request);
      request.amount = 7n;
      assert.equal((await answer).value, 1n);
    });
  });

  test("refuses methods that are not unary, and goes on", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const streaming = createClient(Contract, stub.transport());
      const frames = streaming.connect(
        (async function* () {
          // Nothing is sent.
        })(),
      );
      const refused = await failureOf(frames[Symbol.asyncIterator]().next());
      assert.deepEqual(seen(refused), {
        reason: Reasons.CALL_REFUSED,
        code: Code.Unimplemented,
        fate: Fate.NOT_EXECUTED,
        sequence: 0n,
      });
      assert.match(refused.message, /Connect is bidi-streaming, and a stub carries only unary methods/);
      assert.equal((await stub.call(increment, { amount: 1n })).value, 1n);
    });
  });

  test("gives interceptors their turn, in which a call may be changed, answered or refused", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const order: string[] = [];
      const named =
        (name: string): Interceptor =>
        (next) =>
        (request) => {
          order.push(name);
          request.header.set(`x-${name}`, "1");
          return next(request);
        };
      const refusing: Interceptor = (next) => (request) => {
        if (request.method === get) {
          throw new TypeError("no reading today");
        }
        return next(request);
      };
      const counter = createClient(
        Counter,
        stub.transport({ interceptors: [named("outer"), named("inner"), refusing] }),
      );
      const first = counter.increment({ amount: 1n });
      const second = counter.increment({ amount: 2n });
      assert.deepEqual([(await first).value, (await second).value], [1n, 3n]);
      assert.deepEqual(order, ["outer", "inner", "outer", "inner"]);
      assert.deepEqual({ ...host.stubs[0]?.invocations[0]?.metadata }, { "x-outer": "1", "x-inner": "1" });
      await assert.rejects(
        counter.get({}),
        (error) => error instanceof ConnectError && error.rawMessage === "no reading today",
      );
    });
  });
});

describe("frames", () => {
  test("are at most K unanswered, hold what gathered meanwhile, and at most 256 calls each", async () => {
    const go = latch();
    const gathered = latch();
    const waited: number[] = [];
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
      await stub.read();
      const third = stub.read();
      gathered.open();
      waited.push(await Promise.race([third.then(() => 3), go.promise.then(() => 2)]));
      yield outcomes(1);
      await third;
      yield outcomes(2);
      await stub.readInvocations(514);
      yield outcomes(...range(3, 257)); // One short of the third frame: no room for another.
      yield outcomes(...range(258, 300));
      await stub.readInvocations(602);
      yield outcomes(...range(301, 602));
      await stub.read();
    });
    await withStub(
      host,
      async (stub) => {
        const answers = [stub.call(get, {})];
        while (host.stubs[0]?.frames.length !== 1) {
          await new Promise(setImmediate);
        }
        answers.push(stub.call(get, {}));
        await gathered.promise;
        for (let i = 0; i < 600; i++) {
          answers.push(stub.call(get, {}));
        }
        go.open();
        const values = await Promise.all(answers);
        assert.deepEqual(
          values.map(({ value }) => value),
          Array.from({ length: 602 }, (_, index) => BigInt(index + 1)),
        );
        await stub.close();
        assert.deepEqual(waited, [2]);
        assert.deepEqual(
          host.stubs[0].frames.map(({ invocations }) => invocations.length),
          [1, 1, 256, 256, 88],
        );
        assert.deepEqual(
          host.stubs[0].frames.map(({ open }) => open !== undefined),
          [true, false, false, false, false],
        );
      },
      { maxUnansweredFrames: 2 },
    );
  });

  test("are bounded by bytes, but a bigger call goes alone", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      const sent = await stub.readInvocations(6);
      yield outcomes(...sent.map(({ sequence }) => Number(sequence)));
      await stub.read();
    });
    const headers = { padding: "x".repeat(300) };
    await withStub(
      host,
      async (stub) => {
        const calls = Array.from({ length: 5 }, () => stub.call(get, {}, { headers }));
        calls.push(stub.call(get, {}, { headers: { padding: "x".repeat(2000) } }));
        await Promise.all(calls);
        await stub.close();
        assert.deepEqual(
          host.stubs[0]?.frames.map(({ invocations }) => invocations.length),
          [2, 2, 1, 1],
        );
      },
      { maxFrameBytes: 1000 },
    );
  });

  test("go on through 20,000 calls", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const answers = await Promise.all(
        Array.from({ length: 20_000 }, () => stub.call(increment, { amount: 1n })),
      );
      assert.deepEqual(
        answers.map(({ value }) => value),
        Array.from({ length: 20_000 }, (_, index) => BigInt(index + 1)),
      );
      assert((host.stubs[0]?.frames ?? []).every(({ invocations }) => invocations.length <= 256));
    });
  });
});

describe("limits", () => {
  test("refuse a call for which the buffer has no room, and break nothing", async () => {
    const go = latch();
    await using host = await FakeHost.start(async function* (stub) {
      await go.promise;
      yield* counting(stub);
    });
    await withStub(
      host,
      async (stub) => {
        const calls = Array.from({ length: 3 }, () => stub.call(increment, { amount: 1n }));
        const refused = await failureOf(stub.call(increment, { amount: 1n }));
        assert.deepEqual(seen(refused), {
          reason: Reasons.BUFFER_FULL,
          code: Code.ResourceExhausted,
          fate: Fate.NOT_EXECUTED,
          sequence: 0n,
        });
        assert(refused.overloaded);
        assert.match(refused.message, /3 invocations wait to be sent/);
        go.open();
        await Promise.all(calls);
        assert.equal((await stub.call(increment, { amount: 1n })).value, 4n);
      },
      { maxBufferedInvocations: 3 },
    );
  });

  test("hold for the bytes of the buffer and of one call too", async () => {
    await using host = await FakeHost.start(counting);
    const headers = { padding: "x".repeat(500) };
    await withStub(
      host,
      async (stub) => {
        const fits = stub.call(increment, { amount: 1n }, { headers });
        const full = await failureOf(stub.call(increment, { amount: 1n }, { headers }));
        assert.equal(full.reason, Reasons.BUFFER_FULL);
        assert.match(full.message, /bytes wait to be sent, and \d+ more would pass the limit of 1000/);
        const large = await failureOf(
          stub.call(increment, { amount: 1n }, { headers: { padding: "x".repeat(1000) } }),
        );
        assert.deepEqual(seen(large), {
          reason: Reasons.CALL_TOO_LARGE,
          code: Code.ResourceExhausted,
          fate: Fate.NOT_EXECUTED,
          sequence: 0n,
        });
        assert(!large.overloaded && !large.retryable);
        assert.equal((await fits).value, 1n);
      },
      { maxBufferedBytes: 1000, maxInvocationBytes: 900 },
    );
  });
});

describe("what goes with a call", () => {
  test("is its headers, as metadata", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const counter = createClient(Counter, stub.transport());
      const headers = new Headers([
        ["X-Tenant", "blue"],
        ["trace-bin", "AQI"],
        ["empty", ""],
        ["many", "1"],
        ["many", "2"],
      ]);
      await counter.increment({ amount: 1n }, { headers });
      assert.deepEqual(
        { ...host.stubs[0]?.invocations[0]?.metadata },
        { "x-tenant": "blue", "trace-bin": "AQI=", empty: "", many: "1, 2" },
      );
    });
  });

  test("can't be a header that the contract forbids", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const bad: [Record<string, string>, RegExp][] = [
        [{ "grpc-timeout": "1S" }, /metadata key 'grpc-timeout' is reserved/],
        [{ "seriatim-object": "x" }, /metadata key 'seriatim-object' is reserved/],
        [{ "a!b": "x" }, /metadata key 'a!b', expected only/],
        [{ text: "é" }, /metadata value of 'text', expected printable ASCII/],
        [{ "x-bin": "AQ==, Ag==" }, /metadata value of 'x-bin', expected one value in base64/],
        [{ "in valid": "x" }, /in valid/],
      ];
      for (const [headers, message] of bad) {
        const refused = await failureOf(stub.call(increment, { amount: 1n }, { headers }));
        assert.deepEqual(seen(refused), {
          reason: Reasons.CALL_REFUSED,
          code: Code.InvalidArgument,
          fate: Fate.NOT_EXECUTED,
          sequence: 0n,
        });
        assert.match(refused.message, message);
      }
      assert.equal((await stub.call(increment, { amount: 1n })).value, 1n);
    });
  });

  test("is its timeout, as what remains of it", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const counter = createClient(Counter, stub.transport({ defaultTimeoutMs: 90_000 }));
      await counter.increment({ amount: 1n }, { timeoutMs: 30_000 });
      await counter.increment({ amount: 1n });
      await counter.increment({ amount: 1n }, { timeoutMs: 0 });
      await counter.increment({ amount: 1n }, { timeoutMs: 1e30 });
      await stub.call(increment, { amount: 1n });
      assert.equal((await failureOf(stub.call(get, {}, { timeoutMs: NaN }))).reason, Reasons.CALL_REFUSED);
      const timeouts = host.stubs[0]?.invocations.map(({ timeout }) =>
        timeout === undefined ? undefined : Number(timeout.seconds) + timeout.nanos / 1e9,
      );
      const [given = 0, byDefault = 0, ...others] = timeouts ?? [];
      assert(given > 0 && given <= 30, `timeout ${given}, expected at most 30`);
      assert(byDefault > 30 && byDefault <= 90, `timeout ${byDefault}, expected at most 90`);
      assert.deepEqual(others, [undefined, 315_576_000_000, undefined]);
    });
  });

  test("can't be an argument that doesn't serialize", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host, async (stub) => {
      const refused = await failureOf(stub.call(increment, { amount: 2n ** 70n }));
      assert.equal(refused.reason, Reasons.CALL_REFUSED);
      assert.equal(refused.fate, Fate.NOT_EXECUTED);
      assert.equal((await stub.call(increment, { amount: 1n })).value, 1n);
    });
  });
});
