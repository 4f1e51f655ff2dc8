import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { RouteSchema, type ConnectRequest } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { Fate, Reasons, type ConnectOptions, type DurableObjectStub } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { broke, failureOf, latch, seen, until } from "./expect.js";
import {
  broken,
  FakeHost,
  opened,
  outcomes,
  resumed,
  type Frame,
  type HostSide,
  type Script,
} from "./fake-host.js";

const { increment, get } = Counter.method;

/** Soon enough for a test, and without a bound that a slow machine would meet. */
const QUICK: ConnectOptions = { resumeBackoffMs: 1, maxResumeBackoffMs: 2 };

async function withStub(
  host: FakeHost,
  body: (stub: DurableObjectStub) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  using objects = DurableObjects.connect(host.url, { ...QUICK, ...options });
  await body(objects.namespace("COUNTER").resumable().getByName("foo"));
}

/** Ends the call as one that is lost. */
function lost(): ConnectError {
  return new ConnectError("cut", Code.Unavailable);
}

/** Plays connections of one stub until its client half-closes, and answers each call with its number. */
async function* answering(stub: HostSide, from: number): AsyncGenerator<Frame, void> {
  let answered = from;
  do {
    const last = from + stub.invocations.length;
    if (last > answered) {
      yield outcomes(...Array.from({ length: last - answered }, (_, index) => answered + 1 + index));
      answered = last;
    }
  } while ((await stub.read()) !== undefined);
}

function sessionsOf(
  host: FakeHost,
): (readonly [connection: number, answered: bigint, isUnanswered: boolean])[] {
  return host.stubs.map(({ frames: [first] }) => {
    const session = first?.open?.session;
    assert(session !== undefined, "no session");
    assert.equal(session.id.length, 16);
    assert.deepEqual(session.id, host.stubs[0]?.frames[0]?.open?.session?.id);
    return [session.connection, session.answeredThrough, session.unansweredFor !== undefined] as const;
  });
}

function numbers(frames: readonly ConnectRequest[]): bigint[] {
  return frames.flatMap(({ invocations }) => invocations.map(({ sequence }) => sequence));
}

/** A connection that is lost when so many calls have come. */
function losing(calls: number, ...before: Frame[]): Script {
  return async function* (stub) {
    yield* before;
    await stub.readInvocations(calls);
    throw lost();
  };
}

