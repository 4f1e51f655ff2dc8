import assert from "node:assert/strict";
import { createServer as createSocketServer, type AddressInfo, type Socket } from "node:net";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { Fate, Reasons } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf, seen, until } from "./expect.js";
import { counting, FakeHost } from "./fake-host.js";

const { increment } = Counter.method;
const one = { amount: 1n };

describe("a connection that carries as many streams as its other end permits", () => {
  test("has no room for one more stub, which says so and has executed nothing", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await using host = await FakeHost.startWith({ settings: { maxConcurrentStreams: 2 } }, counting);
    using objects = DurableObjects.connect(host.url, { openTimeoutMs: 3_000, sharedCalls: 0 });
    const namespace = objects.namespace("COUNTER");
    const open = [namespace.getByName("1"), namespace.getByName("2")];
    await Promise.all(open.map((stub) => stub.call(increment, one)));

    const third = namespace.getByName("3");
    let areOver = false;
    const failures = Promise.all([1, 2].map(() => failureOf(third.call(increment, one)))).finally(
      () => (areOver = true),
    );
    await until("the end of both calls", () => {
      t.mock.timers.tick(100);
      return areOver;
    });
    (await failures).forEach((failure, index) => {
      assert.deepEqual(seen(failure), {
        reason: Reasons.OPEN_OVERDUE,
        code: Code.ResourceExhausted,
        fate: Fate.NOT_EXECUTED,
        sequence: BigInt(index + 1),
      });
      assert(failure.overloaded && !failure.retryable);
      assert.match(
        failure.rawMessage,
        /no more than 2 of them at a time .*MAX_CONCURRENT_STREAMS\); 2 are open/,
      );
    });
    assert.equal(host.stubs.length, 2);

    // The others go on, and when one has ended there is room again.
    await Promise.all(open.map((stub) => stub.call(increment, one)));
    const waiting = namespace.getByName("4").call(increment, one);
    await open[0]?.close();
    assert.equal((await waiting).value, 1n);
    assert.equal(host.stubs.length, 3);
  });

  test("is not asked for more before it has said how many those are", async () => {
    await using host = await FakeHost.startWith({ settings: { maxConcurrentStreams: 5 } }, counting);
    using objects = DurableObjects.connect(host.url, { openTimeoutMs: 60_000 });
    const namespace = objects.namespace("COUNTER");
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const stub = namespace.getByName(`object ${index}`);
        const { value } = await stub.call(increment, one);
        await stub.close();
        return value;
      }),
    );
    assert(answers.every((value) => value === 1n));
  });

  test("gives the places of stubs that were given up to others", async () => {
    await using host = await FakeHost.startWith({ settings: { maxConcurrentStreams: 1 } }, counting);
    using objects = DurableObjects.connect(host.url, { openTimeoutMs: 60_000 });
    const namespace = objects.namespace("COUNTER");
    const first = namespace.getByName("1");
    await first.call(increment, one);
    const given = namespace.getByName("2");
    const failed = failureOf(given.call(increment, one));
    given.cancel("no need");
    assert.equal((await failed).fate, Fate.NOT_EXECUTED);
    const next = namespace.getByName("3").call(increment, one);
    await first.close();
    assert.equal((await next).value, 1n);
    assert.equal(host.stubs.length, 2);
  });
});

describe("a host that can't be reached", () => {
  test("is given up in bounded time", async () => {
    const taken: Socket[] = [];
    const deaf = createSocketServer({ pauseOnConnect: true }, (socket) => taken.push(socket));
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    const { port } = deaf.address() as AddressInfo;
    // A TLS handshake with one who never answers is a connection that never comes about.
    using objects = DurableObjects.connect(`https://127.0.0.1:${port}`, { connectTimeoutMs: 100 });
    const failure = await failureOf(objects.namespace("COUNTER").getByName("foo").call(increment, one));
    assert.deepEqual(seen(failure), {
      reason: Reasons.CONNECTION_LOST,
      code: Code.Unavailable,
      fate: Fate.NOT_EXECUTED,
      sequence: 1n,
    });
    assert.match(failure.rawMessage, /no connection to https:\/\/127.0.0.1:\d+ within 100 ms/);
    assert(failure.retryable);

    using patient = DurableObjects.connect(`https://127.0.0.1:${port}`, { openTimeoutMs: 100 });
    const overdue = await failureOf(patient.namespace("COUNTER").getByName("foo").call(increment, one));
    assert.deepEqual(seen(overdue), {
      reason: Reasons.OPEN_OVERDUE,
      code: Code.Unavailable,
      fate: Fate.NOT_EXECUTED,
      sequence: 1n,
    });
    assert.match(overdue.rawMessage, /no connection to the host within 100 ms: it is connecting/);
    taken.forEach((socket) => socket.destroy());
    await new Promise((resolve) => deaf.close(resolve));
  });

  test("has the time of one attempt for each attempt, whatever became of the one before", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { port } = await listenOnce();
    using objects = DurableObjects.connect(`https://127.0.0.1:${port}`, {
      connectTimeoutMs: 1_000,
      openTimeoutMs: 60_000,
    });
    const namespace = objects.namespace("COUNTER");
    const refused = await failureOf(namespace.getByName("foo").call(increment, one));
    assert.match(refused.rawMessage, /refused/i);

    t.mock.timers.tick(600);
    const taken: Socket[] = [];
    const deaf = createSocketServer({ pauseOnConnect: true });
    const connected = new Promise<void>((resolve) => {
      deaf.on("connection", (socket) => {
        taken.push(socket);
        resolve();
      });
    });
    await new Promise<void>((resolve) => deaf.listen(port, "127.0.0.1", resolve));
    let isOver = false;
    const second = failureOf(namespace.getByName("foo").call(increment, one)).finally(() => (isOver = true));
    await connected;
    t.mock.timers.tick(999);
    await new Promise(setImmediate);
    assert.equal(isOver, false, "the second attempt has all of its time");
    t.mock.timers.tick(1);
    assert.match((await second).rawMessage, /no connection to https:\/\/127.0.0.1:\d+ within 1000 ms/);
    taken.forEach((socket) => socket.destroy());
    await new Promise((resolve) => deaf.close(resolve));
  });
});

/** Where nobody listens any more. */
async function listenOnce(): Promise<AddressInfo> {
  const server = createSocketServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return address;
}
