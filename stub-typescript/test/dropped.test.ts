import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { DurableObjects } from "./client.js";
import { latch } from "./expect.js";
import { FakeHost, opened, outcomes } from "./fake-host.js";

const { get } = Counter.method;
const PATIENCE_MS = 60_000;
const STUBS = 100;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

describe("stubs that are dropped without a close", () => {
  test("are closed, which is said once, and calls in flight are answered", async () => {
    const ended = new Set<string>();
    const answerLast = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      const object = (await stub.read())?.open?.object;
      const name = String(object?.value);
      if (name === "last") {
        await answerLast.promise;
      }
      yield outcomes(1);
      if ((await stub.read()) === undefined) {
        ended.add(name);
      }
    });
    using objects = DurableObjects.connect(host.url, { openTimeoutMs: 60_000 });
    const namespace = objects.namespace("COUNTER");
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    for (let index = 0; index < STUBS; index++) {
      await namespace.getByName(`dropped ${index}`).call(get, {});
    }
    const kept = namespace.getByName("kept");
    await kept.call(get, {});
    const last = namespace.getByName("last").call(get, {});

    const deadline = performance.now() + PATIENCE_MS;
    const until = async (what: string, isSo: () => boolean): Promise<void> => {
      while (!isSo()) {
        assert(performance.now() < deadline, `${what} never came: ${ended.size} stubs have ended`);
        collect();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await until("the end of all but one", () => ended.size >= STUBS);
    answerLast.open();
    assert.equal((await last).value, 1n);
    await until("the end of the last one", () => ended.has("last"));
    assert(!ended.has("kept"));
    await kept.close();
    process.off("warning", onWarning);
    assert.equal(warnings.length, 1, String(warnings));
    assert.match(String(warnings[0]), /the stub on COUNTER\/dropped \d+ was dropped without close\(\)/);
  });
});
