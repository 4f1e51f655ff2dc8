import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.js";
import { LaneResponseSchema, OutcomeSchema } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import {
  DurableObjects,
  Fate,
  Reasons,
  type ConnectOptions,
  type DurableObjectNamespace,
  type DurableObjectStub,
} from "../src/index.js";
import { failureOf, latch, seen } from "./expect.js";
import {
  broken,
  counting,
  FakeHost,
  opened,
  outcome,
  outcomes,
  type Frame,
  type Script,
} from "./fake-host.js";
import type { ManySide } from "./fake-lanes.js";

const { increment, get } = Counter.method;
const one = { amount: 1n };
const PATIENCE_MS = 60_000;

async function withNamespace(
  host: FakeHost,
  body: (namespace: DurableObjectNamespace) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  using objects = DurableObjects.connect(host.url, { sharedCalls: 1, ...options });
  await body(objects.namespace("COUNTER"));
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    assert(performance.now() < deadline, `${what} never came`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What was sent on a call, as `LANE WHAT`, a line for each message. */
function sent({ messages }: ManySide): string[] {
  return messages.map(({ lanes }) =>
    lanes.map(({ lane, what }) => `${lane} ${what.case ?? "nothing"}`).join(", "),
  );
}

/** An outcome with so many bytes of a field that the client doesn't know. */
function large(sequence: number, size: number): Frame {
  const writer = new BinaryWriter().bytes(new Uint8Array(size));
  const $unknown = [{ no: 99, wireType: 2, data: writer.finish() }];
  return { outcomes: [create(OutcomeSchema, { ...outcome(sequence), $unknown })] };
}

/** Opens the stub, and answers each call. */
const answering: Script = async function* (stub) {
  yield opened();
  for (let answered = 0; ;) {
    const frame = await stub.read();
    if (frame === undefined) {
      return;
    }
    yield outcomes(...frame.invocations.map(() => ++answered));
  }
};

describe("stubs on a shared call", () => {
  test("open, call and close in one message", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(host, async (namespace) => {
      const stub = namespace.getByName("foo");
      const answer = stub.call(increment, one);
      await stub.close();
      assert.equal((await answer).value, 1n);
      assert.deepEqual(sent(host.call), ["1 frame, 1 halfClose"]);
      assert(!stub.isBroken);
    });
  });

  test("share their messages, each in its order", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(host, async (namespace) => {
      const stubs = Array.from({ length: 1000 }, (_, index) => namespace.getByName(`object ${index}`));
      const answers = await Promise.all(
        stubs.flatMap((stub) => [1n, 10n, 100n].map((amount) => stub.call(increment, { amount }))),
      );
      answers.forEach(({ value }, index) => {
        assert.equal(value, [1n, 11n, 111n][index % 3]);
      });
      await Promise.all(stubs.map((stub) => stub.close()));
      assert(host.call.messages.length < 20, `${host.call.messages.length} messages`);
      assert.equal(host.call.lanes.size, 0);
      assert(stubs.every((stub) => !stub.isBroken));
    });
  });

  test("are spread over as many calls as the option says, in turn", async () => {
    await using host = await FakeHost.start(answering);
    await withNamespace(
      host,
      async (namespace) => {
        const stubs = Array.from({ length: 9 }, (_, index) => namespace.getByName(`object ${index}`));
        await Promise.all(stubs.map((stub) => stub.call(get, {})));
        assert.deepEqual(
          host.calls.map(({ opened }) => opened),
          [3, 3, 3],
        );
      },
      { sharedCalls: 3 },
    );
  });

  test("are told of a break, and no other is", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(host, async (namespace) => {
      const [bad, good] = [namespace.getByName("bad"), namespace.getByName("good")];
      const calls = [1n, 0n, 1n].map((amount) => bad.call(increment, { amount }));
      const other = good.call(increment, one);
      assert.equal((await calls[0])?.value, 1n);
      for (const call of calls.slice(1)) {
        assert.equal((await failureOf(call)).reason, Reasons.OBJECT_EXCEPTION);
      }
      assert.equal((await other).value, 1n);
      assert.equal((await good.call(increment, one)).value, 2n);
      assert(!good.isBroken);
    });
  });

  test("may be given up before anything was sent, and have no lane then", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(host, async (namespace) => {
      const given = namespace.getByName("given up");
      const failure = failureOf(given.call(increment, one));
      given.cancel("no need");
      assert.equal((await namespace.getByName("foo").call(increment, one)).value, 1n);
      assert.equal((await failure).fate, Fate.NOT_EXECUTED);
      assert.deepEqual(sent(host.call), ["1 frame"]);
    });
  });

  test("may be given up, of which the host is told", async () => {
    let told = false;
    const isAsked = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      isAsked.open();
      try {
        await stub.read();
      } catch (thrown) {
        told = ConnectError.from(thrown).code === Code.Canceled;
      }
    }, counting);
    await withNamespace(host, async (namespace) => {
      const stub = namespace.getByName("foo");
      const failure = failureOf(stub.call(increment, one));
      await isAsked.promise;
      stub.cancel("enough");
      assert.deepEqual(seen(await failure), {
        reason: Reasons.STUB_CANCELLED,
        code: Code.Canceled,
        fate: Fate.UNKNOWN,
        sequence: 1n,
      });
      await until("the cancel", () => told);
      assert.equal((await namespace.getByName("bar").call(increment, one)).value, 1n);
      assert.deepEqual(sent(host.call), ["1 frame", "1 cancel", "2 frame"]);
    });
  });

  test("give credit as outcomes are taken, so that a host that counts it never stops for good", async () => {
    const size = 100 * 1024;
    const count = 50;
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      for (let sequence = 1; sequence <= count; sequence++) {
        await stub.readInvocations(sequence);
        yield large(sequence, size);
      }
      await stub.read();
    }, counting);
    await withNamespace(host, async (namespace) => {
      const stub = namespace.getByName("large");
      const neighbours = Array.from({ length: 100 }, (_, index) => namespace.getByName(`small ${index}`));
      const answers = Array.from({ length: count }, () => stub.call(get, {}));
      await Promise.all(neighbours.map((neighbour) => neighbour.call(increment, one)));
      assert.equal((await Promise.all(answers)).at(-1)?.value, BigInt(count));
      const given = host.call.messages
        .flatMap(({ lanes }) => lanes)
        .filter(({ lane }) => lane === 1n)
        .reduce((sum, { moreBytes }) => sum + moreBytes, 0);
      assert(given <= count * (size + 64) && given > (count - 1) * size, `${given} bytes of credit`);
    });
  });

  test("whose host has no credit for them hold up no other", async () => {
    const never = latch();
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      await never.promise;
    }, counting);
    await withNamespace(host, async (namespace) => {
      const stalled = namespace.getByName("stalled").call(get, {});
      stalled.catch(() => undefined);
      for (let call = 1; call <= 20; call++) {
        const others = Array.from({ length: 100 }, (_, index) => namespace.getByName(`${call} ${index}`));
        const answers = await Promise.all(others.map((stub) => stub.call(increment, one)));
        assert(answers.every(({ value }) => value === 1n));
        await Promise.all(others.map((stub) => stub.close()));
      }
      assert.equal(host.call.lanes.size, 1);
    });
    never.open();
  });

  test("leave nothing behind: 20,000 of them, one call each", async () => {
    await using host = await FakeHost.start(answering);
    await withNamespace(host, async (namespace) => {
      let left = 20_000;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const stub = namespace.getByName(`object ${left}`);
          const answer = stub.call(get, {});
          const ended = stub.close();
          assert.equal((await answer).value, 1n);
          await ended;
          assert(!stub.isBroken);
          host.stubs.length = 0;
          host.call.messages.length = 0;
        }
      };
      await Promise.all(Array.from({ length: 256 }, worker));
      assert.equal(host.call.opened, 20_000);
      assert.equal(host.call.lanes.size, 0);
    });
  });

  test("can be made over a transport of one's own", async () => {
    await using host = await FakeHost.start(counting);
    const sessionManager = new Http2SessionManager(host.url);
    const objects = DurableObjects.on(createGrpcTransport({ baseUrl: host.url, sessionManager }), {
      sharedCalls: 1,
    });
    const stub = objects.namespace("COUNTER").getByName("foo");
    assert.equal((await stub.call(increment, one)).value, 1n);
    await stub.close();
    objects.close();
    await until("the end of the call", () => host.call.isOver);
    sessionManager.abort();
  });
});

