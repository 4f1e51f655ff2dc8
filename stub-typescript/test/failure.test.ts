import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { BrokenSchema } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { CallFailure, Fate, Reasons, type ConnectOptions, type DurableObjectStub } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { broke, failureOf, latch, seen } from "./expect.js";
import { broken, counting, FakeHost, opened, outcomes } from "./fake-host.js";

const { increment, get } = Counter.method;

async function withStub(
  url: string,
  body: (stub: DurableObjectStub, another: () => DurableObjectStub) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  using objects = DurableObjects.connect(url, options);
  const namespace = objects.namespace("COUNTER");
  await body(namespace.getByName("foo"), () => namespace.getByName("foo"));
}

describe("a call that throws", () => {
  test("breaks the stub, fails what is behind it with the same cause, and says what ran", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host.url, async (stub, another) => {
      const counter = createClient(Counter, stub.transport());
      const told: string[] = [];
      stub.onBreak((cause) => told.push(cause.reason));
      const results = await Promise.allSettled(
        [1n, 2n, 0n, 4n, 5n].map((amount) => counter.increment({ amount })),
      );
      assert.deepEqual(
        results.map((result) => (result.status === "fulfilled" ? result.value.value : undefined)),
        [1n, 3n, undefined, undefined, undefined],
      );
      const failures = results
        .filter((result) => result.status === "rejected")
        .map(({ reason }) => CallFailure.of(reason));
      failures.forEach((failure, index) => {
        assert(failure instanceof CallFailure);
        assert(failure instanceof ConnectError);
        assert(failure instanceof Error);
        assert.deepEqual(seen(failure), {
          reason: Reasons.OBJECT_EXCEPTION,
          code: Code.FailedPrecondition,
          fate: Fate.NOT_EXECUTED,
          sequence: BigInt(index + 3),
        });
        assert.equal(failure.failedSequence, 3n);
        const call = index === 0 ? "call 3" : `call ${index + 3} behind 3`;
        assert.equal(failure.failureCause.message, "no");
        assert.equal(failure.rawMessage, `no [OBJECT_EXCEPTION, ${call}, NOT_EXECUTED]`);
        assert.equal(failure.message, `[failed_precondition] ${failure.rawMessage}`);
        assert.deepEqual([failure.remote, failure.retryable, failure.overloaded], [true, false, false]);
        assert.equal(failure.failureCause, stub.breakCause);
        assert.equal(failure.findDetails(ErrorInfoSchema)[0]?.reason, "OBJECT_EXCEPTION");
        assert.equal(failure.failureCause.metadata["hint"], "less");
      });
      assert.deepEqual(told, ["OBJECT_EXCEPTION"]);
      assert(stub.isBroken);

      // Rule 10: later calls fail at once and never reach the wire.
      const later = await failureOf(counter.increment({ amount: 1n }));
      assert.equal(later.failureCause, stub.breakCause);
      assert.equal(later.fate, Fate.NOT_EXECUTED);
      assert.equal(later.sequence, 0n);
      assert.equal(later.rawMessage, "no [OBJECT_EXCEPTION, NOT_EXECUTED]");
      await stub.close();
      assert.equal(host.stubs.length, 1);
      assert.equal(host.stubs[0]?.invocations.length, 5);

      assert.equal((await another().call(increment, { amount: 7n })).value, 7n);
      assert.equal(host.stubs[1]?.invocations[0]?.sequence, 1n);
    });
  });

  test("carries what the host says of it", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      await stub.read();
      yield {
        ...opened(),
        ...broken(0, { reason: "FROM_THE_FUTURE", code: 77, retryable: true, overloaded: true }),
      };
    });
    await withStub(host.url, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.equal(failure.reason, "FROM_THE_FUTURE");
      assert.equal(failure.code, Code.Unknown);
      assert(failure.retryable && failure.overloaded && !failure.remote);
    });
  });

  test("needs no reason", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      await stub.read();
      yield { broken: create(BrokenSchema, { cause: { code: Code.Aborted } }) };
    });
    await withStub(host.url, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.equal(failure.reason, "");
      assert.equal(failure.failureCause.message, "");
      assert.equal(failure.rawMessage, "no message [no reason, call 1, NOT_EXECUTED]");
      assert.equal(failure.code, Code.Aborted);
      assert.equal(failure.fate, Fate.NOT_EXECUTED);
    });
  });

  test("is looked for along the causes of an error", async () => {
    const failure = await failureOf(
      DurableObjects.connect("http://127.0.0.1:1").namespace("COUNTER").getByName("foo").call(get, {}),
    );
    assert.equal(CallFailure.of(new Error("outer", { cause: failure })), failure);
    assert.equal(CallFailure.of(new ConnectError("other")), undefined);
    assert(!(new ConnectError("other") instanceof CallFailure));
    const circle = new Error("circle");
    circle.cause = circle;
    assert.equal(CallFailure.of(circle), undefined);
  });
});

