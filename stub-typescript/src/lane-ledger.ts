import { create } from "@bufbuild/protobuf";
import {
  ConnectManyRequestSchema,
  LaneRequestSchema,
  type ConnectManyRequest,
  type ConnectRequest,
  type LaneRequest,
} from "./gen/seriatim/v1/durable_objects_pb.js";
import type { Carried } from "./link.js";

/** How many bytes of parts a message has at most, unless a single part is longer: that one goes alone. */
export const MESSAGE_BYTES = 256 * 1024;

/** What a part adds to its frame, at most. */
const PART_BYTES = 32;

/** With fewer messages than this unanswered, what there is leaves at once. */
const MAX_UNANSWERED = 4;

/** How long something waits for the host's next message, since the last one was sent. */
const PATIENCE_MS = 1;

/** How much of a lane's credit is used up when the host is told of it, though there is nothing else to tell. */
const OWED_BYTES = 64 * 1024;

const MAX_UINT32 = 2 ** 32 - 1;

/** What the writer of a shared call has to do next. */
export type LaneStep =
  /** Nothing, until something has happened, or it is this late. */
  | { readonly do: "wait"; readonly until: number }
  | { readonly do: "send"; readonly message: ConnectManyRequest }
  /** Half-close, and nothing more. */
  | { readonly do: "halfClose" };

const WAIT: LaneStep = Object.freeze({ do: "wait", until: Infinity });
const HALF_CLOSE: LaneStep = Object.freeze({ do: "halfClose" });

/** What is known of one lane. All of it is the ledger's to change. */
export abstract class LedgerLane {
  /** 0 until its first part is put into a message. */
  number = 0;
  /** How many bytes of outcomes have been taken that the host hasn't been told of. */
  owed = 0;
  isHalfClosed = false;
  /** Whether it has ended, or was cancelled. Nothing is taken from it then. */
  isOver = false;

  /** See {@link Carried.next}. */
  abstract next(room: number): ReturnType<Carried["next"]>;
}

/**
 * What a client knows of one shared call: its lanes and their numbers, what they have to send, how many messages are
 * unanswered, and what is owed to the host.
 *
 * It has no promise, no clock, no timer and no connection: its owner tells it what happens and what time it is,
 * and does what it says.
 */
export class LaneLedger<L extends LedgerLane> {
  /** Those that have sent nothing yet. */
  readonly #unnumbered = new Set<L>();
  readonly #numbered = new Map<number, L>();
  /** Those that may have something to send, the first one first; those that were cancelled among them. */
  readonly #ready = new Set<L>();
  #last = 0;
  #unanswered = 0;
  #sentAt = -Infinity;
  #hasSent = false;
  #isAccepted = false;
  #isHeard = false;
  #isRetired = false;

  /** How many lanes there are that haven't ended. */
  get lanes(): number {
    return this.#unnumbered.size + this.#numbered.size;
  }

  /** Whether the host has sent a message. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Whether no lane is to be added any more. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Lets no more lanes be added, and has the call half-closed when there is none left. */
  retire(): void {
    this.#isRetired = true;
  }

  add(lane: L): void {
    this.#unnumbered.add(lane);
  }

  /** A lane may have something to send. */
  ready(lane: L): void {
    if (!lane.isOver) {
      this.#ready.add(lane);
    }
  }

  // ---- messages up -----------------------------------------------------------------------------------

  /** What the writer has to do at this time. What is in a message to send counts as sent from now on. */
  next(now: number): LaneStep {
    if (this.#ready.size > 0) {
      if (this.#hasSent && !this.#isAccepted) {
        return WAIT; // The host may know nothing of lanes, and then all of this goes another way.
      }
      const until = this.#sentAt + PATIENCE_MS;
      if (this.#unanswered >= MAX_UNANSWERED && now < until) {
        return { do: "wait", until };
      }
      const message = this.#gather();
      if (message !== undefined) {
        this.#hasSent = true;
        this.#sentAt = now;
        return { do: "send", message };
      }
    }
    return this.#isRetired && this.lanes === 0 ? HALF_CLOSE : WAIT;
  }

