import assert from "node:assert/strict";
import type { Code } from "@connectrpc/connect";
import { CallFailure, type DurableObjectStub, type Fate, type FailureCause } from "../src/index.js";

/** How long a test waits for what has to come. */
const PATIENCE_MS = 60_000;

/** The failure that a call must end with. */
export async function failureOf(call: Promise<unknown>): Promise<CallFailure> {
  let value: unknown;
  try {
    value = await call;
  } catch (thrown) {
    assert(thrown instanceof CallFailure, `failed with ${String(thrown)}, expected a CallFailure`);
    return thrown;
  }
  assert.fail(`answered ${JSON.stringify(value, bigintToString)}, expected a failure`);
}

/** What the tests look at in a failure. */
export function seen(failure: CallFailure): { reason: string; code: Code; fate: Fate; sequence: bigint } {
  const { reason, code, fate, sequence } = failure;
  return { reason, code, fate, sequence };
}

/** Resolves when the stub breaks, with the cause. */
export function broke(stub: DurableObjectStub): Promise<FailureCause> {
  return new Promise((resolve) => {
    stub.onBreak(resolve);
  });
}

/** A promise, and the way to resolve it. */
export function latch<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}

/** Waits until something is so that has to be. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    assert(performance.now() < deadline, `${what} never came`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function bigintToString(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
