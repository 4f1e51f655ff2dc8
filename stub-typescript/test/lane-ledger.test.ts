import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ConnectRequestSchema,
  type ConnectManyRequest,
  type LaneRequest,
} from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { LaneLedger, LedgerLane, MESSAGE_BYTES } from "../src/lane-ledger.js";

const KIB = 1024;

/** A lane whose frames have these sizes. */
class TestLane extends LedgerLane {
  readonly sizes: number[] = [];
  isClosed = false;

  override next(room: number): ReturnType<LedgerLane["next"]> {
    const [bytes] = this.sizes;
    if (bytes === undefined) {
      return this.isClosed ? "halfClose" : "wait";
    }
    if (bytes > room) {
      return "noRoom";
    }
    this.sizes.shift();
    return { frame: create(ConnectRequestSchema), bytes };
  }
}

/** A ledger, and what its owner does. */
class Driven {
  readonly ledger = new LaneLedger<TestLane>();
  now = 1000;

  lane(...sizes: number[]): TestLane {
    const lane = new TestLane();
    this.ledger.add(lane);
    this.sends(lane, ...sizes);
    return lane;
  }

  sends(lane: TestLane, ...sizes: number[]): void {
    lane.sizes.push(...sizes);
    this.ledger.ready(lane);
  }

  /** The message that leaves now, as `LANE WHAT` or `LANE WHAT +CREDIT`; or what to do instead. */
  next(): string[] | string {
    const step = this.ledger.next(this.now);
    if (step.do === "send") {
      return written(step.message);
    }
    return step.do === "wait" && step.until !== Infinity ? `until ${step.until}` : step.do;
  }

  /** The host's first message has come. */
  heard(): this {
    this.lane(1);
    this.next();
    this.ledger.heard();
    return this;
  }
}

function written({ lanes }: ConnectManyRequest): string[] {
  return lanes.map(({ lane, what, moreBytes }: LaneRequest) =>
    [lane, what.case ?? "nothing", moreBytes > 0 ? `+${moreBytes}` : ""].join(" ").trim(),
  );
}