describe("a resumable stub", () => {
  test("goes on by itself when its call is lost, and sends again what the host doesn't have", async () => {
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        yield outcomes(1);
        await stub.readInvocations(4);
        throw lost();
      },
      async function* (stub) {
        await stub.read();
        yield resumed(2);
        yield outcomes(2);
        yield* answering(stub, 2);
      },
    );
    await withStub(host, async (stub) => {
      let breaks = 0;
      stub.onBreak(() => breaks++);
      assert.equal((await stub.call(get, {})).value, 1n);
      const calls = await Promise.all([stub.call(get, {}), stub.call(get, {}), stub.call(get, {})]);
      assert.deepEqual(
        calls.map(({ value }) => value),
        [2n, 3n, 4n],
      );
      assert.equal(stub.isResumable, true);
      await stub.close();
      assert.equal(stub.isBroken, false);
      assert.equal(breaks, 0);
    });
    assert.deepEqual(sessionsOf(host), [
      [1, 0n, false],
      [2, 1n, true],
    ]);
    assert.deepEqual(numbers(host.stubs[1]?.frames ?? []), [3n, 4n]);
    assert.equal(host.stubs[1]?.frames.at(-1)?.acknowledgedThrough, 4n);
  });

  test("waits for 'opened' before it sends calls on a later connection, and only there", async () => {
    const may = latch();
    let early: unknown;
    await using host = await FakeHost.start(losing(1), async function* (stub) {
      await stub.read();
      const next = stub.read();
      early = await Promise.race([next, may.promise.then(() => "nothing")]);
      yield resumed(0);
      await next;
      yield outcomes(1, 2);
      yield* answering(stub, 2);
    });
    await withStub(host, async (stub) => {
      const first = stub.call(get, {});
      await until("the second connection's first frame", () => host.stubs[1]?.frames.length === 1);
      const second = stub.call(get, {}); // Made meanwhile: it keeps its place.
      await new Promise((resolve) => setImmediate(resolve));
      may.open();
      assert.deepEqual([(await first).value, (await second).value], [1n, 2n]);
      await stub.close();
    });
    assert.equal(early, "nothing");
    assert.deepEqual(numbers(host.stubs[1]?.frames.slice(0, 1) ?? []), []);
    assert.deepEqual(numbers(host.stubs[1]?.frames ?? []), [1n, 2n]);
  });

  test("doesn't miss a connection without need, and opens one for the next call", async () => {
    const cut = latch();
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        yield outcomes(1);
        cut.open();
        throw lost();
      },
      async function* (stub) {
        yield resumed(1);
        yield* answering(stub, 1);
      },
    );
    await withStub(host, async (stub) => {
      assert.equal((await stub.call(get, {})).value, 1n);
      await cut.promise;
      await stub.id(); // Asks the host, and so comes back behind the loss.
      assert.equal(host.stubs.length, 1);
      assert.equal((await stub.call(get, {})).value, 2n);
      await stub.close();
    });
    assert.deepEqual(sessionsOf(host), [
      [1, 0n, false],
      [2, 1n, false],
    ]);
  });

  test("is closed at once if it is closed without a connection, and has nothing left", async () => {
    const cut = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield resumed(0);
      await stub.readInvocations(1);
      yield outcomes(1);
      cut.open();
      throw lost();
    });
    await withStub(host, async (stub) => {
      await stub.call(get, {});
      await cut.promise;
      await stub.close();
      assert.equal(stub.isBroken, false);
    });
    assert.equal(host.stubs.length, 1);
  });

  test("goes on while it is closed, until all is answered", async () => {
    await using host = await FakeHost.start(losing(2, resumed(0)), async function* (stub) {
      yield resumed(1);
      yield outcomes(1);
      yield* answering(stub, 1);
    });
    await withStub(host, async (stub) => {
      const calls = [stub.call(get, {}), stub.call(get, {})];
      const closed = stub.close();
      assert.equal((await failureOf(stub.call(get, {}))).reason, Reasons.STUB_CLOSED);
      assert.deepEqual(
        (await Promise.all(calls)).map(({ value }) => value),
        [1n, 2n],
      );
      await closed;
      assert.equal(stub.isBroken, false);
    });
    const last = host.stubs[1]?.frames.at(-1);
    assert.equal(last?.acknowledgedThrough, 2n);
    assert.equal(last.invocations.length, 0);
  });

  test("numbers its connections, also those that fail", async () => {
    await using host = await FakeHost.start(
      losing(1),
      // eslint-disable-next-line require-yield
      async function* (stub) {
        await stub.read();
        throw lost();
      },
      async function* (stub) {
        await stub.read();
        yield broken(0, { reason: "HOST_DRAINING", code: Code.Unavailable, retryable: true });
        throw new ConnectError("draining", Code.Unavailable);
      },
      async function* (stub) {
        await stub.read();
        yield broken(0, { reason: "SESSION_SUPERSEDED", code: Code.Aborted });
        throw new ConnectError("superseded", Code.Aborted);
      },
      async function* (stub) {
        yield resumed(0);
        yield* answering(stub, 0);
      },
    );
    await withStub(host, async (stub) => {
      assert.equal((await stub.call(get, {})).value, 1n);
      await stub.close();
    });
    assert.deepEqual(
      sessionsOf(host).map(([connection]) => connection),
      [1, 2, 3, 4, 5],
    );
  });

  test("goes on behind a break that is retryable, and tells nobody", async () => {
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(2);
        yield {
          ...outcomes(1),
          ...broken(1, { reason: "OBJECT_RESET", code: Code.Aborted, retryable: true }),
        };
        throw new ConnectError("reset", Code.Aborted);
      },
      async function* (stub) {
        yield resumed(1);
        yield* answering(stub, 1);
      },
    );
    await withStub(host, async (stub) => {
      const calls = await Promise.all([stub.call(get, {}), stub.call(get, {})]);
      assert.deepEqual(
        calls.map(({ value }) => value),
        [1n, 2n],
      );
      assert.equal(stub.isBroken, false);
    });
  });

  test("breaks by any other break, of which nothing is unknown", async () => {
    await using host = await FakeHost.start(losing(2, resumed(0)), async function* (stub) {
      await stub.read();
      yield { ...resumed(1), ...outcomes(1), ...broken(1, { failedSequence: 2n }) };
      throw new ConnectError("no", Code.FailedPrecondition);
    });
    await withStub(host, async (stub) => {
      const told = broke(stub);
      const [first, second] = [stub.call(get, {}), failureOf(stub.call(get, {}))];
      assert.equal((await first).value, 1n);
      assert.deepEqual(seen(await second), {
        reason: Reasons.OBJECT_EXCEPTION,
        code: Code.FailedPrecondition,
        fate: Fate.NOT_EXECUTED,
        sequence: 2n,
      });
      assert.equal((await told).reason, Reasons.OBJECT_EXCEPTION);
    });
  });

  test("knows nothing of what was sent, if the session has expired", async () => {
    await using host = await FakeHost.start(losing(1, resumed(0)), async function* (stub) {
      await stub.read();
      yield broken(0, { reason: "SESSION_EXPIRED", code: Code.FailedPrecondition });
      throw new ConnectError("expired", Code.FailedPrecondition);
    });
    await withStub(
      host,
      async (stub) => {
        const calls = [failureOf(stub.call(get, {})), failureOf(stub.call(get, {}))];
        const [first, second] = await Promise.all(calls);
        assert.equal(first?.reason, Reasons.SESSION_EXPIRED);
        assert.deepEqual([first.fate, second?.fate], [Fate.UNKNOWN, Fate.NOT_EXECUTED]);
      },
      { maxUnansweredFrames: 1, maxFrameInvocations: 1 },
    );
  });

  test("is an ordinary stub where the host knows nothing of sessions", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.readInvocations(2);
      throw lost();
    });
    await withStub(host, async (stub) => {
      assert.equal(stub.isResumable, true);
      await stub.call(get, {});
      assert.equal(stub.isResumable, false);
      const failure = await failureOf(stub.call(get, {}));
      assert.deepEqual([failure.reason, failure.fate], [Reasons.CONNECTION_LOST, Fate.UNKNOWN]);
    });
    assert.equal(host.stubs.length, 1);
    assert.equal(host.stubs[0]?.frames[1]?.acknowledgedThrough, 0n);
  });

  test("can't go on where a later host knows nothing of sessions", async () => {
    await using host = await FakeHost.start(losing(1, resumed(0)), async function* (stub) {
      yield opened();
      await stub.read();
      await stub.read();
    });
    await withStub(host, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.deepEqual([failure.reason, failure.fate], [Reasons.CONNECTION_LOST, Fate.UNKNOWN]);
      assert.match(failure.message, /knows nothing of sessions/);
    });
    assert.deepEqual(numbers(host.stubs[1]?.frames ?? []), []);
  });

  for (const [where, completed] of [
    ["below what was answered", 0],
    ["above what was sent", 3],
  ] as const) {
    test(`is broken by a host that stands ${where}`, async () => {
      await using host = await FakeHost.start(
        async function* (stub) {
          yield resumed(0);
          await stub.readInvocations(1);
          yield outcomes(1);
          await stub.readInvocations(2);
          throw lost();
        },
        async function* (stub) {
          yield resumed(completed);
          await stub.read();
          await stub.read();
        },
      );
      await withStub(host, async (stub) => {
        await stub.call(get, {});
        const failure = await failureOf(stub.call(get, {}));
        assert.deepEqual([failure.reason, failure.fate], [Reasons.HOST_VIOLATION, Fate.UNKNOWN]);
      });
      assert.deepEqual(numbers(host.stubs[1]?.frames ?? []), []);
    });
  }

  test("acknowledges in every frame, and in one of its own when it has nothing else to send", async () => {
    const alone = latch<ConnectRequest>();
    await using host = await FakeHost.start(async function* (stub) {
      yield resumed(0);
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.readInvocations(257);
      yield outcomes(...Array.from({ length: 256 }, (_, index) => index + 2));
      const frame = await stub.read();
      if (frame !== undefined) {
        alone.open(frame);
      }
      yield* answering(stub, 257);
    });
    await withStub(host, async (stub) => {
      await stub.call(get, {});
      await Promise.all(Array.from({ length: 256 }, () => stub.call(get, {})));
      const frame = await alone.promise;
      assert.deepEqual([frame.acknowledgedThrough, frame.invocations.length], [257n, 0]);
      await stub.close();
    });
    const said = host.stubs[0]?.frames.map(({ acknowledgedThrough }) => acknowledgedThrough) ?? [];
    assert.deepEqual(said.slice(0, 2), [0n, 1n]);
  });

  test("gives up when no host takes it in time, with what the loss was", async () => {
    const first = losing(1, resumed(0));
    await using host = await FakeHost.start(first, async function* (stub) {
      await stub.read();
      await stub.read(); // Without a word.
      yield* [];
    });
    await withStub(
      host,
      async (stub) => {
        const calls = [failureOf(stub.call(get, {})), failureOf(stub.call(get, {}))];
        const [sent, unsent] = await Promise.all(calls);
        assert.equal(sent?.reason, Reasons.CONNECTION_LOST);
        assert.match(sent.failureCause.message, /^cut; the stub was not resumed within \d+ ms/);
        assert.deepEqual([sent.fate, unsent?.fate], [Fate.UNKNOWN, Fate.NOT_EXECUTED]);
        assert.equal(stub.isBroken, true);
      },
      { resumeTimeoutMs: 100, maxUnansweredFrames: 1, maxFrameInvocations: 1 },
    );
  });

  test("gives up when the host may have forgotten what was sent", async () => {
    await using host = await FakeHost.start(losing(1, resumed(0, 100)), async function* (stub) {
      await stub.read();
      await stub.read(); // Without a word.
      yield* [];
    });
    await withStub(host, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.deepEqual([failure.reason, failure.fate], [Reasons.CONNECTION_LOST, Fate.UNKNOWN]);
    });
  });

  test("gives up when it is resumed again and again without progress, and nothing is unknown then", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield resumed(0);
      await stub.readInvocations(1);
      yield broken(0, { reason: "OBJECT_RESET", code: Code.Aborted, retryable: true });
      throw new ConnectError("reset", Code.Aborted);
    });
    await withStub(
      host,
      async (stub) => {
        const failure = await failureOf(stub.call(get, {}));
        assert.deepEqual([failure.reason, failure.fate], [Reasons.OBJECT_RESET, Fate.NOT_EXECUTED]);
      },
      { maxResumesWithoutProgress: 3 },
    );
    assert.equal(host.stubs.length, 4);
  });

  test("breaks when nobody would let it in the next time either", async () => {
    // eslint-disable-next-line require-yield
    await using host = await FakeHost.start(losing(1, resumed(0)), async function* (stub) {
      await stub.read();
      throw new ConnectError("who are you?", Code.Unauthenticated);
    });
    await withStub(host, async (stub) => {
      const failure = await failureOf(stub.call(get, {}));
      assert.deepEqual([failure.code, failure.fate], [Code.Unauthenticated, Fate.UNKNOWN]);
    });
    assert.equal(host.stubs.length, 2);
  });

  test("fails a call whose deadline passes without a connection, and sends it all the same", async () => {
    const over = latch();
    await using host = await FakeHost.start(losing(1, resumed(0)), async function* (stub) {
      await stub.read();
      await over.promise;
      yield resumed(0);
      yield* answering(stub, 0);
    });
    await withStub(
      host,
      async (stub) => {
        const first = stub.call(get, {});
        await until("the second connection", () => host.stubs.length === 2);
        const late = await failureOf(stub.call(get, {}, { timeoutMs: 20 }));
        assert.deepEqual([late.reason, late.fate], [Reasons.ANSWER_OVERDUE, Fate.NOT_EXECUTED]);
        assert.match(late.message, /its deadline passed while the stub had no connection/);
        const last = stub.call(increment, { amount: 1n });
        over.open();
        assert.deepEqual([(await first).value, (await last).value], [1n, 3n]);
        assert.equal(stub.isBroken, false);
        await stub.close();
      },
      { deadlineGraceMs: 60_000 },
    );
    const timeouts = host.stubs[1]?.invocations.map(({ timeout }) => timeout?.nanos);
    assert.deepEqual(timeouts, [undefined, 0, undefined]);
  });

  test("takes another connection when the host says nothing of a deadline", async () => {
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        yield outcomes(1);
        await stub.readInvocations(2);
        await stub.read();
      },
      async function* (stub) {
        yield resumed(2);
        yield outcomes(2);
        yield* answering(stub, 2);
      },
    );
    await withStub(
      host,
      async (stub) => {
        await stub.call(get, {});
        const late = await failureOf(stub.call(get, {}, { timeoutMs: 50 }));
        assert.deepEqual([late.reason, late.fate], [Reasons.ANSWER_OVERDUE, Fate.UNKNOWN]);
        assert.equal((await stub.call(get, {})).value, 3n);
        assert.equal(stub.isBroken, false);
        await stub.close();
      },
      { deadlineGraceMs: 50 },
    );
  });

  test("takes no more than one for that, until a call is answered", async () => {
    const third = latch();
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.read();
        await stub.read();
      },
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(2);
        await third.promise;
        yield* answering(stub, 0);
      },
    );
    await withStub(
      host,
      async (stub) => {
        for (let call = 1; call <= 2; call++) {
          const late = await failureOf(stub.call(get, {}, { timeoutMs: 20 }));
          assert.equal(late.reason, Reasons.ANSWER_OVERDUE);
          await until("the second connection", () => host.stubs.length === 2);
        }
        await stub.id(); // Asks the host, and so comes back behind what was opened before.
        third.open();
        assert.equal((await stub.call(get, {})).value, 3n);
        await stub.close();
      },
      { deadlineGraceMs: 20 },
    );
    assert.equal(host.stubs.length, 2);
  });

  test("has no room for more calls than ever while it waits", async () => {
    const over = latch();
    await using host = await FakeHost.start(losing(2, resumed(0)), async function* (stub) {
      await stub.read();
      await over.promise;
      yield resumed(0);
      yield* answering(stub, 0);
    });
    await withStub(
      host,
      async (stub) => {
        const calls = [stub.call(get, {}), stub.call(get, {})];
        await until("the second connection", () => host.stubs.length === 2);
        calls.push(stub.call(get, {}));
        assert.equal((await failureOf(stub.call(get, {}))).reason, Reasons.BUFFER_FULL);
        over.open();
        assert.deepEqual(
          (await Promise.all(calls)).map(({ value }) => value),
          [1n, 2n, 3n],
        );
      },
      { maxBufferedInvocations: 3 },
    );
  });

  test("is cancelled at once, also without a connection", async () => {
    await using host = await FakeHost.start(losing(1, resumed(0)), async function* (stub) {
      await stub.read();
      await stub.read(); // Without a word.
      yield* [];
    });
    await withStub(host, async (stub) => {
      const call = failureOf(stub.call(get, {}));
      await until("the second connection", () => host.stubs.length === 2);
      stub.cancel("enough");
      const failure = await call;
      assert.deepEqual([failure.reason, failure.fate], [Reasons.STUB_CANCELLED, Fate.UNKNOWN]);
    });
  });

  test("is sent another way to a host that knows no shared calls", async () => {
    const serving: Script = async function* (stub) {
      yield resumed(0);
      yield* answering(stub, 0);
    };
    await using host = await FakeHost.startWith({ servesMany: false }, losing(1), serving);
    await withStub(
      host,
      async (stub) => {
        assert.equal((await stub.call(get, {})).value, 1n);
        await stub.close();
      },
      { sharedCalls: 1 },
    );
    assert.deepEqual(sessionsOf(host), [
      [1, 0n, false],
      [2, 0n, true],
    ]);
  });

  test("follows a route with each connection, and forgets the one that was lost", async () => {
    await using owner = await FakeHost.start(async function* (stub) {
      yield resumed(0);
      await stub.readInvocations(2);
      yield outcomes(1);
      throw lost();
    });
    const there = resumed(0);
    if (there.opened !== undefined) {
      there.opened.route = create(RouteSchema, { address: new URL(owner.url).host });
    }
    await using edge = await FakeHost.start(
      async function* (stub) {
        yield there;
        yield* answering(stub, 0);
      },
      async function* (stub) {
        yield resumed(1);
        yield* answering(stub, 1);
      },
    );
    using client = DurableObjects.connect(edge.url, { ...QUICK, followRoutes: true });
    const namespace = client.namespace("COUNTER").resumable();
    assert.equal((await namespace.getByName("foo").call(get, {})).value, 1n);
    const stub = namespace.getByName("foo");
    const values = await Promise.all([stub.call(get, {}), stub.call(get, {})]);
    assert.deepEqual(
      values.map(({ value }) => value),
      [1n, 2n],
    );
    assert.deepEqual([edge.stubs.length, owner.stubs.length], [2, 1]);
    assert.equal(edge.stubs[1]?.frames[0]?.open?.session?.connection, 2);
  });

  for (const has of ["has no call", "waits with a call"]) {
    test(`breaks at once when its client is closed while it lacks a connection and ${has}`, async () => {
      const cut = latch();
      await using host = await FakeHost.start(async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        yield outcomes(1);
        await stub.readInvocations(2);
        if (has === "has no call") {
          yield outcomes(2);
        }
        yield broken(has === "has no call" ? 2 : 1, {
          overloaded: true,
          retryable: true,
          reason: "OBJECT_RESET",
        });
        cut.open();
      });
      const objects = DurableObjects.connect(host.url, { resumeBackoffMs: 60_000 });
      const stub = objects.namespace("COUNTER").resumable().getByName("foo");
      const told = broke(stub);
      await stub.call(get, {});
      const call = stub.call(get, {});
      call.catch(() => undefined);
      await cut.promise;
      await stub.id(); // Asks the host, and so comes back behind the break.
      objects.close();
      const { reason, message } = await told;
      assert.deepEqual([reason, message], [Reasons.CONNECTION_LOST, "the client was closed"]);
      assert.equal(host.stubs.length, 1);
    });
  }

  test("breaks when its client is closed that has a connection", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield resumed(0);
      yield* answering(stub, 0);
    });
    const objects = DurableObjects.connect(host.url);
    const stub = objects.namespace("COUNTER").resumable().getByName("foo");
    await stub.call(get, {});
    objects.close();
    await stub.ended;
    assert.equal(stub.breakCause?.reason, Reasons.CONNECTION_LOST);
  });

  test("lets a reserved key through that makes a call idempotent", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield resumed(0);
      yield* answering(stub, 0);
    });
    await withStub(host, async (stub) => {
      const headers = { "seriatim-idempotency-key": "order-12345" };
      await stub.call(get, {}, { headers });
      for (const wrong of [
        { "seriatim-idempotency-key": "k".repeat(256) },
        { "seriatim-idempotency-key": "" },
      ]) {
        assert.equal((await failureOf(stub.call(get, {}, { headers: wrong }))).reason, Reasons.CALL_REFUSED);
      }
    });
    assert.equal(host.stubs[0]?.invocations[0]?.metadata["seriatim-idempotency-key"], "order-12345");
  });
});
