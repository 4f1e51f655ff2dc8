import assert from "node:assert/strict";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { OutcomeSchema } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { Fate, Reasons, type CallFailure } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf } from "./expect.js";
import { broken, FakeHost, ids, opened, outcome, outcomes, UNIQUE_KEY, type Frame } from "./fake-host.js";

const { get } = Counter.method;
const { COMPLETED, NOT_EXECUTED, UNKNOWN } = Fate;

/** What a case expects of each of its three calls: a value, or a fate. */
type Seen = bigint | Fate;

interface Violation {
  name: string;
  message: RegExp;
  expect: [Seen, Seen, Seen];
  /** The host opens the stub, reads the three calls, and then sends this. */
  host: Frame[];
  opens?: false;
}

const violations: Violation[] = [
  {
    name: "an outcome out of order",
    message: /outcome 2, expected outcome 1/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    host: [outcomes(2, 1, 3)],
  },
  {
    name: "an outcome left out behind good ones",
    message: /outcome 3, expected outcome 2/,
    expect: [1n, UNKNOWN, UNKNOWN],
    host: [outcomes(1, 3)],
  },
  {
    name: "an outcome twice, in two frames",
    message: /outcome 1, expected outcome 2/,
    expect: [1n, UNKNOWN, UNKNOWN],
    host: [outcomes(1), outcomes(1)],
  },
  {
    name: "outcome zero",
    message: /outcome 0, expected outcome 1/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    host: [outcomes(0)],
  },
  {
    name: "an outcome with the largest number",
    message: /outcome 18446744073709551615, expected outcome 1/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    host: [{ outcomes: [create(OutcomeSchema, { ...outcome(1), sequence: 2n ** 64n - 1n })] }],
  },
  {
    name: "an outcome of a call that was never made",
    message: /outcome 4 of a call that was not sent/,
    expect: [1n, 2n, 3n],
    host: [outcomes(1, 2, 3, 4)],
  },
  {
    name: "an outcome without a result",
    message: /outcome 1 has no 'message'/,
    expect: [COMPLETED, UNKNOWN, UNKNOWN],
    host: [{ outcomes: [create(OutcomeSchema, { sequence: 1n }), outcome(2)] }],
  },
  {
    name: "a result in another form than the argument",
    message: /outcome 2 has no 'message'/,
    expect: [1n, COMPLETED, UNKNOWN],
    host: [
      {
        outcomes: [
          outcome(1),
          create(OutcomeSchema, {
            sequence: 2n,
            result: { case: "json", value: { kind: { case: "stringValue", value: "1" } } },
          }),
          outcome(3),
        ],
      },
    ],
  },
  {
    name: "a result that isn't a response of the method",
    message: /outcome 1 is no seriatim\.examples\.v1\.Counter\/Get response/,
    expect: [COMPLETED, UNKNOWN, UNKNOWN],
    host: [
      {
        outcomes: [
          create(OutcomeSchema, {
            sequence: 1n,
            result: { case: "message", value: Uint8Array.of(0x0a, 0xff, 0xff) },
          }),
        ],
      },
    ],
  },
  {
    name: "'opened' twice",
    message: /'opened' came twice/,
    expect: [1n, UNKNOWN, UNKNOWN],
    host: [outcomes(1), { ...opened(), ...outcomes(2) }],
  },
  {
    name: "an outcome before 'opened'",
    message: /the first frame has no 'opened'/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    opens: false,
    host: [outcomes(1), opened()],
  },
  {
    name: "an empty first frame",
    message: /the first frame has no 'opened'/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    opens: false,
    host: [{}, opened()],
  },
  {
    name: "an id that is none",
    message: /opened object 'foo', expected 64 lower-case hex digits/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    opens: false,
    host: [{ ...opened("foo"), ...outcomes(1, 2, 3) }],
  },
  {
    name: "the id of another object",
    message: /opened object '[0-9a-f]{64}', expected '[0-9a-f]{64}'/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    opens: false,
    host: [{ ...opened(ids.fromName("bar").toString()), ...outcomes(1, 2, 3) }],
  },
  {
    name: "another name",
    message: /opened name 'bar', expected 'foo'/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    opens: false,
    host: [{ ...opened(undefined, "bar"), ...outcomes(1, 2, 3) }],
  },
  {
    name: "a break with code OK",
    message: /broken with code OK/,
    expect: [UNKNOWN, UNKNOWN, UNKNOWN],
    host: [broken(0, { code: 0 })],
  },
  {
    name: "a break that says more completed than had outcomes",
    message: /broken with completed_through 2 after 1 outcomes/,
    expect: [1n, UNKNOWN, UNKNOWN],
    host: [{ ...outcomes(1), ...broken(2) }],
  },
  {
    name: "a break that says fewer completed than had outcomes",
    message: /broken with completed_through 0 after 1 outcomes/,
    expect: [1n, UNKNOWN, UNKNOWN],
    host: [{ ...outcomes(1), ...broken(0) }],
  },
];

