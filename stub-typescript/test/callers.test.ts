import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { SecureServerOptions } from "node:http2";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { DurableObjects as Contract } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { bearer, Fate, Reasons, Retry, type CallFailure, type ConnectOptions } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf } from "./expect.js";
import { broken, counting, FakeHost, opened, resumed, outcomes, type Script } from "./fake-host.js";

const { increment } = Counter.method;
const one = { amount: 1n };

/** Those that every language is tested with. */
function pem(name: string): string {
  return readFileSync(
    new URL(`../../../conformance-tests/src/main/resources/tls/${name}`, import.meta.url),
    "utf8",
  );
}

const ca = pem("ca.pem");
const client = { cert: pem("client.pem"), key: pem("client.key") };
const tls: SecureServerOptions = { cert: pem("server.pem"), key: pem("server.key") };
const mutualTls: SecureServerOptions = { ...tls, ca, requestCert: true, rejectUnauthorized: true };

async function valueAt(host: FakeHost, options: ConnectOptions): Promise<bigint> {
  using objects = DurableObjects.connect(host.url, options);
  return (await objects.namespace("COUNTER").getByName("foo").call(increment, one)).value;
}

async function failureAt(url: string, options: ConnectOptions): Promise<CallFailure> {
  using objects = DurableObjects.connect(url, options);
  return await failureOf(objects.namespace("COUNTER").getByName("foo").call(increment, one));
}

/** Tokens that are counted. */
function counted(): () => string {
  let fetches = 0;
  return () => `token-${++fetches}`;
}

const expiring: Script = async function* (stub) {
  yield opened();
  await stub.readInvocations(1);
  yield broken(0, { reason: "CREDENTIALS_EXPIRED", code: Code.Unauthenticated, retryable: true });
  throw new ConnectError("no", Code.Unauthenticated);
};

describe("TLS", () => {
  test("to a host whose CA the client was told", async () => {
    await using host = await FakeHost.startWith(tls, counting);
    assert.equal(await valueAt(host, { nodeOptions: { ca } }), 1n);
  });

  test("to a host that nobody knows fails, and says so", async () => {
    await using host = await FakeHost.startWith(tls, counting);
    for (const options of [{}, { nodeOptions: { ca: pem("other-ca.pem") } }]) {
      const failure = await failureAt(host.url, options);
      assert.deepEqual(
        [failure.reason, failure.code, failure.fate],
        [Reasons.CONNECTION_LOST, Code.Unavailable, Fate.NOT_EXECUTED],
      );
      assert.match(failure.rawMessage, /^the host's certificate isn't trusted: /);
    }
    assert.equal(host.authorizations.length, 0);
  });

  test("with a certificate of the client", async () => {
    await using host = await FakeHost.startWith(mutualTls, counting);
    assert.equal(await valueAt(host, { nodeOptions: { ca, ...client } }), 1n);
  });

  test("without the certificate that the host asks for fails", async () => {
    await using host = await FakeHost.startWith(mutualTls, counting);
    const failure = await failureAt(host.url, { nodeOptions: { ca } });
    assert.deepEqual([failure.reason, failure.code], [Reasons.CONNECTION_LOST, Code.Unavailable]);
    // With TLS 1.3 the client has sent by then, and hears of an alert, or that the connection was closed.
    if (failure.failureCause.message.includes("alert")) {
      assert.match(failure.rawMessage, /^the host wants another certificate of the client, or one at all: /);
      assert.equal(failure.fate, Fate.NOT_EXECUTED);
    }
    assert.equal(host.authorizations.length, 0);
  });

  test("with a token", async () => {
    await using host = await FakeHost.startWith(tls, counting);
    assert.equal(await valueAt(host, { nodeOptions: { ca }, interceptors: [bearer(() => "a-token")] }), 1n);
    assert.deepEqual(host.authorizations, ["Bearer a-token"]);
  });
});