  /** Takes parts of the lanes in turn, until there is nothing to send or no room. */
  #gather(): ConnectManyRequest | undefined {
    const parts: LaneRequest[] = [];
    let bytes = 0;
    let isToBeAnswered = false;
    for (const lane of this.#ready) {
      const room = parts.length === 0 ? Infinity : MESSAGE_BYTES - bytes - PART_BYTES;
      if (room < 0) {
        break;
      }
      const next = lane.isOver ? "cancel" : lane.next(room);
      if (next === "noRoom") {
        break; // It is the first one of the next message.
      }
      this.#ready.delete(lane);
      const part = this.#part(lane, next);
      if (part === undefined) {
        continue;
      }
      parts.push(part);
      bytes += PART_BYTES;
      if (typeof next === "object") {
        bytes += next.bytes;
        this.#ready.add(lane); // It may have more, and goes to the back.
      }
      isToBeAnswered ||= isAnswered(part);
    }
    if (parts.length === 0) {
      return undefined;
    }
    if (isToBeAnswered) {
      // The host may answer several messages by one, so this is no more than a guess, and must not grow for ever.
      this.#unanswered = Math.min(this.#unanswered + 1, MAX_UNANSWERED);
    }
    const message = create(ConnectManyRequestSchema);
    message.lanes = parts;
    return message;
  }

  #part(lane: L, next: ReturnType<Carried["next"]> | "cancel"): LaneRequest | undefined {
    const part = create(LaneRequestSchema);
    if (typeof next === "object") {
      this.#number(lane);
      part.what = { case: "frame", value: next.frame };
    } else if (next === "cancel") {
      part.what = { case: "cancel", value: true };
    } else if (next === "halfClose" && !lane.isHalfClosed && lane.number !== 0) {
      lane.isHalfClosed = true;
      part.what = { case: "halfClose", value: true };
    } else if (lane.owed < OWED_BYTES) {
      return undefined;
    }
    part.lane = BigInt(lane.number);
    if (lane.owed > 0 && next !== "cancel") {
      part.moreBytes = Math.min(lane.owed, MAX_UINT32);
      lane.owed -= part.moreBytes;
    }
    return part;
  }

  #number(lane: L): void {
    if (lane.number === 0) {
      this.#unnumbered.delete(lane);
      lane.number = ++this.#last;
      this.#numbered.set(lane.number, lane);
    }
  }

  // ---- messages down ---------------------------------------------------------------------------------

  /** The host has begun to answer. It may still say that it knows nothing of lanes, until it has sent a message. */
  accepted(): void {
    this.#isAccepted = true;
  }

  /** A message has come. */
  heard(): void {
    this.#isAccepted = true;
    if (this.#unanswered > 0) {
      this.#unanswered--;
    }
    this.#isHeard = true;
  }

  /** The lane that a part of the host's is for; or that it has ended, or was never opened. */
  find(number: bigint): L | "ended" | "neverOpened" {
    if (number === 0n || number > BigInt(this.#last)) {
      return "neverOpened";
    }
    return this.#numbered.get(Number(number)) ?? "ended";
  }

  /** So many bytes of outcomes have been taken. */
  taken(lane: L, bytes: number): void {
    lane.owed += bytes;
    if (lane.owed >= OWED_BYTES) {
      this.ready(lane);
    }
  }

  // ---- the end ---------------------------------------------------------------------------------------

  /** The host has ended the lane. */
  ended(lane: L): void {
    this.#ready.delete(lane);
    this.#leave(lane);
  }

  /** Ends a lane from this side, unless it has ended; whether it did. The host is told, if it knows the lane. */
  cancel(lane: L): boolean {
    if (lane.isOver) {
      return false;
    }
    this.#leave(lane);
    if (lane.number === 0) {
      this.#ready.delete(lane);
    } else {
      this.#ready.add(lane);
    }
    return true;
  }

  #leave(lane: L): void {
    lane.isOver = true;
    this.#unnumbered.delete(lane);
    this.#numbered.delete(lane.number);
    if (this.lanes === 0) {
      this.#unanswered = 0;
    }
  }

  /** The call is over; the lanes that haven't ended, in their order. */
  over(): L[] {
    const left = [...this.#numbered.values(), ...this.#unnumbered];
    for (const lane of left) {
      lane.isOver = true;
    }
    this.#numbered.clear();
    this.#unnumbered.clear();
    this.#ready.clear();
    this.#isRetired = true;
    return left;
  }
}

function acknowledgesOnly({ invocations, open, acknowledgedThrough }: ConnectRequest): boolean {
  return invocations.length === 0 && open === undefined && acknowledgedThrough > 0n;
}

/** Whether the host says something to this part, sooner or later. */
function isAnswered({ what }: LaneRequest): boolean {
  switch (what.case) {
    case "frame":
      return !acknowledgesOnly(what.value);
    case "halfClose":
      return true;
    default:
      return false;
  }
}
