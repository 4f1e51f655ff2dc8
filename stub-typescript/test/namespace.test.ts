import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { defaultClientOptions, type ConnectOptions, type DurableObjectId } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { counting, FakeHost, ids, opened, outcomes, UNIQUE_KEY } from "./fake-host.js";

describe("a namespace", () => {
  test("asks the host for its unique key once, and only when an id needs it", async () => {
    await using host = await FakeHost.start(counting);
    using objects = DurableObjects.connect(host.url);
    const namespace = objects.namespace("COUNTER");
    await createClient(Counter, namespace.getByName("foo").transport())
      .get({})
      .catch(() => undefined);
    assert.equal(host.described, 0);

    const [foo, bar] = await Promise.all([namespace.idFromName("foo"), namespace.idFromName("bar")]);
    assert(foo.equals(ids.fromName("foo")));
    assert(bar.equals(ids.fromName("bar")));
    assert((await namespace.idFromString(foo.toString())).equals(foo));
    assert.equal((await namespace.newUniqueId()).toString().length, 64);
    assert((await namespace.getByName("foo").id()).equals(foo));
    assert.equal(host.described, 1);
    assert.equal(objects.namespace("COUNTER"), namespace);
  });

  test("whose unique key was given never asks", async () => {
    using objects = DurableObjects.connect("http://127.0.0.1:1");
    const namespace = objects.namespace("COUNTER", UNIQUE_KEY);
    assert((await namespace.idFromName("foo")).equals(ids.fromName("foo")));
    assert.throws(() => objects.namespace("COUNTER", ""), { message: /unique key is empty/ });
  });

  test("that the host doesn't have, or describes as another, gives no ids, and asks again", async () => {
    await using host = await FakeHost.start();
    using objects = DurableObjects.connect(host.url);
    const missing = objects.namespace("MISSING");
    for (let asked = 1; asked <= 2; asked++) {
      await assert.rejects(missing.newUniqueId(), (error) => ConnectError.from(error).code === Code.NotFound);
      assert.equal(host.described, asked);
    }
    await assert.rejects(objects.namespace("LIAR").newUniqueId(), {
      message:
        "[internal] the host described namespace 'OTHER' with unique key '', expected namespace 'LIAR' and a key",
    });
  });

  test("refuses bad names before anything is sent", async () => {
    using objects = DurableObjects.connect("http://127.0.0.1:1");
    assert.throws(() => objects.namespace(""), { message: "namespace is empty, expected a name" });
    const namespace = objects.namespace("COUNTER");
    assert.throws(() => namespace.getByName(""), { message: "name has 0 bytes, expected 1 to 1024" });
    await assert.rejects(namespace.idFromName(""), { message: "name has 0 bytes, expected 1 to 1024" });
  });

  test("opens by name where the name is known, and by id where it isn't", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      const [first] = [await stub.read()];
      const object = first?.open?.object;
      yield object?.case === "name" ? opened(undefined, object.value) : opened(object?.value as string);
      yield outcomes(1);
      await stub.read();
    });
    using objects = DurableObjects.connect(host.url);
    const namespace = objects.namespace("COUNTER", UNIQUE_KEY);
    const foo = await namespace.idFromName("foo");
    const bare = await namespace.idFromString(foo.toString());
    for (const stub of [namespace.getByName("foo"), namespace.get(foo), namespace.get(bare)]) {
      await stub.call(Counter.method.get, {});
      assert((await stub.id()).equals(foo));
      await stub.close();
    }
    assert.deepEqual(
      host.stubs.map(({ frames }) => frames[0]?.open?.object.case),
      ["name", "name", "id"],
    );
    assert.equal(namespace.get(foo).name, "foo");
    assert.equal(namespace.get(bare).name, undefined);
    assert.equal(String(namespace.getByName("foo")), "DurableObjectStub[COUNTER/foo]");
    assert.equal(String(namespace.get(bare)), `DurableObjectStub[COUNTER/${String(foo)}]`);
  });
});