describe("the ledger of a shared call", () => {
  test("numbers lanes in the order in which their first parts are sent", () => {
    const driven = new Driven();
    const silent = driven.lane();
    const given = driven.lane(1);
    const first = driven.lane(1);
    const second = driven.lane(1);
    assert(driven.ledger.cancel(given));
    assert.deepEqual(driven.next(), ["1 frame", "2 frame"]);
    driven.ledger.heard();
    driven.sends(silent, 1);
    assert.deepEqual(driven.next(), ["3 frame"]);
    assert.deepEqual([silent.number, given.number, first.number, second.number], [3, 0, 1, 2]);
    assert.equal(driven.ledger.find(1n), first);
    assert.equal(driven.ledger.find(0n), "neverOpened");
    assert.equal(driven.ledger.find(4n), "neverOpened");
    driven.ledger.ended(first);
    assert.equal(driven.ledger.find(1n), "ended");
    assert.equal(driven.ledger.lanes, 2);
  });

  test("lets lanes take turns, and keeps the order of each", () => {
    const driven = new Driven();
    const closing = driven.lane(1, 2);
    closing.isClosed = true;
    driven.lane(1, 1, 1);
    assert.deepEqual(driven.next(), ["1 frame", "2 frame", "1 frame", "2 frame", "1 halfClose", "2 frame"]);
    driven.ledger.heard();
    driven.ledger.ready(closing);
    assert.equal(driven.next(), "wait", "it is half-closed once");
  });

  test("puts as much into a message as it may have, or a single longer part", () => {
    const driven = new Driven().heard();
    driven.lane(200 * KIB);
    const large = driven.lane(1000 * KIB, 10);
    driven.lane(100);
    assert.deepEqual(driven.next(), ["2 frame"]);
    assert.deepEqual(driven.next(), ["3 frame"], "a longer one goes alone");
    assert.deepEqual(driven.next(), ["4 frame", "3 frame"]);
    driven.ledger.heard();
    driven.sends(large, MESSAGE_BYTES - 64, 1);
    driven.lane(32);
    assert.deepEqual(driven.next(), ["3 frame"]);
    assert.deepEqual(driven.next(), ["5 frame", "3 frame"]);
  });

  test("lets little be unanswered, and waits no longer than a moment", () => {
    const driven = new Driven().heard();
    const lane = driven.lane();
    for (let message = 0; message < 4; message++) {
      driven.sends(lane, 1);
      assert.deepEqual(driven.next(), ["2 frame"]);
    }
    driven.now += 0.5;
    driven.sends(lane, 1, 1);
    assert.equal(driven.next(), "until 1001");
    driven.ledger.heard();
    assert.deepEqual(driven.next(), ["2 frame", "2 frame"], "an answer lets one more leave");
    driven.sends(lane, 1);
    assert.equal(driven.next(), "until 1001.5");
    driven.now = 1001.5;
    assert.deepEqual(driven.next(), ["2 frame"], "and so does time");
    driven.ledger.heard();
    driven.sends(lane, 1);
    assert.deepEqual(driven.next(), ["2 frame"], "several may be answered by one");
    for (let message = 0; message < 10; message++) {
      driven.ledger.heard(); // More than were sent.
    }
    for (let message = 0; message < 4; message++) {
      driven.sends(lane, 1);
      assert.deepEqual(driven.next(), ["2 frame"]);
    }
    driven.sends(lane, 1);
    assert.equal(driven.next(), "until 1002.5");
  });

  test("counts no message that the host need not answer, and nothing when there is no lane", () => {
    const driven = new Driven();
    const lanes = Array.from({ length: 6 }, () => driven.lane(1));
    driven.next();
    driven.ledger.heard();
    for (const lane of lanes.slice(0, 5)) {
      driven.ledger.cancel(lane);
      assert.deepEqual(driven.next(), [`${lane.number} cancel`]);
    }
    const [last = assert.fail()] = lanes.slice(5);
    for (let message = 0; message < 5; message++) {
      driven.sends(last, 1);
      driven.now++;
      driven.next();
    }
    driven.ledger.ended(last);
    driven.lane(1);
    assert.deepEqual(driven.next(), ["7 frame"]);
  });

  test("sends one message until it knows that the host has lanes", () => {
    const driven = new Driven();
    const lane = driven.lane(1, 2);
    lane.isClosed = true;
    assert.deepEqual(driven.next(), ["1 frame", "1 frame", "1 halfClose"]);
    driven.lane(1);
    driven.now += 100;
    assert.equal(driven.next(), "wait");
    driven.ledger.accepted();
    assert.deepEqual(driven.next(), ["2 frame"], "it has begun to answer");
    assert(!driven.ledger.isHeard);
    driven.ledger.heard();
    assert(driven.ledger.isHeard);
    assert.deepEqual(
      driven.ledger.over().map(({ number }) => number),
      [1, 2],
    );
  });

  test("gives credit for what was taken, with something else or when it is much", () => {
    const driven = new Driven().heard();
    const lane = driven.lane(1);
    driven.next();
    driven.ledger.taken(lane, 1000);
    driven.ledger.ready(lane);
    assert.equal(driven.next(), "wait");
    driven.sends(lane, 1, 1);
    assert.deepEqual(driven.next(), ["2 frame +1000", "2 frame"]);
    driven.ledger.taken(lane, 64 * KIB - 1);
    assert.equal(driven.next(), "wait");
    driven.ledger.taken(lane, 1);
    assert.deepEqual(driven.next(), [`2 nothing +${64 * KIB}`]);
    lane.isClosed = true;
    driven.ledger.taken(lane, 5);
    driven.ledger.ready(lane);
    assert.deepEqual(driven.next(), ["2 halfClose +5"]);
    driven.ledger.taken(lane, 2 ** 32 + 64 * KIB);
    assert.deepEqual(driven.next(), [`2 nothing +${2 ** 32 - 1}`], "as much as the field has room for");
    driven.ledger.ended(lane);
    driven.ledger.taken(lane, 2 ** 20);
    assert.equal(driven.next(), "wait");
  });

  test("tells the host of a lane that is given up, once, and takes nothing from it", () => {
    const driven = new Driven().heard();
    const lane = driven.lane(1);
    driven.next();
    driven.sends(lane, 1);
    driven.ledger.taken(lane, 100);
    assert(driven.ledger.cancel(lane));
    assert(!driven.ledger.cancel(lane));
    driven.sends(lane, 1);
    assert.deepEqual(driven.next(), ["2 cancel"]);
    assert.equal(driven.next(), "wait");
    assert.equal(driven.ledger.find(2n), "ended");
  });

  test("half-closes when it is retired and has neither a lane nor a part", () => {
    const driven = new Driven();
    const [first, second] = [driven.lane(1), driven.lane(1)];
    driven.next();
    driven.ledger.heard();
    driven.ledger.retire();
    driven.ledger.ended(first);
    assert.equal(driven.next(), "wait");
    driven.ledger.cancel(second);
    assert.deepEqual(driven.next(), ["2 cancel"]);
    assert.equal(driven.next(), "halfClose");
  });
});
