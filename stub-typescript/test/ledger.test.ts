import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { PendingCall } from "../src/call-queue.js";
import { clientCause, Fate, Reasons, type CallFailure, type FailureCause } from "../src/failure.js";
import {
  ConnectResponseSchema,
  OpenSchema,
  type ConnectResponse,
} from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { defaultClientOptions } from "../src/index.js";
import { Ledger, type Verdict } from "../src/ledger.js";
import { broken, opened, outcomes, type Frame } from "./fake-host.js";
import { randomFrom, seeds } from "./random.js";

// The ledger is driven by events, in every order of a few and in random orders of many, and after each one it is held to
// what a caller may believe.

/** What can happen to a stub. */
const EVENTS = [
  "call", // With all the time.
  "timed", // With a deadline, two hours ahead.
  "send", // The writer asks what to do.
  "answer", // The host answers the next call, or opens the stub if it hasn't.
  "misnumber", // The host answers a call twice.
  "tell", // The host tells a break.
  "close", // The caller closes the stub.
  "lose", // The connection is lost.
  "end", // The connection ends in order.
  "takeBack", // What was sent has come to nobody, if the host has said nothing.
  "hour", // An hour passes.
] as const;
type Event = (typeof EVENTS)[number];

const ENDS: readonly Event[] = ["misnumber", "tell", "lose", "end"];
const HOUR = 3_600_000;
const MAX_FRAMES = 2;
const MAX_CALLS = 2;
const MAX_WAITING = 3;

const options = Object.freeze({
  ...defaultClientOptions,
  maxUnansweredFrames: MAX_FRAMES,
  maxFrameInvocations: MAX_CALLS,
  maxBufferedInvocations: MAX_WAITING,
  deadlineGraceMs: HOUR,
});
const open = create(OpenSchema, { namespace: "COUNTER", object: { case: "name", value: "foo" } });
const lost = clientCause(Reasons.CONNECTION_LOST, Code.Unavailable, "lost");

function frame({ opened, outcomes, broken }: Frame): ConnectResponse {
  return create(ConnectResponseSchema, { opened, outcomes, broken });
}

interface DrivenCall extends PendingCall {
  /** What its caller was told; undefined as long as it waits. */
  told?: Fate | "answered";
}

/** A ledger, and what really happened to its calls. */
class Driven {
  readonly #ledger = new Ledger(options, open, 10, undefined);
  readonly #calls: DrivenCall[] = [];
  /** The last call of each frame that is not fully answered. */
  #frames: number[] = [];
  #now = 0;
  #sent = 0;
  #answered = 0;
  #isOpened = false;
  #isClosed = false;
  #isOver = false;

