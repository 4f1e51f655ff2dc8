import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { PendingCall } from "../src/call-queue.js";
import { clientCause, Fate, Reasons } from "../src/failure.js";
import {
  ConnectResponseSchema,
  OpenSchema,
  type ConnectResponse,
  type Session,
} from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { defaultClientOptions } from "../src/index.js";
import type { Step } from "../src/ledger.js";
import { ResumableLedger } from "../src/resumable-ledger.js";
import { broken, outcomes, resumed, type Frame } from "./fake-host.js";
import { randomFrom, seeds } from "./random.js";

// A client's ledger and a host that keeps its rules, between which connections are lost at random: each call has to run once,
// in its place, and whoever is told that it has not run must be told the truth.

const MAX_CALLS = 2;

const options = Object.freeze({
  ...defaultClientOptions,
  maxUnansweredFrames: 2,
  maxFrameInvocations: MAX_CALLS,
  deadlineGraceMs: 10,
});
const object = create(OpenSchema, { namespace: "COUNTER", object: { case: "name", value: "foo" } });
const gone = clientCause(Reasons.CONNECTION_LOST, Code.Unavailable, "gone");

function message({ opened, outcomes, broken }: Frame): ConnectResponse {
  return create(ConnectResponseSchema, { opened, outcomes, broken });
}

interface DrivenCall extends PendingCall {
  told?: Fate | "answered";
}

function newCall(deadline = Infinity): DrivenCall {
  return {
    method: "m",
    argument: new Uint8Array(),
    metadata: {},
    deadline,
    bytes: 10,
    overdue: false,
    succeed: () => undefined,
    fail: () => undefined,
  };
}

function newLedger(): ResumableLedger {
  return new ResumableLedger(options, object, 60, undefined, "\0".repeat(16));
}

type Send = Extract<Step, { do: "send" }>;

function sending(step: Step): Send {
  assert(step.do === "send", `to ${step.do}, expected to send`);
  return step;
}

/** Both sides, and what is on its way between them. */
class Driven {
  readonly #ledger = newLedger();
  readonly #calls: DrivenCall[] = [];
  #now = 0;
  #isOver = false;
  #isAttached = false;
  #connection = 0;
  /** Frames on their way to the host. */
  #up: Send[] = [];
  /** What the host has taken on this connection and not begun. */
  #queue: number[] = [];
  #isOpenedByHost = false;
  #completed = 0;
  /** The last outcome that is on its way down or received, on this connection. */
  #told = 0;
  #answered = 0;
  #acknowledged = 0;
  /** Every number that ever left, and when it first did. */
  readonly #sentAt = new Map<number, number>();

  step(random: () => number): void {
    const chance = random();
    this.#now += Math.floor(random() * 3);
    if (chance < 0.2) {
      this.#call(random() < 0.2 ? this.#now + 5 : Infinity);
    } else if (!this.#isAttached) {
      if (!this.#isOver && chance < 0.9) {
        this.#attach();
      }
    } else if (chance < 0.45) {
      this.#send();
    } else if (chance < 0.6) {
      this.#arrive();
    } else if (chance < 0.75) {
      this.#run();
    } else if (chance < 0.88) {
      this.#answer();
    } else if (chance < 0.93) {
      this.#lose(random);
    } else if (chance < 0.96) {
      this.#breakForNow();
    } else {
      this.#look();
    }
    assert.equal(this.#ledger.answered, this.#answered);
  }

  /** Lets both go on undisturbed until all is done. */
  finish(): void {
    this.#ledger.close();
    for (let round = 0; !this.#isDone(); round++) {
      assert(round < 1000, `${this.#answered} calls of ${this.#calls.length} were answered`);
      if (!this.#isAttached) {
        this.#attach();
      }
      this.#arrive();
      this.#run();
      this.#answer();
    }
    assert(this.#ledger.finish());
    this.#isOver = true;
    assert.equal(this.#completed, this.#calls.length);
    this.#calls.forEach(({ told }, index) => {
      assert(told !== undefined, `call ${index + 1} was told nothing`);
    });
    if (this.#isAttached) {
      assert.equal(this.#acknowledged, this.#calls.length);
    }
  }

  /** Whether all is answered, and the host, if it can be, told of that. */
  #isDone(): boolean {
    const isHalfClosed = this.#isAttached && this.#send() === "halfClose";
    return this.#answered === this.#calls.length && (isHalfClosed || !this.#isAttached);
  }

  /** Gives up. What is said not to have run has not, and never will. */
  giveUp(): void {
    for (const { call, failure } of this.#ledger.break(gone, Fate.UNKNOWN) ?? []) {
      const driven = call as DrivenCall;
      const number = this.#calls.indexOf(driven) + 1;
      driven.told = failure.fate;
      if (failure.fate === Fate.NOT_EXECUTED) {
        const isUnderWay =
          this.#queue.includes(number) ||
          this.#up.some(({ first, calls }) => number >= first && number < first + calls.length);
        assert(number > this.#completed && !isUnderWay, `call ${number} was told that it has not run`);
      }
    }
    this.#isOver = true;
    this.#calls.forEach(({ told }, index) => {
      assert(told !== undefined, `call ${index + 1} was told nothing`);
    });
  }

