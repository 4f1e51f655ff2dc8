import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, createClient } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import {
  CallFailure,
  defaultRetryOptions,
  Fate,
  Reasons,
  Retry,
  type DurableObjectStub,
} from "../src/index.js";
import { DurableObjects } from "./client.js";
import { pauseMs } from "../src/retry.js";
import { failureOf } from "./expect.js";
import { broken, counting, FakeHost, opened, type Script } from "./fake-host.js";

const { increment } = Counter.method;
const quick = { initialBackoffMs: 1, overloadedBackoffMs: 2, maxBackoffMs: 4 };
const one = (stub: DurableObjectStub): Promise<{ value: bigint }> => stub.call(increment, { amount: 1n });

function breaking(more: Parameters<typeof broken>[1]): Script {
  return async function* (stub) {
    yield opened();
    await stub.readInvocations(1);
    yield broken(0, more);
  };
}

const draining = breaking({ reason: "HOST_DRAINING", code: Code.Unavailable, retryable: true });
const unowned = breaking({ reason: "OWNER_UNAVAILABLE", code: Code.Unavailable, retryable: true });
const moved = breaking({ reason: "OBJECT_MOVED", code: Code.Unavailable, retryable: true });
const overloaded = breaking({ reason: "OVERLOADED", code: Code.ResourceExhausted, overloaded: true });

const losing: Script = async function* (stub) {
  yield opened();
  await stub.readInvocations(1);
  stub.cut();
};

async function withRetry(
  host: FakeHost,
  options: ConstructorParameters<typeof Retry>[1],
  body: (retry: Retry) => Promise<void>,
): Promise<void> {
  using objects = DurableObjects.connect(host.url);
  await using retry = new Retry(() => objects.namespace("COUNTER").getByName("foo"), options);
  await body(retry);
}