describe("a shared call", () => {
  test("that is lost loses all its stubs, and the next one makes a new one", async () => {
    const isCut = latch();
    await using host = await FakeHost.start(
      async function* (stub) {
        yield opened();
        await stub.readInvocations(1);
        await isCut.promise;
        stub.cut();
      },
      async function* (stub) {
        yield opened();
        yield outcomes(...(await stub.readInvocations(1)).map(() => 1));
        await stub.read();
      },
      counting,
    );
    await withNamespace(
      host,
      async (namespace) => {
        const [waiting, idle] = [namespace.getByName("waiting"), namespace.getByName("idle")];
        const calls = [1, 2].map(() => failureOf(waiting.call(get, {})));
        await idle.call(get, {});
        isCut.open();
        const failures = await Promise.all(calls);
        assert.deepEqual(failures.map(seen), [
          { reason: Reasons.CONNECTION_LOST, code: Code.Unavailable, fate: Fate.UNKNOWN, sequence: 1n },
          { reason: Reasons.CONNECTION_LOST, code: Code.Unavailable, fate: Fate.NOT_EXECUTED, sequence: 2n },
        ]);
        await idle.ended;
        assert.equal(idle.breakCause?.reason, Reasons.CONNECTION_LOST);
        assert.equal((await namespace.getByName("foo").call(increment, one)).value, 1n);
        assert.equal(host.calls.length, 2);
      },
      { maxUnansweredFrames: 1, maxFrameInvocations: 1 },
    );
  });

  const violations: [string, bigint][] = [
    ["lane 0", 0n],
    ["a lane that was never opened", 2n],
    ["the largest lane", 2n ** 64n - 1n],
  ];
  for (const [what, lane] of violations) {
    test(`on which the host says something of ${what} is given up, with all its stubs`, async () => {
      await using host = await FakeHost.start(async function* (stub) {
        await stub.readInvocations(1);
        host.call.sendAnyway(create(LaneResponseSchema, { lane }));
        yield* [];
        await stub.read();
      }, counting);
      await withNamespace(host, async (namespace) => {
        const stub = namespace.getByName("foo");
        assert.deepEqual(seen(await failureOf(stub.call(get, {}))), {
          reason: Reasons.HOST_VIOLATION,
          code: Code.Internal,
          fate: Fate.UNKNOWN,
          sequence: 1n,
        });
        assert.match(
          String(stub.breakCause?.message),
          new RegExp(`the host broke the protocol: a part came for lane ${lane}, which was never opened`),
        );
        assert.equal((await namespace.getByName("bar").call(increment, one)).value, 1n);
      });
    });
  }

  test("takes nothing from a lane that has ended", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.read();
      const end = create(StatusSchema, { code: Code.Aborted });
      host.call.sendAnyway(create(LaneResponseSchema, { lane: 1n, end: create(StatusSchema) }));
      host.call.sendAnyway(create(LaneResponseSchema, { lane: 1n, frame: opened(), end }));
    }, counting);
    await withNamespace(host, async (namespace) => {
      const stub = namespace.getByName("foo");
      await stub.call(get, {});
      await stub.close();
      assert.equal((await namespace.getByName("bar").call(increment, one)).value, 1n);
      assert(!stub.isBroken);
    });
  });

  test("whose lane ends with a status, without a word before, has lost that one", async () => {
    await using host = await FakeHost.start(
      async function* (stub) {
        yield opened();
        await stub.readInvocations(1);
        throw new ConnectError("not now", Code.ResourceExhausted);
      },
      async function* (stub) {
        yield opened();
        await stub.readInvocations(1);
      },
      counting,
    );
    await withNamespace(host, async (namespace) => {
      const failure = await failureOf(namespace.getByName("1").call(get, {}));
      assert.equal(failure.failureCause.message, "not now");
      assert.equal(failure.code, Code.ResourceExhausted);
      assert.equal(failure.reason, Reasons.CONNECTION_LOST);
      assert.equal(failure.fate, Fate.UNKNOWN);
      const ended = await failureOf(namespace.getByName("2").call(get, {}));
      assert.equal(ended.failureCause.message, "the host ended the stub's call");
      assert.equal((await namespace.getByName("3").call(increment, one)).value, 1n);
      assert.equal(host.calls.length, 1);
    });
  });

  test("loses one stub alone by a frame that is too large", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield large(1, 20_000);
      await stub.read();
    }, counting);
    await withNamespace(
      host,
      async (namespace) => {
        const [large, small] = [namespace.getByName("large"), namespace.getByName("small")];
        const failure = failureOf(large.call(get, {}));
        assert.equal((await small.call(increment, one)).value, 1n);
        assert.equal((await failure).code, Code.ResourceExhausted);
        assert.match((await failure).rawMessage, /frame of 20\d+ bytes, expected at most 4096/);
        assert.equal((await small.call(increment, one)).value, 2n);
      },
      { maxInboundFrameBytes: 4096 },
    );
  });

  test("loses one stub alone by a frame that can't be read", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      // A field of the contract, and not of its type.
      yield { $unknown: [{ no: 2, wireType: WireType.LengthDelimited, data: Uint8Array.of(1, 0xff) }] };
      await stub.read();
    }, counting);
    await withNamespace(host, async (namespace) => {
      const [bad, good] = [namespace.getByName("bad"), namespace.getByName("good")];
      const failure = failureOf(bad.call(get, {}));
      assert.equal((await good.call(increment, one)).value, 1n);
      assert.deepEqual(seen(await failure), {
        reason: Reasons.HOST_VIOLATION,
        code: Code.Internal,
        fate: Fate.UNKNOWN,
        sequence: 1n,
      });
      assert.match(
        (await failure).rawMessage,
        /the host broke the protocol: a frame is no ConnectResponse: /,
      );
      assert.equal((await good.call(increment, one)).value, 2n);
      await until("the cancel", () => host.call.lanes.size === 1);
    });
  });

  const lettingGo: [string, string, Code][] = [
    ["drains", "HOST_DRAINING", Code.Unavailable],
    ["takes no more lanes", "OVERLOADED", Code.ResourceExhausted],
    ["takes its credentials no more", "CREDENTIALS_EXPIRED", Code.Unauthenticated],
    ["doesn't know its caller", "UNAUTHENTICATED", Code.Unauthenticated],
  ];
  for (const [what, reason, code] of lettingGo) {
    test(`whose host ${what} takes no more stubs, and ends with those that it has`, async () => {
      const finish = latch();
      await using host = await FakeHost.start(
        async function* (stub) {
          yield opened();
          await stub.readInvocations(1);
          await finish.promise;
          yield outcomes(1);
          await stub.read();
        },
        async function* (stub) {
          await stub.readInvocations(1);
          yield broken(0, { reason, code, retryable: true });
          throw new ConnectError("no", code);
        },
        counting,
      );
      await withNamespace(host, async (namespace) => {
        const first = namespace.getByName("1");
        const answer = first.call(get, {});
        assert.equal((await failureOf(namespace.getByName("2").call(get, {}))).reason, reason);
        assert.equal((await namespace.getByName("3").call(increment, one)).value, 1n);
        const [old, next] = host.calls;
        assert(old !== undefined && next !== undefined);
        assert.deepEqual([old.opened, next.opened, old.isHalfClosed], [2, 1, false]);
        finish.open();
        assert.equal((await answer).value, 1n);
        await first.close();
        await until("the end of the call", () => old.isOver);
        assert(old.isHalfClosed && !next.isHalfClosed);
      });
    });
  }

  test("whose connection is to go away takes no more stubs, and ends with those that it has", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(host, async (namespace) => {
      const first = namespace.getByName("1");
      await first.call(increment, one);
      host.stubs[0]?.goAway();
      await first.call(increment, one);
      assert.equal((await namespace.getByName("2").call(increment, one)).value, 1n);
      assert.equal(host.calls.length, 2);
      await first.close();
      assert(!first.isBroken);
      await until("the end of the call", () => host.calls[0]?.isOver === true);
    });
  });

  test("ends when it has had no stub for some time", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await using host = await FakeHost.start(counting);
    await withNamespace(
      host,
      async (namespace) => {
        const first = namespace.getByName("1");
        await first.call(increment, one);
        await first.close();
        t.mock.timers.tick(40);
        const second = namespace.getByName("2");
        await second.call(increment, one);
        t.mock.timers.tick(200);
        await second.call(increment, one);
        assert.equal(host.calls.length, 1);
        assert(!host.call.isHalfClosed);
        await second.close();
        await until("the end of the call", () => {
          t.mock.timers.tick(1);
          return host.call.isOver;
        });
        assert(host.call.isHalfClosed);
        assert.equal((await namespace.getByName("3").call(increment, one)).value, 1n);
        assert.equal(host.calls.length, 2);
      },
      { sharedCallIdleTimeoutMs: 50, openTimeoutMs: 60_000 },
    );
  });

  test("ends with its last stub, if that is what the option says", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(
      host,
      async (namespace) => {
        for (let count = 1; count <= 3; count++) {
          const stub = namespace.getByName("foo");
          await stub.call(increment, one);
          await stub.close();
          await until("the end of the call", () => host.calls.at(-1)?.isOver === true);
          assert.equal(host.calls.length, count);
        }
      },
      { sharedCallIdleTimeoutMs: 0 },
    );
  });

  test("that the host doesn't end is ended from here", async () => {
    await using host = await FakeHost.start(counting);
    await withNamespace(
      host,
      async (namespace) => {
        const stub = namespace.getByName("foo");
        await stub.call(increment, one);
        host.call.staysOpen = true;
        await stub.close();
        await until("the end of the call", () => host.call.isOver);
      },
      { sharedCallIdleTimeoutMs: 0, endTimeoutMs: 20 },
    );
  });
});

