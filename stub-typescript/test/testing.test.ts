import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { DurableObjects } from "../src/index.js";
import { startHost, type TestHost } from "../src/testing.js";

const jar = process.env["SERIATIM_JAR"];
const objectsJar = process.env["SERIATIM_OBJECTS"];

describe("a host for tests", { skip: jar === undefined || objectsJar === undefined }, () => {
  let host: TestHost;
  let objects: DurableObjects;

  before(async () => {
    host = await startHost({ options: ["--objects", String(process.env["SERIATIM_OBJECTS"])] });
  });

  after(async () => {
    await host.stop();
  });

  beforeEach(async () => {
    await host.reset();
    objects = DurableObjects.connect(host.url);
  });

  afterEach(() => {
    objects.close();
  });

  it("has a counter count on after an eviction", async () => {
    const stub = objects.namespace("COUNTER").getByName("a");
    const counter = createClient(Counter, stub.transport());
    assert.equal((await counter.increment({ amount: 2n })).value, 2n);
    assert.equal(await host.evict("COUNTER", "a"), true);
    assert.equal((await counter.increment({ amount: 2n })).value, 4n);
  });

  it("has the time that the test says", async () => {
    const then = await host.now();
    const now = await host.advance(86_400_500);
    assert.equal(now.getTime() - then.getTime(), 86_400_500);
    assert.deepEqual(await host.now(), now);
  });

  it("fails the next commit, and holds others", async () => {
    const counters = objects.namespace("COUNTER");
    await host.failNextCommit();
    const lost = createClient(Counter, counters.getByName("a").transport());
    await assert.rejects(lost.increment({ amount: 2n }), (thrown) => {
      assert.match(String(thrown), /OBJECT_RESET/);
      return true;
    });
    await host.holdCommits();
    const counter = createClient(Counter, counters.getByName("a").transport());
    let done = false;
    const held = counter.increment({ amount: 3n }).finally(() => (done = true));
    await host.now();
    assert.equal(done, false);
    await host.releaseCommits();
    assert.equal((await held).value, 3n);
  });

  it("breaks the next call, and cuts connections", async () => {
    const counters = objects.namespace("COUNTER");
    await host.breakNextCall("COUNTER", "a", "OVERLOADED");
    const broken = createClient(Counter, counters.getByName("a").transport());
    await assert.rejects(broken.get({}), /OVERLOADED/);
    const stub = counters.getByName("b");
    const cut = createClient(Counter, stub.transport());
    await cut.get({});
    await host.dropConnections();
    await assert.rejects(cut.get({}), /CONNECTION_LOST/);
  });

  it("deletes all objects", async () => {
    const counter = createClient(Counter, objects.namespace("COUNTER").getByName("a").transport());
    await counter.increment({ amount: 2n });
    await host.reset();
    const again = createClient(Counter, objects.namespace("COUNTER").getByName("a").transport());
    assert.equal((await again.get({})).value, 0n);
  });

  it("says what a host has said that doesn't start", async () => {
    await assert.rejects(startHost({ options: ["--no-such-option"] }), /no-such-option/);
  });
});