describe("an id of another namespace", () => {
  const counterIds = (from: DurableObjects): Promise<DurableObjectId[]> => {
    const counters = from.namespace("COUNTER");
    const named = counters.idFromName("n");
    return Promise.all([
      named,
      counters.newUniqueId(),
      named.then((id) => counters.idFromString(id.toString())),
    ]);
  };

  test("is refused, with a word about both, and nothing is sent", async () => {
    await using host = await FakeHost.start(counting);
    using objects = DurableObjects.connect(host.url);
    const known = objects.namespace("JOURNAL", "journal-key");
    for (const namespace of [objects.namespace("JOURNAL"), known]) {
      for (const id of await counterIds(objects)) {
        assert.throws(() => namespace.get(id), {
          name: "InvalidIdError",
          reason: "INVALID_ID",
          code: Code.InvalidArgument,
          message: `id '${String(id)}' is of namespace 'COUNTER', expected one of namespace 'JOURNAL'`,
        });
      }
    }
    assert.throws(() => known.get(ids.fromName("n")), {
      message: /is of another namespace, expected one of namespace 'JOURNAL'/,
    });
    assert.equal(host.stubs.length, 0);
  });

  test("that may as well be one of this opens the object by the id, which the host checks", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened(String((await stub.read())?.open?.object.value));
      yield outcomes(1);
      await stub.read();
    });
    using objects = DurableObjects.connect(host.url);
    using others = DurableObjects.connect(host.url);
    for (const id of [ids.fromName("n"), ...(await counterIds(others))]) {
      const stub = objects.namespace("JOURNAL").get(id);
      await stub.call(Counter.method.get, {});
      await stub.close();
    }
    assert(host.stubs.every(({ frames }) => frames[0]?.open?.object.case === "id"));
    assert.equal(host.stubs.length, 4);
  });
});

describe("a client", () => {
  test("works over any transport that carries streams both ways", async () => {
    await using host = await FakeHost.start(counting);
    const transport = createGrpcTransport({ baseUrl: host.url, defaultTimeoutMs: 50 });
    const stub = DurableObjects.on(transport).namespace("COUNTER").getByName("foo");
    assert.equal((await stub.call(Counter.method.increment, { amount: 2n })).value, 2n);
    await stub.close();
  });

  test("refuses what is no URL of a host", () => {
    for (const url of ["localhost:7070", "", "ftp://host", "7070"]) {
      assert.throws(() => DurableObjects.connect(url), {
        name: "RangeError",
        message: `url '${url}', expected http://HOST:PORT or https://HOST:PORT`,
      });
    }
  });

  test("refuses options that can't be, by name", () => {
    const bad: [ConnectOptions, string][] = [
      [{ maxUnansweredFrames: 0 }, "maxUnansweredFrames 0, expected a whole number of at least 1"],
      [{ maxFrameInvocations: 1.5 }, "maxFrameInvocations 1.5, expected a whole number of at least 1"],
      [{ maxFrameBytes: NaN }, "maxFrameBytes NaN, expected a whole number of at least 1"],
      [{ deadlineGraceMs: -1 }, "deadlineGraceMs -1, expected 0 to 2147483647"],
      [{ openTimeoutMs: 0 }, "openTimeoutMs 0, expected 1 to 2147483647"],
      [{ keepAliveTimeMs: Infinity }, "keepAliveTimeMs Infinity, expected 1 to 2147483647"],
      [
        { maxFrameInvocations: 20_000 },
        "maxUnansweredFrames × maxFrameInvocations is 80000, expected at most 65536",
      ],
      [{ maxBufferedBytes: 10 }, "maxBufferedBytes 10, expected at least maxInvocationBytes 4186112"],
      [
        { maxFrameBytes: 2 ** 25 },
        "maxUnansweredFrames × the larger of maxFrameBytes and maxInvocationBytes is 134217728, " +
          "expected at most 67108864",
      ],
    ];
    for (const [options, message] of bad) {
      assert.throws(() => DurableObjects.connect("http://localhost:1", options), {
        name: "RangeError",
        message,
      });
    }
    assert.equal(defaultClientOptions.maxUnansweredFrames, 4);
    DurableObjects.connect("http://localhost:1", { maxUnansweredFrames: undefined }).close();
  });
});