  #call(deadline: number): void {
    const call = newCall(deadline);
    assert.equal(this.#ledger.take(call), this.#calls.push(call));
  }

  #attach(): void {
    this.#ledger.attach();
    this.#connection++;
    this.#isAttached = true;
    this.#isOpenedByHost = false;
    this.#up = [];
    this.#queue = [];
  }

  #send(): Step["do"] {
    const step = this.#ledger.next(Infinity, this.#now);
    if (step.do !== "send") {
      return step.do;
    }
    const { open, first, calls, acknowledged } = step;
    assert(acknowledged !== undefined && acknowledged <= this.#answered);
    assert(acknowledged >= this.#acknowledged, `acknowledged ${acknowledged} after ${this.#acknowledged}`);
    this.#acknowledged = acknowledged;
    if (open?.session !== undefined) {
      this.#checkOpen(open.session, calls.length);
    } else {
      assert(this.#isOpenedByHost || this.#connection === 1, "calls left before 'opened'");
    }
    calls.forEach((call, index) => {
      assert.equal(call, this.#calls[first + index - 1]);
      if (!this.#sentAt.has(first + index)) {
        this.#sentAt.set(first + index, this.#now);
      }
    });
    this.#up.push(step);
    return step.do;
  }

  #checkOpen({ connection, answeredThrough, unansweredFor }: Session, calls: number): void {
    assert.equal(connection, this.#connection);
    assert.equal(answeredThrough, BigInt(this.#answered));
    assert.equal(calls > 0, connection === 1);
    const oldest = this.#sentAt.get(this.#answered + 1);
    const age = unansweredFor && Math.round(Number(unansweredFor.seconds) * 1000 + unansweredFor.nanos / 1e6);
    assert.equal(age, oldest === undefined ? undefined : this.#now - oldest);
  }

  #arrive(): void {
    const frame = this.#up.shift();
    if (frame === undefined) {
      return;
    }
    if (frame.open !== undefined) {
      this.#isOpenedByHost = true;
      this.#receive(resumed(this.#completed));
      this.#told = this.#answered;
    }
    frame.calls.forEach((_, index) => {
      const expected = (this.#queue.at(-1) ?? this.#completed) + 1;
      assert.equal(frame.first + index, expected, "out of order");
      this.#queue.push(expected);
    });
  }

  #run(): void {
    const number = this.#queue.shift();
    if (number !== undefined) {
      assert.equal(number, this.#completed + 1, "not once, or not in its place");
      this.#completed = number;
    }
  }

  #answer(): void {
    if (this.#isOpenedByHost && this.#told < this.#completed) {
      this.#told++;
      this.#receive(outcomes(this.#told));
    }
  }

  #receive(frame: Frame): void {
    const { answered, violated, told } = this.#ledger.receive(message(frame));
    assert.equal(violated ?? told, undefined);
    for (const call of answered as DrivenCall[]) {
      assert.equal(call, this.#calls[this.#answered++]);
      call.told ??= "answered";
    }
  }

  #lose(random: () => number): void {
    // What has left may run all the same: of what has come, some was begun.
    for (let more = Math.floor(random() * 3); more > 0; more--) {
      this.#arriveUnheard();
      this.#run();
    }
    const nothingCame =
      !this.#isOpenedByHost && this.#completed === 0 && this.#connection === 1 && random() < 0.5;
    if (nothingCame) {
      this.#sentAt.clear();
    }
    this.#detach(nothingCame ? "neverCame" : "inDoubt");
  }

  /** On the first connection calls may come without that the client hears of it. */
  #arriveUnheard(): void {
    const [frame] = this.#up;
    if (frame !== undefined && (frame.open === undefined || frame.calls.length > 0)) {
      this.#up.shift();
      frame.calls.forEach((_, index) => this.#queue.push(frame.first + index));
    }
  }

  #breakForNow(): void {
    if (!this.#isOpenedByHost) {
      return;
    }
    while (this.#told < this.#completed) {
      this.#answer();
    }
    const cause = broken(this.#completed, { retryable: true, reason: "OBJECT_RESET", code: Code.Aborted });
    const { told } = this.#ledger.receive(message(cause));
    assert(told !== undefined);
    const loss = this.#ledger.lossBy(told);
    assert.equal(loss, "hadNoEffect");
    this.#detach(loss);
  }

  #detach(loss: "neverCame" | "inDoubt" | "hadNoEffect"): void {
    this.#ledger.detach(loss);
    this.#isAttached = false;
    this.#isOpenedByHost = false;
    this.#up = [];
    this.#queue = [];
  }

  #look(): void {
    for (const { call, failure } of this.#ledger.overdue(this.#now).verdicts) {
      const driven = call as DrivenCall;
      const number = this.#calls.indexOf(driven) + 1;
      assert.equal(driven.told, undefined);
      driven.told = failure.fate;
      assert.equal(failure.reason, Reasons.ANSWER_OVERDUE);
      if (failure.fate === Fate.NOT_EXECUTED) {
        assert(number > this.#completed, `call ${number} was told that it has not run`);
      }
    }
  }
}

describe("the ledger of a resumable stub", () => {
  test("has each call run once, whenever connections are lost, and tells what may be believed", () => {
    for (const seed of seeds(1000)) {
      const random = randomFrom(seed);
      try {
        const driven = new Driven();
        for (let step = 0; step < 120; step++) {
          driven.step(random);
        }
        if (seed % 2 === 0) {
          driven.finish();
        } else {
          driven.giveUp();
        }
      } catch (thrown) {
        throw new Error(`seed ${seed}`, { cause: thrown });
      }
    }
  });

  test("acknowledges alone what is much, in outcomes or in bytes, and not if something else leaves", () => {
    const ledger = newLedger();
    ledger.attach();
    let answered = 0;
    const answer = (count: number, padding = 0): void => {
      for (let each = 0; each < count; each++) {
        ledger.take(newCall());
        sending(ledger.next(Infinity, 0));
        const frame = message(outcomes(++answered));
        const result = frame.outcomes[0]?.result;
        if (padding > 0 && result?.case === "message") {
          result.value = new Uint8Array(padding);
        }
        ledger.receive(frame);
      }
    };
    ledger.take(newCall());
    sending(ledger.next(Infinity, 0));
    ledger.receive(message(resumed(0)));
    ledger.receive(message(outcomes(++answered)));
    answer(300); // Each call that leaves says it, too.
    assert.equal(ledger.next(Infinity, 0).do, "wait");
    answer(1, 64 * 1024);
    const alone = sending(ledger.next(Infinity, 0));
    assert.deepEqual([alone.acknowledged, alone.calls.length], [answered, 0]);
    assert.equal(ledger.next(Infinity, 0).do, "wait");
    for (let each = 0; each < 4; each++) {
      ledger.take(newCall());
    }
    const [first, second] = [ledger.next(Infinity, 0), ledger.next(Infinity, 0)].map(sending);
    assert.deepEqual([first?.calls.length, second?.calls.length], [2, 2]);
    assert.equal(ledger.next(Infinity, 0).do, "wait"); // No more frames may be unanswered.
  });

  test("goes on for half of the time for which the host remembers, since the oldest call was first sent", () => {
    const ledger = newLedger();
    ledger.attach();
    ledger.take(newCall());
    assert.equal(ledger.resumableUntil, Infinity);
    sending(ledger.next(Infinity, 1000));
    assert.equal(ledger.resumableUntil, Infinity); // Nobody has said how long it is.
    ledger.receive(message(resumed(0, 60_000)));
    assert.equal(ledger.resumableUntil, 31_000);
    ledger.detach("inDoubt");
    ledger.attach();
    assert.equal(sending(ledger.next(Infinity, 20_000)).open?.session?.unansweredFor?.seconds, 19n);
    ledger.receive(message(resumed(0, 100_000))); // Where it was sent first, it was less.
    sending(ledger.next(Infinity, 21_000));
    assert.equal(ledger.resumableUntil, 31_000);
    ledger.receive(message(outcomes(1)));
    assert.equal(ledger.resumableUntil, Infinity);
    ledger.take(newCall());
    sending(ledger.next(Infinity, 30_000));
    assert.equal(ledger.resumableUntil, 80_000);
  });

  test("knows what each refusal says of the calls", () => {
    const refusal = (reason: string, retryable: boolean): ConnectResponse =>
      message(broken(0, { reason, retryable, code: Code.Aborted }));
    for (const [reason, retryable, connection, loss, fate] of [
      ["HOST_DRAINING", true, 1, "refused", Fate.NOT_EXECUTED],
      ["HOST_DRAINING", true, 2, "refused", Fate.UNKNOWN],
      ["SESSION_SUPERSEDED", false, 1, "inDoubt", Fate.UNKNOWN],
      ["SESSION_SUPERSEDED", false, 2, "inDoubt", Fate.UNKNOWN],
      ["SESSION_EXPIRED", false, 2, undefined, Fate.UNKNOWN],
      ["UNKNOWN_NAMESPACE", false, 1, undefined, Fate.NOT_EXECUTED],
      ["OBJECT_RESET", true, "opened", "hadNoEffect", Fate.NOT_EXECUTED],
      ["OBJECT_EXCEPTION", false, "opened", undefined, Fate.NOT_EXECUTED],
    ] as const) {
      const ledger = newLedger();
      ledger.take(newCall());
      ledger.attach();
      sending(ledger.next(Infinity, 0));
      if (connection === 2) {
        ledger.detach("inDoubt");
        ledger.attach();
        sending(ledger.next(Infinity, 0));
      } else if (connection === "opened") {
        ledger.receive(message(resumed(0)));
      }
      const { told, violated } = ledger.receive(refusal(reason, retryable));
      assert(told !== undefined, violated?.message);
      assert.equal(ledger.lossBy(told), loss, reason);
      if (loss !== undefined) {
        ledger.detach(loss);
      }
      const [verdict] = ledger.break(told, loss === undefined ? ledger.fateOfSent : Fate.UNKNOWN) ?? [];
      assert.equal(verdict?.failure.fate, fate, `${reason}, ${connection}`);
    }
  });

  test("tells a call whose time runs out without a connection that it may have run, if it was sent", () => {
    const ledger = newLedger();
    ledger.attach();
    ledger.take(newCall(10));
    sending(ledger.next(Infinity, 0));
    ledger.take(newCall(10));
    ledger.detach("inDoubt");
    const { verdicts, isSilent } = ledger.overdue(10);
    assert.deepEqual(
      verdicts.map(({ failure }) => failure.fate),
      [Fate.UNKNOWN, Fate.NOT_EXECUTED],
    );
    assert.equal(isSilent, false);
    ledger.attach();
    sending(ledger.next(Infinity, 11));
    ledger.receive(message(resumed(1)));
    assert.deepEqual([sending(ledger.next(Infinity, 12)).first], [2]);
  });

  test("goes another way with what came to nobody", () => {
    const ledger = newLedger();
    ledger.take(newCall());
    ledger.attach();
    sending(ledger.next(Infinity, 0));
    ledger.takeBack();
    const again = sending(ledger.next(Infinity, 1));
    assert.deepEqual(
      [again.open?.session?.connection, again.open?.session?.unansweredFor, again.first],
      [1, undefined, 1],
    );
    ledger.detach("inDoubt");
    ledger.attach();
    assert.equal(sending(ledger.next(Infinity, 2)).calls.length, 0);
    ledger.takeBack();
    const { open, calls } = sending(ledger.next(Infinity, 3));
    assert.deepEqual([open?.session?.connection, calls.length], [2, 0]);
    assert.equal(ledger.break(gone, Fate.UNKNOWN)?.[0]?.failure.fate, Fate.UNKNOWN);
  });
});