describe("a host that knows no shared calls", () => {
  /** Every way in which a stub may be used before anybody knows. */
  const uses: [string, (namespace: DurableObjectNamespace) => Promise<void>][] = [
    [
      "gets calls of single stubs, with everything in its order",
      async (namespace) => {
        const stubs = Array.from({ length: 20 }, (_, index) => namespace.getByName(`object ${index}`));
        const answers = stubs.map((stub) => Array.from({ length: 600 }, () => stub.call(increment, one)));
        await Promise.all(stubs.map((stub) => stub.close()));
        for (const answer of answers) {
          (await Promise.all(answer)).forEach(({ value }, index) => {
            assert.equal(value, BigInt(index + 1));
          });
        }
        assert(stubs.every((stub) => !stub.isBroken));
      },
    ],
    [
      "gets those of a stub that is used later, too",
      async (namespace) => {
        const stub: DurableObjectStub = namespace.getByName("foo");
        for (let count = 1n; count <= 5n; count++) {
          assert.equal((await stub.call(increment, one)).value, count);
        }
        await stub.close();
        assert(!stub.isBroken);
        const broken = namespace.getByName("bar");
        assert.equal(
          (await failureOf(broken.call(increment, { amount: 0n }))).reason,
          Reasons.OBJECT_EXCEPTION,
        );
      },
    ],
    [
      "gets nothing of a stub that was given up",
      async (namespace) => {
        const [given, kept] = [namespace.getByName("given up"), namespace.getByName("kept")];
        const answers = [kept.call(increment, one), kept.call(increment, one)];
        const failure = failureOf(given.call(increment, one));
        given.cancel("no need");
        assert.equal((await failure).fate, Fate.NOT_EXECUTED);
        assert.equal((await Promise.all(answers))[1]?.value, 2n);
        kept.cancel("enough");
        await kept.ended;
        assert.equal(kept.breakCause?.reason, Reasons.STUB_CANCELLED);
      },
    ],
  ];
  test("and has no room for a stream of the next stub has executed nothing of it", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await using host = await FakeHost.startWith(
      { servesMany: false, settings: { maxConcurrentStreams: 1 } },
      counting,
    );
    await withNamespace(
      host,
      async (namespace) => {
        const stubs = [1, 2].map((index) => namespace.getByName(`object ${index}`));
        const [first, second] = stubs.map((stub) => stub.call(increment, one));
        assert(first !== undefined && second !== undefined);
        let isOver = false;
        const failure = failureOf(second).finally(() => (isOver = true));
        assert.equal((await first).value, 1n);
        await until("the end of the second call", () => {
          t.mock.timers.tick(100);
          return isOver;
        });
        assert.deepEqual(seen(await failure), {
          reason: Reasons.OPEN_OVERDUE,
          code: Code.ResourceExhausted,
          fate: Fate.NOT_EXECUTED,
          sequence: 1n,
        });
      },
      { openTimeoutMs: 1_000 },
    );
  });

  for (const [what, use] of uses) {
    test(what, async () => {
      await using host = await FakeHost.startWith({ servesMany: false }, counting);
      await withNamespace(host, async (namespace) => {
        await use(namespace);
        assert.equal(host.refused, 1, "it is asked once");
        assert.equal((await namespace.getByName("next").call(increment, one)).value, 1n);
        assert.equal(host.refused, 1, "it is asked once");
      });
    });
  }
});

describe("the options of shared calls", () => {
  const bad: [ConnectOptions, RegExp][] = [
    [{ sharedCalls: -1 }, /sharedCalls -1, expected a whole number of at least 0/],
    [{ sharedCalls: 1.5 }, /sharedCalls 1.5, expected a whole number of at least 0/],
    [{ sharedCallIdleTimeoutMs: -1 }, /sharedCallIdleTimeoutMs -1, expected 0 to 2147483647/],
  ];
  for (const [options, message] of bad) {
    test(JSON.stringify(options), () => {
      assert.throws(() => DurableObjects.connect("http://127.0.0.1:1", options), {
        name: "RangeError",
        message,
      });
    });
  }
});