describe("retry", () => {
  test("makes a call without effect and with a retryable cause again, on a new stub", async () => {
    await using host = await FakeHost.start(draining, draining, counting);
    await withRetry(host, quick, async (retry) => {
      const answer = await retry.call((stub) =>
        createClient(Counter, stub.transport()).increment({ amount: 5n }),
      );
      assert.equal(answer.value, 5n);
      assert.equal(host.stubs.length, 3);
      assert.equal((await retry.call(one)).value, 6n);
      assert.equal(host.stubs.length, 3);
    });
  });

  test("makes a call again whose object had no host, and then went to another", async () => {
    await using host = await FakeHost.start(unowned, moved, counting);
    await withRetry(host, quick, async (retry) => {
      assert.equal((await retry.call(one)).value, 1n);
      assert.equal(host.stubs.length, 3);
    });
  });

  test("keeps the order of calls where nothing fails", async () => {
    await using host = await FakeHost.start(counting);
    await withRetry(host, quick, async (retry) => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => retry.call(one)));
      assert.deepEqual(
        answers.map(({ value }) => value),
        Array.from({ length: 100 }, (_, index) => BigInt(index + 1)),
      );
    });
  });

  test("gives up after the last attempt, with that attempt's failure", async () => {
    await using host = await FakeHost.start(draining);
    await withRetry(host, { ...quick, maxAttempts: 3 }, async (retry) => {
      const failure = await failureOf(retry.call(one));
      assert.equal(failure.reason, Reasons.HOST_DRAINING);
      assert.equal(host.stubs.length, 3);
    });
  });

  test("doesn't repeat what the object's code failed", async () => {
    await using host = await FakeHost.start(breaking({}), counting);
    await withRetry(host, quick, async (retry) => {
      assert.equal((await failureOf(retry.call(one))).reason, Reasons.OBJECT_EXCEPTION);
      assert.equal(
        (
          await failureOf(
            retry.callIdempotent((stub) => {
              stub.cancel("no");
              return one(stub);
            }),
          )
        ).reason,
        Reasons.STUB_CANCELLED,
      );
      assert.equal(host.stubs.length, 1);
      assert.equal((await retry.call(one)).value, 1n);
    });
  });

  test("repeats what may have been executed only if the caller says that it may", async () => {
    await using host = await FakeHost.start(losing, losing, counting);
    await withRetry(host, quick, async (retry) => {
      assert.equal((await failureOf(retry.call(one))).fate, Fate.UNKNOWN);
      assert.equal(host.stubs.length, 1);
      assert.equal((await retry.callIdempotent(one)).value, 1n);
      assert.equal(host.stubs.length, 3);
    });
  });

  test("waits longer each time, for a random part of that, and longer where there was too much to do", () => {
    const most = { ...defaultRetryOptions, random: () => 1 };
    assert.deepEqual(
      [1, 2, 3, 5, 6, 1000].map((attempts) => pauseMs(most, false, attempts, 0)),
      [50, 100, 200, 800, 1000, 1000],
    );
    assert.deepEqual(
      [1, 2, 7].map((attempts) => pauseMs(most, true, attempts, 0)),
      [1050, 1100, 2000],
    );
    const least = { ...defaultRetryOptions, random: () => 0 };
    assert.deepEqual([pauseMs(least, false, 9, 0), pauseMs(least, true, 9, 0)], [1, 1001]);
  });

  test("outlasts a restart of the host by default, and gives up a minute after the first failure", () => {
    for (const [random, attempts] of [
      [() => 1, 64],
      [() => 0.5, 124],
    ] as const) {
      let passed = 0;
      let failed = 1;
      for (; ; failed++) {
        const pause = pauseMs({ ...defaultRetryOptions, random }, false, failed, passed);
        if (pause === undefined) {
          break;
        }
        passed += pause;
      }
      assert(passed > 58_000 && passed <= 60_000, `gave up after ${passed} ms`);
      assert.equal(failed, attempts);
    }
  });

  test("gives up when its time is over, with the last attempt's failure", async () => {
    await using host = await FakeHost.start(draining);
    await withRetry(host, { ...quick, giveUpAfterMs: 20 }, async (retry) => {
      assert.equal((await failureOf(retry.call(one))).reason, Reasons.HOST_DRAINING);
      assert(host.stubs.length > 1, `${host.stubs.length} attempts`);
    });
  });

  test("also repeats what was too much to do, after its pause", async () => {
    await using host = await FakeHost.start(overloaded, overloaded, counting);
    let drawn = 0;
    const random = (): number => ++drawn;
    await withRetry(host, { ...quick, random }, async (retry) => {
      assert.equal((await retry.call(one)).value, 1n);
      assert.equal(drawn, 2);
    });
  });

  test("passes on what isn't a failure of the stub", async () => {
    await using host = await FakeHost.start(counting);
    await withRetry(host, quick, async (retry) => {
      await assert.rejects(
        retry.call(() => Promise.reject(new TypeError("mine"))),
        { name: "TypeError", message: "mine" },
      );
      await assert.rejects(
        retry.call(() => {
          throw new TypeError("mine, at once");
        }),
        { message: "mine, at once" },
      );
      assert.equal(host.stubs.length, 0);
    });
  });

  test("stops waiting when it is closed, or when the caller's signal says so", async () => {
    await using host = await FakeHost.start(draining);
    for (const stop of ["close", "signal"]) {
      await withRetry(
        host,
        { giveUpAfterMs: 2_000_000, initialBackoffMs: 1_000_000, maxBackoffMs: 1_000_000 },
        async (retry) => {
          const controller = new AbortController();
          const failed = failureOf(
            retry.call(
              (stub) => {
                stub.onBreak(() => {
                  setImmediate(() => {
                    if (stop === "close") {
                      void retry.close();
                    } else {
                      controller.abort();
                    }
                  });
                });
                return one(stub);
              },
              { signal: controller.signal },
            ),
          );
          assert.equal((await failed).reason, Reasons.HOST_DRAINING);
        },
      );
    }
  });

  test("that is closed lets no more calls in", async () => {
    await using host = await FakeHost.start(counting);
    await withRetry(host, quick, async (retry) => {
      await retry.close();
      const failure = CallFailure.of(await retry.call(one).catch((thrown: unknown) => thrown));
      assert.equal(failure?.reason, Reasons.STUB_CLOSED);
      assert.equal(host.stubs.length, 0);
    });
  });

  test("refuses options that can't be, by name", () => {
    const stubs = (): never => assert.fail("not asked for");
    assert.throws(() => new Retry(stubs, { maxAttempts: 0 }), {
      name: "RangeError",
      message: "maxAttempts 0, expected a whole number of at least 1",
    });
    assert.throws(() => new Retry(stubs, { initialBackoffMs: 0 }), {
      message: /^initialBackoffMs 0, expected 1/,
    });
  });
});