describe("a bearer token", () => {
  test("is fetched anew by a retry behind one that ran out", async () => {
    await using host = await FakeHost.start(expiring, counting);
    using objects = DurableObjects.connect(host.url, { interceptors: [bearer(counted())] });
    await using retry = new Retry(() => objects.namespace("COUNTER").getByName("foo"), {
      initialBackoffMs: 1,
      maxBackoffMs: 1,
    });
    const { value } = await retry.call((stub) => stub.call(increment, one));
    assert.equal(value, 1n);
    assert.deepEqual(host.authorizations, ["Bearer token-1", "Bearer token-2"]);
  });

  test("is fetched anew for each connection of a resumable stub", async () => {
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        yield broken(0, { reason: "CREDENTIALS_EXPIRED", code: Code.Unauthenticated, retryable: true });
        throw new ConnectError("no", Code.Unauthenticated);
      },
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        yield outcomes(1);
        await stub.read();
      },
    );
    using objects = DurableObjects.connect(host.url, { interceptors: [bearer(counted())] });
    const stub = objects.namespace("COUNTER").resumable().getByName("foo");
    assert.equal((await stub.call(increment, one)).value, 1n);
    assert.deepEqual(host.authorizations, ["Bearer token-1", "Bearer token-2"]);
  });

  test("may be promised, and belongs to a call without a stub as well", async () => {
    await using host = await FakeHost.start();
    const sessionManager = new Http2SessionManager(host.url);
    const interceptors = [bearer(() => Promise.resolve("a-token"))];
    const transport = createGrpcTransport({ baseUrl: host.url, sessionManager, interceptors });
    await createClient(Contract, transport).describeNamespace({ name: "COUNTER" });
    assert.deepEqual(host.authorizations, ["Bearer a-token"]);
    sessionManager.abort();
  });

  test("that nobody gives fails the stub before anything was sent, with what was thrown", async () => {
    await using host = await FakeHost.start(counting);
    const refuse = (thrown: Error) =>
      failureAt(host.url, {
        interceptors: [
          bearer(() => {
            throw thrown;
          }),
        ],
      });
    const failure = await refuse(new Error("the issuer sleeps"));
    assert.deepEqual(
      [failure.reason, failure.code, failure.fate, failure.retryable],
      [Reasons.CONNECTION_LOST, Code.Unavailable, Fate.NOT_EXECUTED, true],
    );
    assert.equal(failure.failureCause.message, "no bearer token for the call: the issuer sleeps");
    const final = await refuse(new ConnectError("not with me", Code.PermissionDenied));
    assert.deepEqual([final.code, final.retryable], [Code.PermissionDenied, false]);
    assert.equal(final.failureCause.message, "not with me");
    assert.equal(host.authorizations.length, 0);
  });

  test("that no header can have fails the stub, and isn't shown", async () => {
    await using host = await FakeHost.start(counting);
    const tokens: [string, string][] = [
      ["", "there is none"],
      [undefined as unknown as string, "there is none"],
      ["se\ncret", "it has U+000A at 2, expected visible ASCII"],
      ["secret ", "it has U+0020 at 6, expected visible ASCII"],
      ["secrét", "it has U+00E9 at 4, expected visible ASCII"],
    ];
    for (const [token, why] of tokens) {
      const failure = await failureAt(host.url, { interceptors: [bearer(() => token)] });
      assert.equal(failure.failureCause.message, `no bearer token for the call: ${why}`);
      assert.doesNotMatch(inspect(failure, { depth: 20, showHidden: true }), /secr|cret/);
    }
    assert.equal(host.authorizations.length, 0);
  });

  test("is not in a failure, whatever the host does", async () => {
    for (const script of [
      expiring,
      async function* (stub) {
        yield opened();
        await stub.readInvocations(1);
        stub.cut();
      },
    ] satisfies Script[]) {
      await using host = await FakeHost.start(script);
      const failure = await failureAt(host.url, { interceptors: [bearer(() => "a-secret")] });
      assert.deepEqual(host.authorizations, ["Bearer a-secret"]);
      assert.doesNotMatch(inspect(failure, { depth: 20, showHidden: true }), /a-secret/);
    }
  });

  test("is neither fetched nor sent without TLS, but for loopback addresses", async () => {
    let fetches = 0;
    const interceptors = [
      bearer(() => {
        fetches++;
        return "a-secret";
      }),
    ];
    for (const url of [
      "http://objects.example:7070",
      "http://127.0.0.1.example:7070",
      "http://10.0.0.7:7070",
    ]) {
      const failure = await failureAt(url, { interceptors });
      assert.deepEqual(
        [failure.reason, failure.code, failure.fate, failure.retryable],
        [Reasons.CONNECTION_LOST, Code.Unauthenticated, Fate.NOT_EXECUTED, false],
      );
      assert.match(
        failure.rawMessage,
        /^a bearer token is sent over TLS only, or to a loopback address: .*:7070 is neither/,
      );
    }
    assert.equal(fetches, 0);
    for (const url of ["http://localhost:1", "http://[::1]:1", "http://127.0.0.9:1"]) {
      await failureAt(url, { interceptors });
    }
    assert.equal(fetches, 3);
  });
});