describe("a lost connection", () => {
  test("that never was has executed nothing", async () => {
    const unused = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => unused.once("listening", resolve));
    const { port } = unused.address() as AddressInfo;
    await new Promise((resolve) => unused.close(resolve));
    await withStub(`http://127.0.0.1:${port}`, async (stub) => {
      const results = await Promise.all([failureOf(stub.call(get, {})), failureOf(stub.call(get, {}))]);
      results.forEach((failure, index) => {
        assert.deepEqual(seen(failure), {
          reason: Reasons.CONNECTION_LOST,
          code: Code.Unavailable,
          fate: Fate.NOT_EXECUTED,
          sequence: BigInt(index + 1),
        });
        assert(failure.retryable);
      });
      assert(stub.isBroken);
    });
  });

  test("leaves answered calls completed, sent ones unknown, waiting ones not executed", async () => {
    const waiting = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
      yield outcomes(1);
      await stub.read();
      await waiting.promise;
      stub.cut();
    });
    await withStub(
      host.url,
      async (stub) => {
        const cause = broke(stub);
        assert.equal((await stub.call(get, {})).value, 1n);
        const sent = stub.call(get, {});
        while (host.stubs[0]?.frames.length !== 2) {
          await new Promise(setImmediate);
        }
        const unsent = [stub.call(get, {}), stub.call(get, {})];
        const failures = Promise.all([sent, ...unsent].map(failureOf));
        waiting.open();
        assert.deepEqual(
          (await failures).map(({ fate }) => fate),
          [Fate.UNKNOWN, Fate.NOT_EXECUTED, Fate.NOT_EXECUTED],
        );
        for (const failure of await failures) {
          assert.equal(failure.reason, Reasons.CONNECTION_LOST);
          assert(failure.retryable);
        }
        assert.equal((await cause).reason, Reasons.CONNECTION_LOST);
      },
      { maxUnansweredFrames: 1 },
    );
  });

  test("is also a call that ends with OK while calls are unanswered", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
    });
    await withStub(host.url, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.deepEqual(seen(failure), {
        reason: Reasons.CONNECTION_LOST,
        code: Code.Unavailable,
        fate: Fate.UNKNOWN,
        sequence: 1n,
      });
      assert.match(failure.message, /the host ended the stub's call/);
    });
  });

  test("is also a status without a 'broken' frame, which keeps its code", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
      throw new ConnectError("too much", Code.ResourceExhausted);
    });
    await withStub(host.url, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.deepEqual(seen(failure), {
        reason: Reasons.CONNECTION_LOST,
        code: Code.ResourceExhausted,
        fate: Fate.UNKNOWN,
        sequence: 1n,
      });
      assert(failure.overloaded && !failure.retryable);
    });
  });

  test("also breaks the stubs that have nothing unanswered", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
      yield outcomes(1);
      await stub.read();
    });
    using objects = DurableObjects.connect(host.url);
    const stub = objects.namespace("COUNTER").getByName("foo");
    await stub.call(get, {});
    const cause = broke(stub);
    objects.close();
    assert.equal((await cause).reason, Reasons.CONNECTION_LOST);
    const later = await failureOf(objects.namespace("COUNTER").getByName("foo").call(get, {}));
    assert.equal(later.code, Code.FailedPrecondition);
    assert.equal(later.rawMessage, "the client is closed [CONNECTION_LOST, call 1, NOT_EXECUTED]");
    assert.equal(later.fate, Fate.NOT_EXECUTED);
    assert.equal(later.retryable, false);
  });

  test("leaves what a host refused to take not executed", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      await stub.read();
      stub.refuse();
      yield* [];
    });
    await withStub(host.url, async (stub) => {
      const failures = await Promise.all([stub.call(get, {}), stub.call(get, {})].map(failureOf));
      for (const failure of failures) {
        assert.equal(failure.reason, Reasons.CONNECTION_LOST);
        assert.equal(failure.fate, Fate.NOT_EXECUTED);
        assert(failure.retryable);
      }
    });
  });

  test("leaves a refusal behind 'opened' unknown, since the host has processed something", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      yield outcomes(...(await stub.readInvocations(1)).map(({ sequence }) => Number(sequence)));
      await stub.readInvocations(2);
      stub.refuse();
    });
    await withStub(host.url, async (stub) => {
      await stub.call(get, {});
      assert.equal((await failureOf(stub.call(get, {}))).fate, Fate.UNKNOWN);
    });
  });

  test("leaves a stub that is opened while the host goes away not executed, and others as they are", async () => {
    await using host = await FakeHost.start(counting, async function* (stub) {
      await stub.read();
      host.stubs[0]?.goAway();
      yield* [];
    });
    await withStub(
      host.url,
      async (stub, another) => {
        await stub.call(increment, { amount: 1n });
        const failure = await failureOf(another().call(increment, { amount: 10n }));
        assert.equal(failure.reason, Reasons.CONNECTION_LOST);
        assert.equal(failure.fate, Fate.NOT_EXECUTED);
        assert(failure.retryable);
        assert.equal((await stub.call(increment, { amount: 1n })).value, 2n);
        await stub.close();
      },
      { sharedCalls: 0 },
    );
  });

  test("is found by the keepalive, if the way to the host is dead", async () => {
    await using host = await FakeHost.start(counting);
    const way = createServer((socket) => {
      const onward = connect(Number(new URL(host.url).port), "127.0.0.1");
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) {
        end.on("error", () => undefined);
      }
      die.promise
        .then(() => {
          socket.unpipe(onward);
          onward.unpipe(socket);
        })
        .catch(() => undefined);
      sockets.push(socket, onward);
    });
    const sockets: Socket[] = [];
    const die = latch();
    await new Promise<void>((resolve) => way.listen(0, "127.0.0.1", resolve));
    const { port } = way.address() as AddressInfo;
    await withStub(
      `http://127.0.0.1:${port}`,
      async (stub) => {
        await stub.call(increment, { amount: 1n });
        die.open();
        const failure = await failureOf(stub.call(increment, { amount: 1n }));
        assert.equal(failure.reason, Reasons.CONNECTION_LOST);
        assert.equal(failure.fate, Fate.UNKNOWN);
        assert(failure.retryable);
      },
      { keepAliveTimeMs: 500, keepAliveTimeoutMs: 500 },
    );
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => way.close(resolve));
  });
});

