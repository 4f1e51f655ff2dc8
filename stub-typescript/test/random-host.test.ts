import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { CallFailure, Fate } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { broken, FakeHost, opened, outcomes, type Frame, type HostSide } from "./fake-host.js";
import { randomFrom, seeds } from "./random.js";

const CALLS = 40;

/** Answers as it ought to, but for a mistake now and then, and ends in any way. */
async function* erring(stub: HostSide, random: () => number): AsyncGenerator<Frame, void> {
  const errs = (chance: number): boolean => random() < chance;
  let answered = 0;
  if (!errs(0.03)) {
    yield opened(errs(0.03) ? "no id" : undefined, errs(0.03) ? "bar" : undefined);
  }
  while (answered < CALLS) {
    await stub.readInvocations(Math.min(answered + 1, CALLS));
    const known = stub.invocations.length;
    while (answered < known) {
      const count = 1 + Math.floor(random() * (known - answered));
      const sequences = Array.from({ length: count }, () =>
        errs(0.01) ? Math.floor(random() * CALLS * 2) : ++answered,
      );
      yield { ...outcomes(...sequences), ...(errs(0.02) ? opened() : {}) };
      if (errs(0.03)) {
        yield broken(errs(0.3) ? Math.floor(random() * CALLS) : answered, { retryable: errs(0.5) });
        if (errs(0.5)) {
          throw new ConnectError("no", Code.Aborted);
        }
      }
      if (errs(0.02)) {
        stub.cut();
      }
      if (errs(0.02)) {
        return;
      }
      if (errs(0.02)) {
        throw new ConnectError("gone", Code.Unavailable);
      }
    }
  }
  await stub.read();
}

describe("a host that is wrong at random", () => {
  test("never gives a wrong result, and leaves no call without an end", async () => {
    let random = randomFrom(0);
    await using host = await FakeHost.start((stub) => erring(stub, random));
    const ends = new Map<string, number>();
    const rounds = seeds(300);
    for (const seed of rounds) {
      random = randomFrom(seed);
      using objects = DurableObjects.connect(host.url, { maxFrameInvocations: 3 });
      const stub = objects.namespace("COUNTER").getByName("foo");
      const results = await Promise.allSettled(
        Array.from({ length: CALLS }, () => stub.call(Counter.method.get, {})),
      );
      let isOver = false;
      results.forEach((result, index) => {
        const what = `seed ${seed}, call ${index + 1}`;
        if (result.status === "fulfilled") {
          assert.equal(result.value.value, BigInt(index + 1), what);
          assert(!isOver, `${what}: answered behind one that failed`);
        } else {
          isOver = true;
          assert(result.reason instanceof CallFailure, what);
          assert.equal(result.reason.sequence, BigInt(index + 1), what);
          assert.notEqual(result.reason.fate, Fate.COMPLETED, what);
        }
      });
      await stub.close();
      assert(stub.isBroken || !isOver, `seed ${seed}: a call failed, and the stub is not broken`);
      const end = stub.breakCause?.reason ?? "closed";
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    for (const end of ["closed", "HOST_VIOLATION", "OBJECT_EXCEPTION", "CONNECTION_LOST"]) {
      const times = ends.get(end) ?? 0;
      assert(rounds.length === 1 || times > 5, `${end} only ${times} times`);
    }
  });
});
