import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  ClientProbe,
  SayRequestSchema,
  SayResponseSchema,
} from "../conformance/gen/seriatim/conformance/v1/client_probe_pb.js";
import { OutcomeSchema } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { DurableObjects } from "../src/index.js";
import { FakeHost, ids, opened } from "./fake-host.js";

const MARKED = ["\ufeff", "\ufefffoo", "\ufeff\ufefffoo", "foo\ufeff", "\ufffe", "\ud83d\ude00", "\u0000x"];

describe("text", () => {
  test("that begins with U+FEFF keeps it, there and back", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      for (let sequence = 1n; ; sequence++) {
        const said = (await stub.readInvocations(Number(sequence))).at(-1)?.argument.value as Uint8Array;
        const { text } = fromBinary(SayRequestSchema, said);
        const value = toBinary(SayResponseSchema, create(SayResponseSchema, { text }));
        yield { outcomes: [create(OutcomeSchema, { sequence, result: { case: "message", value } })] };
        if (Number(sequence) === MARKED.length) {
          await stub.read();
          return;
        }
      }
    });
    using objects = DurableObjects.connect(host.url);
    const stub = objects.namespace("PROBE").getByName("foo");
    const probe = createClient(ClientProbe, stub.transport());
    for (const text of MARKED) {
      assert.equal((await probe.say({ text })).text, text);
    }
    await stub.close();
  });

  test("of a name that begins with U+FEFF is the name that the host opens", async () => {
    for (const name of MARKED) {
      await using host = await FakeHost.start(async function* (stub) {
        const open = (await stub.read())?.open?.object;
        assert.deepEqual(open, { case: "name", value: name });
        yield opened(ids.fromName(name).toString(), name);
        const value = toBinary(SayResponseSchema, create(SayResponseSchema, { text: "hello" }));
        yield { outcomes: [create(OutcomeSchema, { sequence: 1n, result: { case: "message", value } })] };
        await stub.read();
      });
      using objects = DurableObjects.connect(host.url);
      const stub = objects.namespace("PROBE").getByName(name);
      assert.equal((await createClient(ClientProbe, stub.transport()).say({})).text, "hello");
      await stub.close();
      assert.equal(stub.isBroken, false);
    }
  });
});