describe("a host that breaks the rules gets an error, never a wrong result:", () => {
  for (const { name, message, expect, host: frames, opens } of violations) {
    test(name, async () => {
      await using host = await FakeHost.start(async function* (stub) {
        if (opens !== false) {
          yield opened();
        }
        await stub.readInvocations(3);
        yield* frames;
        await stub.read(); // Not the host ends it, but the client.
      });
      using objects = DurableObjects.connect(host.url);
      const stub = objects.namespace("COUNTER", UNIQUE_KEY).get(ids.fromName("foo"));
      const broke = new Promise((resolve) => {
        stub.onBreak(resolve);
      });
      const calls = expect.map(() => stub.call(get, {}));
      const results = await Promise.allSettled(calls);
      const seen = results.map((result) =>
        result.status === "fulfilled" ? result.value.value : (result.reason as CallFailure).fate,
      );
      assert.deepEqual(seen, expect);
      await broke;
      assert.equal(stub.breakCause?.reason, Reasons.HOST_VIOLATION);
      assert.equal(stub.breakCause.code, Code.Internal);
      assert.equal(stub.breakCause.retryable, false);
      assert.match(stub.breakCause.message, message);
      assert.equal((await failureOf(stub.call(get, {}))).failureCause, stub.breakCause);
      await stub.close();
    });
  }
});

describe("a host may", () => {
  test("send frames behind the last one, which mean nothing", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(3);
      yield { ...outcomes(1), ...broken(1) };
      yield outcomes(2, 3);
      yield broken(3);
      throw new ConnectError("no", Code.FailedPrecondition);
    });
    using objects = DurableObjects.connect(host.url);
    const stub = objects.namespace("COUNTER").getByName("foo");
    const [first, ...others] = [1, 2, 3].map(() => stub.call(get, {}));
    const failures = await Promise.all(others.map(failureOf));
    assert.equal((await first)?.value, 1n);
    assert.deepEqual(
      failures.map(({ fate }) => fate),
      [NOT_EXECUTED, NOT_EXECUTED],
    );
    await stub.close();
    assert.equal(stub.breakCause?.reason, Reasons.OBJECT_EXCEPTION);
  });

  test("never end a call that it broke, which the client then does", async () => {
    let ended!: () => void;
    const end = new Promise<void>((resolve) => (ended = resolve));
    await using host = await FakeHost.start(async function* (stub) {
      try {
        yield { ...opened(), ...broken(0) };
        await stub.read();
        await stub.read();
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield {};
        }
      } finally {
        ended();
      }
    });
    using objects = DurableObjects.connect(host.url, { endTimeoutMs: 20 });
    const stub = objects.namespace("COUNTER").getByName("foo");
    assert.equal((await failureOf(stub.call(get, {}))).fate, NOT_EXECUTED);
    await end;
  });

  test("send fields that the client doesn't know, and empty frames", async () => {
    const $unknown = [{ no: 99, wireType: 2, data: Uint8Array.of(3, 1, 2, 3) }];
    await using host = await FakeHost.start(async function* (stub) {
      yield { ...opened(), $unknown };
      yield {};
      await stub.readInvocations(1);
      yield { outcomes: [{ ...outcome(1), $unknown }], $unknown };
      await stub.read();
    });
    using objects = DurableObjects.connect(host.url);
    const stub = objects.namespace("COUNTER").getByName("foo");
    assert.equal((await stub.call(get, {})).value, 1n);
    await stub.close();
    assert.equal(stub.isBroken, false);
  });

  test("send each outcome in a frame of its own, or all in one, late", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      const count = (await stub.read())?.invocations.length ?? 0;
      for (let sequence = 1; sequence <= count; sequence++) {
        yield outcomes(sequence);
      }
      await stub.read();
    });
    using objects = DurableObjects.connect(host.url);
    const stub = objects.namespace("COUNTER").getByName("foo");
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => stub.call(get, {})));
    assert.deepEqual(
      answers.map(({ value }) => value),
      [1n, 2n, 3n, 4n, 5n],
    );
    await stub.close();
  });
});

describe("what doesn't speak the contract gives an error:", () => {
  const answers: [string, (stream: ServerHttp2Stream) => void][] = [
    [
      "a frame that doesn't parse",
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
        stream.write(Buffer.from([0, 0, 0, 0, 3, 0x0a, 0xff, 0xff]));
      },
    ],
    [
      "a frame over the limit",
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
        stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 0]));
      },
    ],
    [
      "a page of a web server",
      (stream) => {
        stream.respond({ ":status": 404, "content-type": "text/html" });
        stream.end("<h1>Not here</h1>");
      },
    ],
    [
      "an end without a status",
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
        stream.end();
      },
    ],
    [
      "a reset",
      (stream) => {
        stream.close(2);
      },
    ],
  ];
  for (const [name, answer] of answers) {
    test(name, async () => {
      const server = createServer();
      const sessions = new Set<{ destroy(): void }>();
      server.on("session", (session) => sessions.add(session));
      server.on("stream", (stream) => {
        stream.on("error", () => undefined);
        stream.once("data", () => {
          answer(stream);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      using objects = DurableObjects.connect(`http://127.0.0.1:${port}`);
      const stub = objects.namespace("COUNTER").getByName("foo");
      const failures = await Promise.all([1, 2].map(() => failureOf(stub.call(get, {}))));
      for (const failure of failures) {
        assert.equal(failure.reason, Reasons.CONNECTION_LOST);
        assert.equal(failure.fate, UNKNOWN);
      }
      assert(stub.isBroken);
      sessions.forEach((session) => {
        session.destroy();
      });
      await new Promise((resolve) => server.close(resolve));
    });
  }
});
