import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  SayRequestSchema,
  SayResponseSchema,
} from "../conformance/gen/seriatim/conformance/v1/client_probe_pb.js";
import { OutcomeSchema, type Invocation, type Outcome } from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { broken, FakeHost, ids, opened } from "./fake-host.js";

/** Says back what was said. */
function said({ sequence, argument }: Invocation): Outcome {
  const { text, padding } = fromBinary(SayRequestSchema, argument.value as Uint8Array);
  const value = toBinary(SayResponseSchema, create(SayResponseSchema, { text, padding }));
  return create(OutcomeSchema, { sequence, result: { case: "message", value } });
}

describe("the conformance driver", () => {
  test("does what it is told, and reports what its caller saw", async () => {
    await using host = await FakeHost.start(async function* (stub) {
      yield opened();
      const calls = await stub.readInvocations(3);
      yield { outcomes: calls.slice(0, 1).map(said), ...broken(1, { failedSequence: 2n }) };
    });
    const driver = spawn(
      process.execPath,
      [fileURLToPath(new URL("../conformance/driver.js", import.meta.url))],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    const answers = createInterface({ input: driver.stdout })[Symbol.asyncIterator]();
    const ask = async (request: object): Promise<unknown> => {
      driver.stdin.write(`${JSON.stringify(request)}\n`);
      const answer: IteratorResult<string, unknown> = await answers.next();
      return JSON.parse(String(answer.value));
    };
    const failure = {
      code: "FAILED_PRECONDITION",
      cause_message: "no",
      reason: "OBJECT_EXCEPTION",
      retryable: false,
      overloaded: false,
      remote: true,
      fate: "NOT_EXECUTED",
      failed_sequence: "2",
    };
    const target = new URL(host.url).host;
    assert.deepEqual(
      await ask({
        case: "a throw in the middle",
        target,
        options: { max_unanswered_frames: 2, end_timeout_ms: 0 },
        steps: [
          { open: { stub: "a", namespace: "PROBE", name: "foo" } },
          { call: { stub: "a", times: 3, text: "<#>", padding_bytes: 5 } },
          { await: {} },
          { call: { stub: "a", listen: true } },
          { id_from_name: { namespace: "PROBE", name: "foo" } },
          { id_from_name: { namespace: "MISSING", name: "foo" } },
          { close: { stub: "a" } },
          { await_end: { stub: "a" } },
        ],
      }),
      {
        results: [
          { ok: true, text: "<1>", padding_bytes: 5 },
          { ...failure, sequence: "2", message: "no [OBJECT_EXCEPTION, call 2, NOT_EXECUTED]" },
          { ...failure, sequence: "3", message: "no [OBJECT_EXCEPTION, call 3 behind 2, NOT_EXECUTED]" },
          {
            code: "UNIMPLEMENTED",
            message:
              "seriatim.conformance.v1.ClientProbe/Listen is server-streaming, and a stub carries only unary methods [CALL_REFUSED, NOT_EXECUTED]",
            cause_message:
              "seriatim.conformance.v1.ClientProbe/Listen is server-streaming, and a stub carries only unary methods",
            reason: "CALL_REFUSED",
            retryable: false,
            overloaded: false,
            remote: false,
            fate: "NOT_EXECUTED",
            failed_sequence: "0",
            sequence: "0",
          },
          { ok: true, text: ids.fromName("foo").toString() },
          { code: "NOT_FOUND", message: "no namespace 'MISSING'" },
        ],
        stubs: [{ stub: "a", broken: true, reason: "OBJECT_EXCEPTION", breaks_told: 1, resumable: false }],
        features: ["resumable", "bearer"],
      },
    );
    assert.deepEqual(await ask({ target, steps: [{ call: { stub: "b" } }] }), {
      driver_fault: "no stub 'b' is open",
      features: ["resumable", "bearer"],
    });
    driver.stdin.end();
    assert.deepEqual(await once(driver, "exit"), [0, null]);
  });
});