describe("breaking from this side", () => {
  test("by cancel fails everything, with the message", async () => {
    const read = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.read();
      read.open();
      await stub.read();
    });
    await withStub(host.url, async (stub) => {
      const call = stub.call(get, {});
      await read.promise;
      const failed = failureOf(call);
      stub.cancel("the user left");
      assert.deepEqual(seen(await failed), {
        reason: Reasons.STUB_CANCELLED,
        code: Code.Canceled,
        fate: Fate.UNKNOWN,
        sequence: 1n,
      });
      assert.equal(stub.breakCause?.message, "the user left");
      await stub.close();
    });
  });

  test("before the first call sends nothing", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host.url, async (stub) => {
      stub.cancel("never mind");
      assert.equal((await failureOf(stub.call(get, {}))).reason, Reasons.STUB_CANCELLED);
      assert.equal(host.stubs.length, 0);
    });
  });

  test("is told to every listener, also to late ones, and one that throws harms no one", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(host.url, async (stub) => {
      const warned = latch<Error>();
      process.once("warning", warned.open);
      const told: string[] = [];
      stub.onBreak(() => {
        throw new Error("a listener's fault");
      });
      stub.onBreak(({ message }) => told.push(message));
      stub.cancel("enough");
      stub.onBreak(({ message }) => told.push(`${message}, later`));
      assert.deepEqual(told, ["enough", "enough, later"]);
      assert.match((await warned.promise).message, /a listener's fault/);
    });
  });
});
