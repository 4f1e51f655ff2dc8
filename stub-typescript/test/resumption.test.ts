import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { clientCause, Reasons } from "../src/failure.js";
import { defaultClientOptions } from "../src/index.js";
import { Resumption } from "../src/resumption.js";

const cut = clientCause(Reasons.CONNECTION_LOST, Code.Unavailable, "cut", { retryable: true });
const full = clientCause(Reasons.OPEN_OVERDUE, Code.ResourceExhausted, "full", { overloaded: true });

describe("a resumption", () => {
  test("tries at once, and then after pauses that double, half of them at random", () => {
    for (const [random, expected] of [
      [0, [0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]],
      [1, [0, 25, 50, 100, 200, 400, 800, 1600, 2500, 2500]],
    ] as const) {
      const resumption = new Resumption(defaultClientOptions, () => random);
      assert.deepEqual(
        expected.map(() => resumption.lost(cut, 0)),
        expected,
      );
      assert.equal(resumption.lost(cut, 1), 0); // A call has been answered.
      assert.equal(resumption.lost(cut, 1), expected[1]);
    }
  });

  test("never tries at once where there was too much to do", () => {
    const resumption = new Resumption(defaultClientOptions, () => 0);
    const pauses = Array.from({ length: 5 }, () => resumption.lost(full, 0));
    assert.deepEqual(pauses, [1000, 2000, 4000, 5000, 5000]);
  });

  test("gives up by its own time or the host's, since it lacks what it needs", () => {
    const resumption = new Resumption(defaultClientOptions);
    resumption.lost(cut, 0);
    assert.equal(resumption.needed(1000, Infinity), 61_000);
    resumption.lost(full, 0);
    assert.equal(resumption.needed(5000, Infinity), 61_000);
    assert.equal(resumption.needed(5000, 7000), 7000);
    const cause = resumption.tooLate(full, 61_000);
    assert.deepEqual(
      [cause.reason, cause.message],
      [Reasons.CONNECTION_LOST, "cut; the stub was not resumed within 60000 ms: full"],
    );
    resumption.opened();
    resumption.lost(full, 0);
    assert.equal(resumption.needed(70_000, Infinity), 130_000);
    assert.equal(resumption.tooLate(full, 130_000).reason, Reasons.OPEN_OVERDUE);
  });

  test("ends when it was resumed often enough without an answer, and not by attempts that fail", () => {
    const resumption = new Resumption({ ...defaultClientOptions, maxResumesWithoutProgress: 2 });
    for (let attempt = 0; attempt < 100; attempt++) {
      assert.notEqual(resumption.lost(cut, 0), undefined);
    }
    resumption.resumed();
    assert.notEqual(resumption.lost(cut, 0), undefined);
    resumption.resumed();
    assert.equal(resumption.lost(cut, 0), undefined);
    assert.notEqual(resumption.lost(cut, 1), undefined);
  });
});
