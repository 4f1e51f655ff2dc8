import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { Fate, Reasons, type ConnectOptions, type DurableObjectStub } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf, latch, seen } from "./expect.js";
import { broken, counting, FakeHost, opened, outcomes, type Script } from "./fake-host.js";

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

describe("time", () => {
  const silent: Script = async function* (stub) {
    for (;;) {
      await stub.readInvocations(stub.invocations.length + 1);
      yield* [];
    }
  };

  test("that runs out without a word from the host ends one call, and the stub goes on", async () => {
    const go = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.readInvocations(4);
      await go.promise;
      yield outcomes(2, 3, 4);
      await stub.readInvocations(5);
      yield outcomes(5);
      await stub.read();
    });
    await withStub(host.url, async (stub) => {
      await stub.call(get, {}); // With a connection that is open, the others leave at once.
      const patient = [stub.call(get, {}), stub.call(get, {}, { timeoutMs: 60_000 })];
      const failure = await failureOf(stub.call(get, {}, { timeoutMs: 200 }));
      assert.deepEqual(seen(failure), {
        reason: Reasons.ANSWER_OVERDUE,
        code: Code.DeadlineExceeded,
        fate: Fate.UNKNOWN,
        sequence: 4n,
      });
      assert.match(failure.rawMessage, /^its deadline passed behind call 2, which has no answer yet \[/);
      assert.equal(stub.isBroken, false);
      go.open();
      assert.deepEqual(
        (await Promise.all(patient)).map(({ value }) => value),
        [2n, 3n],
      );
      assert.equal((await stub.call(get, {})).value, 5n);
    });
  });

  test("of the oldest call is the host's to tell of, and that is waited for a little longer", async () => {
    const never = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await never.promise;
    });
    await withStub(
      host.url,
      async (stub) => {
        await stub.call(get, {});
        const calls = [1, 2].map(() => failureOf(stub.call(get, {}, { timeoutMs: 200 })));
        for (const { fate, rawMessage } of await Promise.all(calls)) {
          assert.equal(fate, Fate.UNKNOWN);
          assert.match(rawMessage, /^no answer 20 ms after its deadline \[/);
        }
        assert.equal(stub.isBroken, false);
        // Nobody waits for anything, so a closed stub need not wait for the answers either.
        await stub.close();
        assert.match(String(stub.breakCause?.message), /has not ended it within 20 ms/);
      },
      { deadlineGraceMs: 20, endTimeoutMs: 20 },
    );
    never.open();
  });

  test("that runs out before a call was sent leaves it not executed, and the host is told of it", async () => {
    const go = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      await go.promise;
      yield outcomes(1);
      const [, late] = await stub.readInvocations(2);
      assert.deepEqual([late?.sequence, late?.timeout?.seconds, late?.timeout?.nanos], [2n, 0n, 0]);
      yield broken(1, { reason: "INVOCATION_TIMED_OUT", code: Code.DeadlineExceeded, failedSequence: 2n });
    });
    await withStub(
      host.url,
      async (stub) => {
        const first = stub.call(get, {});
        while (host.stubs[0]?.frames.length !== 1) {
          await new Promise(setImmediate);
        }
        const behind = [stub.call(get, {}, { timeoutMs: 10 }), stub.call(get, {})].map(failureOf);
        assert.deepEqual(seen(await (behind[0] ?? assert.fail())), {
          reason: Reasons.ANSWER_OVERDUE,
          code: Code.DeadlineExceeded,
          fate: Fate.NOT_EXECUTED,
          sequence: 2n,
        });
        go.open();
        assert.equal((await first).value, 1n);
        assert.equal((await behind[1])?.reason, Reasons.INVOCATION_TIMED_OUT);
      },
      { maxUnansweredFrames: 1 },
    );
  });

  test("that the host takes to open the stub has a limit", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await using host = await FakeHost.start(silent);
    await withStub(
      host.url,
      async (stub) => {
        const late = failureOf(stub.call(get, {}));
        while (host.stubs[0]?.frames.length !== 1) {
          await new Promise(setImmediate);
        }
        t.mock.timers.tick(30);
        const failure = await late;
        assert.equal(failure.reason, Reasons.OPEN_OVERDUE);
        assert.equal(failure.fate, Fate.UNKNOWN);
        assert.match(failure.message, /has not opened the stub within 30 ms/);
      },
      { openTimeoutMs: 30 },
    );
  });

  test("of a call whose answer came is not watched any longer", async () => {
    await using host = await FakeHost.start(counting);
    await withStub(
      host.url,
      async (stub) => {
        await stub.call(increment, { amount: 1n }, { timeoutMs: 60_000 });
        const late = stub.call(increment, { amount: 1n }, { timeoutMs: 30_000 });
        assert.equal((await late).value, 2n);
        assert.equal(stub.isBroken, false);
      },
      { deadlineGraceMs: 0 },
    );
  });
});
