import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { SHARED_CALLS } from "./client.js";
import { counting, FakeHost, opened, outcomes, resumed } from "./fake-host.js";

const PATIENCE_MS = 60_000;

/** Runs a program that has `objects` and `stub`, and gives what it printed when it has ended by itself. */
async function run(url: string, program: string): Promise<string> {
  const index = new URL("../src/index.js", import.meta.url).href;
  const counter = new URL("../examples/gen/seriatim/examples/v1/counter_pb.js", import.meta.url).href;
  const source = `
    import { createClient } from "@connectrpc/connect";
    import { DurableObjects } from ${JSON.stringify(index)};
    import { Counter } from ${JSON.stringify(counter)};
    const objects = DurableObjects.connect(${JSON.stringify(url)}, { sharedCalls: ${SHARED_CALLS} });
    const stub = objects.namespace("COUNTER").getByName("foo");
    const counter = createClient(Counter, stub.transport());
    ${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    cwd: new URL("../..", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (data: Buffer) => (printed += data.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (code, signal) => {
      resolve([code, signal]);
    }),
  );
  clearTimeout(timer);
  assert.equal(signal, null, `the program has not ended within ${PATIENCE_MS} ms; it printed: ${printed}`);
  assert.equal(code, 0, printed);
  return printed;
}

describe("a process", () => {
  test("ends though a stub is open that nobody waits for", async () => {
    await using host = await FakeHost.start(counting);
    const program = `console.log((await counter.increment({ amount: 5n })).value);`;
    assert.equal(await run(host.url, program), "5n\n");
  });

  test("ends though a stub was used, and an id was asked for", async () => {
    await using host = await FakeHost.start(counting);
    const program = `
      const id = await stub.id();
      console.log(id.toString().length);
      await counter.increment({ amount: 5n });
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log((await counter.increment({ amount: 5n })).value);`;
    assert.equal(await run(host.url, program), "64\n10n\n");
  });

  test("ends though a resumable stub is open that has lost its connection, and stays as long as that has a call", async () => {
    await using host = await FakeHost.start(
      async function* (stub) {
        yield resumed(0);
        await stub.readInvocations(1);
        throw new ConnectError("gone", Code.Unavailable);
      },
      async function* (stub) {
        await stub.read();
        await new Promise((resolve) => setTimeout(resolve, 300)); // Long after the process has nothing else to do.
        yield resumed(1);
        yield outcomes(1);
        throw new ConnectError("gone", Code.Unavailable);
      },
    );
    const program = `
      const resumable = objects.namespace("COUNTER").resumable().getByName("foo");
      resumable.call(Counter.method.get, {}).then(({ value }) => console.log(value));`;
    assert.equal(await run(host.url, program), "1n\n");
    assert.equal(host.stubs.length, 2);
  });

  test("stays until a call is answered that somebody waits for", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.readInvocations(2);
      await new Promise((resolve) => setTimeout(resolve, 300)); // Long after the process has nothing else to do.
      yield outcomes(2);
      await stub.read();
    });
    const program = `
      await counter.get({});
      counter.get({}).then(({ value }) => console.log(value));`;
    assert.equal(await run(host.url, program), "2n\n");
  });

  test("stays until a stub has ended that was closed", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      await stub.readInvocations(1);
      yield outcomes(1);
      await stub.read();
      await new Promise((resolve) => setTimeout(resolve, 300)); // The same.
    });
    const program = `
      await counter.get({});
      stub.close().then(() => console.log("ended", stub.isBroken));`;
    assert.equal(await run(host.url, program), "ended false\n");
  });
});
