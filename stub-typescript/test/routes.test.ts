import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { OpenedSchema } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { Fate, Reasons, type DurableObjects as Client, type DurableObjectStub } from "../src/index.js";
import { DurableObjects, SHARED_CALLS } from "./client.js";
import { failureOf, until } from "./expect.js";
import { broken, counting, FakeHost, ids, opened, outcomes, type Script } from "./fake-host.js";

const { increment } = Counter.method;

/** Opens the stub, says that the object is there, and answers one call. */
function elsewhere(address: string): Script {
  return async function* (stub) {
    const id = ids.fromName("foo").toString();
    yield { opened: create(OpenedSchema, { id, route: { address, prefixBits: 10 } }) };
    await stub.readInvocations(1);
    yield outcomes(1);
    await stub.read();
  };
}

const moved: Script = async function* (stub) {
  yield opened();
  await stub.readInvocations(1);
  yield broken(0, { reason: "OBJECT_MOVED", code: Code.Unavailable, retryable: true });
  throw new ConnectError("no", Code.Unavailable);
};

const losing: Script = async function* (stub) {
  yield opened();
  await stub.readInvocations(1);
  throw new ConnectError("gone", Code.Unavailable);
};

function addressOf(host: FakeHost): string {
  return new URL(host.url).host;
}

function get(objects: Client): DurableObjectStub {
  return objects.namespace("COUNTER").getByName("foo");
}

/** The value of a call on a new stub. */
async function use(objects: Client): Promise<bigint> {
  return (await get(objects).call(increment, { amount: 1n })).value;
}

async function fail(objects: Client): Promise<string> {
  const { reason, fate } = await failureOf(get(objects).call(increment, { amount: 1n }));
  return `${reason} ${fate}`;
}

describe("routes", () => {
  test("lead later stubs to the owner of their object", async () => {
    await using owner = await FakeHost.start(counting);
    await using edge = await FakeHost.start(elsewhere(addressOf(owner)));
    using objects = DurableObjects.connect(edge.url, { followRoutes: true });
    for (let i = 0; i < 3; i++) {
      await use(objects);
    }
    assert.equal(edge.stubs.length, 1);
    assert.equal(owner.stubs.length, 2);
    assert.equal(owner.calls.length, SHARED_CALLS);
  });

  test("are ignored, unless a client is to follow them", async () => {
    await using owner = await FakeHost.start(counting);
    await using edge = await FakeHost.start(elsewhere(addressOf(owner)));
    using objects = DurableObjects.connect(edge.url);
    await use(objects);
    await use(objects);
    assert.equal(edge.stubs.length, 2);
  });

  test("are forgotten if nobody is there, before the caller hears", async () => {
    const gone = await FakeHost.start(counting);
    await gone[Symbol.asyncDispose]();
    await using edge = await FakeHost.start(elsewhere(addressOf(gone)), counting);
    using objects = DurableObjects.connect(edge.url, { followRoutes: true });
    await use(objects);
    assert.equal(await fail(objects), `${Reasons.CONNECTION_LOST} ${Fate.NOT_EXECUTED}`);
    assert.equal(await use(objects), 1n);
    assert.equal(edge.stubs.length, 2);
  });

  test("are forgotten if a stub there is lost, or its object moves", async () => {
    await using owner = await FakeHost.start(losing, moved);
    const there = elsewhere(addressOf(owner));
    await using edge = await FakeHost.start(there, there, counting);
    using objects = DurableObjects.connect(edge.url, { followRoutes: true });
    await use(objects);
    assert.equal(await fail(objects), `${Reasons.CONNECTION_LOST} ${Fate.UNKNOWN}`);
    await use(objects);
    assert.equal(await fail(objects), `${Reasons.OBJECT_MOVED} ${Fate.NOT_EXECUTED}`);
    assert.equal(await use(objects), 1n);
    assert.equal(edge.stubs.length, 3);
  });

  test("are forgotten if the address is none", async () => {
    await using edge = await FakeHost.start(elsewhere("no address"), counting);
    using objects = DurableObjects.connect(edge.url, { followRoutes: true });
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", listener);
    await use(objects);
    assert.equal(await use(objects), 1n);
    await until("a warning", () => warnings.length > 0);
    process.off("warning", listener);
    assert.match(String(warnings), /no way to 'no address'/);
  });

  test("need a way to make transports beside one that is given", async () => {
    await using host = await FakeHost.start(counting);
    const transport = createGrpcTransport({ baseUrl: host.url });
    assert.throws(
      () => DurableObjects.on(transport, { followRoutes: true }),
      new RangeError("followRoutes on a transport that was given, expected routeTransport with it"),
    );
  });

  test("have a transport that stays as long as a stub or a route needs it", async () => {
    const stays: Script = async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.readInvocations(2);
      yield outcomes(2);
      await stub.read();
    };
    await using owner = await FakeHost.start(stays, moved, counting);
    const there = elsewhere(addressOf(owner));
    await using edge = await FakeHost.start(there, counting);
    const managers: Http2SessionManager[] = [];
    const transport = (url: string): Transport & Disposable => {
      const sessionManager = new Http2SessionManager(url);
      managers.push(sessionManager);
      return {
        ...createGrpcTransport({ baseUrl: url, sessionManager }),
        [Symbol.dispose]() {
          sessionManager.abort();
        },
      };
    };
    using own = transport(edge.url);
    const routeTransport = (address: string): Transport & Disposable => transport(`http://${address}`);
    using objects = DurableObjects.on(own, { followRoutes: true, routeTransport });
    await use(objects);
    const stub = get(objects);
    await stub.call(increment, { amount: 1n });
    assert.equal(await fail(objects), `${Reasons.OBJECT_MOVED} ${Fate.NOT_EXECUTED}`);
    assert.equal((await stub.call(increment, { amount: 1n })).value, 2n);
    assert.equal(managers[1]?.state(), "open");
    await stub.close();
    await until("the end of the transport", () => managers[1]?.state() === "closed");
    assert.equal(managers.length, 2);
  });
});