  do(event: Event): void {
    switch (event) {
      case "call":
      case "timed":
        this.#call(event === "timed" ? this.#now + 2 * HOUR : Infinity);
        break;
      case "send":
        this.#send();
        break;
      case "answer":
        this.#answer();
        break;
      case "misnumber":
        this.#breakBy(outcomes(this.#answered), "violated", Fate.UNKNOWN);
        break;
      case "tell":
        this.#breakBy(broken(this.#answered), "told", Fate.NOT_EXECUTED);
        break;
      case "close":
        assert.equal(this.#ledger.close(), !this.#isClosed && !this.#isOver);
        this.#isClosed ||= !this.#isOver;
        break;
      case "lose":
        this.#break(lost, Fate.UNKNOWN);
        break;
      case "end":
        this.#end();
        break;
      case "takeBack":
        this.#takeBack();
        break;
      case "hour":
        this.#hour();
        break;
    }
    assert.equal(this.#ledger.isOver, this.#isOver);
    assert.equal(this.#ledger.answered, this.#answered);
  }

  #call(deadline: number): void {
    const call: DrivenCall = {
      method: "m",
      argument: new Uint8Array(),
      metadata: {},
      deadline,
      bytes: 10,
      overdue: false,
      succeed: () => undefined,
      fail: () => undefined,
    };
    const mayCall = !this.#isOver && !this.#isClosed && this.#calls.length - this.#sent < MAX_WAITING;
    const taken = this.#ledger.take(call);
    if (mayCall) {
      this.#calls.push(call);
      assert.equal(taken, this.#calls.length);
    } else {
      assert.equal(typeof taken, "object");
    }
  }

  #send(): void {
    const step = this.#ledger.next();
    const waiting = this.#calls.length - this.#sent;
    if (this.#isOver || (this.#isClosed && waiting === 0)) {
      assert.equal(step.do, "halfClose");
      return;
    }
    if (waiting === 0 || this.#frames.length === MAX_FRAMES) {
      assert.equal(step.do, "wait");
      return;
    }
    assert(step.do === "send");
    assert.equal(step.first, this.#sent + 1);
    assert.equal(step.open, this.#sent === 0 ? open : undefined);
    const expected = this.#calls.slice(this.#sent, this.#sent + MAX_CALLS);
    assert.equal(step.calls.length, expected.length);
    step.calls.forEach((call, index) => {
      assert.equal(call, expected[index]);
    });
    this.#sent += expected.length;
    this.#frames.push(this.#sent);
  }

  #takeBack(): void {
    if (!this.#isOpened && !this.#isOver) {
      this.#ledger.takeBack();
      this.#sent = 0;
      this.#frames = [];
    }
  }

  #answer(): void {
    let told: Frame = {};
    if (!this.#isOpened) {
      told = opened();
    } else if (this.#answered < this.#sent) {
      told = outcomes(this.#answered + 1);
    }
    const { answered, violated, told: broke } = this.#ledger.receive(frame(told));
    assert.equal(violated ?? broke, undefined);
    if (this.#isOver) {
      assert.equal(answered.length, 0);
      return;
    }
    this.#isOpened = true;
    assert.equal(answered.length, told.outcomes?.length ?? 0);
    for (const call of answered) {
      const driven = this.#calls[this.#answered++];
      assert.equal(call, driven);
      if (driven !== undefined) {
        driven.told ??= "answered"; // Else the outcome is dropped.
      }
    }
    this.#frames = this.#frames.filter((last) => last > this.#answered);
  }

  #breakBy(told: Frame, how: "violated" | "told", sentFate: Fate): void {
    const received = this.#ledger.receive(frame(told));
    if (this.#isOver) {
      return;
    }
    assert.equal(received.answered.length, 0);
    const cause = received[how];
    assert(cause !== undefined, `${how} by nothing`);
    this.#break(cause, sentFate);
  }

  #break(cause: FailureCause, sentFate: Fate): void {
    const verdicts = this.#ledger.break(cause, sentFate);
    assert.equal(verdicts === undefined, this.#isOver);
    this.#isOver = true;
    for (const { number, failure } of this.#hear(verdicts ?? [])) {
      assert.equal(failure.failureCause, cause);
      assert.equal(failure.fate, number <= this.#sent ? sentFate : Fate.NOT_EXECUTED);
    }
    this.#calls.forEach(({ told }, index) => {
      assert(told !== undefined, `call ${index + 1} was not told of the end`);
    });
  }

  #end(): void {
    const isOrderly = this.#isClosed && !this.#isOver && this.#answered === this.#calls.length;
    assert.equal(this.#ledger.finish(), isOrderly);
    if (isOrderly) {
      this.#isOver = true;
    } else {
      this.#break(lost, Fate.UNKNOWN);
    }
  }

  /** Holds the ledger to the rule of who ends alone. */
  #hour(): void {
    this.#now += HOUR;
    const waiting = this.#isOver ? [] : this.#calls.slice(this.#answered);
    const isToldSoon = (waiting[0]?.deadline ?? Infinity) <= this.#now;
    const expected = waiting
      .filter(({ told, deadline }) => told === undefined && deadline + (isToldSoon ? HOUR : 0) <= this.#now)
      .map((call) => this.#calls.indexOf(call) + 1);
    const { verdicts, next } = this.#ledger.overdue(this.#now);
    const heard = this.#hear(verdicts);
    assert.deepEqual(
      heard.map(({ number }) => number),
      expected,
    );
    for (const { number, failure } of heard) {
      assert.equal(failure.reason, Reasons.ANSWER_OVERDUE);
      assert.equal(failure.fate, number <= this.#sent ? Fate.UNKNOWN : Fate.NOT_EXECUTED);
    }
    assert(next > this.#now, `to look again at ${next}, and it is ${this.#now}`);
    const isWatched = waiting.some(({ told, deadline }) => told === undefined && deadline < Infinity);
    assert.equal(next < Infinity, isWatched);
  }

  #hear(verdicts: readonly Verdict[]): { number: number; failure: CallFailure }[] {
    return verdicts.map(({ call, failure }) => {
      const driven = call as DrivenCall;
      const number = this.#calls.indexOf(driven) + 1;
      assert.equal(failure.sequence, BigInt(number));
      assert.equal(driven.told, undefined, `call ${number} is told twice`);
      driven.told = failure.fate;
      return { number, failure };
    });
  }
}

/** Every order of so many events, but of no more than two behind the end of the stub, which change nothing any more. */
function* ordersOf(length: number, before: readonly Event[] = []): Generator<readonly Event[]> {
  const end = before.findIndex((event) => ENDS.includes(event));
  if (before.length === length || (end >= 0 && before.length - end > 2)) {
    yield before;
    return;
  }
  for (const event of EVENTS) {
    yield* ordersOf(length, [...before, event]);
  }
}

function drive(events: readonly Event[]): void {
  const driven = new Driven();
  events.forEach((event, index) => {
    try {
      driven.do(event);
    } catch (thrown) {
      throw new Error(`at the end of ${events.slice(0, index + 1).join(", ")}`, { cause: thrown });
    }
  });
}

describe("the ledger", () => {
  test("tells every call what may be believed, in every order of a few events", () => {
    for (const order of ordersOf(5)) {
      drive(order);
    }
  });

  test("and in random orders of many", () => {
    for (const seed of seeds(1000)) {
      const random = randomFrom(seed);
      const order = Array.from({ length: 100 }, (_, index): Event => {
        const event = EVENTS[Math.floor(random() * EVENTS.length)] ?? "send";
        // Most of it happens before the end.
        return index < 75 && ENDS.includes(event)
          ? "answer"
          : index < 50 && event === "close"
            ? "send"
            : event;
      });
      try {
        drive(order);
      } catch (thrown) {
        throw new Error(`seed ${seed}`, { cause: thrown });
      }
    }
  });
});
